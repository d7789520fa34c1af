// C2SP tlog-witness

import Foundation
import GRDB
import Sodium
import TransparencyLog

/// What a witness must not forget, in one SQLite file: its key, and for each log the checkpoint that it signed last.
public final class WitnessStore: Sendable {
    /// "rrow", so that another program's file, or a service's, is not taken for a witness's.
    private static let applicationID = 0x72_72_6f_77

    private let queue: DatabaseQueue
    /// The name under which it signs.
    public let name: String
    private let seed: SecretBytes

    /// Opens the file, or makes it.
    /// - Parameter name: fixed when the file is made; another one later is refused, because a name belongs to its key.
    public init(path: String, name: String) throws {
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            if file >= 0 { Foundation.close(file) }
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { db in try Self.prepare(db) }
            let (found, seed) = try queue.write { db in try Self.identity(db, name) }
            guard found == name else { throw StorageError.cannotOpen("this file belongs to the witness \(found)") }
            self.name = name
            self.seed = SecretBytes(seed.bytes32)
        } catch { throw StorageError(error) }
    }

    private static func prepare(_ db: Database) throws {
        let application = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
        guard application == applicationID || (application == 0 && isEmpty) else { throw StorageError.notOurs }
        if application == 0 { try db.execute(sql: "PRAGMA application_id = \(applicationID)") }
        // A signature that is out while its state is not would let the witness sign a fork after a loss of power.
        try db.execute(sql: "PRAGMA synchronous = FULL")
        guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2 else {
            throw StorageError.cannotOpen("the database does not keep to synchronous=FULL")
        }
        try db.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS witness (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    name TEXT NOT NULL,
                    seed BLOB NOT NULL CHECK (length(seed) = 32)
                ) STRICT;
                CREATE TABLE IF NOT EXISTS heads (
                    origin TEXT PRIMARY KEY,
                    size INTEGER NOT NULL,
                    root BLOB NOT NULL CHECK (length(root) = 32),
                    time INTEGER NOT NULL,
                    note TEXT NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE IF NOT EXISTS evidence (
                    id INTEGER PRIMARY KEY,
                    origin TEXT NOT NULL,
                    time INTEGER NOT NULL,
                    request TEXT NOT NULL,
                    UNIQUE (origin, request)
                ) STRICT;
                """)
    }

    private static func identity(_ db: Database, _ name: String) throws -> (String, Data) {
        if let row = try Row.fetchOne(db, sql: "SELECT name, seed FROM witness") { return (row["name"], row["seed"]) }
        let seed = Data(Random.bytes(32))
        try db.execute(sql: "INSERT INTO witness (id, name, seed) VALUES (1, ?, ?)", arguments: [name, seed])
        return (name, seed)
    }

    public func key() -> SigningKey { SigningKey(seed: seed) }

    public var verifier: WitnessVerifier { WitnessVerifier(name: name, key: key().publicKey) }

    /// One log as this witness knows it.
    public struct Head: Sendable, Equatable {
        public let checkpoint: AddCheckpoint.Head
        /// When it signed, in Unix seconds.
        public let time: UInt64
        /// With the log's signature and the witness's own.
        public let note: String

        public init(checkpoint: AddCheckpoint.Head, time: UInt64, note: String) {
            (self.checkpoint, self.time, self.note) = (checkpoint, time, note)
        }
    }

    /// Judges and remembers in one transaction: between the two nothing else can be signed for this log. When this returns, what
    /// it returns is durable; when it throws, nothing has changed.
    public func update(
        _ origin: String, _ judge: @Sendable @escaping (Head?) throws -> Head
    ) async throws -> Head {
        try await queue.write { db in
            let head = try judge(try Self.head(origin, db))
            try db.execute(
                sql: "INSERT OR REPLACE INTO heads (origin, size, root, time, note) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    origin, Int64(clamping: head.checkpoint.size), head.checkpoint.root.data,
                    Int64(clamping: head.time), head.note,
                ])
            return head
        }
    }

    public func head(of origin: String) throws -> Head? { try queue.read { db in try Self.head(origin, db) } }

    private static func head(_ origin: String, _ db: Database) throws -> Head? {
        try Row.fetchOne(db, sql: "SELECT size, root, time, note FROM heads WHERE origin = ?", arguments: [origin])
            .map { row in
                Head(
                    checkpoint: .init(
                        size: UInt64(clamping: row["size"] as Int64), root: (row["root"] as Data).bytes32),
                    time: UInt64(clamping: row["time"] as Int64), note: row["note"])
            }
    }

    /// Every log, by origin.
    public func heads() throws -> [(origin: String, head: Head)] {
        try queue.read { db in
            try String.fetchAll(db, sql: "SELECT origin FROM heads ORDER BY origin").compactMap { origin in
                try Self.head(origin, db).map { (origin, $0) }
            }
        }
    }

    /// Requests that are kept at most: with the log's own signature under them they prove a fork, and one is enough.
    static let maximalEvidence = 1000

    /// Keeps a request that does not extend what was signed before, though the log signed it.
    public func keep(evidence request: String, of origin: String, at time: UInt64) async throws {
        try await queue.write { db in
            guard try Int.fetchOne(db, sql: "SELECT count(*) FROM evidence") ?? 0 < Self.maximalEvidence else { return }
            try db.execute(
                sql: "INSERT OR IGNORE INTO evidence (origin, time, request) VALUES (?, ?, ?)",
                arguments: [origin, Int64(clamping: time), request])
        }
    }

    public func evidence() throws -> [(origin: String, time: UInt64, request: String)] {
        try queue.read { db in
            try Row.fetchAll(db, sql: "SELECT origin, time, request FROM evidence ORDER BY id")
                .map { ($0["origin"], UInt64(clamping: $0["time"] as Int64), $0["request"]) }
        }
    }

    public func close() throws {
        do { try queue.close() } catch { throw StorageError(error) }
    }
}
