import Foundation
import GRDB
import Petitions
import Sodium
import Synchronization

/// Wrapped group keys, and what waits for newcomers.
extension SQLiteStore {
    public func put(
        _ wraps: [KeyWrap], by maker: Bytes32, in workplace: ID<Workplace>, places: WrapPlaces, within quota: Quota
    ) async throws {
        try await write { db in
            for wrap in wraps { try self.put(wrap, by: maker, in: workplace, places, quota, db) }
        }
    }

    private func put(
        _ wrap: KeyWrap, by maker: Bytes32, in workplace: ID<Workplace>, _ places: WrapPlaces, _ quota: Quota,
        _ db: Database
    ) throws {
        let place: [any DatabaseValueConvertible] = [workplace.bytes.data, Int64(wrap.epoch), wrap.member.data]
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT author, wrap, signature, length(wrap) + length(signature) AS bytes FROM wraps
                WHERE workplace = ? AND epoch = ? AND member = ?
                """, arguments: StatementArguments(place))
        let own = rows.first { $0["author"] as Data == maker.data }
        if let own, [UInt8](own["wrap"] as Data) == wrap.wrap, [UInt8](own["signature"] as Data) == wrap.signature {
            return
        }
        let isWanted = try Self.isWanted(wrap.member, in: workplace, db)
        let makers = rows.map { ($0["author"] as Data).bytes32 }
        for gone in [own.map { _ in maker }, try places.evicted(for: maker, among: makers, isWanted: isWanted)] {
            guard let gone, let row = rows.first(where: { $0["author"] as Data == gone.data }) else { continue }
            try grow(workplace, gone, by: -(row["bytes"] as Int), quota, db)
            try db.execute(
                sql: "DELETE FROM wraps WHERE workplace = ? AND epoch = ? AND member = ? AND author = ?",
                arguments: StatementArguments(place + [gone.data] as [any DatabaseValueConvertible]))
        }
        try grow(workplace, maker, by: wrap.wrap.count + wrap.signature.count, quota, db)
        try db.execute(
            sql: "INSERT INTO wraps (workplace, epoch, member, author, wrap, signature) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: StatementArguments(
                place + [maker.data, Data(wrap.wrap), Data(wrap.signature)] as [any DatabaseValueConvertible]))
        if isWanted {
            try db.execute(
                sql: "DELETE FROM wanted WHERE workplace = ? AND member = ?",
                arguments: [workplace.bytes.data, wrap.member.data])
        }
    }

    private static func isWanted(_ member: Bytes32, in workplace: ID<Workplace>, _ db: Database) throws -> Bool {
        try Bool.fetchOne(
            db, sql: "SELECT count(*) FROM wanted WHERE workplace = ? AND member = ?",
            arguments: [workplace.bytes.data, member.data]) ?? false
    }

    public func wraps(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> [KeyWrap] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT member, author, wrap, signature FROM wraps WHERE workplace = ? AND epoch = ?
                    ORDER BY member, author
                    """, arguments: [workplace.bytes.data, Int64(epoch)]
            ).map {
                KeyWrap(
                    epoch: epoch, member: ($0["member"] as Data).bytes32, wrap: [UInt8]($0["wrap"] as Data),
                    by: ($0["author"] as Data).bytes32, signature: [UInt8]($0["signature"] as Data))
            }
        }
    }

    public func wrappedMembers(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> Set<Bytes32> {
        try await read { db in
            Set(
                try Data.fetchAll(
                    db, sql: "SELECT DISTINCT member FROM wraps WHERE workplace = ? AND epoch = ?",
                    arguments: [workplace.bytes.data, Int64(epoch)]
                ).map(\.bytes32))
        }
    }

    public func want(wrapFor member: Bytes32, in workplace: ID<Workplace>) async throws {
        try await write { db in
            try db.execute(
                sql: "INSERT INTO wanted (workplace, member) VALUES (?, ?) ON CONFLICT DO NOTHING",
                arguments: [workplace.bytes.data, member.data])
        }
    }

    public func wantingMembers(in workplace: ID<Workplace>) async throws -> Set<Bytes32> {
        try await read { db in
            Set(
                try Data.fetchAll(
                    db, sql: "SELECT member FROM wanted WHERE workplace = ?", arguments: [workplace.bytes.data]
                ).map(\.bytes32))
        }
    }

    // MARK: Invites

    public func put(_ invite: StoredInvite, under name: Bytes32, within quota: Quota) async throws {
        try await write { db in
            if let row = try Row.fetchOne(db, sql: "SELECT * FROM invites WHERE name = ?", arguments: [name.data]) {
                guard Self.invite(row) == invite else { throw StorageError.conflict }
                return
            }
            try self.grow(invite.workplace, invite.author, by: invite.sealed.count, quota, db)
            // An invite has one name: the table's own constraint says so when it has another.
            try db.execute(
                sql: "INSERT INTO invites (name, workplace, invite, author, sealed) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    name.data, invite.workplace.bytes.data, invite.key.data, invite.author.data, Data(invite.sealed),
                ])
        }
    }

    private static func invite(_ row: Row) -> StoredInvite? {
        guard let key = row["invite"] as Data?, let author = row["author"] as Data?, let sealed = row["sealed"] as Data?
        else { return nil }
        return StoredInvite(
            workplace: ID((row["workplace"] as Data).bytes32), key: key.bytes32, sealed: [UInt8](sealed),
            author: author.bytes32)
    }

    public func invite(_ name: Bytes32) async throws -> StoredInvite? {
        try await read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM invites WHERE name = ?", arguments: [name.data]).flatMap {
                Self.invite($0)
            }
        }
    }

    public func drop(invites keys: [Bytes32], of workplace: ID<Workplace>) async throws {
        let dropped = try await write { db in try self.drop(invites: keys, of: workplace, db) }
        guard dropped > 0 else { return }
        leftovers.withLock { $0 = true }
        await eraseLeftovers()
    }

    /// The name stays, so that it is not used again.
    /// - Returns: how many had something.
    func drop(invites keys: [Bytes32], of workplace: ID<Workplace>, _ db: Database) throws -> Int {
        var dropped = 0
        for key in keys {
            let row = try Row.fetchOne(
                db, sql: "SELECT * FROM invites WHERE workplace = ? AND invite = ?",
                arguments: [workplace.bytes.data, key.data])
            guard let row, let invite = Self.invite(row) else { continue }
            dropped += 1
            try grow(workplace, invite.author, by: -invite.sealed.count, .unlimited, db)
            try db.execute(
                sql: "UPDATE invites SET invite = NULL, author = NULL, sealed = NULL WHERE name = ?",
                arguments: [row["name"] as Data])
        }
        return dropped
    }
}
