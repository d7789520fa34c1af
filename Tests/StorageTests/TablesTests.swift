import Foundation
import GRDB
import Petitions
import Postgres
import Sodium
import TestSupport
import Testing

@testable import Storage

@Suite("One description of the tables, for both engines, the copier and the repair", .serialized, .takingTurns)
struct TablesTests {
    /// Tables that an engine needs for itself, and whose rows are not kept.
    private static let own: Set<String> = [
        "version", "requests", "probe", "grdb_migrations", "held_names", "sqlite_sequence",
    ]
    /// Columns that one engine has because of the layout of its rows.
    private static let shape: [String: Set<String>] = ["leaves": ["id"], "names": ["id", "length"]]

    private struct Column: Hashable {
        let table: String
        let name: String
        let kind: String
    }

    private static var described: Set<Column> {
        Set(
            StoredTable.all.flatMap { table in
                table.columns.map { column in
                    Column(table: table.name, name: column.name, kind: column.kind == .bool ? "int" : "\(column.kind)")
                }
            })
    }

    @Test("Both schemas have these tables and columns, of these kinds, and no others", arguments: Engine.allCases)
    func schemas(_ engine: Engine) async throws {
        let place = try engine.place()
        let store = try await place.open()
        var found: Set<Column> = []
        var expected = Self.described
        switch store {
        case let store as SQLiteStore:
            // SQLite keeps waiting names in a separate table, and an object's place is its row's number.
            expected = expected.filter {
                !($0.table == "held" && $0.name == "sealed" || $0.table == "objects" && $0.name == "place")
            }
            let kinds = ["INTEGER": "int", "BLOB": "bytes", "TEXT": "text"]
            found = try await store.pool.read { db in
                let tables = try String.fetchAll(db, sql: "SELECT name FROM sqlite_schema WHERE type = 'table'")
                return Set(
                    try tables.filter { !Self.own.contains($0) }.flatMap { table in
                        try Row.fetchAll(db, sql: "SELECT name, type FROM pragma_table_info(?)", arguments: [table])
                            .map { Column(table: table, name: $0["name"], kind: kinds[$0["type"]] ?? "?") }
                            .filter { !(Self.shape[table] ?? []).contains($0.name) }
                    })
            }
        case let store as PostgresStore:
            let kinds = ["bigint": "int", "boolean": "int", "bytea": "bytes", "text": "text"]
            found = try await store.readOnce { connection in
                Set(
                    try connection.run(
                        "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = 'roundrobin'"
                    ).map {
                        Column(table: $0.text(0) ?? "", name: $0.text(1) ?? "", kind: kinds[$0.text(2) ?? ""] ?? "?")
                    }.filter { !Self.own.contains($0.table) })
            }
        default: throw Absent()
        }
        #expect(found.subtracting(expected).isEmpty, "not described: \(found.subtracting(expected))")
        #expect(expected.subtracting(found).isEmpty, "not there: \(expected.subtracting(found))")
        try await store.close()
    }

    @Test("The keys tell rows apart, in either engine", arguments: Engine.allCases)
    func keys(_ engine: Engine) async throws {
        let place = try engine.place()
        let store = try await place.open()
        _ = try await StoredLogs.make(in: store)
        try await store.close()
        for (table, rows) in try await Self.rows(of: place) {
            let keys = table.key.split(separator: ", ").compactMap { part in
                table.columns.firstIndex { $0.name == part }
            }
            #expect(keys.count == table.key.split(separator: ",").count)
            #expect(Set(rows.map { row in keys.map { row[$0] } }).count == rows.count, "\(table.name)")
        }
    }

    /// Every row of a database.
    static func rows(of place: Engine.Place) async throws -> [(table: StoredTable, rows: Rows)] {
        switch place.engine {
        case .sqlite:
            let store = try SQLiteStore(inspecting: place.database)
            defer { try? store.closeNow() }
            return try store.readNow { db in
                try StoredTable.all.map { table in
                    var rows: Rows = []
                    _ = try table.each(db) { rows += $0 }
                    return (table, rows)
                }
            }
        case .postgres:
            let store = try await PostgresStore.inspect(place.database)
            let rows = try await store.read { connection in
                try StoredTable.all.map { table in
                    var rows: Rows = []
                    _ = try table.each(connection) { rows += $0 }
                    return (table: table, rows: rows)
                }
            }
            try await store.close()
            return rows
        }
    }
}

@Suite("A database of either engine is checked, and repaired in place", .serialized, .takingTurns)
struct RepairTests {
    typealias What = CheckReport.Finding.What

    /// Translates a statement into SQLite's dialect.
    private static func sql(_ text: String, _ engine: Engine) -> String {
        guard engine == .postgres else { return text }
        return text.replacing("zeroblob(32)", with: "decode(repeat('00', 32), 'hex')")
            .replacing("zeroblob(5)", with: "decode(repeat('00', 5), 'hex')").replacing(
                "live = 0", with: "live = false")
    }

