import Petitions
import Postgres
import Sodium

extension PostgresStore {
    /// Locks what a workplace keeps, so that its objects come one after the other, and counts what is added.
    /// - Throws: `StorageError.quota`.
    private static func grow(
        _ workplace: ID<Workplace>, _ most: Int, _ connection: PostgresConnection,
        by count: () throws -> Int
    ) throws {
        let key = PostgresValue.bytes(workplace.bytes.bytes)
        try connection.run("INSERT INTO stored (workplace, bytes) VALUES ($1, 0) ON CONFLICT DO NOTHING", [key])
        let stored = try connection.run("SELECT bytes FROM stored WHERE workplace = $1 FOR UPDATE", [key]).first?.int(0)
        let count = try count()
        guard count != 0 else { return }
        let sum = Int(stored ?? 0).addingReportingOverflow(count)
        guard !sum.overflow, count < 0 || sum.partialValue <= most else { throw StorageError.quota }
        try connection.run("UPDATE stored SET bytes = $2 WHERE workplace = $1", [key, .int(sum.partialValue)])
    }

    public func put(_ object: StoredObject, most: Int) async throws {
        try await write { connection in
            let (workplace, id) = (
                PostgresValue.bytes(object.workplace.bytes.bytes), PostgresValue.bytes(object.id.bytes.bytes)
            )
            try Self.grow(object.workplace, most, connection) {
                let newest = try connection.run(
                    """
                    SELECT revision, kind, digest FROM objects WHERE workplace = $1 AND object = $2
                    ORDER BY revision DESC LIMIT 1
                    """, [workplace, id]
                ).first
                let revision = newest?.int(0) ?? 0
                // The very same bytes again: the answer to the first was lost on the way.
                if revision == Int64(object.revision), newest?.bytes32(2) == object.digest { return 0 }
                guard Int64(object.revision) == revision + 1, object.parent == newest?.bytes32(2) ?? .zero,
                    newest.map({ $0.int(1) == Int64(object.kind.rawValue) }) ?? true
                else { throw StorageError.conflict }
                try connection.run(
                    """
                    INSERT INTO objects (workplace, object, revision, place, kind, digest, bytes)
                    SELECT $1, $2, $3, coalesce(max(place), 0) + 1, $4, $5, $6 FROM objects WHERE workplace = $1
                    """,
                    [
                        workplace, id, .int(Int64(object.revision)), .int(Int64(object.kind.rawValue)),
                        .bytes(object.digest.bytes), .bytes(object.bytes),
                    ])
                return object.bytes.count
            }
        }
    }

    public func object(_ id: ID<Object>, in workplace: ID<Workplace>, revision: UInt32?) async throws -> [UInt8]? {
        try await readOnce { connection in
            try connection.run(
                """
                SELECT bytes FROM objects WHERE workplace = $1 AND object = $2 AND ($3::bigint IS NULL OR revision = $3)
                ORDER BY revision DESC LIMIT 1
                """,
                [.bytes(workplace.bytes.bytes), .bytes(id.bytes.bytes), .int(revision.map { Int64($0) })]
            ).first?.bytes(0)
        }
    }

    public func objects(
        of kind: StoredObject.Kind, in workplace: ID<Workplace>, after: Int, most: Int, bytes limit: Int
    ) async throws -> (entries: [ObjectEntry], next: Int?) {
        try await readOnce { connection in
            // As many as fit, and the first; and whether there are more.
            let rows = try connection.run(
                """
                WITH newest AS (
                    SELECT object, max(revision) AS revision, min(place) AS first FROM objects
                    WHERE workplace = $1 AND kind = $2 GROUP BY object ORDER BY first LIMIT $3 OFFSET $4
                ), summed AS (
                    SELECT object, revision, first, row_number() OVER (ORDER BY first) AS row,
                        sum(length(bytes)) OVER (ORDER BY first) AS sum
                    FROM newest JOIN objects USING (object, revision) WHERE workplace = $1
                )
                SELECT object, revision, digest, bytes, (SELECT count(*) FROM summed)
                FROM summed JOIN objects USING (object, revision)
                WHERE workplace = $1 AND row <= $5 AND (row = 1 OR sum <= $6) ORDER BY first
                """,
                [
                    .bytes(workplace.bytes.bytes), .int(Int64(kind.rawValue)), .int(most + 1), .int(after), .int(most),
                    .int(limit),
                ])
            let entries = rows.map { row in
                ObjectEntry(
                    id: ID(row.bytes32(0)), kind: kind, revision: UInt32(clamping: row.int(1) ?? 0),
                    digest: row.bytes32(2), bytes: row.bytes(3) ?? [])
            }
            let isMore = Int(rows.first?.int(4) ?? 0) > entries.count
            return (entries, isMore ? after + entries.count : nil)
        }
    }

