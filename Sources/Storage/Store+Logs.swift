import Foundation
import GRDB
import Petitions
import Sodium
import Synchronization
import TransparencyLog

/// What one transaction adds to one log.
public struct LogAppend: Sendable {
    public struct Leaf: Sendable {
        public let bytes: [UInt8]
        public let nodes: [MerkleTree.Node]

        public init(bytes: [UInt8], nodes: [MerkleTree.Node]) { (self.bytes, self.nodes) = (bytes, nodes) }
    }

    /// What becomes of the sealed name of a tag.
    public enum NameChange: Sendable {
        case keep(tag: Bytes32, sealed: [UInt8])
        case delete(tag: Bytes32)
    }

    public let log: LogName
    public let workplace: ID<Workplace>
    /// The log's size before.
    public let start: Int
    public var leaves: [Leaf]
    /// The signed checkpoint that covers them.
    public var note: String
    /// Whether it may be shown as it is. Where witnesses are asked first, `Store.publish` says so later.
    public var isPublished: Bool
    /// When the petition closes by itself, as long as it is open.
    public var deadline: UInt64?
    public var names: [NameChange]
    /// The tags whose held co-signatures are among the leaves: they are held no longer.
    public var mixed: [Bytes32]

    public init(
        log: LogName, workplace: ID<Workplace>, start: Int, leaves: [Leaf], note: String, isPublished: Bool = true,
        deadline: UInt64?, names: [NameChange], mixed: [Bytes32] = []
    ) {
        self.log = log
        self.workplace = workplace
        self.start = start
        self.leaves = leaves
        self.note = note
        self.isPublished = isPublished
        self.deadline = deadline
        self.names = names
        self.mixed = mixed
    }
}

extension Store {
    /// Appends to several logs in one transaction with one sync, and records the checkpoints as signed. When this returns,
    /// everything in it is durable; when it throws, nothing is there, but for `StorageError.unrecorded`.
    /// - Parameter held: co-signatures that are kept to be mixed, by petition.
    public func commit(_ appends: [LogAppend], holding held: [ID<Petition>: [HeldCoSignature]] = [:]) async throws {
        let hasErased = try await write { db in
            var erased = 0
            for append in appends { erased += try Self.apply(append, db) }
            for (petition, list) in held { try Self.hold(list, of: petition, db) }
            // The write-ahead log tells in which order co-signatures were held.
            return erased > 0 || !held.isEmpty
        }
        if hasErased { leftovers.withLock { $0 = true } }
        try await record(appends)
        if hasErased { await eraseLeftovers() }
    }

    /// A name that was taken back is zeroed in its page; this takes it out of the write-ahead log too, when there is one to
    /// take out. While a reader is in the way nothing happens, and the next call does it.
    public func eraseLeftovers() async {
        guard leftovers.withLock({ $0 }) else { return }
        do {
            try await pool.writeWithoutTransaction { db in
                // In the writer's turn, so that an erasure that comes meanwhile is not taken for done; and without waiting for
                // readers, a backup among them, or every writer would wait with it.
                try db.execute(sql: "PRAGMA busy_timeout = 0")
                defer { try? db.execute(sql: "PRAGMA busy_timeout = \(Int(Self.patience * 1000))") }
                _ = try db.checkpoint(.truncate)
                self.leftovers.withLock { $0 = false }
            }
        } catch {}
    }

