import Foundation
import GRDB
import Postgres
import Sodium

/// Everything that a database has, table by table, in the order of its keys: the same rows in both engines.
private struct Table {
    enum Kind { case int, bool, bytes, text }

    let name: String
    let columns: [(name: String, kind: Kind)]
    /// What SQLite keeps in another shape.
    var inSQLite: String?
    let key: String
    /// Rows that are fetched together.
    var some = 500

    var names: String { columns.map(\.name).joined(separator: ", ") }
    func select(sqlite: Bool) -> String { (sqlite ? inSQLite : nil) ?? "SELECT \(names) FROM \(name) ORDER BY \(key)" }

    static let all = [
        Table(
            name: "service", columns: [("id", .int), ("name", .text), ("log_seed", .bytes), ("record", .bytes)],
            key: "id"),
        Table(
            name: "logs",
            columns: [
                ("id", .int), ("kind", .int), ("subject", .bytes), ("workplace", .bytes), ("size", .int),
                ("deadline", .int), ("legacy", .int), ("live", .bool),
            ], key: "id"),
        Table(
            name: "leaves", columns: [("log", .int), ("place", .int), ("hash", .bytes), ("bytes", .bytes)],
            key: "log, place"),
        Table(
            name: "nodes", columns: [("log", .int), ("level", .int), ("place", .int), ("hash", .bytes)],
            key: "log, level, place"),
        Table(
            name: "checkpoints",
            columns: [("log", .int), ("size", .int), ("note", .text), ("published", .bool), ("witnessed", .text)],
            key: "log, size"),
        Table(
            name: "names", columns: [("log", .int), ("tag", .bytes), ("sealed", .bytes)],
            inSQLite: "SELECT log, tag, substr(sealed, 1, length) FROM names ORDER BY log, tag", key: "log, tag"),
        Table(
            name: "held",
            columns: [
                ("log", .int), ("hash", .bytes), ("tag", .bytes), ("until", .int), ("bytes", .bytes),
                ("sealed", .bytes),
            ],
            inSQLite: """
                SELECT held.log, hash, held.tag, until, bytes, substr(sealed, 1, length) FROM held
                LEFT JOIN held_names ON held_names.log = held.log AND held_names.tag = held.tag ORDER BY held.log, hash
                """, key: "log, hash"),
        Table(name: "promises", columns: [("log", .int), ("place", .int), ("until", .int)], key: "log, place"),
        Table(
            name: "objects",
            columns: [
                ("workplace", .bytes), ("kind", .int), ("object", .bytes), ("revision", .int), ("place", .int),
                ("author", .bytes), ("digest", .bytes), ("bytes", .bytes),
            ],
            inSQLite: """
                SELECT workplace, kind, object, revision, row_number() OVER (PARTITION BY workplace ORDER BY rowid) AS place,
                author, digest, bytes FROM objects ORDER BY workplace, rowid
                """, key: "workplace, place", some: 16),
        Table(
            name: "wraps",
            columns: [
                ("workplace", .bytes), ("epoch", .int), ("member", .bytes), ("author", .bytes), ("wrap", .bytes),
                ("signature", .bytes),
            ],
            key: "workplace, epoch, member, author"),
        Table(name: "wanted", columns: [("workplace", .bytes), ("member", .bytes)], key: "workplace, member"),
        Table(
            name: "invites",
            columns: [
                ("name", .bytes), ("workplace", .bytes), ("invite", .bytes), ("author", .bytes), ("sealed", .bytes),
            ], key: "name"),
        Table(
            name: "stored_by", columns: [("workplace", .bytes), ("author", .bytes), ("bytes", .int)],
            key: "workplace, author"),
        Table(name: "stored", columns: [("workplace", .bytes), ("bytes", .int)], key: "workplace"),
    ]
}

private enum Cell {
    case null
    case int(Int64)
    case bytes([UInt8])
    case text(String)

