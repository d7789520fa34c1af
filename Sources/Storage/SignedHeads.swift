import Foundation
import GRDB
import Petitions
import Sodium
import Synchronization
import TransparencyLog

/// The newest checkpoint that a service has signed of each log, in an SQLite file apart from its database: what tells a database
/// that was put back from a copy from the one that the service had. A head is recorded after the commit that makes it and
/// before anybody is shown it, so it is never ahead of a database that was left alone.
///
/// It holds no secret. It helps as long as it is not put back together with the database: on another disk, best of all.
public final class SignedHeads: Sendable {
    /// "rroh", so that another program's file is not taken for ours.
    private static let applicationID = 0x72_72_6f_68

    private let queue: DatabaseQueue
    /// Drawn when the file is made: a database knows its record by it.
    let id: Bytes32

    struct Head: Sendable, Equatable {
        let log: LogName
        let size: Int
        /// With the log's own signature and no other. Ed25519 is deterministic: the same checkpoint has the same bytes.
        let note: String
    }

    /// Opens the file, or makes it.
    /// - Parameter key: of the service; a file of another one is refused.
    /// - Throws: `StorageError`.
    public init(path: String, key: Bytes32) throws {
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            configuration.journalMode = .wal
            try OwnFile.make(path)
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { db in try Self.prepare(db) }
            let (found, id) = try queue.write { db in
                try db.execute(
                    sql: "INSERT OR IGNORE INTO service (id, key, record) VALUES (1, ?, ?)",
                    arguments: [key.data, Random.bytes32().data])
                let row = try Row.fetchOne(db, sql: "SELECT key, record FROM service")
                return (row?["key"] as Data?, row?["record"] as Data?)
            }
            guard found == key.data, let id else { throw StorageError.otherHeads }
            self.id = id.bytes32
        } catch { throw StorageError(error) }
    }

    private static func prepare(_ db: Database) throws {
        try OwnFile.claim(db, applicationID)
        try db.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS service (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    key BLOB NOT NULL CHECK (length(key) = 32),
                    record BLOB NOT NULL CHECK (length(record) = 32)
                ) STRICT;
                CREATE TABLE IF NOT EXISTS heads (
                    kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
                    subject BLOB NOT NULL CHECK (length(subject) = 32),
                    size INTEGER NOT NULL,
                    note TEXT NOT NULL,
                    PRIMARY KEY (kind, subject)
                ) STRICT, WITHOUT ROWID;
                """)
    }

    /// When this returns, the heads are durable. One that is behind what is there changes nothing.
    func record(_ heads: [Head]) async throws {
        do { try await queue.write { db in try Self.record(heads, db) } } catch { throw StorageError(error) }
    }

    /// The same, for who cannot wait elsewhere.
    func recordNow(_ heads: [Head]) throws {
        do { try queue.write { db in try Self.record(heads, db) } } catch { throw StorageError(error) }
    }

    private static func record(_ heads: [Head], _ db: Database) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO heads (kind, subject, size, note) VALUES (?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET size = excluded.size, note = excluded.note WHERE excluded.size > size
                """)
        for head in heads {
            try statement.execute(arguments: [head.log.kind, head.log.subject.data, head.size, head.note])
        }
    }

    func heads() throws -> [Head] {
        do {
            return try queue.read { db in
                try Row.fetchAll(db, sql: "SELECT kind, subject, size, note FROM heads").map {
                    Head(log: LogName($0["kind"], ($0["subject"] as Data).bytes32), size: $0["size"], note: $0["note"])
                }
            }
        } catch { throw StorageError(error) }
    }

    func close() throws {
        do {
            try queue.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
            try queue.close()
        } catch { throw StorageError(error) }
    }
}

extension Store {
    /// Where the heads of a database's logs are recorded when nothing else is said.
    public static func heads(besides database: String) -> String { database + ".heads" }

    /// Holds what was signed against what is there.
    /// - Throws: `StorageError.wentBack` when a log is shorter than a checkpoint that was signed, or another than it.
    func compare(with heads: SignedHeads) throws {
        let lost = try losses(against: heads)
        guard let first = lost.first else { return }
        throw StorageError.wentBack(lost: first, logs: lost.count)
    }

