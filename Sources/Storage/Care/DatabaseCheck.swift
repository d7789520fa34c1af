// docs/protocol.md, sections 3, 8 and 9

import Foundation
import GRDB
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

extension Store {
    /// Derives everything again that a database keeps beside its leaves and objects: hashes, nodes, sizes, checkpoints, deadlines,
    /// names, tags, counts and sums; and audits every leaf as a stranger would.
    /// - Parameter repairing: puts right what can be derived, in one transaction. A leaf is never changed.
    public func check(repairing: Bool = false) throws -> CheckReport {
        do {
            return try repairing
                ? pool.write { db in
                    // An index that is out of step misleads everything below.
                    try db.execute(sql: "REINDEX")
                    return try check(db, repairing: true)
                } : pool.read { db in try check(db, repairing: false) }
        } catch { throw StorageError(error) }
    }

    private func check(_ db: Database, repairing: Bool) throws -> CheckReport {
        let check = DatabaseCheck(db: db, repairs: repairing, key: logKey())
        try check.pages()
        try check.logs()
        try check.objects()
        return check.report
    }
}

private final class DatabaseCheck {
    let db: Database
    let repairs: Bool
    let key: SigningKey
    var report = CheckReport()

    init(db: Database, repairs: Bool, key: consuming SigningKey) {
        self.db = db
        self.repairs = repairs
        self.key = key
    }

    /// Notes something, and puts it right where that is asked for and possible.
    private func find(
        _ what: CheckReport.Finding.What, in log: LogName? = nil, repair: ((Database) throws -> Void)? = nil
    ) throws {
        var finding = CheckReport.Finding(log: log, what: what, isDerived: repair != nil)
        if repairs, let repair {
            try repair(db)
            finding.isRepaired = true
        }
        report.findings.append(finding)
    }

    func pages() throws {
        for line in try String.fetchAll(db, sql: "PRAGMA integrity_check(20)") where line != "ok" {
            try find(.pages(line))
        }
        let orphans = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").count
        if orphans > 0 { try find(.pages("\(orphans) rows of no log")) }
    }

    // MARK: Logs

    private struct Stored {
        let id: Int64
        let name: LogName
        let workplace: Bytes32
        let size: Int
        let deadline: Int64?
    }

    private func rows(kind: Int) throws -> [Stored] {
        try Row.fetchAll(
            db, sql: "SELECT id, kind, subject, workplace, size, deadline FROM logs WHERE kind = ? ORDER BY id",
            arguments: [kind]
        ).map {
            Stored(
                id: $0["id"], name: LogName($0["kind"], ($0["subject"] as Data).bytes32),
                workplace: ($0["workplace"] as Data).bytes32, size: $0["size"], deadline: $0["deadline"])
        }
    }

    func logs() throws {
        var workplaces: [Bytes32: WorkplaceLog] = [:]
        for stored in try rows(kind: 1) {
            let (leaves, hashes) = try leaves(of: stored)
            guard let audited = try? WorkplaceLog.audit(leaves), .workplace(audited.log.id) == stored.name else {
                try find(.leaf(0, PetitionBundle.Unreadable.firstWorkplaceLeaf.rawValue), in: stored.name)
                continue
            }
            try note(audited.faults, stored)
            workplaces[audited.log.id.bytes] = audited.log
            try derived(
                stored, audited.log.tree, audited.log.verifier, hashes, workplace: audited.log.id.bytes, deadline: nil)
            report.logs.append(
                .init(
                    name: stored.name, leaves: leaves.count, tags: 0, cosignatures: 0, held: 0,
                    members: audited.log.members(at: audited.log.size).count))
        }
        for stored in try rows(kind: 2) {
            let (leaves, hashes) = try leaves(of: stored)
            let opened = leaves.first.flatMap { try? PetitionStatement(decoding: $0) }
            guard case .opened(let manifest, _)? = opened?.body, let workplace = workplaces[manifest.workplace.bytes],
                let audited = try? PetitionLog.audit(leaves, in: workplace), .petition(audited.log.id) == stored.name
            else {
                try find(.leaf(0, PetitionBundle.Unreadable.firstPetitionLeaf.rawValue), in: stored.name)
                continue
            }
            try note(audited.faults, stored)
            let closes = audited.log.closure == nil && manifest.closes > 0 ? manifest.closes : nil
            try derived(
                stored, audited.log.tree, workplace.verifier(of: audited.log.id), hashes,
                workplace: manifest.workplace.bytes, deadline: closes.map { Int64(clamping: $0) })
            try names(stored, audited.log)
            report.logs.append(
                .init(
                    name: stored.name, leaves: leaves.count, tags: audited.log.tags.count,
                    cosignatures: audited.log.cosignatures, held: try held(stored, audited.log), members: 0))
        }
    }

