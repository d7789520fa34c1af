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
        try store.ownership.checkFiles()
        do {
            try await lease.run { [store] connection in
                do {
                    try store.apply(appends, connection)
                    for (petition, list) in held { try PostgresStore.hold(list, of: petition, connection) }
                } catch {
                    connection.rollBack()
                    throw error
                }
                try connection.commit()
            }
        } catch { throw store.ownership.noted(StorageError(error)) }
        try await store.recording { [store] in try await $0.record(appends, losses: store.losses) }
        store.ownership.wrote()
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
        try ownership.checkFiles()
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
        let legacy: Int
    }

    private static func rows(of logs: [LogName], _ connection: PostgresConnection) throws -> [LogName: LogRow] {
        let rows = try connection.run(
            """
            SELECT id, kind, subject, size, legacy FROM logs
            JOIN unnest($1::bigint[], $2::bytea[]) AS wanted (kind, subject) USING (kind, subject)
            """, [.ints(logs.map(\.kind)), .byteArrays(logs.map(\.subject.bytes))]
        ).map { row in
            LogRow(
                id: row.int(0) ?? 0, log: LogName(Int(row.int(1) ?? 0), row.bytes32(2)), size: Int(row.int(3) ?? 0),
                legacy: Int(row.int(4) ?? 0))
        }
        return Dictionary(rows.map { ($0.log, $0) }, uniquingKeysWith: { a, _ in a })
    }

    /// Petitions before workplaces: in a turn each statement sees what was committed before it, and a petition's leaves
    /// may need the workplace's that are older than they.
    private static func state(_ query: LogQuery, _ connection: PostgresConnection) throws -> LogState {
        var state = LogState()
        let logs = query.sizes.sorted { $0.key.kind > $1.key.kind }
        for kind in [2, 1] {
            let some = logs.filter { $0.key.kind == kind }
            guard !some.isEmpty else { continue }
            let rows = try rows(of: some.map(\.key), connection)
            for (log, known) in some {
                guard try query.isNews(rows[log]?.size ?? 0, of: log), let row = rows[log] else { continue }
                state.news[log] = .init(
                    start: known, leaves: try leaves(of: row.id, from: known, connection), legacy: row.legacy)
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

    func apply(_ appends: [LogAppend], _ connection: PostgresConnection) throws {
        // New logs in one order too.
        for append in appends.sorted(by: { $0.log.subject.hex < $1.log.subject.hex }) { try apply(append, connection) }
    }

    private func apply(_ append: LogAppend, _ connection: PostgresConnection) throws {
        let end = append.start + append.leaves.count
        let deadline = PostgresValue.int(append.deadline.map { Int64(clamping: $0) })
        let log =
            try append.start == 0
            ? Self.open(append, end, deadline, connection) : Self.grow(append, end, deadline, connection)
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
        try Self.change(append.names, of: log, connection)
        if !append.mixed.isEmpty { try Self.drop(append.mixed, from: log, connection) }
        let promises = append.promises
        if !promises.isEmpty {
            try connection.run(
                "INSERT INTO promises (log, place, until) SELECT $1, * FROM unnest($2::bigint[], $3::bigint[])",
                [.int(log), .ints(promises.map(\.place)), .ints(promises.map { Int(clamping: $0.until) })])
        }
        try drop(invites: append.closedInvites, of: append.workplace, connection)
        try connection.run(
            "INSERT INTO checkpoints (log, size, note, published) VALUES ($1, $2, $3, $4)",
            [.int(log), .int(end), .text(append.note), .bool(append.isPublished)])
    }

    private static func open(
        _ append: LogAppend, _ end: Int, _ deadline: PostgresValue, _ connection: PostgresConnection
    ) throws -> Int64 {
        let id = try connection.run(
            """
            INSERT INTO logs (kind, subject, workplace, size, deadline, live) VALUES ($1, $2, $3, $4, $5, $6)
            RETURNING id
            """,
            [
                .int(append.log.kind), .bytes(append.log.subject.bytes), .bytes(append.workplace.bytes.bytes),
                .int(end), deadline, .bool(append.isLive),
            ]
        ).first?.int(0)
        guard let id else { throw PostgresError.unexpected }
        return id
    }

    /// Compares with the checkpoint that the writer has seen, and swaps the size: what a lock that was lost, or a
    /// server that has forgotten something, would let through.
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
            "UPDATE logs SET size = $1, deadline = $2, live = $5 WHERE id = $3 AND size = $4",
            [.int(end), deadline, .int(id), .int(append.start), .bool(append.isLive)])
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

    public func publish(_ log: LogName, size: Int, witnessed: String, isShown: Bool) async throws {
        try await write { connection in
            guard let id = try Self.id(of: log, connection) else { throw StorageError.damaged }
            let kept = try connection.run(
                "UPDATE checkpoints SET witnessed = $1, published = published OR $4 WHERE log = $2 AND size = $3",
                [.text(witnessed.isEmpty ? nil : witnessed), .int(id), .int(size), .bool(isShown)])
            guard kept.changed == 1 else { throw StorageError.damaged }
            guard isShown else { return }
            try connection.run(
                "UPDATE checkpoints SET witnessed = NULL WHERE log = $1 AND size < $2 AND witnessed IS NOT NULL",
                [.int(id), .int(size)])
            try connection.run("DELETE FROM promises WHERE log = $1 AND place < $2", [.int(id), .int(size)])
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
        try await kept(log, "AND published ORDER BY checkpoints.size DESC").map { $0.note + $0.witnessed }
    }

    public func newestCheckpoint(of log: LogName) async throws -> StoredCheckpoint? {
        try await kept(log, "ORDER BY checkpoints.size DESC")
    }

    public func checkpoint(of log: LogName, covering leaf: Int) async throws -> (size: Int, note: String)? {
        try await kept(log, "AND checkpoints.size > $3 AND published ORDER BY checkpoints.size", [.int(leaf)]).map {
            ($0.size, $0.note + $0.witnessed)
        }
    }

    /// The first such checkpoint, once it is recorded as signed.
    private func kept(
        _ log: LogName, _ condition: String, _ values: [PostgresValue] = []
    ) async throws -> StoredCheckpoint? {
        let found = try await readOnce { connection in
            try connection.run(
                """
                SELECT checkpoints.size, note, witnessed, published FROM checkpoints
                JOIN logs ON logs.id = checkpoints.log WHERE kind = $1 AND subject = $2 \(condition) LIMIT 1
                """, [.int(log.kind), .bytes(log.subject.bytes)] + values
            ).first.map {
                StoredCheckpoint(
                    size: Int($0.int(0) ?? 0), note: $0.text(1) ?? "", witnessed: $0.text(2) ?? "",
                    isShown: $0.bool(3))
            }
        }
        guard let found else { return nil }
        try await recording { try await $0.settle(log, size: found.size, note: found.note, losses: losses) }
        return found
    }

    /// What is recorded is shown after that, if this is still the record that a service would open.
    func recording(_ body: (SignedHeads) async throws -> Void) async throws {
        guard let heads else { return }
        do { try await body(heads) } catch { throw ownership.noted(StorageError(error)) }
        try ownership.checkFiles()
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
                    SELECT hash, bytes FROM leaves JOIN logs ON id = log
                    WHERE kind = $1 AND subject = $2 AND place >= $3 AND place < $4 ORDER BY place
                    """, [kind, subject, low, high]
                ).map { (hash: $0.bytes(0) ?? [], bytes: $0.bytes(1) ?? []) }
                return leaves.count == tile.count ? try StoredTile.entries(leaves) : nil
            case .hashes(let level):
                guard level < 8 else { return nil }
                let hashes = try connection.run(
                    """
                    SELECT hash FROM nodes JOIN logs ON id = log
                    WHERE kind = $1 AND subject = $2 AND level = $3 AND place >= $4 AND place < $5 ORDER BY place
                    """, [kind, subject, .int(8 * level), low, high]
                ).map { $0.bytes32(0) }
                guard hashes.count == tile.count else { return nil }
                try Self.check(hashes, StoredTile(level: level, range: range), of: log, connection)
                return hashes.flatMap(\.bytes)
            }
        }
    }

    private static func check(
        _ hashes: [Bytes32], _ tile: StoredTile, of log: LogName, _ connection: PostgresConnection
    ) throws {
        let (kind, subject) = (PostgresValue.int(log.kind), PostgresValue.bytes(log.subject.bytes))
        let rows = try connection.run(
            """
            SELECT level, place, hash FROM logs JOIN nodes ON log = id
            JOIN unnest($3::bigint[], $4::bigint[]) AS wanted (level, place) USING (level, place)
            WHERE kind = $1 AND subject = $2
            """, [kind, subject, .ints(tile.nodes.map(\.level)), .ints(tile.nodes.map(\.index))]
        ).map { (StoredTile.Place(level: Int($0.int(0) ?? 0), index: Int($0.int(1) ?? 0)), $0.bytes32(2)) }
        let leaf = try tile.leaf.flatMap { leaf in
            try connection.run(
                "SELECT hash FROM leaves JOIN logs ON id = log WHERE kind = $1 AND subject = $2 AND place = $3",
                [kind, subject, .int(leaf)]
            ).first?.bytes32(0)
        }
        try tile.check(hashes, Dictionary(rows, uniquingKeysWith: { a, _ in a }), leafHash: leaf)
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

    public func logs(of workplace: ID<Workplace>) async throws -> [LogName] {
        try await readOnce { connection in
            try connection.run(
                "SELECT kind, subject FROM logs WHERE workplace = $1 ORDER BY id", [.bytes(workplace.bytes.bytes)]
            ).map { LogName(Int($0.int(0) ?? 0), $0.bytes32(1)) }
        }
    }

    public func liveLogs() async throws -> [LogName] {
        try await readOnce { connection in
            try connection.run(
                """
                SELECT logs.kind, logs.subject FROM logs JOIN logs AS own
                ON own.kind = 1 AND own.subject = logs.workplace AND own.live WHERE logs.live
                """
            ).map { LogName(Int($0.int(0) ?? 0), $0.bytes32(1)) }
        }
    }
}
