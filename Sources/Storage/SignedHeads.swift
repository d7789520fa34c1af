import Foundation
import GRDB
import Petitions
import Sodium
import Synchronization
import TransparencyLog

/// The newest checkpoint that a service has signed of each log, in an SQLite file apart from its database: what tells a
/// database that was put back from a copy from the one that the service had. A head is recorded after the commit that
/// makes it and before anybody is shown it, so it is never ahead of a database that was left alone.
///
/// It holds no secret. It helps as long as it is not put back together with the database: on another disk, best of all.
public final class SignedHeads: Sendable {
    /// "rroh", so that another program's file is not taken for ours.
    private static let applicationID = 0x72_72_6f_68

    private let queue: DatabaseQueue
    /// Nil for a tool's look.
    private let lock: FileLock?
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
    /// - Parameters:
    ///   - key: of the service; a file of another one is refused.
    ///   - serves: whether the file is kept open to sign, so that no tool may put another database beside it meanwhile.
    /// - Throws: `StorageError`; `.inUse` when such a tool is at work.
    init(path: String, key: Bytes32, serves: Bool = false) throws {
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            configuration.journalMode = .wal
            try OwnFile.make(path)
            lock = serves ? try FileLock(path, exclusive: false) : nil
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { db in try Self.prepare(db) }
            if serves { try OwnFile.checkMode(path) }
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
                \(OwnFile.probeTable);
                """)
    }

    /// What belongs to it.
    static func files(_ path: String) -> [String] { OwnFile.files(path) }

    /// A head, and what stood in the log before it.
    private struct Entry: Sendable {
        let head: Head
        /// The size and the text of the checkpoint that the database had just before.
        var base: (size: Int, text: String)?

        /// Whether this comes after what the record has.
        func follows(_ found: Head) -> Bool {
            guard let base else { return false }
            return found.size == base.size && found.note.hasPrefix(base.text)
        }
    }

    /// Records what is new, and leaves alone what must be looked at first.
    /// - Parameter sure: heads of the record that the database was found to have.
    /// - Returns: heads of the record of which it is not known whether this database has them.
    /// - Throws: `StorageError.contradicted`.
    private static func record(_ entries: [Entry], sure: [Head], _ db: Database) throws -> [Head] {
        let select = try db.cachedStatement(sql: "SELECT size, note FROM heads WHERE kind = ? AND subject = ?")
        var doubtful: [Head] = []
        for entry in entries {
            let head = entry.head
            let row = try Row.fetchOne(select, arguments: [head.log.kind, head.log.subject.data])
            if let row {
                let found = Head(log: head.log, size: row["size"], note: row["note"])
                if found == head { continue }
                guard found.size != head.size else {
                    throw StorageError.contradicted(.init(log: head.log, has: head.size, signed: found.size))
                }
                guard entry.follows(found) || sure.contains(found) else {
                    doubtful.append(found)
                    continue
                }
            }
            try put([head], db)
        }
        return doubtful
    }

    /// One that is behind what is there changes nothing.
    private static func put(_ heads: [Head], _ db: Database) throws {
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
        do { return try queue.read { try Self.heads($0) } } catch { throw StorageError(error) }
    }

    /// The same, while others wait for nothing.
    func allHeads() async throws -> [Head] {
        do { return try await queue.read { try Self.heads($0) } } catch { throw StorageError(error) }
    }

    private static func heads(_ db: Database) throws -> [Head] {
        try Row.fetchAll(db, sql: "SELECT kind, subject, size, note FROM heads").map {
            Head(log: LogName($0["kind"], ($0["subject"] as Data).bytes32), size: $0["size"], note: $0["note"])
        }
    }

    /// Commits something that nobody needs.
    func probe() async throws { try await queue.write { try $0.execute(sql: OwnFile.probe) } }

    func close() throws {
        do {
            try queue.writeWithoutTransaction { try OwnFile.leave($0) }
            try queue.close()
            lock?.end()
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
            do { try queue.write { db in try Self.put(ahead, db) } } catch { throw StorageError(error) }
        }
        remember(newest)
    }

    /// What a database, read anew, lacks of some heads.
    typealias Losses = @Sendable ([Head]) async throws -> [StorageError.Loss]

    /// Records what a commit has made.
    /// - Throws: `StorageError.unrecorded`: then nobody is shown it before it is recorded. `.contradicted`: then nobody
    ///   is shown it ever.
    func record(_ appends: [LogAppend], losses: @escaping Losses) async throws {
        guard !appends.isEmpty else { return }
        let entries = appends.map { append in
            Entry(
                head: Head(log: append.log, size: append.start + append.leaves.count, note: append.note),
                base: (append.start, append.base))
        }
        try await note(entries, losses)
    }

    /// Before a checkpoint that was read is shown: it may have been committed a moment ago, or by another process.
    func settle(_ log: LogName, size: Int, note: String, losses: @escaping Losses) async throws {
        guard recorded.withLock({ $0[log] ?? 0 }) < size else { return }
        try await self.note([Entry(head: Head(log: log, size: size, note: note))], losses)
    }

    /// In a task of its own: GRDB gives up a write whose task is cancelled, and what was committed stands, whoever has
    /// gone away.
    private func note(_ entries: [Entry], _ losses: @escaping Losses) async throws {
        let queue = queue
        let recording = Task {
            // Each round looks at what other processes have recorded since the last; one round nearly always.
            var sure: [Head] = []
            for _ in 0..<100 {
                let known = sure
                let doubtful = try await queue.write { db in try Self.record(entries, sure: known, db) }
                guard !doubtful.isEmpty else { return }
                if let lost = try await losses(doubtful).first { throw StorageError.contradicted(lost) }
                sure += doubtful
            }
            throw StorageError.unrecorded
        }
        do { try await recording.value } catch let error as StorageError where error.isFatal {
            throw error
        } catch { throw StorageError.unrecorded }
        remember(entries.map(\.head))
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
