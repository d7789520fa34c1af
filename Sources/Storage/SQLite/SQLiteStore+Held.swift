import Foundation
import GRDB
import Petitions
import Sodium
import Synchronization
import TransparencyLog

/// Co-signatures between their acknowledgement and the log: durable, and out of the order in which they came.
extension SQLiteStore {
    static func hold(_ list: [HeldCoSignature], of petition: ID<Petition>, _ db: Database) throws {
        guard let log = try id(of: .petition(petition), db) else { throw StorageError.damaged }
        let slot = try Schema.nameSlot(db)
        for held in list {
            try db.execute(
                sql: "INSERT INTO held (log, hash, tag, bytes) VALUES (?, ?, ?, ?)",
                arguments: [log, MerkleTree.leafHash(held.bytes).data, held.tag.data, Data(held.bytes)])
            if let name = held.sealedName {
                try Schema.insert(name: name, of: held.tag.data, in: log, slot, db, table: "held_names")
            }
        }
    }

    static func dropHeld(_ tag: Bytes32, _ log: Int64, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM held WHERE log = ? AND tag = ?", arguments: [log, tag.data])
        try db.execute(sql: "DELETE FROM held_names WHERE log = ? AND tag = ?", arguments: [log, tag.data])
    }

    static func held(_ wanted: LogQuery.Held, of petition: ID<Petition>, _ db: Database) throws -> [HeldCoSignature] {
        guard let log = try id(of: .petition(petition), db) else { return [] }
        let select = """
            SELECT held.tag, bytes, length, sealed FROM held
            LEFT JOIN held_names ON held_names.log = held.log AND held_names.tag = held.tag
            WHERE held.log = ?
            """
        let rows =
            switch wanted {
            case .all: try Row.fetchAll(db, sql: select + " ORDER BY hash", arguments: [log])
            case .tags(let tags):
                try tags.compactMap {
                    try Row.fetchOne(db, sql: select + " AND held.tag = ?", arguments: [log, $0.data])
                }
            }
        return rows.map { row in
            let sealed = (row["sealed"] as Data?).map { [UInt8]($0.prefix(row["length"] as Int)) }
            return HeldCoSignature(
                tag: (row["tag"] as Data).bytes32, bytes: [UInt8](row["bytes"] as Data), sealedName: sealed)
        }
    }

    public func heldCounts() async throws -> [ID<Petition>: Int] {
        try await read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT subject, count(*) AS n FROM held JOIN logs ON logs.id = held.log GROUP BY log")
            return Dictionary(uniqueKeysWithValues: rows.map { (ID(($0["subject"] as Data).bytes32), $0["n"]) })
        }
    }

    public func drop(held tags: [Bytes32], of petition: ID<Petition>) async throws {
        try await write { db in
            guard let log = try Self.id(of: .petition(petition), db) else { return }
            for tag in tags { try Self.dropHeld(tag, log, db) }
        }
        leftovers.withLock { $0 = true }
        await eraseLeftovers()
    }
}