    /// - Returns: how many sealed names this deletes or replaces.
    static func apply(_ append: LogAppend, _ db: Database) throws -> Int {
        let end = append.start + append.leaves.count
        let deadline = append.deadline.map { Int64(clamping: $0) }
        if append.start == 0 {
            try db.execute(
                sql: "INSERT INTO logs (kind, subject, workplace, size, deadline) VALUES (?, ?, ?, ?, ?)",
                arguments: [append.log.kind, append.log.subject.data, append.workplace.bytes.data, end, deadline])
        } else {
            // The size in the condition: a log that somebody else has written to meanwhile is not split.
            try db.execute(
                sql: "UPDATE logs SET size = ?, deadline = ? WHERE kind = ? AND subject = ? AND size = ?",
                arguments: [end, deadline, append.log.kind, append.log.subject.data, append.start])
            guard db.changesCount == 1 else { throw StorageError.conflict }
        }
        guard let log = try id(of: append.log, db) else { throw StorageError.damaged }
        let leafInsert = try db.cachedStatement(
            sql: "INSERT INTO leaves (id, log, place, hash, bytes) VALUES (?, ?, ?, ?, ?)")
        let nodeInsert = try db.cachedStatement(sql: "INSERT INTO nodes (log, level, place, hash) VALUES (?, ?, ?, ?)")
        for (offset, leaf) in append.leaves.enumerated() {
            guard let hash = leaf.nodes.first?.hash else { throw StorageError.damaged }
            let place = append.start + offset
            try leafInsert.execute(
                arguments: [log << 32 + Int64(place), log, place, hash.data, Data(leaf.bytes)])
            for node in leaf.nodes { try nodeInsert.execute(arguments: [log, node.level, node.index, node.hash.data]) }
        }
        var erased = 0
        for change in append.names {
            switch change {
            case .keep(let tag, let sealed):
                try db.execute(sql: "DELETE FROM names WHERE log = ? AND tag = ?", arguments: [log, tag.data])
                erased += db.changesCount
                try Schema.insert(name: sealed, of: tag.data, in: log, Schema.nameSlot(db), db)
            case .delete(let tag):
                try db.execute(sql: "DELETE FROM names WHERE log = ? AND tag = ?", arguments: [log, tag.data])
                erased += db.changesCount
            }
        }
        for tag in append.mixed { try Self.dropHeld(tag, log, db) }
        erased += append.mixed.count
        try db.execute(
            sql: "INSERT INTO checkpoints (log, size, note, published) VALUES (?, ?, ?, ?)",
            arguments: [log, end, append.note, append.isPublished])
        return erased
    }

    /// Shows a checkpoint from now on.
    /// - Parameter witnessed: the witnesses' signature lines. Those of earlier checkpoints go: their times would say to whoever
    ///   takes the file when each leaf came.
    public func publish(_ log: LogName, size: Int, witnessed: String) async throws {
        try await write { db in
            guard let id = try Self.id(of: log, db) else { throw StorageError.damaged }
            try db.execute(
                sql: "UPDATE checkpoints SET witnessed = ?, published = 1 WHERE log = ? AND size = ?",
                arguments: [witnessed.isEmpty ? nil : witnessed, id, size])
            guard db.changesCount == 1 else { throw StorageError.damaged }
            try db.execute(
                sql: "UPDATE checkpoints SET witnessed = NULL WHERE log = ? AND size < ? AND witnessed IS NOT NULL",
                arguments: [id, size])
        }
    }

    /// Logs whose newest checkpoint is not shown yet, as a stop between the two leaves them.
    public func unpublished() throws -> [LogName] { try read { db in try Self.logs(whereNewest: "NOT published", db) } }

    /// Logs whose newest checkpoint is shown without any witness.
    public func unwitnessed() throws -> [LogName] {
        try read { db in try Self.logs(whereNewest: "published AND witnessed IS NULL", db) }
    }

