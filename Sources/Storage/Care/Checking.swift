import Foundation
import GRDB
import Petitions
import Postgres
import Sodium

extension Databases {
    /// What a check found.
    public struct Checked: Sendable {
        public let report: CheckReport
        /// What the logs have lost of what was recorded as signed.
        public let lost: [StorageError.Loss]
        /// Whether there was a record of signed checkpoints.
        public let hasRecord: Bool
    }

    /// Checks a database of either engine, and puts right in place what can be derived.
    /// - Parameters:
    ///   - record: of signed checkpoints; the one beside an SQLite file when nil, if it is there.
    ///   - repairing: only while no service has the database or the record open. A PostgreSQL database is copied, the
    ///     copy repaired, and the rows that differ are written, in one transaction: it needs as much room in the
    ///     directory for temporary files.
    /// - Throws: `StorageError`; `.inUse`; `.noHeads` when there is no such record.
    public static func check(_ name: String, record: String?, repairing: Bool) async throws -> Checked {
        try await onThread {
            guard isPostgres(name) else { return try checkFile(name, record: record, repairing: repairing) }
            let directory = FileManager.default.temporaryDirectory
                .appending(path: "roundrobin-" + Hex.encode(Random.bytes(16))).path
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let copy = directory + "/copy.sqlite"
            guard repairing else {
                try copyUnchecked(from: name, to: copy)
                return try check(copy, record: record, repairing: false)
            }
            let lock = try record.flatMap { access($0, F_OK) == 0 ? try FileLock($0, exclusive: true) : nil }
            defer { lock?.end() }
            return try repair(name, through: copy, record: record)
        }
    }

    private static func checkFile(_ path: String, record: String?, repairing: Bool) throws -> Checked {
        guard repairing else { return try check(path, record: record, repairing: false) }
        let files: [String] = [path, record ?? SignedHeads.path(besides: path)].filter { access($0, F_OK) == 0 }
        let locks = try files.map { file in try FileLock(file, exclusive: true) }
        defer { for lock in locks { lock.end() } }
        return try check(path, record: record, repairing: true)
    }

    private static func check(_ path: String, record: String?, repairing: Bool) throws -> Checked {
        let store = try SQLiteStore(inspecting: path)
        defer { try? store.closeNow() }
        let record = try store.record(named: record, besides: path)
        let report = try store.check(repairing: repairing, record: record)
        let lost = try record.map { try store.losses(against: $0) } ?? []
        return Checked(report: report, lost: lost, hasRecord: record != nil)
    }

    private static func repair(_ address: String, through copy: String, record: String?) throws -> Checked {
        let connection = try PostgresConnection(PostgresAddress(address), patience: 3600)
        try PostgresSchema.setUpTool(connection)
        try PostgresSchema.takeAlone(connection)
        return try connection.transaction("ISOLATION LEVEL READ COMMITTED") { connection in
            // A service of an earlier version, which takes no part in the lock, waits or is refused.
            let names = StoredTable.all.map(\.name).joined(separator: ", ")
            try connection.run("LOCK TABLE \(names) IN EXCLUSIVE MODE")
            try copyTables(connection, to: copy)
            let checked = try check(copy, record: record, repairing: true)
            guard checked.report.findings.contains(where: \.isRepaired) else { return checked }
            let store = try SQLiteStore(inspecting: copy)
            defer { try? store.closeNow() }
            try store.readNow { db in
                // A row of another table may name a log: what is added there comes first, what goes there last.
                for table in StoredTable.all { try table.write(what: db, differsFrom: connection) }
            }
            return checked
        }
    }
}

extension StoredTable {
    private var keys: [Int] {
        key.split(separator: ", ").compactMap { part in columns.firstIndex { $0.name == part } }
    }

    /// Writes the rows of a repaired copy that a database has not, and removes those that the copy has not.
    fileprivate func write(what db: Database, differsFrom connection: PostgresConnection) throws {
        // A digest tells for most tables that there is nothing to do.
        var found: [[Cell]: Bytes32] = [:]
        let before = try each(connection) { _ in }
        let after = try each(db) { _ in }
        guard before != after else { return }
        func digest(_ row: [Cell]) -> Bytes32 {
            var hash = SHA256()
            for cell in row { cell.add(to: &hash) }
            return hash.finish()
        }
        _ = try each(connection) { rows in for row in rows { found[keys.map { row[$0] }] = digest(row) } }
        var changed: Set<[Cell]> = []
        _ = try each(db) { rows in
            for row in rows {
                let key = keys.map { row[$0] }
                if found.removeValue(forKey: key) != digest(row) { changed.insert(key) }
            }
        }
        for key in Set(found.keys).union(changed) {
            let condition = keys.enumerated().map { "\(columns[$1].name) = $\($0 + 1)" }.joined(separator: " AND ")
            try connection.run("DELETE FROM \(name) WHERE \(condition)", key.map(\.value))
        }
        _ = try each(db) { rows in
            let missing = rows.filter { row in changed.contains(keys.map { row[$0] }) }
            if !missing.isEmpty { try insert(missing, connection) }
        }
        guard try each(connection, { _ in }) == after else { throw StorageError.damaged }
    }
}

extension Cell {
    fileprivate var value: PostgresValue {
        switch self {
        case .null: .bytes(nil)
        case .int(let value): .int(value)
        case .bytes(let value): .bytes(value)
        case .text(let value): .text(value)
        }
    }
}
