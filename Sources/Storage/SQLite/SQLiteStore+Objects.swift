import Foundation
import GRDB
import Petitions
import Sodium

extension SQLiteStore {
    public func put(_ object: StoredObject, most: Int) async throws {
        try await write { db in
            let key: [any DatabaseValueConvertible] = [object.workplace.bytes.data, object.id.bytes.data]
            let newest = try Row.fetchOne(
                db,
                sql: """
                    SELECT revision, kind, digest FROM objects WHERE workplace = ? AND object = ?
                    ORDER BY revision DESC LIMIT 1
                    """, arguments: StatementArguments(key))
            let revision: Int64 = newest?["revision"] ?? 0
            let parent = (newest?["digest"] as Data?)?.bytes32 ?? .zero
            let kind: Int? = newest?["kind"]
            // The very same bytes again: the answer to the first was lost on the way.
            if revision == Int64(object.revision), (newest?["digest"] as Data?)?.bytes32 == object.digest { return }
            guard Int64(object.revision) == revision + 1, object.parent == parent,
                kind.map({ $0 == Int(object.kind.rawValue) }) ?? true
            else { throw StorageError.conflict }
            try Self.grow(object.workplace, by: object.bytes.count, most, db)
            try db.execute(
                sql: "INSERT INTO objects (workplace, object, revision, kind, digest, bytes) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: StatementArguments(
                    key + [
                        Int64(object.revision), Int(object.kind.rawValue), object.digest.data, Data(object.bytes),
                    ] as [any DatabaseValueConvertible]))
        }
    }

    /// Counts what a workplace keeps: objects, wrapped keys, and keys for invites.
    /// - Throws: `StorageError.quota`.
    private static func grow(_ workplace: ID<Workplace>, by count: Int, _ most: Int, _ db: Database) throws {
        let stored = try Int.fetchOne(
            db, sql: "SELECT bytes FROM stored WHERE workplace = ?", arguments: [workplace.bytes.data])
        let sum = (stored ?? 0).addingReportingOverflow(count)
        guard !sum.overflow, count <= 0 || sum.partialValue <= most else { throw StorageError.quota }
        try db.execute(
            sql: "INSERT OR REPLACE INTO stored (workplace, bytes) VALUES (?, ?)",
            arguments: [workplace.bytes.data, sum.partialValue])
    }

    public func object(_ id: ID<Object>, in workplace: ID<Workplace>, revision: UInt32?) async throws -> [UInt8]? {
        try await read { db in
            try Data.fetchOne(
                db,
                sql: """
                    SELECT bytes FROM objects WHERE workplace = ? AND object = ? AND (? IS NULL OR revision = ?)
                    ORDER BY revision DESC LIMIT 1
                    """,
                arguments: [
                    workplace.bytes.data, id.bytes.data, revision.map { Int64($0) }, revision.map { Int64($0) },
                ]
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
                    SELECT o.object, o.revision, o.digest, o.bytes FROM objects o JOIN (
                        SELECT object, max(revision) AS newest, min(rowid) AS first FROM objects
                        WHERE workplace = ?1 AND kind = ?2 GROUP BY object
                    ) n ON o.object = n.object AND o.revision = n.newest
                    WHERE o.workplace = ?1 ORDER BY n.first LIMIT ?3 OFFSET ?4
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
                        revision: UInt32(clamping: row["revision"] as Int64),
                        digest: (row["digest"] as Data).bytes32, bytes: bytes))
            }
            return (entries, nil)
        }
    }

    public func put(
        _ wraps: [StoredWrap], by author: Bytes32, in workplace: ID<Workplace>, most: Int
    ) async throws {
        try await write { db in
            for wrap in wraps {
                let before = try Int.fetchOne(
                    db,
                    sql: """
                        SELECT length(wrap) FROM wraps WHERE workplace = ? AND member = ? AND epoch = ? AND author = ?
                        """,
                    arguments: [workplace.bytes.data, wrap.member.data, Int64(wrap.epoch), author.data])
                try Self.grow(workplace, by: wrap.wrap.count - (before ?? 0), most, db)
                try db.execute(
                    sql: "INSERT OR REPLACE INTO wraps (workplace, member, epoch, author, wrap) VALUES (?, ?, ?, ?, ?)",
                    arguments: [
                        workplace.bytes.data, wrap.member.data, Int64(wrap.epoch), author.data, Data(wrap.wrap),
                    ])
            }
        }
    }

    public func wraps(of member: Bytes32, in workplace: ID<Workplace>) async throws -> [StoredWrap] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT epoch, wrap FROM wraps WHERE workplace = ? AND member = ? ORDER BY epoch",
                arguments: [workplace.bytes.data, member.data]
            ).map {
                StoredWrap(
                    member: member, epoch: UInt32(clamping: $0["epoch"] as Int64), wrap: [UInt8]($0["wrap"] as Data))
            }
        }
    }

    public func wrappedMembers(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> Set<Bytes32> {
        try await read { db in
            Set(
                try Data.fetchAll(
                    db, sql: "SELECT member FROM wraps WHERE workplace = ? AND epoch = ?",
                    arguments: [workplace.bytes.data, Int64(epoch)]
                ).map(\.bytes32))
        }
    }

    public func put(
        inviteKeys sealed: [UInt8], for invite: Bytes32, in workplace: ID<Workplace>, most: Int
    ) async throws {
        try await write { db in
            let before = try Int.fetchOne(
                db, sql: "SELECT length(sealed) FROM invite_keys WHERE workplace = ? AND invite = ?",
                arguments: [workplace.bytes.data, invite.data])
            try Self.grow(workplace, by: sealed.count - (before ?? 0), most, db)
            try db.execute(
                sql: "INSERT OR REPLACE INTO invite_keys (workplace, invite, sealed) VALUES (?, ?, ?)",
                arguments: [workplace.bytes.data, invite.data, Data(sealed)])
        }
    }

    public func inviteKeys(for invite: Bytes32, in workplace: ID<Workplace>) async throws -> [UInt8]? {
        try await read { db in
            try Data.fetchOne(
                db, sql: "SELECT sealed FROM invite_keys WHERE workplace = ? AND invite = ?",
                arguments: [workplace.bytes.data, invite.data]
            ).map { [UInt8]($0) }
        }
    }
}
