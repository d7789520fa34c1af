// docs/protocol.md, sections 3, 6 and 7

import Foundation
import GRDB
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// What stands beside the leaves: names, what waits, objects, keys and sums.
extension DatabaseCheck {
    func names(_ log: Stored, _ petition: PetitionLog, isTrue: Bool) throws {
        var expected: [Bytes32: Expected] = [:]
        for (tag, standing) in petition.tags where standing.action == .sign && standing.level > 0 {
            expected[tag.encoding] = { standing.isNamed(by: $0, of: tag, in: petition.id) }
        }
        try names(log, in: "names", expected, petition.manifest.sealedNameLength, isTrue: isTrue)
    }

    /// Whether a sealed name is the one that a co-signature carries.
    private typealias Expected = ([UInt8]) -> Bool

    /// - Parameter expected: by tag.
    private func names(
        _ log: Stored, in table: String, _ expected: [Bytes32: Expected], _ length: Int, isTrue: Bool
    ) throws {
        var missing = expected
        let rows = try Row.fetchAll(
            db, sql: "SELECT id, tag, length, sealed FROM \(table) WHERE log = ? ORDER BY id", arguments: [log.id])
        for row in rows {
            let id = row["id"] as Int64
            let sealed = [UInt8]((row["sealed"] as Data).prefix(length))
            // Under its own tag first; elsewhere only where the row was changed.
            let named = (row["tag"] as Data).bytes32
            guard let tag = missing[named]?(sealed) == true ? named : missing.first(where: { $0.value(sealed) })?.key
            else {
                // What was taken back. Where leaves are missing, it may belong to one of those.
                let repair = { (db: Database) in
                    try db.execute(sql: "DELETE FROM \(table) WHERE id = ?", arguments: [id])
                }
                try find(.surplusName, in: log.name, repair: isTrue ? repair : nil)
                continue
            }
            missing[tag] = nil
            if row["tag"] as Data != tag.data || row["length"] as Int != length {
                try find(.nameRow, in: log.name) { db in
                    try db.execute(
                        sql: "UPDATE \(table) SET tag = ?, length = ? WHERE id = ?", arguments: [tag.data, length, id])
                }
            }
        }
        for _ in missing { try find(.nameMissing, in: log.name) }
    }

    func held(_ log: Stored, _ petition: PetitionLog, isTrue: Bool) throws -> Int {
        var expected: [Bytes32: Expected] = [:]
        let rows = try Row.fetchAll(
            db, sql: "SELECT hash, tag, until, bytes FROM held WHERE log = ? ORDER BY hash", arguments: [log.id])
        for row in rows {
            let (hash, bytes) = (row["hash"] as Data, [UInt8](row["bytes"] as Data))
            guard let coSigned = (try? PetitionStatement(decoding: bytes))?.coSigned, Self.isTime(row["until"]),
                (try? petition.check(coSigned)) != nil, (try? petition.prove([coSigned])[0].get()) != nil
            else {
                try find(.held, in: log.name)
                continue
            }
            if coSigned.level > 0 { expected[coSigned.tag.encoding] = { coSigned.isNamed(by: $0) } }
            let right = (MerkleTree.leafHash(bytes).data, coSigned.tag.encoding.data)
            guard hash != right.0 || row["tag"] as Data != right.1 else { continue }
            try find(.heldHash, in: log.name) { db in
                try db.execute(
                    sql: "UPDATE held SET hash = ?, tag = ? WHERE log = ? AND hash = ?",
                    arguments: [right.0, right.1, log.id, hash])
            }
        }
        let isWhole = isTrue && !report.findings.contains { $0.log == log.name && $0.what == .held }
        try names(log, in: "held_names", expected, petition.manifest.sealedNameLength, isTrue: isWhole)
        return rows.count
    }

    /// Whether a promise may name it.
    private static func isTime(_ until: Int64) -> Bool { until >= 0 && until % 3600 == 0 }