    /// Damage to derived rows, and the findings.
    static let derived: [(sql: String, what: @Sendable (StoredLogs) -> [What])] = [
        ("DELETE FROM nodes WHERE log = 2 AND level = 1", { _ in [.nodes(3)] }),
        ("UPDATE nodes SET hash = zeroblob(32) WHERE log = 1 AND level = 0 AND place = 2", { _ in [.nodes(1)] }),
        ("INSERT INTO nodes VALUES (2, 5, 0, zeroblob(32))", { _ in [.nodes(1)] }),
        ("UPDATE leaves SET hash = zeroblob(32) WHERE log = 2 AND place = 3", { _ in [.leafHash(3)] }),
        ("UPDATE logs SET size = size - 1 WHERE id = 2", { [.size($0.petition.leaves.count - 1)] }),
        ("UPDATE logs SET deadline = NULL WHERE id = 2", { _ in [.deadline] }),
        ("UPDATE logs SET workplace = zeroblob(32) WHERE id = 2", { _ in [.workplace] }),
        ("UPDATE logs SET live = 0 WHERE id = 2", { _ in [.live] }),
        ("UPDATE checkpoints SET note = 'x' WHERE log = 2 AND size = 3", { _ in [.checkpoint(size: 3)] }),
        ("DELETE FROM checkpoints WHERE log = 2 AND size = 7", { _ in [.noCheckpoint] }),
        ("UPDATE held SET tag = zeroblob(32)", { _ in [.heldHash] }),
        ("UPDATE names SET tag = zeroblob(32)", { _ in [.nameRow] }),
        ("UPDATE checkpoints SET witnessed = 'x' WHERE log = 2 AND size = 3", { _ in [.witnessed(size: 3)] }),
        ("UPDATE stored SET bytes = 1", { [.stored($0.world.log.id.hex)] }),
        ("DELETE FROM stored", { [.stored($0.world.log.id.hex)] }),
        ("INSERT INTO promises VALUES (2, 3, 3600)", { _ in [.promise(3)] }),
    ]

    @Test(
        "What is derived is found and put right to the byte; until then nothing is changed", arguments: Engine.allCases,
        derived.indices)
    func repair(_ engine: Engine, _ number: Int) async throws {
        let (damage, expected) = Self.derived[number]
        // SQLite keeps the tag of a waiting name separately.
        guard engine == .postgres || damage != "UPDATE held SET tag = zeroblob(32)" else { return }
        let place = try engine.place()
        let store = try await place.open()
        let logs = try await StoredLogs.make(in: store)
        await #expect(throws: StorageError.self, "while a service runs") {
            try await Databases.check(place.database, record: place.heads, repairing: true)
        }
        try await store.close()
        let before = try await TablesTests.rows(of: place).map(\.rows)
        try await place.change(Self.sql(damage, engine))
        let damaged = try await TablesTests.rows(of: place).map(\.rows)
        #expect(damaged != before)
        // PostgreSQL keeps a waiting name in the same row, under the same tag.
        let what = expected(logs) + (damage.hasPrefix("UPDATE held") ? [.nameRow] : [])
        let found = try await Databases.check(place.database, record: place.heads, repairing: false)
        #expect(
            found.report.findings.map(\.what) == what && !found.report.isSound, "\(found.report.findings)")
        #expect(try await TablesTests.rows(of: place).map(\.rows) == damaged)
        let repaired = try await Databases.check(place.database, record: place.heads, repairing: true)
        #expect(repaired.report.isSound && repaired.lost == [] && repaired.hasRecord)
        #expect(try await TablesTests.rows(of: place).map(\.rows) == before)
        let again = try await place.open()
        #expect(try await again.leaves(of: logs.petitionName) == logs.petition.leaves)
        try await again.close()
    }

    @Test("What is not derived is named and left alone", arguments: Engine.allCases)
    func lost(_ engine: Engine) async throws {
        let cases: [(String, What)] = [
            ("DELETE FROM leaves WHERE log = 2 AND place = 4", .leafMissing(4)),
            ("DELETE FROM leaves WHERE log = 2 AND place >= 5", .short(size: 6)),
            ("UPDATE leaves SET bytes = zeroblob(5) WHERE log = 2 AND place = 6", .contradicted(size: 7)),
            ("UPDATE held SET until = 3601", .held),
        ]
        for (damage, what) in cases {
            let place = try engine.place()
            let store = try await place.open()
            _ = try await StoredLogs.make(in: store)
            try await store.close()
            try await place.change(Self.sql(damage, engine))
            let damaged = try await TablesTests.rows(of: place).map(\.rows)
            let checked = try await Databases.check(place.database, record: place.heads, repairing: true)
            #expect(checked.report.findings.contains { $0.what == what && !$0.isRepaired }, "\(damage)")
            #expect(try await TablesTests.rows(of: place).map(\.rows) == damaged, "\(damage)")
        }
    }
}
