import Petitions
import Postgres
import Sodium
import TransparencyLog

/// Co-signatures between their acknowledgement and the log.
extension PostgresStore {
    static func hold(
        _ list: [HeldCoSignature], of petition: ID<Petition>, _ connection: PostgresConnection
    ) throws {
        guard let log = try id(of: .petition(petition), connection) else { throw StorageError.damaged }
        // By their hashes, so that the table's rows do not stand in the order in which they came.
        let sorted = list.map { (hash: MerkleTree.leafHash($0.bytes), held: $0) }.sorted { $0.hash.hex < $1.hash.hex }
        try connection.run(
            """
            INSERT INTO held (log, hash, tag, until, bytes, sealed)
            SELECT $1, * FROM unnest($2::bytea[], $3::bytea[], $4::bigint[], $5::bytea[], $6::bytea[])
            """,
            [
                .int(log), .byteArrays(sorted.map(\.hash.bytes)), .byteArrays(sorted.map(\.held.tag.bytes)),
                .ints(sorted.map { Int(clamping: $0.held.until) }), .byteArrays(sorted.map(\.held.bytes)),
                .byteArrays(sorted.map(\.held.sealedName)),
            ])
    }

    static func drop(_ tags: [Bytes32], from log: Int64, _ connection: PostgresConnection) throws {
        try connection.run(
            "DELETE FROM held WHERE log = $1 AND tag = ANY ($2)", [.int(log), .byteArrays(tags.map(\.bytes))])
    }

    static func held(
        _ wanted: LogQuery.Held, of petition: ID<Petition>, _ connection: PostgresConnection
    ) throws -> [HeldCoSignature] {
        let select = "SELECT tag, bytes, sealed, until FROM held JOIN logs ON id = log WHERE kind = 2 AND subject = $1"
        let subject = PostgresValue.bytes(petition.bytes.bytes)
        let rows =
            switch wanted {
            case .all: try connection.run(select + " ORDER BY hash", [subject])
            case .tags(let tags):
                try connection.run(
                    select + " AND tag = ANY ($2) ORDER BY hash", [subject, .byteArrays(tags.map(\.bytes))])
            }
        return rows.map {
            HeldCoSignature(
                tag: $0.bytes32(0), bytes: $0.bytes(1) ?? [], sealedName: $0.bytes(2),
                until: UInt64(clamping: $0.int(3) ?? 0))
        }
    }

    public func heldCounts() async throws -> [ID<Petition>: HeldCount] {
        try await readOnce { connection in
            let rows = try connection.run(
                "SELECT subject, count(*), min(until) FROM held JOIN logs ON logs.id = held.log GROUP BY subject"
            ).map {
                (
                    ID<Petition>($0.bytes32(0)),
                    HeldCount(count: Int($0.int(1) ?? 0), until: UInt64(clamping: $0.int(2) ?? 0))
                )
            }
            return Dictionary(rows, uniquingKeysWith: { a, _ in a })
        }
    }

    public func drop(held tags: [Bytes32], of petition: ID<Petition>) async throws {
        try await write { connection in
            guard let log = try Self.id(of: .petition(petition), connection) else { return }
            try Self.drop(tags, from: log, connection)
        }
    }

    public func promise(
        _ petition: ID<Petition>, leaves: [Int], until: UInt64
    ) async throws -> [Int: UInt64] {
        try await write { connection in
            guard let log = try Self.id(of: .petition(petition), connection) else { throw StorageError.damaged }
            let (id, places) = (PostgresValue.int(log), PostgresValue.ints(leaves))
            // In one order, so that no process waits for one that waits for it.
            try connection.run(
                """
                INSERT INTO promises (log, place, until) SELECT $1, place, $3 FROM unnest($2::bigint[]) AS new (place)
                ORDER BY place ON CONFLICT DO NOTHING
                """, [id, places, .int(Int64(clamping: until))])
            let kept = try connection.run(
                "SELECT place, until FROM promises WHERE log = $1 AND place = ANY ($2)", [id, places]
            ).map { (Int($0.int(0) ?? 0), UInt64(clamping: $0.int(1) ?? 0)) }
            return Dictionary(kept, uniquingKeysWith: { a, _ in a })
        }
    }
}
