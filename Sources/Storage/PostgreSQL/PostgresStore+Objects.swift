import Petitions
import Postgres
import Sodium

extension PostgresStore {
    /// Locks what a workplace keeps, so that its objects and keys come one after the other.
    static func lock(_ workplace: ID<Workplace>, _ connection: PostgresConnection) throws {
        let key = PostgresValue.bytes(workplace.bytes.bytes)
        try connection.run("INSERT INTO stored (workplace, bytes) VALUES ($1, 0) ON CONFLICT DO NOTHING", [key])
        try connection.run("SELECT bytes FROM stored WHERE workplace = $1 FOR UPDATE", [key])
    }

    /// Counts what a workplace, which is locked, and one of its members keep.
    /// - Throws: `StorageError.quota`.
    func grow(
        _ workplace: ID<Workplace>, _ author: Bytes32, by count: Int, _ quota: Quota, _ connection: PostgresConnection
    ) throws {
        guard count != 0 else { return }
        let kept = try kept(workplace, author, connection)
        try quota.check(adding: count, to: kept)
        room.add(count)
        let (workplace, author) = (
            PostgresValue.bytes(workplace.bytes.bytes), PostgresValue.bytes(author.bytes)
        )
        try connection.run(
            "UPDATE stored SET bytes = $2 WHERE workplace = $1", [workplace, .int(Int64(kept.workplace + count))])
        try connection.run(
            """
            INSERT INTO stored_by (workplace, author, bytes) VALUES ($1, $2, $3)
            ON CONFLICT (workplace, author) DO UPDATE SET bytes = excluded.bytes
            """, [workplace, author, .int(Int64(kept.author + count))])
    }

    private func kept(
        _ workplace: ID<Workplace>, _ author: Bytes32, _ connection: PostgresConnection
    ) throws -> Quota.Kept {
        let place = PostgresValue.bytes(workplace.bytes.bytes)
        let all = try connection.run("SELECT bytes FROM stored WHERE workplace = $1", [place]).first?.int(0)
        let own = try connection.run(
            "SELECT bytes FROM stored_by WHERE workplace = $1 AND author = $2", [place, .bytes(author.bytes)]
        ).first?.int(0)
        let total = try room.bytes {
            Int(try connection.run("SELECT sum(bytes)::bigint FROM stored").first?.int(0) ?? 0)
        }
        return Quota.Kept(workplace: Int(all ?? 0), author: Int(own ?? 0), total: total, free: room.free)
    }

    public func checkRoom(
        for count: Int, of workplace: ID<Workplace>, by author: Bytes32, within quota: Quota
    ) async throws {
        try await readOnce { connection in
            try quota.check(adding: count, to: self.kept(workplace, author, connection))
        }
    }

    public func hasObject(
        _ name: StoredObject.Name, in workplace: ID<Workplace>, revision: UInt32
    ) async throws -> Bool {
        try await readOnce { connection in
            try connection.run(
                "SELECT 1 FROM objects WHERE workplace = $1 AND kind = $2 AND object = $3 AND revision = $4",
                [
                    .bytes(workplace.bytes.bytes), .int(Int64(name.kind.rawValue)), .bytes(name.id.bytes.bytes),
                    .int(Int64(revision)),
                ]
            ).count > 0
        }
    }

    public func put(_ object: StoredObject, within quota: Quota) async throws {
        try await write { connection in
            let key: [PostgresValue] = [
                .bytes(object.workplace.bytes.bytes), .int(Int64(object.kind.rawValue)), .bytes(object.id.bytes.bytes),
            ]
            try Self.lock(object.workplace, connection)
            let newest = try connection.run(
                """
                SELECT revision, digest FROM objects WHERE workplace = $1 AND kind = $2 AND object = $3
                ORDER BY revision DESC LIMIT 1
                """, key
            ).first
            guard try object.follow(newest.map { (revision: $0.int(0) ?? 0, digest: $0.bytes32(1)) }) else { return }
            try self.grow(object.workplace, object.author, by: object.bytes.count, quota, connection)
            try connection.run(
                """
                INSERT INTO objects (workplace, kind, object, revision, place, author, digest, bytes)
                SELECT $1, $2, $3, $4, coalesce(max(place), 0) + 1, $5, $6, $7 FROM objects WHERE workplace = $1
                """,
                key + [
                    .int(Int64(object.revision)), .bytes(object.author.bytes), .bytes(object.digest.bytes),
                    .bytes(object.bytes),
                ])
        }
    }

    public func object(
        _ name: StoredObject.Name, in workplace: ID<Workplace>, revision: UInt32?
    ) async throws -> [UInt8]? {
        try await readOnce { connection in
            try connection.run(
                """
                SELECT bytes FROM objects
                WHERE workplace = $1 AND kind = $2 AND object = $3 AND ($4::bigint IS NULL OR revision = $4)
                ORDER BY revision DESC LIMIT 1
                """,
                [
                    .bytes(workplace.bytes.bytes), .int(Int64(name.kind.rawValue)), .bytes(name.id.bytes.bytes),
                    .int(revision.map { Int64($0) }),
                ]
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
                    FROM newest JOIN objects USING (object, revision) WHERE workplace = $1 AND kind = $2
                )
                SELECT object, revision, bytes, (SELECT count(*) FROM summed)
                FROM summed JOIN objects USING (object, revision)
                WHERE workplace = $1 AND kind = $2 AND row <= $5 AND (row = 1 OR sum <= $6) ORDER BY first
                """,
                [
                    .bytes(workplace.bytes.bytes), .int(Int64(kind.rawValue)), .int(most + 1), .int(after), .int(most),
                    .int(limit),
                ])
            let entries = rows.map { row in
                ObjectEntry(
                    id: ID(row.bytes32(0)), kind: kind, revision: UInt32(clamping: row.int(1) ?? 0),
                    bytes: row.bytes(2) ?? [])
            }
            let isMore = Int(rows.first?.int(3) ?? 0) > entries.count
            return (entries, isMore ? after + entries.count : nil)
        }
    }
}