    /// Of leaves that stand in the log and are not shown yet. One of a leaf that is shown is done with.
    func promises(_ log: Stored, _ leaves: [[UInt8]]) throws {
        let shown =
            try Int.fetchOne(
                db, sql: "SELECT max(size) FROM checkpoints WHERE log = ? AND published", arguments: [log.id]) ?? 0
        for row in try Row.fetchAll(
            db, sql: "SELECT place, until FROM promises WHERE log = ? ORDER BY place", arguments: [log.id])
        {
            let place = row["place"] as Int
            let isOwed = leaves.indices.contains(place) && place >= shown
            let isOfCoSignature =
                isOwed && (try? PetitionStatement(decoding: leaves[place]))?.coSigned != nil
                && Self.isTime(row["until"])
            guard !isOfCoSignature else { continue }
            let repair = { (db: Database) in
                try db.execute(
                    sql: "DELETE FROM promises WHERE log = ? AND place = ?", arguments: [log.id, place])
            }
            // What was promised cannot be computed.
            try find(.promise(place), in: log.name, repair: isOwed ? nil : repair)
        }
    }

    // MARK: Objects and keys

    func objects() throws {
        var previous: StoredObject?
        let rows = try Row.fetchAll(
            db,
            sql:
                """
                SELECT rowid, workplace, kind, object, revision, author, digest FROM objects
                ORDER BY workplace, kind, object, revision
                """
        )
        for row in rows {
            report.objects += 1
            let id = row["rowid"] as Int64
            let name = (row["object"] as Data).bytes32.hex
            let bytes =
                try Data.fetchOne(db, sql: "SELECT bytes FROM objects WHERE rowid = ?", arguments: [id]) ?? Data()
            guard let object = try? StoredObject(decoding: [UInt8](bytes)),
                object.workplace.bytes.data == row["workplace"] as Data, object.id.bytes.data == row["object"] as Data,
                Int64(object.revision) == row["revision"], Int(object.kind.rawValue) == row["kind"],
                object.author.data == row["author"] as Data,
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
    }

    func wraps() throws {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT workplace, epoch, member, author, wrap, signature FROM wraps")
        while let row = try rows.next() {
            let wrap = KeyWrap(
                epoch: UInt32(clamping: row["epoch"] as Int64), member: (row["member"] as Data).bytes32,
                wrap: [UInt8](row["wrap"] as Data), by: (row["author"] as Data).bytes32,
                signature: [UInt8](row["signature"] as Data))
            guard !wrap.isSigned(in: ID((row["workplace"] as Data).bytes32)) else { continue }
            // Whoever reads the list passes it over, and another one can be made.
            let key = [row["workplace"] as Data, row["member"] as Data, row["author"] as Data]
            let epoch = row["epoch"] as Int64
            try find(.wrap(wrap.member.hex)) { db in
                try db.execute(
                    sql: "DELETE FROM wraps WHERE workplace = ? AND member = ? AND author = ? AND epoch = ?",
                    arguments: StatementArguments(key + [epoch] as [any DatabaseValueConvertible]))
            }
        }
    }

    func sums() throws {
        try sums(of: "stored_by", key: ["workplace", "author"], Schema.storedBySums)
        try sums(of: "stored", key: ["workplace"], Schema.storedSums)
    }

    private func sums(of table: String, key: [String], _ select: String) throws {
        let keys = key.joined(separator: ", ")
        var sums: [[Data]: Int] = [:]
        for row in try Row.fetchAll(db, sql: select) { sums[key.indices.map { row[$0] }] = row[key.count] }
        var wrong: [[Data]] = []
        for row in try Row.fetchAll(db, sql: "SELECT \(keys), bytes FROM \(table)") {
            let found = key.indices.map { row[$0] as Data }
            if sums.removeValue(forKey: found) ?? 0 != row[key.count] as Int { wrong.append(found) }
        }
        wrong += sums.keys
        for found in wrong {
            let condition = key.map { "\($0) = ?" }.joined(separator: " AND ")
            try find(.stored(found.map { $0.bytes32.hex }.joined(separator: "/"))) { db in
                try db.execute(sql: "DELETE FROM \(table) WHERE \(condition)", arguments: StatementArguments(found))
                try db.execute(
                    sql: "INSERT INTO \(table) SELECT * FROM (\(select)) WHERE \(condition)",
                    arguments: StatementArguments(found))
            }
        }
    }

    private func follows(_ object: StoredObject, _ previous: StoredObject?) -> Bool {
        guard let previous, previous.workplace == object.workplace, previous.name == object.name else {
            return object.revision == 1 && object.parent.isZero
        }
        return UInt64(object.revision) == UInt64(previous.revision) + 1 && object.parent == previous.digest
    }
}
