import Foundation
import GRDB
import Postgres
import Sodium

/// Everything that a database has, table by table, in the order of its keys: the same rows in both engines.
struct StoredTable: Sendable {
    enum Kind: Sendable { case int, bool, bytes, text }

    let name: String
    let columns: [(name: String, kind: Kind)]
    /// What SQLite keeps in another shape.
    var inSQLite: String?
    let key: String
    /// Rows that are fetched together.
    var some = 500

    var names: String { columns.map(\.name).joined(separator: ", ") }
    func select(sqlite: Bool) -> String { (sqlite ? inSQLite : nil) ?? "SELECT \(names) FROM \(name) ORDER BY \(key)" }

    static let all: [StoredTable] = [
        StoredTable(
            name: "service", columns: [("id", .int), ("name", .text), ("log_seed", .bytes), ("record", .bytes)],
            key: "id"),
        StoredTable(
            name: "logs",
            columns: [
                ("id", .int), ("kind", .int), ("subject", .bytes), ("workplace", .bytes), ("size", .int),
                ("deadline", .int), ("legacy", .int), ("live", .bool),
            ], key: "id"),
        StoredTable(
            name: "leaves", columns: [("log", .int), ("place", .int), ("hash", .bytes), ("bytes", .bytes)],
            key: "log, place"),
        StoredTable(
            name: "nodes", columns: [("log", .int), ("level", .int), ("place", .int), ("hash", .bytes)],
            key: "log, level, place"),
        StoredTable(
            name: "checkpoints",
            columns: [("log", .int), ("size", .int), ("note", .text), ("published", .bool), ("witnessed", .text)],
            key: "log, size"),
        StoredTable(
            name: "names", columns: [("log", .int), ("tag", .bytes), ("sealed", .bytes)],
            inSQLite: "SELECT log, tag, substr(sealed, 1, length) FROM names ORDER BY log, tag", key: "log, tag"),
        StoredTable(
            name: "held",
            columns: [
                ("log", .int), ("hash", .bytes), ("tag", .bytes), ("until", .int), ("bytes", .bytes),
                ("sealed", .bytes),
            ],
            inSQLite: """
                SELECT held.log, hash, held.tag, until, bytes, substr(sealed, 1, length) FROM held
                LEFT JOIN held_names ON held_names.log = held.log AND held_names.tag = held.tag ORDER BY held.log, hash
                """, key: "log, hash"),
        StoredTable(name: "promises", columns: [("log", .int), ("place", .int), ("until", .int)], key: "log, place"),
        StoredTable(
            name: "objects",
            columns: [
                ("workplace", .bytes), ("kind", .int), ("object", .bytes), ("revision", .int), ("place", .int),
                ("author", .bytes), ("digest", .bytes), ("bytes", .bytes),
            ],
            inSQLite: """
                SELECT workplace, kind, object, revision, row_number() OVER (PARTITION BY workplace ORDER BY rowid) AS place,
                author, digest, bytes FROM objects ORDER BY workplace, rowid
                """, key: "workplace, place", some: 16),
        StoredTable(
            name: "wraps",
            columns: [
                ("workplace", .bytes), ("epoch", .int), ("member", .bytes), ("author", .bytes), ("wrap", .bytes),
                ("signature", .bytes),
            ],
            key: "workplace, epoch, member, author"),
        StoredTable(name: "wanted", columns: [("workplace", .bytes), ("member", .bytes)], key: "workplace, member"),
        StoredTable(
            name: "invites",
            columns: [
                ("name", .bytes), ("workplace", .bytes), ("invite", .bytes), ("author", .bytes), ("sealed", .bytes),
            ], key: "name"),
        StoredTable(
            name: "stored_by", columns: [("workplace", .bytes), ("author", .bytes), ("bytes", .int)],
            key: "workplace, author"),
        StoredTable(name: "stored", columns: [("workplace", .bytes), ("bytes", .int)], key: "workplace"),
    ]
}

