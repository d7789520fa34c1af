import Petitions
import Postgres
import Sodium

/// Wrapped group keys, and what waits for newcomers.
extension PostgresStore {
    public func put(
        _ wraps: [KeyWrap], by maker: Bytes32, in workplace: ID<Workplace>, places: WrapPlaces, within quota: Quota
    ) async throws {
        try await write { connection in
            try Self.lock(workplace, connection)
            for wrap in wraps { try self.put(wrap, by: maker, in: workplace, places, quota, connection) }
        }
    }

    private func put(
        _ wrap: KeyWrap, by maker: Bytes32, in workplace: ID<Workplace>, _ places: WrapPlaces, _ quota: Quota,
        _ connection: PostgresConnection
    ) throws {
        let member: [PostgresValue] = [.bytes(workplace.bytes.bytes), .bytes(wrap.member.bytes)]
        let place = member + [.int(Int64(wrap.epoch))]
        let rows = try connection.run(
            "SELECT author, wrap, signature FROM wraps WHERE workplace = $1 AND member = $2 AND epoch = $3", place
        ).map { (maker: $0.bytes32(0), wrap: $0.bytes(1) ?? [], signature: $0.bytes(2) ?? []) }
        let own = rows.first { $0.maker == maker }
        if let own, own.wrap == wrap.wrap, own.signature == wrap.signature { return }
        let isWanted =
            try connection.run("SELECT 1 FROM wanted WHERE workplace = $1 AND member = $2", member).count > 0
        let evicted = try places.evicted(for: maker, among: rows.map(\.maker), isWanted: isWanted)
        for row in rows where row.maker == maker || row.maker == evicted {
            try grow(workplace, row.maker, by: -(row.wrap.count + row.signature.count), quota, connection)
            try connection.run(
                "DELETE FROM wraps WHERE workplace = $1 AND member = $2 AND epoch = $3 AND author = $4",
                place + [.bytes(row.maker.bytes)])
        }
        try grow(workplace, maker, by: wrap.wrap.count + wrap.signature.count, quota, connection)
        try connection.run(
            """
            INSERT INTO wraps (workplace, member, epoch, author, wrap, signature) VALUES ($1, $2, $3, $4, $5, $6)
            """, place + [.bytes(maker.bytes), .bytes(wrap.wrap), .bytes(wrap.signature)])
        if isWanted { try connection.run("DELETE FROM wanted WHERE workplace = $1 AND member = $2", member) }
    }

    public func wraps(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> [KeyWrap] {
        try await readOnce { connection in
            try connection.run(
                """
                SELECT member, author, wrap, signature FROM wraps WHERE workplace = $1 AND epoch = $2
                ORDER BY member, author
                """, [.bytes(workplace.bytes.bytes), .int(Int64(epoch))]
            ).map {
                KeyWrap(
                    epoch: epoch, member: $0.bytes32(0), wrap: $0.bytes(2) ?? [], by: $0.bytes32(1),
                    signature: $0.bytes(3) ?? [])
            }
        }
    }

    public func wrappedMembers(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> Set<Bytes32> {
        try await readOnce { connection in
            Set(
                try connection.run(
                    "SELECT DISTINCT member FROM wraps WHERE workplace = $1 AND epoch = $2",
                    [.bytes(workplace.bytes.bytes), .int(Int64(epoch))]
                ).map { $0.bytes32(0) })
        }
    }

    public func want(wrapFor member: Bytes32, in workplace: ID<Workplace>) async throws {
        try await write { connection in
            _ = try connection.run(
                "INSERT INTO wanted (workplace, member) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                [.bytes(workplace.bytes.bytes), .bytes(member.bytes)])
        }
    }

    public func wantingMembers(in workplace: ID<Workplace>) async throws -> Set<Bytes32> {
        try await readOnce { connection in
            Set(
                try connection.run(
                    "SELECT member FROM wanted WHERE workplace = $1", [.bytes(workplace.bytes.bytes)]
                ).map { $0.bytes32(0) })
        }
    }

    // MARK: Invites

    public func put(_ invite: StoredInvite, under name: Bytes32, within quota: Quota) async throws {
        try await write { connection in
            try Self.lock(invite.workplace, connection)
            if let row = try Self.row(of: name, connection) {
                guard row == .some(invite) else { throw StorageError.conflict }
                return
            }
            try self.grow(invite.workplace, invite.author, by: invite.sealed.count, quota, connection)
            // An invite has one name, and a name one invite of one workplace: the table's own constraints say so
            // otherwise.
            try connection.run(
                "INSERT INTO invites (name, workplace, invite, author, sealed) VALUES ($1, $2, $3, $4, $5)",
                [
                    .bytes(name.bytes), .bytes(invite.workplace.bytes.bytes), .bytes(invite.key.bytes),
                    .bytes(invite.author.bytes), .bytes(invite.sealed),
                ])
        }
    }

    /// Nil for a name that was never used; nil in it for one under which nothing is any more.
    private static func row(of name: Bytes32, _ connection: PostgresConnection) throws -> StoredInvite?? {
        let rows = try connection.run(
            "SELECT workplace, invite, author, sealed FROM invites WHERE name = $1", [.bytes(name.bytes)])
        guard let row = rows.first else { return nil }
        guard row.bytes(1) != nil, row.bytes(2) != nil, let sealed = row.bytes(3) else { return .some(nil) }
        return StoredInvite(workplace: ID(row.bytes32(0)), key: row.bytes32(1), sealed: sealed, author: row.bytes32(2))
    }

    public func invite(_ name: Bytes32) async throws -> StoredInvite? {
        try await readOnce { try Self.row(of: name, $0).flatMap(\.self) }
    }

    public func drop(invites keys: [Bytes32], of workplace: ID<Workplace>) async throws {
        try await write { try self.drop(invites: keys, of: workplace, $0) }
    }

    /// The name stays, so that it is not used again.
    func drop(
        invites keys: [Bytes32], of workplace: ID<Workplace>, _ connection: PostgresConnection
    ) throws {
        guard !keys.isEmpty else { return }
        try Self.lock(workplace, connection)
        let rows = try connection.run(
            "SELECT name, author, length(sealed) FROM invites WHERE workplace = $1 AND invite = ANY ($2)",
            [.bytes(workplace.bytes.bytes), .byteArrays(keys.map(\.bytes))]
        ).map { (name: $0.bytes32(0), author: $0.bytes32(1), count: Int($0.int(2) ?? 0)) }
        for row in rows {
            try grow(workplace, row.author, by: -row.count, .unlimited, connection)
            try connection.run(
                "UPDATE invites SET invite = NULL, author = NULL, sealed = NULL WHERE name = $1",
                [.bytes(row.name.bytes)])
        }
    }
}