    /// The leaves up to the first gap, and the rows and places of those whose hash is not their own.
    private func leaves(of log: Stored) throws -> ([[UInt8]], wrong: [(row: Int64, place: Int)]) {
        var leaves: [[UInt8]] = []
        var wrong: [(row: Int64, place: Int)] = []
        let rows = try Row.fetchAll(
            db, sql: "SELECT id, place, hash, bytes FROM leaves WHERE log = ? ORDER BY place", arguments: [log.id])
        for row in rows {
            let (place, bytes) = (row["place"] as Int, [UInt8](row["bytes"] as Data))
            guard place == leaves.count else {
                try find(.leafMissing(leaves.count), in: log.name)
                break
            }
            if row["hash"] as Data != MerkleTree.leafHash(bytes).data { wrong.append((row["id"], place)) }
            leaves.append(bytes)
        }
        return (leaves, wrong)
    }

    private func note(_ faults: [Fault], _ log: Stored) throws {
        for fault in faults {
            if case .leaf(_, let index) = fault.place { try find(.leaf(index, fault.what), in: log.name) }
        }
    }

    /// Everything but names. What a signed checkpoint contradicts is not derived from, lest a damaged leaf spread.
    private func derived(
        _ log: Stored, _ tree: MerkleTree, _ verifier: LogVerifier, _ hashes: [(row: Int64, place: Int)],
        workplace: Bytes32, deadline: Int64?
    ) throws {
        let isTrue = try checkpoints(log, tree, verifier)
        func findDerived(_ what: CheckReport.Finding.What, repair: @escaping (Database) throws -> Void) throws {
            try find(what, in: log.name, repair: isTrue ? repair : nil)
        }
        for (row, place) in hashes {
            try findDerived(.leafHash(place)) { db in
                try db.execute(
                    sql: "UPDATE leaves SET hash = ? WHERE id = ?", arguments: [tree.leafHash(at: place)?.data, row])
            }
        }
        if log.workplace != workplace {
            try findDerived(.workplace) { db in
                try db.execute(
                    sql: "UPDATE logs SET workplace = ? WHERE id = ?", arguments: [workplace.data, log.id])
            }
        }
        if log.deadline != deadline {
            try findDerived(.deadline) { db in
                try db.execute(sql: "UPDATE logs SET deadline = ? WHERE id = ?", arguments: [deadline, log.id])
            }
        }
        if log.size != tree.count {
            try findDerived(.size(log.size)) { db in
                try db.execute(sql: "UPDATE logs SET size = ? WHERE id = ?", arguments: [tree.count, log.id])
            }
        }
        let (wrong, nodes) = try nodes(log, tree)
        guard wrong > 0 else { return }
        try findDerived(.nodes(wrong)) { db in
            try db.execute(sql: "DELETE FROM nodes WHERE log = ?", arguments: [log.id])
            let insert = try db.cachedStatement(sql: "INSERT INTO nodes (log, level, place, hash) VALUES (?, ?, ?, ?)")
            for (place, hash) in nodes {
                try insert.execute(arguments: [log.id, place.level, place.index, hash.data])
            }
        }
    }

    /// - Returns: how many nodes are missing, wrong or surplus, and what they must be.
    private func nodes(_ log: Stored, _ tree: MerkleTree) throws -> (wrong: Int, [Place: Bytes32]) {
        var again = MerkleTree()
        var expected: [Place: Bytes32] = [:]
        for index in 0..<tree.count {
            guard let hash = tree.leafHash(at: index) else { break }
            for node in again.append(leafHash: hash) { expected[Place(node.level, node.index)] = node.hash }
        }
        let nodes = expected
        var wrong = 0
        let rows = try Row.fetchCursor(
            db, sql: "SELECT level, place, hash FROM nodes WHERE log = ?", arguments: [log.id])
        while let row = try rows.next() {
            let place = Place(row["level"], row["place"])
            if expected.removeValue(forKey: place)?.data != row["hash"] as Data { wrong += 1 }
        }
        wrong += expected.count
        return (wrong, nodes)
    }

    private struct Place: Hashable {
        let level: Int
        let index: Int
        init(_ level: Int, _ index: Int) { (self.level, self.index) = (level, index) }
    }

    /// - Returns: whether nothing that this service has signed contradicts the leaves.
    private func checkpoints(_ log: Stored, _ tree: MerkleTree, _ verifier: LogVerifier) throws -> Bool {
        var (isTrue, hasNewest) = (true, false)
        let rows = try Row.fetchAll(
            db, sql: "SELECT size, note FROM checkpoints WHERE log = ? ORDER BY size", arguments: [log.id])
        for row in rows {
            let (size, note) = (row["size"] as Int, row["note"] as String)
            hasNewest = hasNewest || size == tree.count
            let signed = try? verifier.verify(note)
            guard let root = tree.root(at: size), size > 0 else {
                isTrue = isTrue && signed == nil
                try find(.short(size: size), in: log.name)
                continue
            }
            let right = Checkpoint(origin: verifier.origin, size: UInt64(size), root: root).signed(by: key).serialized
            guard right != note else { continue }
            if signed?.size == UInt64(size) {
                // The key has signed this. It cannot be taken back, whatever the leaves are now.
                isTrue = false
                try find(.contradicted(size: size), in: log.name)
            } else {
                try find(.checkpoint(size: size), in: log.name) { db in
                    try db.execute(
                        sql: "UPDATE checkpoints SET note = ?, witnessed = NULL WHERE log = ? AND size = ?",
                        arguments: [right, log.id, size])
                }
            }
        }
        if !hasNewest, isTrue, tree.count > 0 {
            let note = Checkpoint(origin: verifier.origin, size: UInt64(tree.count), root: tree.root).signed(by: key)
            try find(.noCheckpoint, in: log.name) { db in
                try db.execute(
                    sql: "INSERT INTO checkpoints (log, size, note) VALUES (?, ?, ?)",
                    arguments: [log.id, tree.count, note.serialized])
            }
        }
        return isTrue
    }

