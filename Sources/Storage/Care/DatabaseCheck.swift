// docs/protocol.md, sections 3, 8 and 9

import Foundation
import GRDB
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

extension SQLiteStore {
    /// Derives everything again that a database keeps beside its leaves and objects: hashes, nodes, sizes, checkpoints,
    /// deadlines, names, tags, counts and sums; and audits every leaf as a stranger would.
    /// - Parameters:
    ///   - repairing: puts right what can be derived, in one transaction. A leaf is never changed, and nothing is
    ///     derived from leaves of which something is missing or wrong.
    ///   - record: of signed checkpoints, which count like those in the database; nil for none.
    /// - Throws: `StorageError.noHeads` when there is no such record.
    public func check(repairing: Bool = false, record: String? = nil) throws -> CheckReport {
        let signed = try record.map { try signedHeads(in: $0) } ?? []
        do {
            return try repairing
                ? pool.write { db in check(db, repairing: true, signed) }
                : pool.read { db in check(db, repairing: false, signed) }
        } catch { throw StorageError(error) }
    }

    private func check(_ db: Database, repairing: Bool, _ signed: [SignedHeads.Head]) -> CheckReport {
        let check = DatabaseCheck(db: db, repairs: repairing, key: logKey(), signed)
        // An index that is out of step misleads everything below.
        if repairing { check.section { try db.execute(sql: "REINDEX") } }
        check.section(check.pages)
        check.section(check.logs)
        check.section(check.objects)
        check.section(check.wraps)
        check.section(check.sums)
        return check.report
    }
}

final class DatabaseCheck {
    let db: Database
    let repairs: Bool
    let key: SigningKey
    /// What the record says was signed of each log.
    let signed: [LogName: SignedHeads.Head]
    var report = CheckReport()

    init(db: Database, repairs: Bool, key: consuming SigningKey, _ signed: [SignedHeads.Head]) {
        self.signed = Dictionary(signed.map { ($0.log, $0) }, uniquingKeysWith: { a, _ in a })
        self.db = db
        self.repairs = repairs
        self.key = key
    }

    /// A page that cannot be read ends its section, not the check.
    func section(_ body: () throws -> Void) {
        do { try body() } catch {
            report.findings.append(
                .init(log: nil, what: .pages("\((error as? DatabaseError)?.message ?? "\(error)")"), isDerived: false))
        }
    }

