import Foundation
import GRDB
import Petitions
import Postgres
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Storage

@Suite("Files of earlier versions", .takingTurns)
struct UpgradeTests {
    @Test("A file with the first schema opens, and has all that it had: leaves, checkpoints, objects, the log key")
    func first() async throws {
        let directory = try TemporaryDirectory()
        let path = directory("old.sqlite")
        try OwnFile.make(path)
        let (id, seed) = (Random.bytes32(), Random.bytes32())
        let leaves = (0..<3).map { [UInt8]("leaf \($0)".utf8) }
        do {
            let queue = try DatabaseQueue(path: path)
            try Schema.migrator.migrate(queue, upTo: "1 logs and objects")
            try await queue.write { db in
                try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
                try db.execute(
                    sql: "INSERT INTO service (id, name, log_seed) VALUES (1, 'old.example', ?)",
                    arguments: [Data(seed.bytes)])
                try db.execute(
                    sql: "INSERT INTO logs (id, kind, subject, workplace, size) VALUES (7, 1, ?, ?, 3)",
                    arguments: [Data(id.bytes), Data(id.bytes)])
                for (place, leaf) in leaves.enumerated() {
                    try db.execute(
                        sql: "INSERT INTO leaves (log, place, hash, bytes) VALUES (7, ?, ?, ?)",
                        arguments: [place, Data(MerkleTree.leafHash(leaf).bytes), Data(leaf)])
                    try db.execute(
                        sql: "INSERT INTO checkpoints (log, size, note) VALUES (7, ?, ?)",
                        arguments: [place + 1, "note \(place + 1)"])
                }
                for revision in 1...2 {
                    try db.execute(
                        sql: "INSERT INTO objects VALUES (?, ?, ?, 1, ?, ?)",
                        arguments: [
                            Data(id.bytes), Data(seed.bytes), revision, Data(Random.bytes(32)),
                            Data(repeating: 1, count: 100),
                        ])
                }
            }
            try queue.close()
        }
        let store = try SQLiteStore(path: path, serviceName: "old.example")
        let log = LogName.workplace(ID(id))
        #expect(store.logKey().publicKey == SigningKey(seed: SecretBytes(seed)).publicKey)
        #expect(try await store.leaves(of: log) == leaves)
        #expect(try await store.checkpoint(of: log) == "note 3")
        let first = try await store.checkpoint(of: log, covering: 0)
        #expect(first?.size == 1 && first?.note == "note 1")
        #expect(try await store.object(.init(.draft, ID(seed)), in: ID(id))?.count == 100)
        let stored = try await store.read { db in try Int.fetchOne(db, sql: "SELECT bytes FROM stored") }
        #expect(stored == 200)
        try store.closeNow()
    }

    /// Checks a store that has opened a database of the first protocol, as either engine wrote it.
    private func checkUpgraded(_ store: any Store, _ old: OldLogs) async throws {
        #expect(store.logKey().publicKey == SigningKey(seed: SecretBytes(old.seed)).publicKey)
        for log in old.logs {
            let name: LogName = log.isPetition ? .petition(ID(log.id)) : .workplace(ID(log.id))
            #expect(try await store.leaves(of: name) == log.leaves)
            #expect(try await store.checkpoint(of: name) == log.notes.last)
            #expect(try await store.checkpoint(of: name, covering: 0)?.note == log.notes.first)
            #expect(try await store.state(LogQuery(sizes: [name: 0])).news[name]?.legacy == log.leaves.count)
        }
        #expect(try await store.heldCounts() == [:])
        #expect(try await store.object(old.object.name, in: old.world.log.id) == old.object.bytes)
        #expect(try await store.wraps(of: 0, in: old.world.log.id) == [])
        #expect(try await store.liveLogs() == [])
        // The totals are of what is left, by author.
        let founder = old.world.founder
        let next = try StoredObject.seal(
            [1], kind: .draft, id: old.object.id, after: old.object, in: old.world.log.id, under: .generate(epoch: 0),
            by: founder.seed.signingKey())
        let sum = old.object.bytes.count + next.bytes.count
        for quota in [Quota(workplace: sum - 1, author: .max), Quota(workplace: .max, author: sum - 1)] {
            await #expect(throws: StorageError.quota) { try await store.put(next, within: quota) }
        }
        try await store.put(next, within: Quota(workplace: sum, author: sum))
    }

    /// Makes a file as the last program of the first protocol left it.
    private func makeOld(_ path: String, _ old: OldLogs) async throws {
        let queue = try DatabaseQueue(path: path)
        let rows = old.rows()
        try Schema.migrator.migrate(queue, upTo: "8 repeated leaves are known by the tree in memory")
        try await queue.write { db in
            try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
            for row in rows {
                let values = row.values.map { value -> any DatabaseValueConvertible in
                    switch value {
                    case .int(let value): value
                    case .text(let value): value
                    case .bytes(let value): Data(value)
                    }
                }
                try db.execute(
                    sql: """
                        INSERT INTO \(row.table) (\(row.columns.joined(separator: ", ")))
                        VALUES (\(row.columns.map { _ in "?" }.joined(separator: ", ")))
                        """, arguments: StatementArguments(values))
            }
            try db.execute(sql: "UPDATE leaves SET id = (log << 32) + place")
        }
        try queue.close()
    }

