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
                sql: "INSERT INTO held (log, hash, tag, until, bytes) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    log, MerkleTree.leafHash(held.bytes).data, held.tag.data, Int64(clamping: held.until),
                    Data(held.bytes),
                ])
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
            SELECT held.tag, until, bytes, length, sealed FROM held
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
                tag: (row["tag"] as Data).bytes32, bytes: [UInt8](row["bytes"] as Data), sealedName: sealed,
                until: UInt64(clamping: row["until"] as Int64))
        }
    }

    public func heldCounts() async throws -> [ID<Petition>: HeldCount] {
        try await read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT subject, count(*) AS n, min(until) AS until FROM held JOIN logs ON logs.id = held.log
                    GROUP BY log
                    """)
            return Dictionary(
                uniqueKeysWithValues: rows.map {
                    (
                        ID(($0["subject"] as Data).bytes32),
                        HeldCount(count: $0["n"], until: UInt64(clamping: $0["until"] as Int64))
                    )
                })
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

    public func promise(
        _ petition: ID<Petition>, leaves: [Int], until: UInt64
    ) async throws -> [Int: UInt64] {
        try await write { db in
            guard let log = try Self.id(of: .petition(petition), db) else { throw StorageError.damaged }
            var kept: [Int: UInt64] = [:]
            for leaf in leaves {
                try db.execute(
                    sql: "INSERT INTO promises (log, place, until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    arguments: [log, leaf, Int64(clamping: until)])
                kept[leaf] = try Int64.fetchOne(
                    db, sql: "SELECT until FROM promises WHERE log = ? AND place = ?", arguments: [log, leaf]
                ).map { UInt64(clamping: $0) }
            }
            return kept
        }
    }
}
