import Foundation
import Petitions
import Postgres
import Sodium
import Synchronization

/// The engine for several processes: a PostgreSQL database through libpq. Each log that grows is locked by its row, so
/// that batches of several processes come one after the other, and it grows from the checkpoint that the writer has
/// seen or not at all.
public final class PostgresStore: Store {
    public let serviceName: String
    private let logSeed: SecretBytes
    let pool: PostgresPool
    /// Nil where nothing is signed: for tools.
    let heads: SignedHeads?
    let ownership = Ownership()
    /// The server's disk is not seen from here.
    let room = Room(of: nil)
    /// Which server, and which of its lives, the record was last held against.
    private let server = Mutex("")
    let requestMarks = Mutex(RequestMarks())

    /// Connections of one process: one or two write, the others read.
    private static let connections = 6

    /// Opens the database, or makes its tables.
    /// - Parameters:
    ///   - address: `postgres://…`
    ///   - serviceName: fixed when the tables are made.
    ///   - heads: where signed checkpoints are recorded, on this machine. A further machine begins with a copy of
    ///     another's.
    /// - Throws: `StorageError`, as `SQLiteStore` does.
    public static func open(_ address: String, serviceName: String, heads: String) async throws -> PostgresStore {
        try await open(address, name: serviceName, heads: heads)
    }

    /// Opens a database that is there, whoever's it is, for tools that sign nothing.
    public static func inspect(_ address: String) async throws -> PostgresStore {
        try await open(address, name: nil, heads: nil)
    }

    private static func open(_ address: String, name: String?, heads path: String?) async throws -> PostgresStore {
        do throws(any Error) {
            let pool = PostgresPool(
                try PostgresAddress(address), count: connections, patience: 30
            ) { connection in
                try PostgresSchema.setUp(connection)
                if name != nil { try PostgresSchema.share(connection) }
            }
            do {
                let hasRecord = path.map { access($0, F_OK) == 0 } ?? false
                let identity = try await pool.run { connection in
                    try PostgresSchema.check(connection)
                    return try identify(connection, name, path, hasRecord: hasRecord)
                }
                guard identity.name == name ?? identity.name else { throw StorageError.named(identity.name) }
                guard let path else { return PostgresStore(identity, pool, heads: nil) }
                guard identity.record == nil || hasRecord else { throw StorageError.noHeads(path) }
                let key = SigningKey(seed: SecretBytes(identity.seed)).publicKey
                let heads = try SignedHeads(path: path, key: key, serves: true)
                guard identity.record == nil || identity.record == heads.id else {
                    throw StorageError.otherRecord(path)
                }
                let store = PostgresStore(identity, pool, heads: heads)
                store.ownership.watch(OwnFile.files(path))
                let life = try await store.life()
                store.server.withLock { $0 = life }
                try await store.compare(with: heads)
                try heads.recordAll(try await store.newest())
                try await store.setRecord(heads.id, at: path)
                return store
            } catch {
                await pool.close()
                throw error
            }
        } catch { throw StorageError(error) }
    }

    private struct Identity: Sendable {
        let name: String
        let seed: Bytes32
        let record: Bytes32?
    }

    private static func identify(
        _ connection: PostgresConnection, _ name: String?, _ record: String?, hasRecord: Bool
    ) throws -> Identity {
        if name == nil || hasRecord {
            // Another key would be made in the way of the database that is to be restored; and a tool makes nothing.
            let isThere = try connection.run("SELECT to_regclass('\(PostgresSchema.name).service')::text").first?.text(
                0)
            guard isThere != nil else {
                throw name == nil ? StorageError.notOurs : .databaseGone("PostgreSQL", record: record ?? "")
            }
        }
        _ = try PostgresSchema.migrate(connection)
        return try connection.transaction { connection in
            if let name, !hasRecord {
                try connection.run(
                    "INSERT INTO service (id, name, log_seed) VALUES (1, $1, $2) ON CONFLICT DO NOTHING",
                    [.text(name), .bytes(Random.bytes(32))])
            }
            let row = try connection.run("SELECT name, log_seed, record FROM service").first
            guard let row, let found = row.text(0), let seed = row.bytes(1).flatMap({ Bytes32($0) }) else {
                throw name == nil ? StorageError.notOurs : .databaseGone("PostgreSQL", record: record ?? "")
            }
            return Identity(name: found, seed: seed, record: row.bytes(2).flatMap { Bytes32($0) })
        }
    }

    private init(_ identity: Identity, _ pool: PostgresPool, heads: SignedHeads?) {
        serviceName = identity.name
        logSeed = SecretBytes(identity.seed)
        self.pool = pool
        self.heads = heads
    }

    public func logKey() -> SigningKey { SigningKey(seed: logSeed) }

