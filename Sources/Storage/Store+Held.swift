import Foundation
import GRDB
import Petitions
import Sodium
import Synchronization
import TransparencyLog

/// A co-signature that waits to be mixed with others.
public struct HeldCoSignature: Sendable, Hashable {
    /// The tag's encoding.
    public let tag: Bytes32
    /// The statement.
    public let bytes: [UInt8]
    public let sealedName: [UInt8]?

    public init(tag: Bytes32, bytes: [UInt8], sealedName: [UInt8]?) {
        (self.tag, self.bytes, self.sealedName) = (tag, bytes, sealedName)
    }
}

/// Co-signatures between their acknowledgement and the log: durable, and out of the order in which they came.
extension Store {
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

    /// Everything that waits in a petition, by the order of the leaves' hashes.
    public func held(of petition: ID<Petition>) throws -> [HeldCoSignature] {
        try read { db in
            guard let log = try Self.id(of: .petition(petition), db) else { return [] }
            return try Row.fetchAll(
                db,
                sql: """
                    SELECT held.tag, bytes, length, sealed FROM held
                    LEFT JOIN held_names ON held_names.log = held.log AND held_names.tag = held.tag
                    WHERE held.log = ? ORDER BY hash
                    """, arguments: [log]
            ).map { row in
                let sealed = (row["sealed"] as Data?).map { [UInt8]($0.prefix(row["length"] as Int)) }
                return HeldCoSignature(
                    tag: (row["tag"] as Data).bytes32, bytes: [UInt8](row["bytes"] as Data), sealedName: sealed)
            }
        }
    }

    /// What waits under a tag.
    public func held(_ tag: Bytes32, of petition: ID<Petition>) throws -> [UInt8]? {
        try read { db in
            guard let log = try Self.id(of: .petition(petition), db) else { return nil }
            return try Data.fetchOne(
                db, sql: "SELECT bytes FROM held WHERE log = ? AND tag = ?", arguments: [log, tag.data]
            ).map { [UInt8]($0) }
        }
    }

    /// Petitions in which something waits, and how much.
    public func heldCounts() throws -> [ID<Petition>: Int] {
        try read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT subject, count(*) AS n FROM held JOIN logs ON logs.id = held.log GROUP BY log")
            return Dictionary(uniqueKeysWithValues: rows.map { (ID(($0["subject"] as Data).bytes32), $0["n"]) })
        }
    }

    /// Lets go of what can no longer be appended.
    public func drop(held tags: [Bytes32], of petition: ID<Petition>) async throws {
        try await write { db in
            guard let log = try Self.id(of: .petition(petition), db) else { return }
            for tag in tags { try Self.dropHeld(tag, log, db) }
        }
        leftovers.withLock { $0 = true }
        await eraseLeftovers()
    }
}
