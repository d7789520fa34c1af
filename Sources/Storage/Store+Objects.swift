import Foundation
import GRDB
import Petitions
import Sodium

/// What a list of objects says of each.
public struct ObjectEntry: Sendable, Hashable {
    public let id: ID<Object>
    public let kind: StoredObject.Kind
    /// The newest.
    public let revision: UInt32
    public let digest: Bytes32
    public let bytes: [UInt8]
}

/// A group key wrapped for one member.
public struct StoredWrap: Sendable, Hashable {
    public let member: Bytes32
    public let epoch: UInt32
    public let wrap: [UInt8]

    public init(member: Bytes32, epoch: UInt32, wrap: [UInt8]) {
        (self.member, self.epoch, self.wrap) = (member, epoch, wrap)
    }
}

extension Store {
    /// Keeps the next revision of an object.
    /// - Parameter most: bytes that a workplace's objects may take together.
    /// - Throws: `StorageError.conflict` unless it follows the newest revision, of the same kind; `.quota`.
    public func put(_ object: StoredObject, most: Int = .max) async throws {
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

    /// A revision's bytes; the newest when none is named.
    public func object(_ id: ID<Object>, in workplace: ID<Workplace>, revision: UInt32? = nil) throws -> [UInt8]? {
        try read { db in
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

    /// The newest revisions of a kind's objects with their bytes, oldest object first.
    /// - Parameters:
    ///   - after: how many objects come before the first.
    ///   - most: objects in one answer at most; fewer when they are large, and at least one.
    /// - Returns: the entries, and how many objects come before the next; nil at the end.
    public func objects(
        of kind: StoredObject.Kind, in workplace: ID<Workplace>, after: Int = 0, most: Int = 256,
        bytes limit: Int = 8 << 20
    ) throws -> (entries: [ObjectEntry], next: Int?) {
        try read { db in
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

    /// Keeps wraps. Each author has a place of their own for each member, so that nobody's wrong wrap keeps out a right one.
    /// - Throws: `StorageError.quota`.
    public func put(
        _ wraps: [StoredWrap], by author: Bytes32, in workplace: ID<Workplace>, most: Int = .max
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

    public func wraps(of member: Bytes32, in workplace: ID<Workplace>) throws -> [StoredWrap] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT epoch, wrap FROM wraps WHERE workplace = ? AND member = ? ORDER BY epoch",
                arguments: [workplace.bytes.data, member.data]
            ).map {
                StoredWrap(
                    member: member, epoch: UInt32(clamping: $0["epoch"] as Int64), wrap: [UInt8]($0["wrap"] as Data))
            }
        }
    }

    /// Who holds a wrap of this epoch.
    public func wrappedMembers(of epoch: UInt32, in workplace: ID<Workplace>) throws -> Set<Bytes32> {
        try read { db in
            Set(
                try Data.fetchAll(
                    db, sql: "SELECT member FROM wraps WHERE workplace = ? AND epoch = ?",
                    arguments: [workplace.bytes.data, Int64(epoch)]
                ).map(\.bytes32))
        }
    }

    /// - Throws: `StorageError.quota`.
    public func put(
        inviteKeys sealed: [UInt8], for invite: Bytes32, in workplace: ID<Workplace>, most: Int = .max
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

    public func inviteKeys(for invite: Bytes32, in workplace: ID<Workplace>) throws -> [UInt8]? {
        try read { db in
            try Data.fetchOne(
                db, sql: "SELECT sealed FROM invite_keys WHERE workplace = ? AND invite = ?",
                arguments: [workplace.bytes.data, invite.data]
            ).map { [UInt8]($0) }
        }
    }
}
