import Foundation
import GRDB
import Petitions
import Sodium
import Synchronization
import TransparencyLog

/// A turn that others may come before: the commit finds it out.
private struct OptimisticTurn: LogTurn {
    let store: SQLiteStore
    let state: LogState

    func commit(_ appends: [LogAppend], holding held: [ID<Petition>: [HeldCoSignature]]) async throws {
        try await store.append(appends, holding: held)
    }

    func end() async {}
}

extension SQLiteStore {
    public func state(_ query: LogQuery) async throws -> LogState {
        try await read { db in
            var state = LogState()
            for (log, known) in query.sizes {
                let row = try Row.fetchOne(
                    db, sql: "SELECT id, size FROM logs WHERE kind = ? AND subject = ?",
                    arguments: [log.kind, log.subject.data])
                guard let row else {
                    guard known == 0 else {
                        throw StorageError.wentBack(lost: .init(log: log, has: 0, signed: known), logs: 1)
                    }
                    continue
                }
                let size = row["size"] as Int
                guard size >= known else {
                    throw StorageError.wentBack(lost: .init(log: log, has: size, signed: known), logs: 1)
                }
                guard size > known else { continue }
                state.news[log] = .init(start: known, leaves: try Self.leaves(row["id"], from: known, db))
            }
            for (petition, held) in query.held { state.held[petition] = try Self.held(held, of: petition, db) }
            return state
        }
    }

    public func turn(_ query: LogQuery) async throws -> any LogTurn {
        OptimisticTurn(store: self, state: try await state(query))
    }

    func append(_ appends: [LogAppend], holding held: [ID<Petition>: [HeldCoSignature]]) async throws {
        let hasErased = try await write { db in
            var erased = 0
            for append in appends { erased += try Self.apply(append, db) }
            for (petition, list) in held { try Self.hold(list, of: petition, db) }
            // The write-ahead log tells in which order co-signatures were held.
            return erased > 0 || !held.isEmpty
        }
        if hasErased { leftovers.withLock { $0 = true } }
        try await heads?.record(appends)
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
            // A log that somebody else has written to meanwhile is not split.
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT logs.size, note FROM logs
                    LEFT JOIN checkpoints ON checkpoints.log = logs.id AND checkpoints.size = logs.size
                    WHERE kind = ? AND subject = ?
                    """, arguments: [append.log.kind, append.log.subject.data])
            try append.follow(size: row?["size"] ?? 0, note: row?["note"])
            try db.execute(
                sql: "UPDATE logs SET size = ?, deadline = ? WHERE kind = ? AND subject = ?",
                arguments: [end, deadline, append.log.kind, append.log.subject.data])
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

    public func unpublished() async throws -> [LogName] {
        try await read { db in try Self.logs(whereNewest: "NOT published", db) }
    }

    public func unwitnessed() async throws -> [LogName] {
        try await read { db in try Self.logs(whereNewest: "published AND witnessed IS NULL", db) }
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

    public func leaves(of log: LogName, from start: Int) async throws -> [[UInt8]]? {
        try await read { db in try Self.id(of: log, db).map { try Self.leaves($0, from: start, db) } }
    }

    static func leaves(_ id: Int64, from start: Int, _ db: Database) throws -> [[UInt8]] {
        try Data.fetchAll(
            db, sql: "SELECT bytes FROM leaves WHERE log = ? AND place >= ? ORDER BY place", arguments: [id, start]
        ).map { [UInt8]($0) }
    }

    public func checkpoint(of log: LogName) async throws -> String? {
        try await shown(log, "AND published ORDER BY checkpoints.size DESC")?.note
    }

    public func newestCheckpoint(of log: LogName) async throws -> (size: Int, note: String)? {
        try await shown(log, "ORDER BY checkpoints.size DESC", witnessed: "NULL")
    }

    public func checkpoint(of log: LogName, covering leaf: Int) async throws -> (size: Int, note: String)? {
        try await shown(log, "AND checkpoints.size > \(leaf) AND published ORDER BY checkpoints.size")
    }

    /// The first checkpoint, with its witnesses' lines, once it is recorded as signed.
    private func shown(
        _ log: LogName, _ condition: String, witnessed: String = "witnessed"
    ) async throws -> (size: Int, note: String)? {
        let found = try await read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT checkpoints.size, note, \(witnessed) AS witnessed FROM checkpoints
                    JOIN logs ON logs.id = checkpoints.log WHERE kind = ? AND subject = ? \(condition) LIMIT 1
                    """, arguments: [log.kind, log.subject.data]
            ).map { (size: $0["size"] as Int, note: $0["note"] as String, witnessed: $0["witnessed"] as String?) }
        }
        guard let found else { return nil }
        try await heads?.settle(log, size: found.size, note: found.note)
        return (found.size, found.note + (found.witnessed ?? ""))
    }

    public func tile(_ tile: Tile, of log: LogName) async throws -> [UInt8]? {
        guard let range = tile.range else { return nil }
        return try await read { db in
            guard let id = try Self.id(of: log, db) else { return nil }
            switch tile.kind {
            case .entries:
                let leaves = try Data.fetchAll(
                    db, sql: "SELECT bytes FROM leaves WHERE log = ? AND place >= ? AND place < ? ORDER BY place",
                    arguments: [id, range.lowerBound, range.upperBound])
                return leaves.count == tile.count ? EntryBundle.encode(leaves.map { [UInt8]($0) }) : nil
            case .hashes(let level):
                guard level < 8 else { return nil }
                let hashes = try Data.fetchAll(
                    db,
                    sql: """
                        SELECT hash FROM nodes WHERE log = ? AND level = ? AND place >= ? AND place < ? ORDER BY place
                        """, arguments: [id, 8 * level, range.lowerBound, range.upperBound])
                return hashes.count == tile.count ? hashes.flatMap { [UInt8]($0) } : nil
            }
        }
    }

    public func sealedNames(of petition: ID<Petition>) async throws -> [Bytes32: [UInt8]] {
        try await read { db in
            guard let id = try Self.id(of: .petition(petition), db) else { return [:] }
            let rows = try Row.fetchAll(db, sql: "SELECT tag, length, sealed FROM names WHERE log = ?", arguments: [id])
            return Dictionary(
                rows.map { (($0["tag"] as Data).bytes32, [UInt8](($0["sealed"] as Data).prefix($0["length"] as Int))) },
                uniquingKeysWith: { a, _ in a })
        }
    }

    public func petitionsDue(at time: UInt64) async throws -> [ID<Petition>] {
        try await read { db in
            try Data.fetchAll(
                db, sql: "SELECT subject FROM logs WHERE kind = 2 AND deadline <= ?",
                arguments: [Int64(clamping: time)]
            ).map { ID($0.bytes32) }
        }
    }

    public func workplace(of petition: ID<Petition>) async throws -> ID<Workplace>? {
        try await read { db in
            try Data.fetchOne(
                db, sql: "SELECT workplace FROM logs WHERE kind = 2 AND subject = ?",
                arguments: [petition.bytes.data]
            ).map { ID($0.bytes32) }
        }
    }
}