    public func put(_ wraps: [StoredWrap], by author: Bytes32, in workplace: ID<Workplace>, most: Int) async throws {
        try await write { connection in
            try Self.grow(workplace, most, connection) {
                var grown = 0
                for wrap in wraps {
                    let key: [PostgresValue] = [
                        .bytes(workplace.bytes.bytes), .bytes(wrap.member.bytes), .int(Int64(wrap.epoch)),
                        .bytes(author.bytes),
                    ]
                    let before = try connection.run(
                        """
                        SELECT length(wrap) FROM wraps
                        WHERE workplace = $1 AND member = $2 AND epoch = $3 AND author = $4
                        """, key
                    ).first?.int(0)
                    grown += wrap.wrap.count - Int(before ?? 0)
                    try connection.run(
                        """
                        INSERT INTO wraps (workplace, member, epoch, author, wrap) VALUES ($1, $2, $3, $4, $5)
                        ON CONFLICT (workplace, member, epoch, author) DO UPDATE SET wrap = excluded.wrap
                        """, key + [.bytes(wrap.wrap)])
                }
                return grown
            }
        }
    }

    public func wraps(of member: Bytes32, in workplace: ID<Workplace>) async throws -> [StoredWrap] {
        try await readOnce { connection in
            try connection.run(
                "SELECT epoch, wrap FROM wraps WHERE workplace = $1 AND member = $2 ORDER BY epoch, author",
                [.bytes(workplace.bytes.bytes), .bytes(member.bytes)]
            ).map { StoredWrap(member: member, epoch: UInt32(clamping: $0.int(0) ?? 0), wrap: $0.bytes(1) ?? []) }
        }
    }

    public func wrappedMembers(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> Set<Bytes32> {
        try await readOnce { connection in
            Set(
                try connection.run(
                    "SELECT member FROM wraps WHERE workplace = $1 AND epoch = $2",
                    [.bytes(workplace.bytes.bytes), .int(Int64(epoch))]
                ).map { $0.bytes32(0) })
        }
    }

    public func put(
        inviteKeys sealed: [UInt8], for invite: Bytes32, in workplace: ID<Workplace>, most: Int
    ) async throws {
        try await write { connection in
            let key: [PostgresValue] = [.bytes(workplace.bytes.bytes), .bytes(invite.bytes)]
            try Self.grow(workplace, most, connection) {
                let before = try connection.run(
                    "SELECT length(sealed) FROM invite_keys WHERE workplace = $1 AND invite = $2", key
                ).first?.int(0)
                try connection.run(
                    """
                    INSERT INTO invite_keys (workplace, invite, sealed) VALUES ($1, $2, $3)
                    ON CONFLICT (workplace, invite) DO UPDATE SET sealed = excluded.sealed
                    """, key + [.bytes(sealed)])
                return sealed.count - Int(before ?? 0)
            }
        }
    }

    public func inviteKeys(for invite: Bytes32, in workplace: ID<Workplace>) async throws -> [UInt8]? {
        try await readOnce { connection in
            try connection.run(
                "SELECT sealed FROM invite_keys WHERE workplace = $1 AND invite = $2",
                [.bytes(workplace.bytes.bytes), .bytes(invite.bytes)]
            ).first?.bytes(0)
        }
    }
}
