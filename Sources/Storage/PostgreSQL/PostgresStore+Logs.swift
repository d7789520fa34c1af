import Petitions
import Postgres
import Sodium
import Synchronization
import TransparencyLog

/// A transaction that has locked the logs that grow.
private final class LockingTurn: LogTurn {
    let store: PostgresStore
    let state: LogState
    private let lease: PostgresLease

    init(_ store: PostgresStore, _ state: LogState, _ lease: PostgresLease) {
        (self.store, self.state, self.lease) = (store, state, lease)
    }

    func commit(_ appends: [LogAppend], holding held: [ID<Petition>: [HeldCoSignature]]) async throws {
        defer { lease.end() }
        do {
            try await lease.run { connection in
                do {
                    try PostgresStore.apply(appends, connection)
                    for (petition, list) in held { try PostgresStore.hold(list, of: petition, connection) }
                } catch {
                    connection.rollBack()
                    throw error
                }
                try connection.commit()
            }
        } catch { throw StorageError(error) }
        try await store.heads?.record(appends)
    }

    func end() async {
        try? await lease.run { $0.rollBack() }
        lease.end()
    }
}

extension PostgresStore {
    public func state(_ query: LogQuery) async throws -> LogState {
        try await read { try Self.state(query, $0) }
    }

    public func turn(_ query: LogQuery) async throws -> any LogTurn {
        do {
            let lease = try await pool.lease()
            do {
                let state = try await lease.run { connection in
                    try connection.begin()
                    do {
                        let growing = Array(query.growing)
                        // All processes in one order, so that none waits for one that waits for it.
                        try connection.run(
                            """
                            SELECT id FROM logs JOIN unnest($1::bigint[], $2::bytea[]) AS wanted (kind, subject)
                            USING (kind, subject) ORDER BY id FOR UPDATE OF logs
                            """, [.ints(growing.map(\.kind)), .byteArrays(growing.map(\.subject.bytes))])
                        return try Self.state(query, connection)
                    } catch {
                        connection.rollBack()
                        throw error
                    }
                }
                return LockingTurn(self, state, lease)
            } catch {
                lease.end()
                throw error
            }
        } catch { throw StorageError(error) }
    }

    private struct LogRow {
        let id: Int64
        let log: LogName
        let size: Int
    }

    private static func rows(of logs: [LogName], _ connection: PostgresConnection) throws -> [LogName: LogRow] {
        let rows = try connection.run(
            """
            SELECT id, kind, subject, size FROM logs JOIN unnest($1::bigint[], $2::bytea[]) AS wanted (kind, subject)
            USING (kind, subject)
            """, [.ints(logs.map(\.kind)), .byteArrays(logs.map(\.subject.bytes))]
        ).map { row in
            LogRow(
                id: row.int(0) ?? 0, log: LogName(Int(row.int(1) ?? 0), row.bytes32(2)), size: Int(row.int(3) ?? 0))
        }
        return Dictionary(rows.map { ($0.log, $0) }, uniquingKeysWith: { a, _ in a })
    }

    /// Petitions before workplaces: in a turn each statement sees what was committed before it, and a petition's leaves may need the
    /// workplace's that are older than they.
    private static func state(_ query: LogQuery, _ connection: PostgresConnection) throws -> LogState {
        var state = LogState()
        let logs = query.sizes.sorted { $0.key.kind > $1.key.kind }
        for kind in [2, 1] {
            let some = logs.filter { $0.key.kind == kind }
            guard !some.isEmpty else { continue }
            let rows = try rows(of: some.map(\.key), connection)
            for (log, known) in some {
                let size = rows[log]?.size ?? 0
                guard size >= known else {
                    throw StorageError.wentBack(lost: .init(log: log, has: size, signed: known), logs: 1)
                }
                guard let row = rows[log], size > known else { continue }
                state.news[log] = .init(start: known, leaves: try leaves(of: row.id, from: known, connection))
            }
        }
        for (petition, held) in query.held { state.held[petition] = try Self.held(held, of: petition, connection) }
        return state
    }

    static func id(of log: LogName, _ connection: PostgresConnection) throws -> Int64? {
        try connection.run(
            "SELECT id FROM logs WHERE kind = $1 AND subject = $2", [.int(log.kind), .bytes(log.subject.bytes)]
        ).first?.int(0)
    }

