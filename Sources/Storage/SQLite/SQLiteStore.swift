import Foundation
import GRDB
import Petitions
import Sodium
import Synchronization
import TransparencyLog

/// The engine that needs nothing else: one SQLite file, through GRDB.
///
/// WAL with synchronous=FULL: a commit that has returned survives the loss of power. One writer; readers do not wait
/// for it. A crash at any line leaves either all of a commit or nothing of it.
public final class SQLiteStore: Store {
    let pool: DatabasePool
    /// The name under which this service's logs are signed.
    public let serviceName: String
    private let logSeed: SecretBytes
    /// Whether the write-ahead log may hold a name that was taken back: so it may when the file is opened after a
    /// crash.
    let leftovers = Mutex(true)
    /// Seconds that a writer waits for another process.
    static let patience = 10.0
    /// Nil where nothing is signed: for tools.
    let heads: SignedHeads?
    let ownership = Ownership()
    private let lock: FileLock?
    /// Bytes that all workplaces keep.
    let room: Room

    /// Opens the file, or makes it.
    /// - Parameters:
    ///   - serviceName: fixed when the file is made; another name later is refused, because every log already carries
    ///     the first.
    ///   - heads: where signed checkpoints are recorded; beside the file when nil.
    /// - Throws: `StorageError`; `.wentBack` when a log has lost what was signed; `.noHeads` when the record of it is
    ///   gone.
    public convenience init(path: String, serviceName: String, heads: String? = nil) throws {
        let record = heads ?? SignedHeads.path(besides: path)
        // A new database with another key would be made in the way of the one that is to be restored.
        if access(path, F_OK) != 0, access(record, F_OK) == 0 {
            throw StorageError.databaseGone(path, record: record)
        }
        try self.init(path: path, name: serviceName, record: record)
        guard let heads = self.heads else { return }
        guard try !isMoved else { throw StorageError.moved(path) }
        try compare(with: heads)
        try heads.recordAll(newest())
        try setRecord(heads.id)
    }

    /// Opens a file that is there, whoever's it is, for tools that sign nothing.
    public convenience init(inspecting path: String) throws {
        guard access(path, F_OK) == 0 else { throw StorageError.noFile(path) }
        try self.init(path: path, name: nil, record: nil)
    }

    private init(path: String, name: String?, record: String?) throws {
        do {
            var configuration = Configuration()
            configuration.foreignKeysEnabled = true
            configuration.busyMode = .timeout(Self.patience)
            configuration.maximumReaderCount = 4
            // What is deleted (a withdrawn name) is gone from the file's pages too.
            configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA secure_delete = ON") }
            // The log key is in it.
            try OwnFile.make(path)
            lock = record == nil ? nil : try FileLock(path, exclusive: false)
            let opened = FileIdentity(path)
            room = Room(of: path)
            pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { db in try Self.prepare(db, mayBeNew: name != nil) }
            if record != nil { try OwnFile.checkMode(path) }
            try Schema.migrator.migrate(pool)
            let (found, seed) = try pool.write { db in try Self.identity(db, name) }
            guard found == name ?? found else { throw StorageError.named(found) }
            serviceName = found
            logSeed = SecretBytes(seed.bytes32)
            guard let record else {
                self.heads = nil
                return
            }
            let known = try pool.read { try Data.fetchOne($0, sql: "SELECT record FROM service") }
            guard known == nil || access(record, F_OK) == 0 else { throw StorageError.noHeads(record) }
            let heads = try SignedHeads(
                path: record, key: SigningKey(seed: SecretBytes(seed.bytes32)).publicKey, serves: true)
            // A new one in its place knows nothing.
            guard known == nil || known == heads.id.data else { throw StorageError.otherRecord(record) }
            self.heads = heads
            ownership.watch(OwnFile.files(path) + OwnFile.files(record))
            guard opened == FileIdentity(path) else { throw StorageError.replaced(path) }
        } catch { throw StorageError(error) }
    }

    private static func prepare(_ db: Database, mayBeNew: Bool) throws {
        try OwnFile.claim(db, Schema.applicationID, mayBeNew: mayBeNew)
        guard try String.fetchOne(db, sql: "PRAGMA journal_mode") == "wal",
            try Int.fetchOne(db, sql: "PRAGMA foreign_keys") == 1
        else { throw StorageError.cannotOpen("the database does not keep to WAL with synchronous=FULL") }
    }

    private static func identity(_ db: Database, _ name: String?) throws -> (String, Data) {
        if let row = try Row.fetchOne(db, sql: "SELECT name, log_seed FROM service") {
            return (row["name"], row["log_seed"])
        }
        guard let name else { throw StorageError.notOurs }
        let seed = Data(Random.bytes(32))
        try db.execute(sql: "INSERT INTO service (id, name, log_seed) VALUES (1, ?, ?)", arguments: [name, seed])
        return (name, seed)
    }

    /// The key that signs this service's checkpoints.
    public func logKey() -> SigningKey { SigningKey(seed: logSeed) }

    func read<T: Sendable>(_ body: @Sendable @escaping (Database) throws -> T) async throws -> T {
        try ownership.check()
        do { return try await pool.read(body) } catch { throw StorageError(error) }
    }

    /// For tools, and while the file is opened.
    func readNow<T>(_ body: (Database) throws -> T) throws -> T {
        do { return try pool.read(body) } catch { throw StorageError(error) }
    }

    func write<T: Sendable>(_ body: @Sendable @escaping (Database) throws -> T) async throws -> T {
        try ownership.checkFiles()
        do { return try await pool.write(body) } catch { throw ownership.noted(StorageError(error)) }
    }

    public func close() async throws { try closeNow() }

    /// Writes out the WAL and lets go of the file.
    func closeNow() throws {
        do {
            try pool.writeWithoutTransaction { try OwnFile.leave($0) }
            try pool.close()
            lock?.end()
            try heads?.close()
        } catch { throw StorageError(error) }
    }
}

extension Bytes32 {
    var data: Data { Data(bytes) }
}

extension Data {
    var bytes32: Bytes32 { Bytes32(self) ?? .zero }
}

extension SQLiteStore {
    /// One process serves from a file, but for the moment when one takes over from another; and none accepts requests
    /// from before its start.
    public func claim(_ request: Bytes32, at steady: UInt64, lasting: UInt64) async throws -> Bool { true }

    public func canRead() async -> Bool {
        (try? await read { try Int.fetchOne($0, sql: "SELECT count(*) FROM service") }) == 1
    }

    public var hasRefused: Bool { ownership.hasRefused }

    public func canWrite() async -> Bool {
        await ownership.canWrite {
            try await write { try $0.execute(sql: OwnFile.probe) }
            try await heads?.probe()
        }
    }

    public func checkStillOwn() async throws {
        try ownership.checkFiles()
        guard let heads, ownership.isComparisonDue() else { return }
        try await ownership.compare(heads, losses)
    }

    public func sizes() async -> [(name: String, bytes: Int)] {
        ["database": "", "log": "-wal"].sorted { $0.key < $1.key }.map { name, suffix in
            let attributes = try? FileManager.default.attributesOfItem(atPath: pool.path + suffix)
            return (name, (attributes?[.size] as? Int) ?? 0)
        }
    }
}