enum Cell: Hashable {
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

typealias Rows = [[Cell]]

extension StoredTable {
    // MARK: Reading: a digest of all rows, and the rows some at a time

    func each(_ db: Database, _ body: (Rows) throws -> Void) throws -> Bytes32 {
        var hash = SHA256()
        let cursor = try Row.fetchCursor(db, sql: select(sqlite: true))
        var rows: Rows = []
        while let row = try cursor.next() {
            rows.append(
                columns.indices.map { i in
                    guard !row.hasNull(atIndex: i) else { return .null }
                    switch columns[i].kind {
                    case .int, .bool: return .int(row[i])
                    case .bytes: return .bytes([UInt8](row[i] as Data))
                    case .text: return .text(row[i])
                    }
                })
            if rows.count == some { try take(&rows, &hash, body) }
        }
        try take(&rows, &hash, body)
        return hash.finish()
    }

    func each(
        _ connection: PostgresConnection, _ body: (Rows) throws -> Void
    ) throws -> Bytes32 {
        var hash = SHA256()
        try connection.run("DECLARE copied NO SCROLL CURSOR FOR \(select(sqlite: false))")
        while true {
            var rows = try connection.run("FETCH \(some) FROM copied").map { row -> [Cell] in
                columns.indices.map { i in
                    switch columns[i].kind {
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

    private func take(_ rows: inout Rows, _ hash: inout SHA256, _ body: (Rows) throws -> Void) throws {
        for cell in rows.joined() { cell.add(to: &hash) }
        if !rows.isEmpty { try body(rows) }
        rows = []
    }

    // MARK: Writing

    func insert(_ rows: Rows, _ connection: PostgresConnection) throws {
        let values = columns.enumerated().map { i, column -> PostgresValue in
            switch column.kind {
            case .int, .bool: .ints(rows.map { $0[i].int })
            case .bytes: .byteArrays(rows.map { $0[i].bytes })
            case .text: .texts(rows.map { $0[i].text })
            }
        }
        let arrays = columns.enumerated().map { i, column in
            switch column.kind {
            case .int, .bool: "$\(i + 1)::bigint[]"
            case .bytes: "$\(i + 1)::bytea[]"
            case .text: "$\(i + 1)::text[]"
            }
        }
        let selected = columns.map { $0.kind == .bool ? "\($0.name) <> 0" : $0.name }
        try connection.run(
            """
            INSERT INTO \(name) (\(names)) OVERRIDING SYSTEM VALUE
            SELECT \(selected.joined(separator: ", "))
            FROM unnest(\(arrays.joined(separator: ", "))) AS new (\(names))
            """, values)
    }

    func insert(_ rows: Rows, _ slot: Int, _ db: Database) throws {
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
            switch name {
            case "leaves":
                let (log, place) = (row[0].int ?? 0, row[1].int ?? 0)
                // A log of more leaves than these fit in is none of ours.
                guard (0..<1 << 31).contains(log), (0..<1 << 32).contains(place) else { throw StorageError.damaged }
                try insert(name, "id, " + names, [log << 32 + place] + row.map(value))
            case "names":
                try Schema.insert(name: row[2].bytes ?? [], of: data(row[1]), in: row[0].int ?? 0, slot, db)
            case "held":
                try insert(name, "log, hash, tag, until, bytes", row.prefix(5).map(value))
                guard let sealed = row[5].bytes else { continue }
                try Schema.insert(name: sealed, of: data(row[2]), in: row[0].int ?? 0, slot, db, table: "held_names")
            case "objects":
                // Their places are the order in which they are written.
                let others = columns.indices.filter { columns[$0].name != "place" }
                try insert(
                    name, others.map { columns[$0].name }.joined(separator: ", "), others.map { value(row[$0]) })
            default: try insert(name, names, row.map(value))
            }
        }
    }
}