    var int: Int64? { if case .int(let value) = self { value } else { nil } }
    var text: String? { if case .text(let value) = self { value } else { nil } }
    var bytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }

    /// Unambiguous, to compare what was read with what was written.
    func add(to hash: inout SHA256) {
        let (kind, body): (UInt8, [UInt8]) =
            switch self {
            case .null: (0, [])
            case .int(let value): (1, withUnsafeBytes(of: value.bigEndian) { Array($0) })
            case .bytes(let value): (2, value)
            case .text(let value): (3, Array(value.utf8))
            }
        hash.update([kind] + withUnsafeBytes(of: UInt64(body.count).bigEndian) { Array($0) })
        hash.update(body)
    }
}

private typealias Rows = [[Cell]]

extension Databases {
    /// Moves a service from its SQLite file to a PostgreSQL database that has none. The file takes nothing more from then on, and no
    /// service starts from it. A service that runs on it meanwhile is refused its next commit.
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
                try PostgresSchema.setUp(connection)
                try connection.run("SELECT set_config('idle_in_transaction_session_timeout', '0', false)")
                try connection.run("SELECT set_config('statement_timeout', '0', false)")
                try PostgresSchema.check(connection)
                _ = try PostgresSchema.migrate(connection)
                try connection.transaction { connection in
                    // A service that starts there meanwhile waits, and finds this one.
                    try connection.run("LOCK TABLE service IN ACCESS EXCLUSIVE MODE")
                    guard try connection.run("SELECT 1 FROM service").count == 0 else {
                        throw StorageError.occupied(connection.databaseName)
                    }
                    try source.readNow { db in
                        for table in Table.all {
                            let written = try each(table, db) { try insert($0, table, connection) }
                            guard try each(table, connection, { _ in }) == written else { throw StorageError.damaged }
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
        try await copyUnchecked(address, to: part)
        return try await SQLiteStore.backUp(part, to: file)
    }

    /// The same without the check, for who checks.
    /// - Parameter part: a new file.
    public static func copyUnchecked(_ address: String, to part: String) async throws {
        try await onThread {
            let connection = try PostgresConnection(PostgresAddress(address), patience: 600)
            try PostgresSchema.setUp(connection)
            try connection.run("SELECT set_config('statement_timeout', '0', false)")
            guard try connection.run("SELECT to_regclass('\(PostgresSchema.name).service')::text").first?.text(0) != nil
            else { throw StorageError.notOurs }
            let queue = try SQLiteStore.makeEmpty(part)
            try connection.transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY") { connection in
                try queue.write { db in
                    let slot = try Schema.nameSlot(db)
                    for table in Table.all {
                        let read = try each(table, connection) { try insert($0, table, slot, db) }
                        guard try each(table, db, { _ in }) == read else { throw StorageError.damaged }
                    }
                }
            }
            try queue.close()
        }
    }

    /// Both engines' calls wait for the disk or the server, minutes perhaps.
    private static func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { answer in
            Thread.detachNewThread { answer.resume(with: Result { try body() }.mapError { StorageError($0) }) }
        }
    }

    // MARK: Reading: a digest of all rows, and the rows some at a time

    private static func each(_ table: Table, _ db: Database, _ body: (Rows) throws -> Void) throws -> Bytes32 {
        var hash = SHA256()
        let cursor = try Row.fetchCursor(db, sql: table.select(sqlite: true))
        var rows: Rows = []
        while let row = try cursor.next() {
            rows.append(
                table.columns.indices.map { i in
                    guard !row.hasNull(atIndex: i) else { return .null }
                    switch table.columns[i].kind {
                    case .int, .bool: return .int(row[i])
                    case .bytes: return .bytes([UInt8](row[i] as Data))
                    case .text: return .text(row[i])
                    }
                })
            if rows.count == table.some { try take(&rows, &hash, body) }
        }
        try take(&rows, &hash, body)
        return hash.finish()
    }