    @Test(
        "A file of the first protocol opens: leaves stay, what the new rules cannot use goes, and the check knows both")
    func firstProtocol() async throws {
        let directory = try TemporaryDirectory()
        let path = directory("old.sqlite")
        try OwnFile.make(path)
        let old = try OldLogs()
        try await makeOld(path, old)
        let store = try SQLiteStore(path: path, serviceName: "test.example")
        try await checkUpgraded(store, old)
        let report = try store.check()
        #expect(report.findings == [])
        #expect(report.logs.map(\.outdated) == [old.outdated.count, old.petition.leaves.count])
        // Derived rows are repaired there too.
        try await store.pool.write { try $0.execute(sql: "DELETE FROM nodes WHERE log = 2 AND level = 0") }
        let repaired = try store.check(repairing: true)
        #expect(repaired.findings.map(\.what) == [.nodes(2)] && repaired.isSound)
        // A leaf that was added later is judged by the rules.
        try await store.pool.write { try $0.execute(sql: "UPDATE logs SET legacy = legacy - 1 WHERE id = 1") }
        #expect(try store.check().findings.map(\.what) == [.leaf(old.outdated[1], "sequence of the signer")])
        try store.closeNow()
    }

    @Test("A file of the first protocol from which the service has moved stays moved, and can be put back")
    func movedAway() async throws {
        let directory = try TemporaryDirectory()
        let path = directory("old.sqlite")
        try OwnFile.make(path)
        try await makeOld(path, OldLogs())
        try await DatabaseQueue(path: path).write { db in
            for table in ["logs", "leaves", "held", "objects", "wraps", "invite_keys"] {
                for event in ["INSERT", "UPDATE", "DELETE"] {
                    try db.execute(
                        sql: """
                            CREATE TRIGGER moved_\(table)_\(event) BEFORE \(event) ON \(table)
                            BEGIN SELECT raise(ABORT, 'the service has moved'); END
                            """)
                }
            }
        }
        #expect(throws: StorageError.moved(path)) { try SQLiteStore(path: path, serviceName: "test.example") }
        let inspected = try SQLiteStore(inspecting: path)
        #expect(try inspected.isMoved)
        await #expect(throws: StorageError.conflict) {
            try await inspected.put(
                StoredInvite(workplace: ID(.zero), key: .zero, sealed: [1], author: .zero), under: .zero,
                within: .unlimited)
        }
        try inspected.closeNow()
        let back = directory("back.sqlite")
        #expect(try await SQLiteStore.restore(path, to: back, withoutRecord: true).findings == [])
        try SQLiteStore(path: back, serviceName: "test.example").closeNow()
    }

    @Test("A PostgreSQL database of the first protocol is brought up to date by whoever opens it first")
    func postgres() async throws {
        let place = try Engine.postgres.place()
        let old = try OldLogs()
        let connection = try PostgresConnection(PostgresAddress(place.database), patience: 10)
        try PostgresSchema.setUp(connection)
        try connection.transaction { connection in
            for statement in PostgresSchema.tables { try connection.run(statement) }
            try connection.run("INSERT INTO version VALUES (1)")
            for row in old.rows() {
                var (columns, values) = (row.columns, row.values)
                if row.table == "checkpoints" { (columns, values) = (columns + ["published"], values + [.int(1)]) }
                if row.table == "objects" { (columns, values) = (columns + ["place"], values + [.int(1)]) }
                let marks = columns.enumerated().map { $1 == "published" ? "$\($0 + 1)::bigint <> 0" : "$\($0 + 1)" }
                try connection.run(
                    """
                    INSERT INTO \(row.table) (\(columns.joined(separator: ", "))) OVERRIDING SYSTEM VALUE
                    VALUES (\(marks.joined(separator: ", ")))
                    """,
                    values.map { value -> PostgresValue in
                        switch value {
                        case .int(let value): .int(value)
                        case .text(let value): .text(value)
                        case .bytes(let value): .bytes(value)
                        }
                    })
            }
        }
        // Several processes start at once.
        let stores = try await withThrowingTaskGroup(of: (any Store).self) { group in
            group.addTask { try await PostgresStore.inspect(place.database) }
            group.addTask { try await PostgresStore.inspect(place.database) }
            return try await group.reduce(into: [any Store]()) { $0.append($1) }
        }
        for store in stores { try await store.close() }
        let store = try await place.open()
        try await checkUpgraded(store, old)
        try await store.close()
        let copy = place.directory("copy.sqlite")
        #expect(try await Databases.copy(place.database, to: copy).findings == [])
    }
}