    // MARK: Names, and what waits

    private func names(_ log: Stored, _ petition: PetitionLog) throws {
        var expected: [Bytes32: Bytes32] = [:]
        for (tag, standing) in petition.tags where standing.action == .sign && standing.level > 0 {
            expected[tag.encoding] = standing.nameDigest
        }
        let rows = try Row.fetchAll(
            db, sql: "SELECT id, tag, length, sealed FROM names WHERE log = ? ORDER BY id", arguments: [log.id])
        for row in rows {
            let (id, tag) = (row["id"] as Int64, (row["tag"] as Data).bytes32)
            let sealed = [UInt8]((row["sealed"] as Data).prefix(max(0, row["length"] as Int)))
            guard expected[tag] == SealedName.digest(of: sealed) else {
                try find(.surplusName, in: log.name) { db in
                    try db.execute(sql: "DELETE FROM names WHERE id = ?", arguments: [id])
                }
                continue
            }
            expected[tag] = nil
        }
        for _ in expected { try find(.nameMissing, in: log.name) }
    }

    private func held(_ log: Stored, _ petition: PetitionLog) throws -> Int {
        let rows = try Row.fetchAll(
            db, sql: "SELECT hash, tag, bytes FROM held WHERE log = ? ORDER BY hash", arguments: [log.id])
        for row in rows {
            let (hash, bytes) = (row["hash"] as Data, [UInt8](row["bytes"] as Data))
            guard let coSigned = (try? PetitionStatement(decoding: bytes))?.coSigned,
                (try? petition.check(coSigned)) != nil, (try? petition.prove([coSigned])[0].get()) != nil
            else {
                try find(.held, in: log.name)
                continue
            }
            let right = (MerkleTree.leafHash(bytes).data, coSigned.tag.encoding.data)
            guard hash != right.0 || row["tag"] as Data != right.1 else { continue }
            try find(.heldHash, in: log.name) { db in
                try db.execute(
                    sql: "UPDATE held SET hash = ?, tag = ? WHERE log = ? AND hash = ?",
                    arguments: [right.0, right.1, log.id, hash])
            }
        }
        return rows.count
    }

    // MARK: Objects

    func objects() throws {
        var sums: [Bytes32: Int] = [:]
        var previous: StoredObject?
        let rows = try Row.fetchAll(
            db,
            sql:
                "SELECT rowid, workplace, object, revision, kind, digest FROM objects ORDER BY workplace, object, revision"
        )
        for row in rows {
            report.objects += 1
            let id = row["rowid"] as Int64
            let name = (row["object"] as Data).bytes32.hex
            let bytes =
                try Data.fetchOne(db, sql: "SELECT bytes FROM objects WHERE rowid = ?", arguments: [id]) ?? Data()
            sums[(row["workplace"] as Data).bytes32, default: 0] += bytes.count
            guard let object = try? StoredObject(decoding: [UInt8](bytes)),
                object.workplace.bytes.data == row["workplace"] as Data, object.id.bytes.data == row["object"] as Data,
                Int64(object.revision) == row["revision"], Int(object.kind.rawValue) == row["kind"],
                follows(object, previous)
            else {
                try find(.object(name))
                previous = nil
                continue
            }
            previous = object
            if row["digest"] as Data != object.digest.data {
                try find(.objectDigest(name)) { db in
                    try db.execute(
                        sql: "UPDATE objects SET digest = ? WHERE rowid = ?", arguments: [object.digest.data, id])
                }
            }
        }
        for row in try Row.fetchAll(db, sql: "SELECT workplace, bytes FROM stored") {
            let workplace = (row["workplace"] as Data).bytes32
            if sums.removeValue(forKey: workplace) ?? 0 != row["bytes"] as Int { try stored(workplace) }
        }
        for workplace in sums.keys { try stored(workplace) }
    }

    private func follows(_ object: StoredObject, _ previous: StoredObject?) -> Bool {
        guard let previous, previous.workplace == object.workplace, previous.id == object.id else {
            return object.revision == 1 && object.parent.isZero
        }
        return object.revision == previous.revision + 1 && object.parent == previous.digest
            && object.kind == previous.kind
    }

    private func stored(_ workplace: Bytes32) throws {
        try find(.stored(workplace.hex)) { db in
            try db.execute(
                sql: """
                    INSERT OR REPLACE INTO stored (workplace, bytes)
                    SELECT ?1, ifnull(sum(length(bytes)), 0) FROM objects WHERE workplace = ?1
                    """, arguments: [workplace.data])
        }
    }
}