    private static func each(
        _ table: Table, _ connection: PostgresConnection, _ body: (Rows) throws -> Void
    ) throws -> Bytes32 {
        var hash = SHA256()
        try connection.run("DECLARE copied NO SCROLL CURSOR FOR \(table.select(sqlite: false))")
        while true {
            var rows = try connection.run("FETCH \(table.some) FROM copied").map { row -> [Cell] in
                table.columns.indices.map { i in
                    switch table.columns[i].kind {
                    case .int: row.int(i).map { .int($0) } ?? .null
                    case .bool: .int(row.bool(i) ? 1 : 0)
                    case .bytes: row.bytes(i).map { .bytes($0) } ?? .null
                    case .text: row.text(i).map { .text($0) } ?? .null
                    }
                }
            }
            guard !rows.isEmpty else { break }
            try take(&rows, &hash, body)
        }
        try connection.run("CLOSE copied")
        return hash.finish()
    }

    private static func take(_ rows: inout Rows, _ hash: inout SHA256, _ body: (Rows) throws -> Void) throws {
        for cell in rows.joined() { cell.add(to: &hash) }
        if !rows.isEmpty { try body(rows) }
        rows = []
    }

    // MARK: Writing

    private static func insert(_ rows: Rows, _ table: Table, _ connection: PostgresConnection) throws {
        let values = table.columns.enumerated().map { i, column -> PostgresValue in
            switch column.kind {
            case .int, .bool: .ints(rows.map { $0[i].int })
            case .bytes: .byteArrays(rows.map { $0[i].bytes })
            case .text: .texts(rows.map { $0[i].text })
            }
        }
        let arrays = table.columns.enumerated().map { i, column in
            switch column.kind {
            case .int, .bool: "$\(i + 1)::bigint[]"
            case .bytes: "$\(i + 1)::bytea[]"
            case .text: "$\(i + 1)::text[]"
            }
        }
        let selected = table.columns.map { $0.kind == .bool ? "\($0.name) <> 0" : $0.name }
        try connection.run(
            """
            INSERT INTO \(table.name) (\(table.names)) OVERRIDING SYSTEM VALUE
            SELECT \(selected.joined(separator: ", "))
            FROM unnest(\(arrays.joined(separator: ", "))) AS new (\(table.names))
            """, values)
    }

    private static func insert(_ rows: Rows, _ table: Table, _ slot: Int, _ db: Database) throws {
        func data(_ cell: Cell) -> Data { Data(cell.bytes ?? []) }
        func value(_ cell: Cell) -> (any DatabaseValueConvertible)? {
            switch cell {
            case .null: nil
            case .int(let value): value
            case .bytes(let value): Data(value)
            case .text(let value): value
            }
        }
        func insert(_ table: String, _ columns: String, _ cells: [(any DatabaseValueConvertible)?]) throws {
            let marks = cells.map { _ in "?" }.joined(separator: ", ")
            try db.cachedStatement(sql: "INSERT INTO \(table) (\(columns)) VALUES (\(marks))")
                .execute(arguments: StatementArguments(cells))
        }
        for row in rows {
            switch table.name {
            case "leaves":
                let (log, place) = (row[0].int ?? 0, row[1].int ?? 0)
                // A log of more leaves than these fit in is none of ours.
                guard (0..<1 << 31).contains(log), (0..<1 << 32).contains(place) else { throw StorageError.damaged }
                try insert(table.name, "id, " + table.names, [log << 32 + place] + row.map(value))
            case "names":
                try Schema.insert(name: row[2].bytes ?? [], of: data(row[1]), in: row[0].int ?? 0, slot, db)
            case "held":
                try insert(table.name, "log, hash, tag, until, bytes", row.prefix(5).map(value))
                guard let sealed = row[5].bytes else { continue }
                try Schema.insert(name: sealed, of: data(row[2]), in: row[0].int ?? 0, slot, db, table: "held_names")
            case "objects":
                // Their places are the order in which they are written.
                let columns = table.columns.indices.filter { table.columns[$0].name != "place" }
                try insert(
                    table.name, columns.map { table.columns[$0].name }.joined(separator: ", "),
                    columns.map { value(row[$0]) })
            default: try insert(table.name, table.names, row.map(value))
            }
        }
    }
}

extension SQLiteStore {
    /// A new file with the tables and nothing in them.
    fileprivate static func makeEmpty(_ path: String) throws -> DatabaseQueue {
        try OwnFile.make(path)
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
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