    /// Several statements see one state.
    func read<T: Sendable>(_ body: @Sendable @escaping (PostgresConnection) throws -> T) async throws -> T {
        try ownership.check()
        do {
            return try await pool.run { try $0.transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY", body) }
        } catch { throw StorageError(error) }
    }

    /// For one statement, which needs no transaction.
    func readOnce<T: Sendable>(_ body: @Sendable @escaping (PostgresConnection) throws -> T) async throws -> T {
        try ownership.check()
        do { return try await pool.run(body) } catch { throw StorageError(error) }
    }

    func write<T: Sendable>(_ body: @Sendable @escaping (PostgresConnection) throws -> T) async throws -> T {
        try ownership.checkFiles()
        do { return try await pool.run { try $0.transaction("", body) } } catch {
            throw ownership.noted(StorageError(error))
        }
    }

    public func close() async throws {
        await pool.close()
        try heads?.close()
    }
}

extension PostgresStore {
    /// A crash of the server may forget the last half second of these; then the process that has seen a request still
    /// refuses it.
    public func canRead() async -> Bool {
        (try? await readOnce { try $0.run("SELECT count(*) FROM service").first?.int(0) }) == 1
    }

    public var hasRefused: Bool { ownership.hasRefused }

    public func canWrite() async -> Bool {
        await ownership.canWrite {
            try await write { _ = try $0.run(PostgresSchema.probe, [.bytes([UInt8](repeating: 0, count: 65_536))]) }
            try await heads?.probe()
        }
    }

    public func checkStillOwn() async throws {
        try ownership.checkFiles()
        guard let heads else { return }
        // After a failover, or a restart from a backup, at once.
        let life = try? await life()
        let isOther = server.withLock { known in
            guard let life, life != known else { return false }
            known = life
            return true
        }
        guard ownership.isComparisonDue(again: isOther) else { return }
        try await ownership.compare(heads, losses)
    }

    /// When the server, or the one that took its place, began to serve.
    private func life() async throws -> String {
        try await readOnce { connection in
            let row = try connection.run(
                """
                SELECT pg_postmaster_start_time()::text, pg_walfile_name(pg_current_wal_lsn()), inet_server_addr()::text
                """
            ).first
            // Of the file's name the timeline: its first eight digits.
            return "\(row?.text(0) ?? "") \(row?.text(1)?.prefix(8) ?? "") \(row?.text(2) ?? "")"
        }
    }

    public func sizes() async -> [(name: String, bytes: Int)] {
        let size = try? await readOnce {
            try $0.run("SELECT pg_database_size(current_database())").first?.int(0)
        }
        return [("database", Int(clamping: size.flatMap(\.self) ?? 0))]
    }

    /// Old versions of rows are the server's to remove (docs/operations.md).
    public func eraseLeftovers() async {}

    func compare(with heads: SignedHeads) async throws {
        let lost = try await losses(of: heads.heads())
        guard let first = lost.first else { return }
        throw StorageError.wentBack(lost: first, logs: lost.count)
    }

    /// What the logs have lost of what was signed.
    @Sendable func losses(of signed: [SignedHeads.Head]) async throws -> [StorageError.Loss] {
        try await readOnce { connection in
            let rows = try connection.run(
                """
                SELECT logs.size, note FROM unnest($1::bigint[], $2::bytea[], $3::bigint[])
                    WITH ORDINALITY AS head (kind, subject, size, place)
                LEFT JOIN logs USING (kind, subject)
                LEFT JOIN checkpoints ON log = logs.id AND checkpoints.size = head.size
                ORDER BY place
                """,
                [
                    .ints(signed.map(\.log.kind)), .byteArrays(signed.map(\.log.subject.bytes)),
                    .ints(signed.map(\.size)),
                ]
            ).map { (size: $0.int(0).map { Int(clamping: $0) }, note: $0.text(1)) }
            guard rows.count == signed.count else { throw PostgresError.unexpected }
            return zip(signed, rows).compactMap { head, row in head.loss(in: row.size, note: row.note) }
        }
    }

    /// The newest checkpoint of each log.
    func newest() async throws -> [SignedHeads.Head] {
        try await readOnce { connection in
            try connection.run(
                """
                SELECT kind, subject, logs.size, note FROM logs
                JOIN checkpoints ON log = logs.id AND checkpoints.size = logs.size
                """
            ).map { row in
                SignedHeads.Head(
                    log: LogName(Int(row.int(0) ?? 0), row.bytes32(1)), size: Int(row.int(2) ?? 0),
                    note: row.text(3) ?? "")
            }
        }
    }

    private func setRecord(_ record: Bytes32, at path: String) async throws {
        let isOurs = try await write { connection in
            try connection.run(
                "UPDATE service SET record = $1 WHERE record IS NULL OR record = $1", [.bytes(record.bytes)]
            ).changed == 1
        }
        guard isOurs else { throw StorageError.otherRecord(path) }
    }
}

extension PostgresRows.Row {
    func bytes32(_ column: Int) -> Bytes32 { bytes(column).flatMap { Bytes32($0) } ?? .zero }
}