    private static func leaves(of id: Int64, from start: Int, _ connection: PostgresConnection) throws -> [[UInt8]] {
        try connection.run(
            "SELECT bytes FROM leaves WHERE log = $1 AND place >= $2 ORDER BY place", [.int(id), .int(start)]
        ).map { $0.bytes(0) ?? [] }
    }

    // MARK: Writing

    static func apply(_ appends: [LogAppend], _ connection: PostgresConnection) throws {
        // New logs in one order too.
        for append in appends.sorted(by: { $0.log.subject.hex < $1.log.subject.hex }) { try apply(append, connection) }
    }

    private static func apply(_ append: LogAppend, _ connection: PostgresConnection) throws {
        let end = append.start + append.leaves.count
        let deadline = PostgresValue.int(append.deadline.map { Int64(clamping: $0) })
        let log =
            try append.start == 0 ? open(append, end, deadline, connection) : grow(append, end, deadline, connection)
        var hashes: [[UInt8]] = []
        var nodes: [MerkleTree.Node] = []
        for leaf in append.leaves {
            guard let hash = leaf.nodes.first?.hash else { throw StorageError.damaged }
            hashes.append(hash.bytes)
            nodes += leaf.nodes
        }
        try connection.run(
            """
            INSERT INTO leaves (log, place, hash, bytes)
            SELECT $1, $2 + row - 1, hash, bytes FROM unnest($3::bytea[], $4::bytea[]) WITH ORDINALITY AS new (hash, bytes, row)
            """, [.int(log), .int(append.start), .byteArrays(hashes), .byteArrays(append.leaves.map(\.bytes))])
        try connection.run(
            """
            INSERT INTO nodes (log, level, place, hash)
            SELECT $1, level, place, hash FROM unnest($2::bigint[], $3::bigint[], $4::bytea[]) AS new (level, place, hash)
            """,
            [
                .int(log), .ints(nodes.map(\.level)), .ints(nodes.map(\.index)), .byteArrays(nodes.map(\.hash.bytes)),
            ])
        try change(append.names, of: log, connection)
        if !append.mixed.isEmpty { try drop(append.mixed, from: log, connection) }
        try connection.run(
            "INSERT INTO checkpoints (log, size, note, published) VALUES ($1, $2, $3, $4)",
            [.int(log), .int(end), .text(append.note), .bool(append.isPublished)])
    }

    private static func open(
        _ append: LogAppend, _ end: Int, _ deadline: PostgresValue, _ connection: PostgresConnection
    ) throws -> Int64 {
        let id = try connection.run(
            "INSERT INTO logs (kind, subject, workplace, size, deadline) VALUES ($1, $2, $3, $4, $5) RETURNING id",
            [
                .int(append.log.kind), .bytes(append.log.subject.bytes), .bytes(append.workplace.bytes.bytes),
                .int(end), deadline,
            ]
        ).first?.int(0)
        guard let id else { throw PostgresError.unexpected }
        return id
    }

    /// Compares with the checkpoint that the writer has seen, and swaps the size: what a lock that was lost, or a server that has
    /// forgotten something, would let through.
    private static func grow(
        _ append: LogAppend, _ end: Int, _ deadline: PostgresValue, _ connection: PostgresConnection
    ) throws -> Int64 {
        let row = try connection.run(
            """
            SELECT id, logs.size, note FROM logs LEFT JOIN checkpoints ON log = id AND checkpoints.size = logs.size
            WHERE kind = $1 AND subject = $2
            """, [.int(append.log.kind), .bytes(append.log.subject.bytes)]
        ).first
        try append.follow(size: Int(row?.int(1) ?? 0), note: row?.text(2))
        guard let id = row?.int(0) else { throw PostgresError.unexpected }
        let swapped = try connection.run(
            "UPDATE logs SET size = $1, deadline = $2 WHERE id = $3 AND size = $4",
            [.int(end), deadline, .int(id), .int(append.start)])
        guard swapped.changed == 1 else { throw StorageError.conflict }
        return id
    }

    private static func change(
        _ names: [LogAppend.NameChange], of log: Int64, _ connection: PostgresConnection
    ) throws {
        guard !names.isEmpty else { return }
        // The last of a tag counts.
        var changes: [Bytes32: [UInt8]?] = [:]
        for name in names {
            switch name {
            case .keep(let tag, let sealed): changes[tag] = .some(sealed)
            case .delete(let tag): changes[tag] = .some(nil)
            }
        }
        try connection.run(
            "DELETE FROM names WHERE log = $1 AND tag = ANY ($2)", [.int(log), .byteArrays(changes.keys.map(\.bytes))])
        let kept = changes.compactMap { tag, sealed in sealed.map { (tag.bytes, $0) } }
        guard !kept.isEmpty else { return }
        try connection.run(
            "INSERT INTO names (log, tag, sealed) SELECT $1, * FROM unnest($2::bytea[], $3::bytea[])",
            [.int(log), .byteArrays(kept.map(\.0)), .byteArrays(kept.map(\.1))])
    }