    /// Notes something, and puts it right where that is asked for and possible.
    func find(
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

    struct Stored {
        let id: Int64
        let name: LogName
        let workplace: Bytes32
        let size: Int
        let deadline: Int64?
        /// Leaves that an earlier version of the rules took.
        let legacy: Int
        let isLive: Bool
    }

    private func rows(kind: Int) throws -> [Stored] {
        try Row.fetchAll(
            db,
            sql:
                "SELECT id, kind, subject, workplace, size, deadline, legacy, live FROM logs WHERE kind = ? ORDER BY id",
            arguments: [kind]
        ).map {
            Stored(
                id: $0["id"], name: LogName($0["kind"], ($0["subject"] as Data).bytes32),
                workplace: ($0["workplace"] as Data).bytes32, size: $0["size"], deadline: $0["deadline"],
                legacy: $0["legacy"], isLive: $0["live"])
        }
    }

    func logs() throws {
        var workplaces: [Bytes32: WorkplaceLog] = [:]
        for stored in try rows(kind: 1) {
            let (leaves, hashes, isWhole) = try leaves(of: stored)
            guard let audited = try? WorkplaceLog.audit(leaves), .workplace(audited.log.id) == stored.name else {
                try find(.leaf(0, PetitionBundle.Unreadable.firstWorkplaceLeaf.rawValue), in: stored.name)
                continue
            }
            let outdated = try note(audited.faults, stored)
            workplaces[audited.log.id.bytes] = audited.log
            try derived(
                stored, audited.log.tree, audited.log.verifier, hashes,
                isWhole: isWhole && audited.faults.count == outdated,
                workplace: audited.log.id.bytes, deadline: nil, isLive: audited.log.witnesses != .empty)
            report.logs.append(
                .init(
                    name: stored.name, leaves: leaves.count, tags: 0, cosignatures: 0, held: 0,
                    members: audited.log.members(at: audited.log.size).count, outdated: outdated))
        }
        for stored in try rows(kind: 2) { try petition(stored, workplaces) }
    }

    private func petition(_ stored: Stored, _ workplaces: [Bytes32: WorkplaceLog]) throws {
        let (leaves, hashes, isWhole) = try leaves(of: stored)
        let opened = leaves.first.flatMap { try? PetitionStatement(decoding: $0) }
        guard case .opened(let manifest, _)? = opened?.body, let workplace = workplaces[manifest.workplace.bytes],
            let audited = try? PetitionLog.audit(leaves, in: workplace), .petition(audited.log.id) == stored.name
        else {
            guard stored.legacy > 0, let workplace = workplaces[stored.workplace] else {
                try find(.leaf(0, PetitionBundle.Unreadable.firstPetitionLeaf.rawValue), in: stored.name)
                return
            }
            return try outdated(stored, leaves, hashes, isWhole: isWhole, in: workplace)
        }
        let outdated = try note(audited.faults, stored)
        let closes = audited.log.closure == nil && manifest.closes > 0 ? manifest.closes : nil
        let isTrue = try derived(
            stored, audited.log.tree, workplace.verifier(of: audited.log.id), hashes,
            isWhole: isWhole && audited.faults.count == outdated, workplace: manifest.workplace.bytes,
            deadline: closes.map { Int64(clamping: $0) }, isLive: audited.log.isLive)
        try names(stored, audited.log, isTrue: isTrue)
        try promises(stored, leaves)
        report.logs.append(
            .init(
                name: stored.name, leaves: leaves.count, tags: audited.log.tags.count,
                cosignatures: audited.log.cosignatures, held: try held(stored, audited.log, isTrue: isTrue),
                members: 0, outdated: outdated))
    }

    /// A petition that was opened under an earlier version of the rules, and that the present one cannot read: its tree
    /// is derived all the same, because it is served as it is.
    private func outdated(
        _ stored: Stored, _ leaves: [[UInt8]], _ hashes: [(row: Int64, place: Int)], isWhole: Bool,
        in workplace: WorkplaceLog
    ) throws {
        var tree = MerkleTree()
        for leaf in leaves { tree.append(leaf) }
        try derived(
            stored, tree, workplace.verifier(of: ID(stored.name.subject)), hashes, isWhole: isWhole,
            workplace: stored.workplace, deadline: stored.deadline, isLive: stored.isLive)
        report.logs.append(
            .init(
                name: stored.name, leaves: leaves.count, tags: 0, cosignatures: 0, held: 0, members: 0,
                outdated: leaves.count))
    }

    /// The leaves up to the first gap, the rows and places of those whose hash is not their own, and whether there is
    /// no gap.
    private func leaves(
        of log: Stored
    ) throws -> ([[UInt8]], wrong: [(row: Int64, place: Int)], isWhole: Bool) {
        var leaves: [[UInt8]] = []
        var wrong: [(row: Int64, place: Int)] = []
        let rows = try Row.fetchAll(
            db, sql: "SELECT id, place, hash, bytes FROM leaves WHERE log = ? ORDER BY place", arguments: [log.id])
        for row in rows {
            let (place, bytes) = (row["place"] as Int, [UInt8](row["bytes"] as Data))
            guard place == leaves.count else {
                try find(.leafMissing(leaves.count), in: log.name)
                return (leaves, wrong, false)
            }
            if row["hash"] as Data != MerkleTree.leafHash(bytes).data { wrong.append((row["id"], place)) }
            leaves.append(bytes)
        }
        return (leaves, wrong, true)
    }

    /// - Returns: how many are of leaves that an earlier version of the rules took: those are none of this file's.
    private func note(_ faults: [Fault], _ log: Stored) throws -> Int {
        let outdated = faults.count { $0.isLeaf(below: log.legacy) }
        for fault in faults where !fault.isLeaf(below: log.legacy) {
            if case .leaf(_, let index) = fault.place { try find(.leaf(index, fault.what), in: log.name) }
        }
        return outdated
    }

    /// Everything but names. Nothing is derived from leaves of which something is missing or wrong, lest damage spread:
    /// they must hold, contradict nothing that was signed, and be what a signed checkpoint covers; or, where none
    /// covers them all, agree with everything else that is kept of them.
    /// - Returns: whether the leaves are to be derived from.
    @discardableResult
    private func derived(
        _ log: Stored, _ tree: MerkleTree, _ verifier: LogVerifier, _ hashes: [(row: Int64, place: Int)],
        isWhole: Bool, workplace: Bytes32, deadline: Int64?, isLive: Bool
    ) throws -> Bool {
        let (wrong, nodes) = try nodes(log, tree)
        // There were more.
        let isShort = try log.size > tree.count || hasNodes(log, beyond: tree.count)
        let agrees = hashes.isEmpty && wrong == 0 && log.size == tree.count
        let isTrue = try checkpoints(log, tree, verifier, isWhole: isWhole && !isShort, agrees: agrees)
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
        if log.isLive != isLive {
            try findDerived(.live) { db in
                try db.execute(sql: "UPDATE logs SET live = ? WHERE id = ?", arguments: [isLive, log.id])
            }
        }
        if log.size != tree.count {
            try findDerived(.size(log.size)) { db in
                try db.execute(sql: "UPDATE logs SET size = ? WHERE id = ?", arguments: [tree.count, log.id])
            }
        }
        guard wrong > 0 else { return isTrue }
        try findDerived(.nodes(wrong)) { db in
            try db.execute(sql: "DELETE FROM nodes WHERE log = ?", arguments: [log.id])
            let insert = try db.cachedStatement(sql: "INSERT INTO nodes (log, level, place, hash) VALUES (?, ?, ?, ?)")
            for (place, hash) in nodes {
                try insert.execute(arguments: [log.id, place.level, place.index, hash.data])
            }
        }
        return isTrue
    }

    private func hasNodes(_ log: Stored, beyond size: Int) throws -> Bool {
        try Bool.fetchOne(
            db, sql: "SELECT count(*) > 0 FROM nodes WHERE log = ? AND level = 0 AND place >= ?",
            arguments: [log.id, size]) ?? false
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

    /// - Returns: whether the leaves are to be derived from.
    private func checkpoints(
        _ log: Stored, _ tree: MerkleTree, _ verifier: LogVerifier, isWhole: Bool, agrees: Bool
    ) throws -> Bool {
        let rows = try Row.fetchAll(
            db, sql: "SELECT size, note, witnessed FROM checkpoints WHERE log = ? ORDER BY size", arguments: [log.id])
        func right(_ size: Int) -> String? {
            guard size > 0, let root = tree.root(at: size) else { return nil }
            return Checkpoint(origin: verifier.origin, size: UInt64(size), root: root).signed(by: key).serialized
        }
        // Any number may stand in a damaged row.
        func signedSize(_ note: String) -> Int? { (try? verifier.verify(note)).flatMap { Int(exactly: $0.size) } }
        // First what was signed, in the database or by the record; then what may be made of it.
        var (contradictions, isCovered): ([CheckReport.Finding.What], Bool) = ([], false)
        var known = rows.map { ($0["size"] as Int, $0["note"] as String) }
        if let head = signed[log.name], !known.contains(where: { $0.0 == head.size && $0.1 == head.note }) {
            known.append((head.size, head.note))
        }
        for (size, note) in known where signedSize(note) == size {
            if let right = right(size) {
                if right == note {
                    isCovered = isCovered || size == tree.count
                } else {
                    contradictions.append(.contradicted(size: size))
                }
            } else {
                contradictions.append(.short(size: size))
            }
        }
        for what in contradictions { try find(what, in: log.name) }
        let isTrue = contradictions.isEmpty && isWhole && (isCovered || agrees)
        for row in rows {
            let (size, note) = (row["size"] as Int, row["note"] as String)
            if signedSize(note) != size {
                let right = right(size)
                let repair = { (db: Database) in
                    try db.execute(
                        sql: "UPDATE checkpoints SET note = ?, witnessed = NULL WHERE log = ? AND size = ?",
                        arguments: [right, log.id, size])
                }
                try find(.checkpoint(size: size), in: log.name, repair: isTrue && right != nil ? repair : nil)
            } else if let lines = row["witnessed"] as String?, (try? SignedNote(parsing: note + lines)) == nil {
                try find(.witnessed(size: size), in: log.name) { db in
                    try db.execute(
                        sql: "UPDATE checkpoints SET witnessed = NULL WHERE log = ? AND size = ?",
                        arguments: [log.id, size])
                }
            }
        }
        if tree.count > 0, !rows.contains(where: { $0["size"] as Int == tree.count }), contradictions.isEmpty {
            let note = right(tree.count)
            let repair = { (db: Database) in
                try db.execute(
                    sql: "INSERT INTO checkpoints (log, size, note) VALUES (?, ?, ?)",
                    arguments: [log.id, tree.count, note])
            }
            try find(.noCheckpoint, in: log.name, repair: isTrue ? repair : nil)
        }
        return isTrue
    }
}
