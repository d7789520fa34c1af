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
            try OwnFile.make(path)
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { db in try Self.prepare(db) }
            let (found, seed) = try queue.write { db in try Self.identity(db, name) }
            guard found == name else { throw StorageError.named(found) }
            self.name = name
            self.seed = SecretBytes(seed.bytes32)
        } catch { throw StorageError(error) }
    }

    private static func prepare(_ db: Database) throws {
        // A signature that is out while its state is not would let the witness sign a fork after a loss of power.
        try OwnFile.claim(db, applicationID)
        try db.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS witness (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    name TEXT NOT NULL,
                    seed BLOB NOT NULL CHECK (length(seed) = 32)
                ) STRICT;
                CREATE TABLE IF NOT EXISTS heads (
                    origin TEXT PRIMARY KEY,
                    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
                    size INTEGER NOT NULL,
                    root BLOB NOT NULL CHECK (length(root) = 32),
                    time INTEGER NOT NULL,
                    note TEXT NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE IF NOT EXISTS evidence (
                    id INTEGER PRIMARY KEY,
                    origin TEXT NOT NULL,
                    size INTEGER NOT NULL,
                    root BLOB NOT NULL,
                    time INTEGER NOT NULL,
                    signed TEXT NOT NULL,
                    other TEXT NOT NULL,
                    UNIQUE (origin, size, root)
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

    /// Judges and remembers in one transaction: between the two nothing else can be signed for this log. When this
    /// returns, what it returns is durable; when it throws, nothing has changed.
    public func update(
        _ origin: String, _ judge: @Sendable @escaping (Head?) throws -> Head
    ) async throws -> Head {
        try await queue.write { db in
            let head = try judge(try Self.head(origin, db))
            try db.execute(
                sql: "INSERT OR REPLACE INTO heads (origin, hash, size, root, time, note) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [
                    origin, SHA256.hash(Array(origin.utf8)).data, Int64(clamping: head.checkpoint.size),
                    head.checkpoint.root.data,
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

    /// The note of the log whose origin has this SHA-256.
    public func note(ofOriginHash hash: Bytes32) throws -> String? {
        try queue.read { db in
            try String.fetchOne(db, sql: "SELECT note FROM heads WHERE hash = ?", arguments: [hash.data])
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

    /// Forks that are kept at most: one proves enough.
    static let maximalEvidence = 1000

    /// Two checkpoints of one log and one size, both with the log's own signature, and with different roots.
    public struct Fork: Sendable, Equatable {
        public let origin: String
        public let size: UInt64
        /// When the second came, in Unix seconds.
        public let time: UInt64
        /// What this witness had signed.
        public let signed: String
        public let other: String
    }

    /// Keeps a checkpoint that contradicts the one that was signed last, if it does: of the same size, with another
    /// root.
    /// - Returns: whether it does.
    public func keep(fork note: String, _ checkpoint: Checkpoint, at time: UInt64) async throws -> Bool {
        try await queue.write { db in
            guard let head = try Self.head(checkpoint.origin, db), head.checkpoint.size == checkpoint.size,
                head.checkpoint.root != checkpoint.root
            else { return false }
            guard try Int.fetchOne(db, sql: "SELECT count(*) FROM evidence") ?? 0 < Self.maximalEvidence else {
                return true
            }
            try db.execute(
                sql: """
                    INSERT OR IGNORE INTO evidence (origin, size, root, time, signed, other) VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    checkpoint.origin, Int64(clamping: checkpoint.size), checkpoint.root.data, Int64(clamping: time),
                    head.note, note,
                ])
            return true
        }
    }

    public func forks() throws -> [Fork] {
        try queue.read { db in
            try Row.fetchAll(db, sql: "SELECT origin, size, time, signed, other FROM evidence ORDER BY id").map {
                Fork(
                    origin: $0["origin"], size: UInt64(clamping: $0["size"] as Int64),
                    time: UInt64(clamping: $0["time"] as Int64), signed: $0["signed"], other: $0["other"])
            }
        }
    }

    public func close() throws {
        do { try queue.close() } catch { throw StorageError(error) }
    }
}