    private func losses(against heads: SignedHeads) throws -> [StorageError.Loss] {
        let signed = try heads.heads()
        return try read { db in try signed.compactMap { try Self.loss(of: $0, db) } }
    }

    /// What the logs have lost of what a record says was signed.
    /// - Throws: `StorageError.noHeads` when there is none at this path.
    public func losses(against path: String) throws -> [StorageError.Loss] {
        let signed = try signedHeads(in: path)
        return try read { db in try signed.compactMap { try Self.loss(of: $0, db) } }
    }

    func signedHeads(in path: String) throws -> [SignedHeads.Head] {
        guard access(path, F_OK) == 0 else { throw StorageError.noHeads(path) }
        let heads = try SignedHeads(path: path, key: logKey().publicKey)
        defer { try? heads.close() }
        return try heads.heads()
    }

    /// The record of a database: the one that is named; else the one beside it, where there is one.
    public func record(named path: String?, besides database: String) throws -> String? {
        if let path { return path }
        let path = Self.heads(besides: database)
        return access(path, F_OK) == 0 ? path : nil
    }

    private static func loss(of head: SignedHeads.Head, _ db: Database) throws -> StorageError.Loss? {
        let size = try id(of: head.log, db).flatMap {
            try Int.fetchOne(db, sql: "SELECT size FROM logs WHERE id = ?", arguments: [$0])
        }
        let loss = StorageError.Loss(log: head.log, has: size ?? 0, signed: head.size)
        guard let size, size >= head.size, let log = try id(of: head.log, db) else { return loss }
        let note = try String.fetchOne(
            db, sql: "SELECT note FROM checkpoints WHERE log = ? AND size = ?", arguments: [log, head.size])
        return note == head.note ? nil : loss
    }

    /// Records the heads of all logs: when the record is new, or a crash came between a commit and its recording.
    func recordAll(in heads: SignedHeads) throws {
        let known = Dictionary(uniqueKeysWithValues: try heads.heads().map { ($0.log, $0.size) })
        let newest = try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT kind, subject, logs.size, note FROM logs
                    JOIN checkpoints ON log = logs.id AND checkpoints.size = logs.size
                    """
            ).map {
                SignedHeads.Head(
                    log: LogName($0["kind"], ($0["subject"] as Data).bytes32), size: $0["size"], note: $0["note"])
            }
        }
        let ahead = newest.filter { $0.size > known[$0.log] ?? 0 }
        if !ahead.isEmpty { try heads.recordNow(ahead) }
        remember(newest)
        try setRecord(heads.id)
    }

    /// Records what a commit has made.
    /// - Throws: `StorageError.unrecorded`. Then nobody is shown it before it is recorded.
    func record(_ appends: [LogAppend]) async throws {
        guard let heads, !appends.isEmpty else { return }
        let made = appends.map { SignedHeads.Head(log: $0.log, size: $0.start + $0.leaves.count, note: $0.note) }
        do { try await heads.record(made) } catch { throw StorageError.unrecorded }
        remember(made)
    }

    /// Before a checkpoint that was read is shown: it may have been committed a moment ago, or by another process.
    func settle(_ log: LogName, size: Int, note: String) throws {
        guard let heads, recorded.withLock({ $0[log] ?? 0 }) < size else { return }
        let head = SignedHeads.Head(log: log, size: size, note: note)
        do { try heads.recordNow([head]) } catch { throw StorageError.unrecorded }
        remember([head])
    }

    private func remember(_ heads: [SignedHeads.Head]) {
        recorded.withLock { recorded in
            for head in heads { recorded[head.log] = max(recorded[head.log] ?? 0, head.size) }
        }
    }

    /// Whether the database says that there is a record of it.
    var isRecorded: Bool {
        get throws { try read { try Data.fetchOne($0, sql: "SELECT record FROM service") } != nil }
    }

    func isRecord(_ id: Bytes32) throws -> Bool {
        try read { try Data.fetchOne($0, sql: "SELECT record FROM service") } == id.data
    }

    /// - Parameter record: which one; nil when there is none any more.
    func setRecord(_ record: Bytes32?) throws {
        do {
            try pool.write { try $0.execute(sql: "UPDATE service SET record = ?", arguments: [record?.data]) }
        } catch { throw StorageError(error) }
    }
}
