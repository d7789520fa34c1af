import Foundation
import GRDB
import Petitions
import Sodium

extension SQLiteStore {
    public func put(_ object: StoredObject, within quota: Quota) async throws {
        try await write { db in
            let key: [any DatabaseValueConvertible] = [
                object.workplace.bytes.data, Int(object.kind.rawValue), object.id.bytes.data,
            ]
            let newest = try Row.fetchOne(
                db,
                sql: """
                    SELECT revision, digest FROM objects WHERE workplace = ? AND kind = ? AND object = ?
                    ORDER BY revision DESC LIMIT 1
                    """, arguments: StatementArguments(key))
            let found = newest.map { (revision: $0["revision"] as Int64, digest: ($0["digest"] as Data).bytes32) }
            guard try object.follow(found) else { return }
            try self.grow(object.workplace, object.author, by: object.bytes.count, quota, db)
            try db.execute(
                sql: """
                    INSERT INTO objects (workplace, kind, object, revision, author, digest, bytes)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: StatementArguments(
                    key + [
                        Int64(object.revision), object.author.data, object.digest.data, Data(object.bytes),
                    ] as [any DatabaseValueConvertible]))
        }
    }

    /// Counts what a workplace and one of its members keep: objects, wrapped keys, and keys for invites.
    /// - Throws: `StorageError.quota`.
    func grow(
        _ workplace: ID<Workplace>, _ author: Bytes32, by count: Int, _ quota: Quota, _ db: Database
    ) throws {
        guard count != 0 else { return }
        let kept = try kept(workplace, author, db)
        try quota.check(adding: count, to: kept)
        room.add(count)
        let (workplace, author) = (workplace.bytes.data, author.data)
        try db.execute(
            sql: "INSERT OR REPLACE INTO stored (workplace, bytes) VALUES (?, ?)",
            arguments: [workplace, kept.workplace + count])
        try db.execute(
            sql: "INSERT OR REPLACE INTO stored_by (workplace, author, bytes) VALUES (?, ?, ?)",
            arguments: [workplace, author, kept.author + count])
    }

    private func kept(_ workplace: ID<Workplace>, _ author: Bytes32, _ db: Database) throws -> Quota.Kept {
        let all = try Int.fetchOne(
            db, sql: "SELECT bytes FROM stored WHERE workplace = ?", arguments: [workplace.bytes.data])
        let own = try Int.fetchOne(
            db, sql: "SELECT bytes FROM stored_by WHERE workplace = ? AND author = ?",
            arguments: [workplace.bytes.data, author.data])
        let total = try room.bytes { try Int.fetchOne(db, sql: "SELECT sum(bytes) FROM stored") ?? 0 }
        return Quota.Kept(workplace: all ?? 0, author: own ?? 0, total: total, free: room.free)
    }

    public func checkRoom(
        for count: Int, of workplace: ID<Workplace>, by author: Bytes32, within quota: Quota
    ) async throws {
        try await read { db in try quota.check(adding: count, to: self.kept(workplace, author, db)) }
    }

    public func hasObject(
        _ name: StoredObject.Name, in workplace: ID<Workplace>, revision: UInt32
    ) async throws -> Bool {
        try await read { db in
            try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM objects WHERE workplace = ? AND kind = ? AND object = ? AND revision = ?)
                    """,
                arguments: [workplace.bytes.data, Int(name.kind.rawValue), name.id.bytes.data, Int64(revision)]
            ) ?? false
        }
    }

    public func object(
        _ name: StoredObject.Name, in workplace: ID<Workplace>, revision: UInt32?
    ) async throws -> [UInt8]? {
        let number = revision.map { Int64($0) }
        return try await read { db in
            try Data.fetchOne(
                db,
                sql: """
                    SELECT bytes FROM objects
                    WHERE workplace = ? AND kind = ? AND object = ? AND (? IS NULL OR revision = ?)
                    ORDER BY revision DESC LIMIT 1
                    """,
                arguments: [workplace.bytes.data, Int(name.kind.rawValue), name.id.bytes.data, number, number]
            ).map { [UInt8]($0) }
        }
    }

    public func objects(
        of kind: StoredObject.Kind, in workplace: ID<Workplace>, after: Int, most: Int,
        bytes limit: Int
    ) async throws -> (entries: [ObjectEntry], next: Int?) {
        try await read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT o.object, o.revision, o.bytes FROM objects o JOIN (
                        SELECT object, max(revision) AS newest, min(rowid) AS first FROM objects
                        WHERE workplace = ?1 AND kind = ?2 GROUP BY object
                    ) n ON o.object = n.object AND o.revision = n.newest
                    WHERE o.workplace = ?1 AND o.kind = ?2 ORDER BY n.first LIMIT ?3 OFFSET ?4
                    """, arguments: [workplace.bytes.data, Int(kind.rawValue), most + 1, after])
            var entries: [ObjectEntry] = []
            var size = 0
            while let row = try rows.next() {
                let bytes = [UInt8](row["bytes"] as Data)
                size += bytes.count
                guard entries.count < most, entries.isEmpty || size <= limit else {
                    return (entries, after + entries.count)
                }
                entries.append(
                    ObjectEntry(
                        id: ID((row["object"] as Data).bytes32), kind: kind,
                        revision: UInt32(clamping: row["revision"] as Int64), bytes: bytes))
            }
            return (entries, nil)
        }
    }
}
