import Foundation
import GRDB
import Postgres
import Sodium

extension Databases {
    /// Moves a service from its SQLite file to a PostgreSQL database that has none. The file takes nothing more from
    /// then on, and no service starts from it. A service that runs on it meanwhile is refused its next commit.
    /// - Parameter record: of signed checkpoints, which is held against the file and goes on with the new database.
    /// - Returns: what the check of the file found; when that is not sound, nothing is moved.
    /// - Throws: `StorageError`; `.occupied` when the database has a service.
    public static func move(_ file: String, to address: String, record: String) async throws -> CheckReport {
        try await onThread {
            let source = try SQLiteStore(inspecting: file)
            defer { try? source.closeNow() }
            let lost = try source.losses(against: record)
            if let first = lost.first { throw StorageError.wentBack(lost: first, logs: lost.count) }
            guard try source.record == source.recordID(in: record) else { throw StorageError.otherRecord(record) }
            let wasMoved = try source.isMoved
            try source.setMoved(true)
            do {
                let report = try source.check(record: record)
                guard report.isUsable else {
                    if !wasMoved { try source.setMoved(false) }
                    return report
                }
                let connection = try PostgresConnection(PostgresAddress(address), patience: 600)
                try PostgresSchema.setUpTool(connection)
                try PostgresSchema.check(connection)
                _ = try PostgresSchema.migrate(connection)
                try connection.transaction { connection in
                    // A service that starts there meanwhile waits, and finds this one.
                    try connection.run("LOCK TABLE service IN ACCESS EXCLUSIVE MODE")
                    guard try connection.run("SELECT 1 FROM service").count == 0 else {
                        throw StorageError.occupied(connection.databaseName)
                    }
                    try source.readNow { db in
                        for table in StoredTable.all {
                            let written = try table.each(db) { try table.insert($0, connection) }
                            guard try table.each(connection, { _ in }) == written else { throw StorageError.damaged }
                        }
                    }
                    try connection.run(
                        "SELECT setval(pg_get_serial_sequence('logs', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM logs))"
                    )
                }
                return report
            } catch let error as PostgresUnanswered {
                // It may be there: then this file must take nothing more. Trying again tells.
                throw error
            } catch {
                if !wasMoved { try? source.setMoved(false) }
                throw error
            }
        }
    }

    /// Copies a PostgreSQL database into a new SQLite file, as it is at one moment, while services run.
    /// - Parameter file: it is there whole and synced, or not at all.
    /// - Returns: what the check of the copy found; when that is not sound, no copy is kept.
    /// - Throws: `StorageError`.
    @discardableResult
    public static func copy(_ address: String, to file: String) async throws -> CheckReport {
        let directory = file + ".part-" + Hex.encode(Random.bytes(8))
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        } catch { throw StorageError.cannotOpen(directory) }
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let part = directory + "/copy.sqlite"
        try await onThread { try copyUnchecked(from: address, to: part) }
        return try await SQLiteStore.backUp(part, to: file)
    }

    /// Like `copy`, without the check.
    /// - Parameter part: a new file.
    static func copyUnchecked(from address: String, to part: String) throws {
        let connection = try PostgresConnection(PostgresAddress(address), patience: 600)
        try PostgresSchema.setUpTool(connection)
        guard try connection.run("SELECT to_regclass('\(PostgresSchema.name).service')::text").first?.text(0) != nil
        else { throw StorageError.notOurs }
        try connection.transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY") { try copyTables($0, to: part) }
    }

    /// - Parameter connection: in a transaction that sees one state.
    static func copyTables(_ connection: PostgresConnection, to part: String) throws {
        let queue = try SQLiteStore.makeEmpty(part)
        try queue.write { db in
            let slot = try Schema.nameSlot(db)
            for table in StoredTable.all {
                let read = try table.each(connection) { try table.insert($0, slot, db) }
                guard try table.each(db, { _ in }) == read else { throw StorageError.damaged }
            }
        }
        try queue.close()
    }

    /// Both engines' calls wait for the disk or the server, minutes perhaps.
    static func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { answer in
            Thread.detachNewThread { answer.resume(with: Result { try body() }.mapError { StorageError($0) }) }
        }
    }
}

extension SQLiteStore {
    /// A new file with the tables and nothing in them.
    static func makeEmpty(_ path: String) throws -> DatabaseQueue {
        try OwnFile.make(path)
        var configuration = Configuration()
        // What is wrong is copied as it is; the check finds rows of no log.
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { try OwnFile.claim($0, Schema.applicationID) }
        try Schema.migrator.migrate(queue)
        return queue
    }

    fileprivate func recordID(in path: String) throws -> Bytes32 {
        let heads = try SignedHeads(path: path, key: logKey().publicKey)
        defer { try? heads.close() }
        return heads.id
    }

    /// Whether the service has moved to another database.
    var isMoved: Bool { get throws { try readNow { try Schema.isMoved($0) } } }

    /// Has SQLite itself refuse every further leaf, object and key, whoever has the file open.
    func setMoved(_ isMoved: Bool) throws {
        do { try pool.write { try Schema.setMoved(isMoved, $0) } } catch { throw StorageError(error) }
    }
}