extension SQLiteStore {
    /// Holds what was signed against what is there.
    /// - Throws: `StorageError.wentBack` when a log is shorter than a checkpoint that was signed, or another than it.
    func compare(with heads: SignedHeads) throws {
        let lost = try losses(against: heads)
        guard let first = lost.first else { return }
        throw StorageError.wentBack(lost: first, logs: lost.count)
    }

    private func losses(against heads: SignedHeads) throws -> [StorageError.Loss] {
        let signed = try heads.heads()
        return try readNow { db in
            try signed.compactMap { head in
                let row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT logs.size, note FROM logs LEFT JOIN checkpoints ON log = logs.id AND checkpoints.size = ?
                        WHERE kind = ? AND subject = ?
                        """, arguments: [head.size, head.log.kind, head.log.subject.data])
                return head.loss(in: row?["size"], note: row?["note"])
            }
        }
    }

    /// What the logs have lost of what a record says was signed.
    /// - Throws: `StorageError.noHeads` when there is none at this path.
    public func losses(against path: String) throws -> [StorageError.Loss] {
        try withHeads(in: path) { try losses(against: $0) }
    }

    func signedHeads(in path: String) throws -> [SignedHeads.Head] { try withHeads(in: path) { try $0.heads() } }

    private func withHeads<T>(in path: String, _ body: (SignedHeads) throws -> T) throws -> T {
        guard access(path, F_OK) == 0 else { throw StorageError.noHeads(path) }
        let heads = try SignedHeads(path: path, key: logKey().publicKey)
        defer { try? heads.close() }
        return try body(heads)
    }

    /// The record of a database: the one that is named; else the one beside it, where there is one.
    public func record(named path: String?, besides database: String) throws -> String? {
        if let path { return path }
        let path = SignedHeads.path(besides: database)
        return access(path, F_OK) == 0 ? path : nil
    }

    /// The newest checkpoint of each log.
    func newest() throws -> [SignedHeads.Head] {
        try readNow { db in
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
    }

    /// Which record has what this database's service has signed; nil for none.
    var record: Bytes32? {
        get throws { try readNow { try Data.fetchOne($0, sql: "SELECT record FROM service")?.bytes32 } }
    }

    /// - Parameter record: which one; nil when there is none any more.
    func setRecord(_ record: Bytes32?) throws {
        do {
            try pool.write { try $0.execute(sql: "UPDATE service SET record = ?", arguments: [record?.data]) }
        } catch { throw StorageError(error) }
    }
}