    public func publish(_ log: LogName, size: Int, witnessed: String) async throws {
        try await write { connection in
            guard let id = try Self.id(of: log, connection) else { throw StorageError.damaged }
            let shown = try connection.run(
                "UPDATE checkpoints SET witnessed = $1, published = true WHERE log = $2 AND size = $3",
                [.text(witnessed.isEmpty ? nil : witnessed), .int(id), .int(size)])
            guard shown.changed == 1 else { throw StorageError.damaged }
            try connection.run(
                "UPDATE checkpoints SET witnessed = NULL WHERE log = $1 AND size < $2 AND witnessed IS NOT NULL",
                [.int(id), .int(size)])
        }
    }

    public func publishAll() async throws {
        try await write { connection in
            _ = try connection.run(
                """
                UPDATE checkpoints SET published = true FROM logs
                WHERE NOT published AND logs.id = log AND logs.size = checkpoints.size
                """)
        }
    }

    // MARK: Reading

    public func unpublished() async throws -> [LogName] { try await logs(whereNewest: "NOT published") }

    public func unwitnessed() async throws -> [LogName] {
        try await logs(whereNewest: "published AND witnessed IS NULL")
    }

    private func logs(whereNewest condition: String) async throws -> [LogName] {
        try await readOnce { connection in
            try connection.run(
                """
                SELECT kind, subject FROM logs JOIN checkpoints ON log = logs.id AND checkpoints.size = logs.size
                WHERE \(condition)
                """
            ).map { LogName(Int($0.int(0) ?? 0), $0.bytes32(1)) }
        }
    }

    public func leaves(of log: LogName, from start: Int) async throws -> [[UInt8]]? {
        try await read { connection in
            try Self.id(of: log, connection).map { try Self.leaves(of: $0, from: start, connection) }
        }
    }

    public func checkpoint(of log: LogName) async throws -> String? {
        try await shown(log, "AND published ORDER BY checkpoints.size DESC")?.note
    }

    public func newestCheckpoint(of log: LogName) async throws -> (size: Int, note: String)? {
        try await shown(log, "ORDER BY checkpoints.size DESC", witnessed: "NULL::text")
    }

    public func checkpoint(of log: LogName, covering leaf: Int) async throws -> (size: Int, note: String)? {
        try await shown(log, "AND checkpoints.size > $3 AND published ORDER BY checkpoints.size", [.int(leaf)])
    }

    /// The first checkpoint, with its witnesses' lines, once it is recorded as signed.
    private func shown(
        _ log: LogName, _ condition: String, _ values: [PostgresValue] = [], witnessed: String = "witnessed"
    ) async throws -> (size: Int, note: String)? {
        let found = try await readOnce { connection in
            try connection.run(
                """
                SELECT checkpoints.size, note, \(witnessed) FROM checkpoints JOIN logs ON logs.id = checkpoints.log
                WHERE kind = $1 AND subject = $2 \(condition) LIMIT 1
                """, [.int(log.kind), .bytes(log.subject.bytes)] + values
            ).first.map { (size: Int($0.int(0) ?? 0), note: $0.text(1) ?? "", witnessed: $0.text(2) ?? "") }
        }
        guard let found else { return nil }
        try await heads?.settle(log, size: found.size, note: found.note)
        return (found.size, found.note + found.witnessed)
    }

    public func tile(_ tile: Tile, of log: LogName) async throws -> [UInt8]? {
        guard let range = tile.range else { return nil }
        return try await readOnce { connection in
            let (kind, subject) = (PostgresValue.int(log.kind), PostgresValue.bytes(log.subject.bytes))
            let (low, high) = (PostgresValue.int(range.lowerBound), PostgresValue.int(range.upperBound))
            switch tile.kind {
            case .entries:
                let leaves = try connection.run(
                    """
                    SELECT bytes FROM leaves JOIN logs ON id = log
                    WHERE kind = $1 AND subject = $2 AND place >= $3 AND place < $4 ORDER BY place
                    """, [kind, subject, low, high]
                ).map { $0.bytes(0) ?? [] }
                return leaves.count == tile.count ? EntryBundle.encode(leaves) : nil
            case .hashes(let level):
                guard level < 8 else { return nil }
                let hashes = try connection.run(
                    """
                    SELECT hash FROM nodes JOIN logs ON id = log
                    WHERE kind = $1 AND subject = $2 AND level = $3 AND place >= $4 AND place < $5 ORDER BY place
                    """, [kind, subject, .int(8 * level), low, high]
                ).map { $0.bytes(0) ?? [] }
                return hashes.count == tile.count ? hashes.flatMap(\.self) : nil
            }
        }
    }

