import Foundation
import GRDB
import Petitions
import Sodium
import Synchronization
import TransparencyLog

/// A turn that others may come before: the commit finds it out.
private struct OptimisticTurn: LogTurn {
    let store: SQLiteStore
    let query: LogQuery
    let state: LogState

    func commit(_ appends: [LogAppend], holding held: [ID<Petition>: [HeldCoSignature]]) async throws {
        let petitions = Set(held.keys).union(
            appends.compactMap { if case .petition(let id) = $0.log { id } else { nil } })
        try await store.append(appends, holding: held) { db in
            for petition in petitions { try check(petition, db) }
        }
    }

    /// What waits in a petition, and what stands in its log, are as this turn has seen them: else something would be
    /// held that the log can no longer take, or the log would grow by something that makes a promise void.
    /// - Throws: `StorageError.conflict`.
    private func check(_ petition: ID<Petition>, _ db: Database) throws {
        let log = LogName.petition(petition)
        guard let known = query.sizes[log] else { return }
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT size, EXISTS (SELECT 1 FROM held WHERE held.log = logs.id) AS waits FROM logs
                WHERE kind = ? AND subject = ?
                """, arguments: [log.kind, log.subject.data])
        guard row?["size"] ?? 0 == known + (state.news[log]?.leaves.count ?? 0) else { throw StorageError.conflict }
        guard let wanted = query.held[petition], row?["waits"] ?? false || state.held[petition]?.isEmpty == false else {
            return
        }
        guard try SQLiteStore.held(wanted, of: petition, db) == state.held[petition] ?? [] else {
            throw StorageError.conflict
        }
    }

    func end() async {}
}

extension SQLiteStore {
    public func state(_ query: LogQuery) async throws -> LogState {
        try await read { db in
            var state = LogState()
            for (log, known) in query.sizes {
                let row = try Row.fetchOne(
                    db, sql: "SELECT id, size, legacy FROM logs WHERE kind = ? AND subject = ?",
                    arguments: [log.kind, log.subject.data])
                guard try query.isNews(row?["size"] ?? 0, of: log), let row else { continue }
                state.news[log] = .init(
                    start: known, leaves: try Self.leaves(row["id"], from: known, db), legacy: row["legacy"])
            }
            for (petition, held) in query.held { state.held[petition] = try Self.held(held, of: petition, db) }
            return state
        }
    }

    public func turn(_ query: LogQuery) async throws -> any LogTurn {
        OptimisticTurn(store: self, query: query, state: try await state(query))
    }

    /// - Parameter check: what must hold when the transaction begins.
    func append(
        _ appends: [LogAppend], holding held: [ID<Petition>: [HeldCoSignature]],
        if check: @Sendable @escaping (Database) throws -> Void = { _ in }
    ) async throws {
        let hasErased = try await write { db in
            try check(db)
            var erased = 0
            for append in appends { erased += try self.apply(append, db) }
            for (petition, list) in held { try Self.hold(list, of: petition, db) }
            // The write-ahead log tells in which order co-signatures were held.
            return erased > 0 || !held.isEmpty
        }
        if hasErased { leftovers.withLock { $0 = true } }
        try await recording { try await $0.record(appends, losses: losses) }
        ownership.wrote()
        if hasErased { await eraseLeftovers() }
    }

    /// A name that was taken back is zeroed in its page; this takes it out of the write-ahead log too, when there is
    /// one to take out. While a reader is in the way nothing happens, and the next call does it.
    public func eraseLeftovers() async {
        guard leftovers.withLock({ $0 }) else { return }
        do {
            try await pool.writeWithoutTransaction { db in
                // In the writer's turn, so that an erasure that comes meanwhile is not taken for done; and without
                // waiting for readers, a backup among them, or every writer would wait with it.
                try db.execute(sql: "PRAGMA busy_timeout = 0")
                defer { try? db.execute(sql: "PRAGMA busy_timeout = \(Int(Self.patience * 1000))") }
                _ = try db.checkpoint(.truncate)
                self.leftovers.withLock { $0 = false }
            }
        } catch {}
    }

    /// - Returns: how many sealed names this deletes or replaces.
    func apply(_ append: LogAppend, _ db: Database) throws -> Int {
        let end = append.start + append.leaves.count
        let deadline = append.deadline.map { Int64(clamping: $0) }
        if append.start == 0 {
            try db.execute(
                sql: "INSERT INTO logs (kind, subject, workplace, size, deadline, live) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [
                    append.log.kind, append.log.subject.data, append.workplace.bytes.data, end, deadline, append.isLive,
                ])
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
                sql: "UPDATE logs SET size = ?, deadline = ?, live = ? WHERE kind = ? AND subject = ?",
                arguments: [end, deadline, append.isLive, append.log.kind, append.log.subject.data])
        }
        guard let log = try Self.id(of: append.log, db) else { throw StorageError.damaged }
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
        for (place, until) in append.promises {
            try db.execute(
                sql: "INSERT INTO promises (log, place, until) VALUES (?, ?, ?)",
                arguments: [log, place, Int64(clamping: until)])
        }
        erased += try drop(invites: append.closedInvites, of: append.workplace, db)
        try db.execute(
            sql: "INSERT INTO checkpoints (log, size, note, published) VALUES (?, ?, ?, ?)",
            arguments: [log, end, append.note, append.isPublished])
        return erased
    }

    public func publish(_ log: LogName, size: Int, witnessed: String, isShown: Bool) async throws {
        try await write { db in
            guard let id = try Self.id(of: log, db) else { throw StorageError.damaged }
            try db.execute(
                sql: "UPDATE checkpoints SET witnessed = ?, published = published OR ? WHERE log = ? AND size = ?",
                arguments: [witnessed.isEmpty ? nil : witnessed, isShown, id, size])
            guard db.changesCount == 1 else { throw StorageError.damaged }
            guard isShown else { return }
            try db.execute(
                sql: "UPDATE checkpoints SET witnessed = NULL WHERE log = ? AND size < ? AND witnessed IS NOT NULL",
                arguments: [id, size])
            try db.execute(sql: "DELETE FROM promises WHERE log = ? AND place < ?", arguments: [id, size])
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
        try await kept(log, "AND published ORDER BY checkpoints.size DESC").map { $0.note + $0.witnessed }
    }

    public func newestCheckpoint(of log: LogName) async throws -> StoredCheckpoint? {
        try await kept(log, "ORDER BY checkpoints.size DESC")
    }

    public func checkpoint(of log: LogName, covering leaf: Int) async throws -> (size: Int, note: String)? {
        try await kept(log, "AND checkpoints.size > \(leaf) AND published ORDER BY checkpoints.size").map {
            ($0.size, $0.note + $0.witnessed)
        }
    }

    /// The first such checkpoint, once it is recorded as signed.
    private func kept(_ log: LogName, _ condition: String) async throws -> StoredCheckpoint? {
        let found = try await read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT checkpoints.size, note, witnessed, published FROM checkpoints
                    JOIN logs ON logs.id = checkpoints.log WHERE kind = ? AND subject = ? \(condition) LIMIT 1
                    """, arguments: [log.kind, log.subject.data]
            ).map {
                StoredCheckpoint(
                    size: $0["size"], note: $0["note"], witnessed: $0["witnessed"] ?? "", isShown: $0["published"])
            }
        }
        guard let found else { return nil }
        try await recording { try await $0.settle(log, size: found.size, note: found.note, losses: losses) }
        return found
    }

    /// What is recorded is shown after that, if these are still the files that a service would open.
    private func recording(_ body: (SignedHeads) async throws -> Void) async throws {
        guard let heads else { return }
        do { try await body(heads) } catch { throw ownership.noted(StorageError(error)) }
        try ownership.checkFiles()
    }

    public func tile(_ tile: Tile, of log: LogName) async throws -> [UInt8]? {
        guard let range = tile.range else { return nil }
        return try await read { db in
            guard let id = try Self.id(of: log, db) else { return nil }
            switch tile.kind {
            case .entries:
                let leaves = try Row.fetchAll(
                    db, sql: "SELECT hash, bytes FROM leaves WHERE log = ? AND place >= ? AND place < ? ORDER BY place",
                    arguments: [id, range.lowerBound, range.upperBound])
                guard leaves.count == tile.count else { return nil }
                return try StoredTile.entries(
                    leaves.map { (hash: [UInt8]($0["hash"] as Data), bytes: [UInt8]($0["bytes"] as Data)) })
            case .hashes(let level):
                guard level < 8 else { return nil }
                let hashes = try Data.fetchAll(
                    db,
                    sql: """
                        SELECT hash FROM nodes WHERE log = ? AND level = ? AND place >= ? AND place < ? ORDER BY place
                        """, arguments: [id, 8 * level, range.lowerBound, range.upperBound])
                guard hashes.count == tile.count else { return nil }
                try Self.check(hashes.map(\.bytes32), StoredTile(level: level, range: range), id, db)
                return hashes.flatMap { [UInt8]($0) }
            }
        }
    }

    private static func check(_ hashes: [Bytes32], _ tile: StoredTile, _ id: Int64, _ db: Database) throws {
        let select = try db.cachedStatement(sql: "SELECT hash FROM nodes WHERE log = ? AND level = ? AND place = ?")
        var nodes: [StoredTile.Place: Bytes32] = [:]
        for place in tile.nodes {
            nodes[place] = try Data.fetchOne(select, arguments: [id, place.level, place.index])?.bytes32
        }
        let leaf = try tile.leaf.flatMap { leaf in
            try Data.fetchOne(db, sql: "SELECT hash FROM leaves WHERE log = ? AND place = ?", arguments: [id, leaf])
        }
        try tile.check(hashes, nodes, leafHash: leaf?.bytes32)
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

    public func logs(of workplace: ID<Workplace>) async throws -> [LogName] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT kind, subject FROM logs WHERE workplace = ? ORDER BY id",
                arguments: [workplace.bytes.data]
            ).map { LogName($0["kind"], ($0["subject"] as Data).bytes32) }
        }
    }

    public func liveLogs() async throws -> [LogName] {
        try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT logs.kind, logs.subject FROM logs JOIN logs AS own
                    ON own.kind = 1 AND own.subject = logs.workplace AND own.live WHERE logs.live
                    """
            ).map { LogName($0["kind"], ($0["subject"] as Data).bytes32) }
        }
    }
}