    private static func logs(whereNewest condition: String, _ db: Database) throws -> [LogName] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT kind, subject FROM logs JOIN checkpoints ON log = logs.id AND checkpoints.size = logs.size
                WHERE \(condition)
                """
        ).map { LogName($0["kind"], ($0["subject"] as Data).bytes32) }
    }

    /// Shows every newest checkpoint as it is.
    public func publishAll() async throws {
        try await write { db in
            try db.execute(
                sql: """
                    UPDATE checkpoints SET published = 1
                    WHERE published = 0 AND size = (SELECT size FROM logs WHERE logs.id = log)
                    """)
        }
    }

    static func id(of log: LogName, _ db: Database) throws -> Int64? {
        try Int64.fetchOne(
            db, sql: "SELECT id FROM logs WHERE kind = ? AND subject = ?", arguments: [log.kind, log.subject.data])
    }

    /// Every leaf in order, from a place on; nil when there is no such log.
    public func leaves(of log: LogName, from start: Int = 0) throws -> [[UInt8]]? {
        try read { db in
            guard let id = try Self.id(of: log, db) else { return nil }
            return try Data.fetchAll(
                db, sql: "SELECT bytes FROM leaves WHERE log = ? AND place >= ? ORDER BY place", arguments: [id, start]
            ).map { [UInt8]($0) }
        }
    }

    /// How many leaves a log has; 0 when there is no such log.
    public func size(of log: LogName) throws -> Int {
        try read { db in
            try Int.fetchOne(
                db, sql: "SELECT size FROM logs WHERE kind = ? AND subject = ?",
                arguments: [log.kind, log.subject.data]) ?? 0
        }
    }

    /// The newest checkpoint that is shown.
    public func checkpoint(of log: LogName) throws -> String? {
        let row = try read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT checkpoints.size, note, witnessed FROM checkpoints JOIN logs ON logs.id = checkpoints.log
                    WHERE kind = ? AND subject = ? AND published ORDER BY checkpoints.size DESC LIMIT 1
                    """, arguments: [log.kind, log.subject.data])
        }
        return try row.map { try shown($0, of: log).note }
    }

    /// The newest checkpoint, whether it is shown or not.
    public func newestCheckpoint(of log: LogName) throws -> (size: Int, note: String)? {
        let row = try read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT checkpoints.size, note, NULL AS witnessed FROM checkpoints
                    JOIN logs ON logs.id = checkpoints.log
                    WHERE kind = ? AND subject = ? ORDER BY checkpoints.size DESC LIMIT 1
                    """, arguments: [log.kind, log.subject.data])
        }
        return try row.map { try shown($0, of: log) }
    }

    /// The first shown checkpoint that covers a leaf: what its receipt was made with, and is made with again.
    public func checkpoint(of log: LogName, covering leaf: Int) throws -> (size: Int, note: String)? {
        let row = try read { db in
            guard let id = try Self.id(of: log, db) else { return nil as Row? }
            return try Row.fetchOne(
                db,
                sql: """
                    SELECT size, note, witnessed FROM checkpoints
                    WHERE log = ? AND size > ? AND published ORDER BY size LIMIT 1
                    """, arguments: [id, leaf])
        }
        return try row.map { try shown($0, of: log) }
    }

    /// A checkpoint that was read, with its witnesses' lines, once it is recorded as signed.
    private func shown(_ row: Row, of log: LogName) throws -> (size: Int, note: String) {
        let (size, note) = (row["size"] as Int, row["note"] as String)
        try settle(log, size: size, note: note)
        return (size, note + (row["witnessed"] as String? ?? ""))
    }

    /// Where the leaf with this hash stands, if it does.
    public func place(of hash: Bytes32, in log: LogName) throws -> Int? {
        try read { db in
            guard let id = try Self.id(of: log, db) else { return nil }
            return try Int.fetchOne(
                db, sql: "SELECT place FROM leaves WHERE log = ? AND hash = ? ORDER BY place LIMIT 1",
                arguments: [id, hash.data])
        }
    }

    /// A tile's bytes. Nil when the log has not all of it.
    public func tile(_ tile: Tile, of log: LogName) throws -> [UInt8]? {
        guard let first = Int(exactly: tile.index).flatMap({ $0.multipliedReportingOverflow(by: Tile.width) }),
            !first.overflow
        else { return nil }
        let (low, high) = (first.partialValue, first.partialValue.addingReportingOverflow(tile.count).partialValue)
        return try read { db in
            guard let id = try Self.id(of: log, db) else { return nil }
            switch tile.kind {
            case .entries:
                let leaves = try Data.fetchAll(
                    db, sql: "SELECT bytes FROM leaves WHERE log = ? AND place >= ? AND place < ? ORDER BY place",
                    arguments: [id, low, high])
                return leaves.count == tile.count ? EntryBundle.encode(leaves.map { [UInt8]($0) }) : nil
            case .hashes(let level):
                guard level < 8 else { return nil }
                let hashes = try Data.fetchAll(
                    db,
                    sql: """
                        SELECT hash FROM nodes WHERE log = ? AND level = ? AND place >= ? AND place < ? ORDER BY place
                        """, arguments: [id, 8 * level, low, high])
                return hashes.count == tile.count ? hashes.flatMap { [UInt8]($0) } : nil
            }
        }
    }

    /// Sealed names that are kept, by tag.
    public func sealedNames(of petition: ID<Petition>) throws -> [Bytes32: [UInt8]] {
        try read { db in
            guard let id = try Self.id(of: .petition(petition), db) else { return [:] }
            let rows = try Row.fetchAll(db, sql: "SELECT tag, length, sealed FROM names WHERE log = ?", arguments: [id])
            return Dictionary(
                rows.map { (($0["tag"] as Data).bytes32, [UInt8](($0["sealed"] as Data).prefix($0["length"] as Int))) },
                uniquingKeysWith: { a, _ in a })
        }
    }

    /// Open petitions whose deadline has come.
    public func petitionsDue(at time: UInt64) throws -> [ID<Petition>] {
        try read { db in
            try Data.fetchAll(
                db, sql: "SELECT subject FROM logs WHERE kind = 2 AND deadline <= ?",
                arguments: [Int64(clamping: time)]
            ).map { ID($0.bytes32) }
        }
    }

    /// The workplace that a petition belongs to.
    public func workplace(of petition: ID<Petition>) throws -> ID<Workplace>? {
        try read { db in
            try Data.fetchOne(
                db, sql: "SELECT workplace FROM logs WHERE kind = 2 AND subject = ?",
                arguments: [petition.bytes.data]
            ).map { ID($0.bytes32) }
        }
    }
}