    public func sealedNames(of petition: ID<Petition>) async throws -> [Bytes32: [UInt8]] {
        try await readOnce { connection in
            let rows = try connection.run(
                "SELECT tag, sealed FROM names JOIN logs ON id = log WHERE kind = 2 AND subject = $1",
                [.bytes(petition.bytes.bytes)]
            ).map { ($0.bytes32(0), $0.bytes(1) ?? []) }
            return Dictionary(rows, uniquingKeysWith: { a, _ in a })
        }
    }

    public func petitionsDue(at time: UInt64) async throws -> [ID<Petition>] {
        try await readOnce { connection in
            try connection.run(
                "SELECT subject FROM logs WHERE kind = 2 AND deadline <= $1", [.int(Int64(clamping: time))]
            ).map { ID($0.bytes32(0)) }
        }
    }

    public func workplace(of petition: ID<Petition>) async throws -> ID<Workplace>? {
        try await readOnce { connection in
            try connection.run(
                "SELECT workplace FROM logs WHERE kind = 2 AND subject = $1", [.bytes(petition.bytes.bytes)]
            ).first.map { ID($0.bytes32(0)) }
        }
    }
}

// MARK: What waits to be mixed

extension PostgresStore {
    static func hold(
        _ list: [HeldCoSignature], of petition: ID<Petition>, _ connection: PostgresConnection
    ) throws {
        guard let log = try id(of: .petition(petition), connection) else { throw StorageError.damaged }
        // By their hashes, so that the table's rows do not stand in the order in which they came.
        let sorted = list.map { (hash: MerkleTree.leafHash($0.bytes), held: $0) }.sorted { $0.hash.hex < $1.hash.hex }
        try connection.run(
            """
            INSERT INTO held (log, hash, tag, bytes, sealed)
            SELECT $1, * FROM unnest($2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[])
            """,
            [
                .int(log), .byteArrays(sorted.map(\.hash.bytes)), .byteArrays(sorted.map(\.held.tag.bytes)),
                .byteArrays(sorted.map(\.held.bytes)), .byteArrays(sorted.map(\.held.sealedName)),
            ])
    }

    static func drop(_ tags: [Bytes32], from log: Int64, _ connection: PostgresConnection) throws {
        try connection.run(
            "DELETE FROM held WHERE log = $1 AND tag = ANY ($2)", [.int(log), .byteArrays(tags.map(\.bytes))])
    }

    static func held(
        _ wanted: LogQuery.Held, of petition: ID<Petition>, _ connection: PostgresConnection
    ) throws -> [HeldCoSignature] {
        let select = "SELECT tag, bytes, sealed FROM held JOIN logs ON id = log WHERE kind = 2 AND subject = $1"
        let subject = PostgresValue.bytes(petition.bytes.bytes)
        let rows =
            switch wanted {
            case .all: try connection.run(select + " ORDER BY hash", [subject])
            case .tags(let tags):
                try connection.run(
                    select + " AND tag = ANY ($2) ORDER BY hash", [subject, .byteArrays(tags.map(\.bytes))])
            }
        return rows.map { HeldCoSignature(tag: $0.bytes32(0), bytes: $0.bytes(1) ?? [], sealedName: $0.bytes(2)) }
    }

    public func heldCounts() async throws -> [ID<Petition>: Int] {
        try await readOnce { connection in
            let rows = try connection.run(
                "SELECT subject, count(*) FROM held JOIN logs ON logs.id = held.log GROUP BY subject"
            ).map { (ID<Petition>($0.bytes32(0)), Int($0.int(1) ?? 0)) }
            return Dictionary(rows, uniquingKeysWith: { a, _ in a })
        }
    }

    public func drop(held tags: [Bytes32], of petition: ID<Petition>) async throws {
        try await write { connection in
            guard let log = try Self.id(of: .petition(petition), connection) else { return }
            try Self.drop(tags, from: log, connection)
        }
    }
}
