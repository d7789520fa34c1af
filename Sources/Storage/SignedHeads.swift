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
    /// Sizes of logs up to which they are known to be recorded.
    private let recorded = Mutex<[LogName: Int]>([:])
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

    /// One that is behind what is there changes nothing.
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

extension SignedHeads {
    /// Where the heads of a database's logs are recorded when nothing else is said.
    public static func path(besides database: String) -> String { database + ".heads" }

    /// Records the heads of all logs: when the record is new, or a crash came between a commit and its recording.
    func recordAll(_ newest: [Head]) throws {
        let known = Dictionary(uniqueKeysWithValues: try heads().map { ($0.log, $0.size) })
        let ahead = newest.filter { $0.size > known[$0.log] ?? 0 }
        if !ahead.isEmpty {
            do { try queue.write { db in try Self.record(ahead, db) } } catch { throw StorageError(error) }
        }
        remember(newest)
    }

    /// Records what a commit has made.
    /// - Throws: `StorageError.unrecorded`. Then nobody is shown it before it is recorded.
    func record(_ appends: [LogAppend]) async throws {
        guard !appends.isEmpty else { return }
        try await note(appends.map { Head(log: $0.log, size: $0.start + $0.leaves.count, note: $0.note) })
    }

    /// Before a checkpoint that was read is shown: it may have been committed a moment ago, or by another process.
    func settle(_ log: LogName, size: Int, note: String) async throws {
        guard recorded.withLock({ $0[log] ?? 0 }) < size else { return }
        try await self.note([Head(log: log, size: size, note: note)])
    }

    /// In a task of its own: GRDB gives up a write whose task is cancelled, and what was committed stands, whoever has gone away.
    private func note(_ heads: [Head]) async throws {
        let queue = queue
        let recording = Task { try await queue.write { db in try Self.record(heads, db) } }
        do { try await recording.value } catch { throw StorageError.unrecorded }
        remember(heads)
    }

    private func remember(_ heads: [Head]) {
        recorded.withLock { recorded in
            for head in heads { recorded[head.log] = max(recorded[head.log] ?? 0, head.size) }
        }
    }
}

extension SignedHeads.Head {
    /// What a database has lost of it; nil when it has it all.
    /// - Parameters:
    ///   - size: of the log that is there; nil when none is.
    ///   - note: its checkpoint of this head's size.
    func loss(in size: Int?, note: String?) -> StorageError.Loss? {
        if let size, size >= self.size, note == self.note { return nil }
        return StorageError.Loss(log: log, has: size ?? 0, signed: self.size)
    }
}
