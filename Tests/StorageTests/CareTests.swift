import Foundation
import GRDB
import Petitions
import Sodium
import Synchronization
import TestSupport
import Testing
import TransparencyLog

@testable import Storage

@Suite("A database is checked, repaired, copied and put back", .takingTurns)
struct CareTests {
    typealias What = CheckReport.Finding.What
    let directory: TemporaryDirectory
    var path: String { directory("a.sqlite") }

    init() throws { directory = try TemporaryDirectory() }

    /// Everything in the database, as one text.
    private func dump(_ store: SQLiteStore) throws -> String {
        try store.pool.read { db in
            let tables = [
                "logs", "leaves", "nodes", "checkpoints", "names", "held", "held_names", "objects", "stored", "service",
                "wraps", "wanted", "invites", "promises", "stored_by",
            ]
            return try tables.map { table in
                try Row.fetchAll(db, sql: "SELECT * FROM \(table)").map(\.debugDescription).sorted()
                    .joined(separator: "\n")
            }.joined(separator: "\n--\n")
        }
    }

    private func change(_ store: SQLiteStore, _ sql: String) async throws {
        try await store.pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF")
            try db.execute(sql: sql)
            #expect(db.changesCount > 0, "\(sql)")
            try db.execute(sql: "PRAGMA foreign_keys = ON")
        }
    }

    @Test("What a service has written is sound, with the counts that the leaves give")
    func sound() async throws {
        let (store, logs) = try await StoredLogs.make(at: path)
        let report = try store.check()
        #expect(report.findings == [])
        let petition = try #require(report.logs.last)
        #expect(petition.name == logs.petitionName && petition.leaves == logs.petition.leaves.count)
        #expect(petition.tags == 5 && petition.cosignatures == 5 && petition.held == 1)
        #expect(report.logs.first?.members == 7 && report.objects == 2)
    }

    /// Damage to derived rows, and the findings.
    static let derived: [(String, @Sendable (StoredLogs) -> [What])] = [
        ("DELETE FROM nodes WHERE log = 2 AND level = 1", { _ in [.nodes(3)] }),
        ("UPDATE nodes SET hash = zeroblob(32) WHERE log = 1 AND level = 0 AND place = 2", { _ in [.nodes(1)] }),
        ("INSERT INTO nodes VALUES (2, 5, 0, zeroblob(32))", { _ in [.nodes(1)] }),
        ("UPDATE leaves SET hash = zeroblob(32) WHERE log = 2 AND place = 3", { _ in [.leafHash(3)] }),
        ("UPDATE logs SET size = size - 1 WHERE id = 2", { [.size($0.petition.leaves.count - 1)] }),
        ("UPDATE logs SET deadline = NULL WHERE id = 2", { _ in [.deadline] }),
        ("UPDATE logs SET workplace = zeroblob(32) WHERE id = 2", { _ in [.workplace] }),
        ("UPDATE checkpoints SET note = 'x' WHERE log = 2 AND size = 3", { _ in [.checkpoint(size: 3)] }),
        ("DELETE FROM checkpoints WHERE log = 2 AND size = 7", { _ in [.noCheckpoint] }),
        (
            "INSERT INTO names (log, tag, length, sealed) VALUES (2, zeroblob(32), 3, x'616263')",
            { _ in [.surplusName] }
        ),
        ("UPDATE held SET tag = zeroblob(32)", { _ in [.heldHash] }),
        ("UPDATE names SET tag = zeroblob(32)", { _ in [.nameRow] }),
        ("UPDATE names SET length = 3", { _ in [.nameRow] }),
        ("UPDATE held_names SET tag = zeroblob(32)", { _ in [.nameRow] }),
        ("UPDATE checkpoints SET witnessed = 'x' WHERE log = 2 AND size = 3", { _ in [.witnessed(size: 3)] }),
        ("UPDATE objects SET digest = zeroblob(32) WHERE revision = 2", { _ in [] }),
        ("UPDATE stored SET bytes = 1", { [.stored($0.world.log.id.hex)] }),
        (
            "UPDATE stored_by SET bytes = 1",
            { [.stored($0.world.log.id.hex + "/" + $0.world.founder.signKey.hex)] }
        ),
        ("UPDATE logs SET live = 0 WHERE id = 2", { _ in [.live] }),
        ("INSERT INTO promises VALUES (2, 3, 3600)", { _ in [.promise(3)] }),
        ("INSERT INTO promises VALUES (2, 99, 3600)", { _ in [.promise(99)] }),
        ("DELETE FROM stored", { [.stored($0.world.log.id.hex)] }),
    ]

    @Test(
        "What is derived is found and put right to the byte; until then nothing is changed", arguments: derived.indices)
    func repair(_ number: Int) async throws {
        let (store, logs) = try await StoredLogs.make(at: path)
        let before = try dump(store)
        let (sql, expected) = Self.derived[number]
        try await change(store, sql)
        let damaged = try dump(store)
        let found = try store.check()
        if !expected(logs).isEmpty { #expect(found.findings.map(\.what) == expected(logs)) }
        #expect(
            found.findings.count == max(expected(logs).count, 1) && found.findings.allSatisfy(\.isDerived)
                && !found.isSound)
        #expect(try dump(store) == damaged)
        let repaired = try store.check(repairing: true)
        #expect(repaired.isSound && repaired.findings.map(\.what) == found.findings.map(\.what))
        #expect(try dump(store) == before)
        #expect(try store.check().findings == [])
    }

    @Test("What is not derived is named and left alone, and nothing is derived from it")
    func lost() async throws {
        let cases: [(String, What)] = [
            ("DELETE FROM leaves WHERE log = 2 AND place = 4", .leafMissing(4)),
            ("DELETE FROM leaves WHERE log = 2 AND place >= 5", .short(size: 6)),
            ("UPDATE leaves SET bytes = zeroblob(5) WHERE log = 2 AND place = 6", .contradicted(size: 7)),
            ("UPDATE leaves SET bytes = zeroblob(5) WHERE log = 1 AND place = 2", .contradicted(size: 3)),
            // It comes before the leaf that has a name; the finding must not treat the name as one that nobody gave.
            ("UPDATE leaves SET bytes = zeroblob(5) WHERE log = 2 AND place = 2", .leaf(2, "unknown statement type")),
            ("DELETE FROM leaves WHERE log = 2 AND place = 1", .leafMissing(1)),
            // Together with the checkpoints that would contradict it.
            (
                "UPDATE leaves SET bytes = zeroblob(5) WHERE log = 2 AND place = 6; "
                    + "DELETE FROM checkpoints WHERE log = 2 AND size = 7", .noCheckpoint
            ),
            (
                "DELETE FROM leaves WHERE log = 2 AND place >= 6; DELETE FROM checkpoints WHERE log = 2 AND size > 6",
                .size(7)
            ),
            // A number that is not a size.
            ("UPDATE checkpoints SET size = -3 WHERE log = 2 AND size = 3", .checkpoint(size: -3)),
            ("DELETE FROM names", .nameMissing),
            ("DELETE FROM held_names", .nameMissing),
            ("UPDATE held SET bytes = zeroblob(500)", .held),
            // A time that nobody promises.
            ("UPDATE held SET until = 3601", .held),
            (
                "UPDATE checkpoints SET published = 0 WHERE log = 2 AND size = 7; INSERT INTO promises VALUES (2, 6, 5)",
                .promise(6)
            ),
            ("DELETE FROM objects WHERE revision = 1", .object("")),
        ]
        for (i, (sql, what)) in cases.enumerated() {
            let (store, _) = try await StoredLogs.make(at: directory("\(i).sqlite"))
            try await change(store, sql)
            let leaves = try dump(store)
            let report = try store.check(repairing: true)
            #expect(!report.isSound, "\(sql)")
            let found = report.findings.filter { !$0.isDerived }.map(\.what)
            if case .object = what {
                #expect(found.contains { if case .object = $0 { true } else { false } })
            } else {
                #expect(found.contains(what), "\(sql): \(found)")
            }
            if case .object = what { continue }
            #expect(try dump(store) == leaves, "\(sql)")
        }
    }

    @Test("A checkpoint that the key has signed over other leaves is not replaced")
    func contradicted() async throws {
        let (store, logs) = try await StoredLogs.make(at: path)
        let verifier = logs.world.log.verifier(of: logs.petition.log.id)
        let other = Checkpoint(origin: verifier.origin, size: 3, root: Random.bytes32()).signed(by: store.logKey())
        try await store.pool.write { db in
            try db.execute(
                sql: "UPDATE checkpoints SET note = ? WHERE log = 2 AND size = 3", arguments: [other.serialized])
        }
        let report = try store.check(repairing: true)
        #expect(report.findings.map(\.what) == [.contradicted(size: 3)] && !report.isSound)
    }

    @Test("A backup is made beside a writer, holds what was committed, and is not made of a damaged database")
    func backup() async throws {
        let (store, logs) = try await StoredLogs.make(at: path)
        let (began, begins) = AsyncStream.makeStream(of: Void.self)
        let isOver = Atomic(false)
        // If a task is cancelled, GRDB gives up the write that is in progress.
        let writer = Task { [path] in
            // Another connection, which writes all the time.
            let queue = try DatabaseQueue(path: path)
            while !isOver.load(ordering: .relaxed) {
                try await queue.write { try $0.execute(sql: "UPDATE stored SET bytes = bytes") }
                begins.yield()
            }
        }
        for await _ in began { break }
        let report = try await SQLiteStore.backUp(path, to: directory("copy.sqlite"))
        isOver.store(true, ordering: .relaxed)
        try await writer.value
        #expect(report.findings == [])
        let copy = try SQLiteStore(inspecting: directory("copy.sqlite"))
        #expect(try await copy.leaves(of: logs.petitionName) == logs.petition.leaves)
        #expect(copy.logKey().publicKey == store.logKey().publicKey)
        try copy.closeNow()
        let mode = try FileManager.default.attributesOfItem(atPath: directory("copy.sqlite"))[.posixPermissions]
        #expect(mode as? Int == 0o600)
        await #expect(throws: StorageError.exists(directory("copy.sqlite"))) {
            try await SQLiteStore.backUp(path, to: directory("copy.sqlite"))
        }
        try await change(store, "DELETE FROM leaves WHERE log = 2 AND place = 4")
        #expect(try await !SQLiteStore.backUp(path, to: directory("none.sqlite")).isUsable)
        #expect(!FileManager.default.fileExists(atPath: directory("none.sqlite")))
        await #expect(throws: StorageError.self) {
            try await SQLiteStore.backUp(directory("missing"), to: directory("none.sqlite"))
        }
        await #expect(throws: StorageError.self) {
            try await SQLiteStore.backUp(path, to: "/nowhere/at/all")
        }
        #expect(!FileManager.default.fileExists(atPath: directory("missing")))
    }

    @Test("A database that went back does not open; a backup that is behind is not restored without what is missing")
    func wentBack() async throws {
        var (store, logs) = try await StoredLogs.make(at: path)
        try await logs.store(in: store)
        _ = try await SQLiteStore.backUp(path, to: directory("old.sqlite"))
        // The co-signature that waited in the backup has since been appended, as somebody who has exported it can
        // prove.
        try logs.petition.append(logs.waiting)
        try logs.petition.cosign(logs.world.people[6])
        try logs.petition.close()
        try logs.petition.release(0)
        try await logs.store(in: store)
        try store.closeNow()
        let lost = StorageError.Loss(log: logs.petitionName, has: 7, signed: 11)

        // Restored by hand.
        try FileManager.default.moveItem(atPath: path, toPath: directory("lost.sqlite"))
        try FileManager.default.copyItem(atPath: directory("old.sqlite"), toPath: path)
        #expect(throws: StorageError.wentBack(lost: lost, logs: 1)) {
            try SQLiteStore(path: path, serviceName: "test.example")
        }
        try FileManager.default.removeItem(atPath: path)
        // Nothing new is made at the old place, because it would have a different key.
        #expect(throws: StorageError.databaseGone(path, record: SignedHeads.path(besides: path))) {
            try SQLiteStore(path: path, serviceName: "test.example")
        }
        #expect(!FileManager.default.fileExists(atPath: path))

        // Restored, but the record next to it contradicts.
        await #expect(throws: StorageError.wentBack(lost: lost, logs: 1)) {
            try await SQLiteStore.restore(directory("old.sqlite"), to: path)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        await #expect(throws: StorageError.noHeads(directory("b.sqlite.heads"))) {
            try await SQLiteStore.restore(directory("old.sqlite"), to: directory("b.sqlite"))
        }
        // A member's export contains what is missing.
        let bundle = logs.petition.bundle
        var signed = bundle
        signed.workplace.checkpoint = try await note(of: logs.workplaceName)
        signed.petition.checkpoint = try await note(of: logs.petitionName)
        await #expect(throws: StorageError.foreignBundle, "not signed by this key") {
            try await SQLiteStore.restore(directory("old.sqlite"), to: path, bundles: [bundle])
        }
        var forged = signed
        forged.petition.leaves.swapAt(2, 3)
        await #expect(throws: StorageError.foreignBundle) {
            try await SQLiteStore.restore(directory("old.sqlite"), to: path, bundles: [forged])
        }
        let report = try await SQLiteStore.restore(directory("old.sqlite"), to: path, bundles: [signed])
        #expect(report.findings == [])
        let restored = try SQLiteStore(path: path, serviceName: "test.example")
        #expect(try await restored.leaves(of: logs.petitionName) == logs.petition.leaves)
        #expect(try await restored.checkpoint(of: logs.petitionName) == signed.petition.checkpoint)
        #expect(try restored.check().findings == [])
        try restored.closeNow()
    }

    /// The newest note of the database that was set aside.
    private func note(of log: LogName) async throws -> String {
        let store = try SQLiteStore(inspecting: directory("lost.sqlite"))
        defer { try? store.closeNow() }
        let note = try await store.checkpoint(of: log)
        return try #require(note)
    }

    @Test("What cannot be recorded as signed is not shown, and is shown once it is recorded")
    func unrecorded() async throws {
        let store = try SQLiteStore(path: path, serviceName: "test.example")
        var logs = try StoredLogs(for: store)
        try await logs.store(in: store, each: 100)
        let heads = try DatabaseQueue(path: SignedHeads.path(besides: path))
        try await heads.write {
            try $0.execute(sql: "CREATE TRIGGER no BEFORE UPDATE ON heads BEGIN SELECT raise(FAIL, 'full'); END")
        }
        let before = try await store.checkpoint(of: logs.petitionName)
        try logs.petition.cosign(logs.world.people[1])
        await #expect(throws: StorageError.unrecorded) { try await logs.store(in: store) }
        await #expect(throws: StorageError.unrecorded) {
            try await store.checkpoint(of: logs.petitionName)
        }
        await #expect(throws: StorageError.unrecorded) {
            try await store.checkpoint(of: logs.petitionName, covering: 1)
        }
        // A difference in one log does not stop other logs from being shown.
        #expect(try await store.checkpoint(of: logs.workplaceName) != nil)
        try await heads.write { try $0.execute(sql: "DROP TRIGGER no") }
        #expect(try await store.checkpoint(of: logs.petitionName) != before)
        try store.closeNow()
        // And a record that a crash left behind is brought up to date.
        try await heads.write { db in
            try db.execute(sql: "UPDATE heads SET size = 1, note = 'x' WHERE kind = 2")
        }
        #expect(throws: StorageError.self, "another note at a size") {
            try SQLiteStore(path: path, serviceName: "test.example")
        }
        let first = try await DatabaseQueue(path: path).read { db in
            try String.fetchOne(db, sql: "SELECT note FROM checkpoints WHERE log = 2 ORDER BY size LIMIT 1")
        }
        try await heads.write { db in
            try db.execute(sql: "UPDATE heads SET note = ? WHERE kind = 2", arguments: [first])
        }
        try SQLiteStore(path: path, serviceName: "test.example").closeNow()
        let size = try await heads.read { try Int.fetchOne($0, sql: "SELECT size FROM heads WHERE kind = 2") }
        #expect(size == logs.petition.leaves.count)
    }

    @Test("A record that is gone, or empty, is missed")
    func recordGone() async throws {
        let (store, logs) = try await StoredLogs.make(at: path)
        try store.closeNow()
        let record = SignedHeads.path(besides: path)
        try FileManager.default.moveItem(atPath: record, toPath: directory("kept"))
        #expect(throws: StorageError.noHeads(record)) { try SQLiteStore(path: path, serviceName: "test.example") }
        #expect(!FileManager.default.fileExists(atPath: record))
        let other = try SignedHeads(path: directory("empty"), key: store.logKey().publicKey)
        try other.close()
        #expect(throws: StorageError.otherRecord(directory("empty"))) {
            try SQLiteStore(path: path, serviceName: "test.example", heads: directory("empty"))
        }
        try SQLiteStore(path: path, serviceName: "test.example", heads: directory("kept")).closeNow()
        let inspected = try SQLiteStore(inspecting: path)
        #expect(throws: StorageError.noHeads(record)) { try inspected.check(record: record) }
        #expect(try inspected.record(named: nil, besides: path) == nil)
        // The record shows what the database has lost along with its checkpoints.
        try await change(
            inspected,
            "DELETE FROM leaves WHERE log = 2 AND place >= 6; DELETE FROM checkpoints WHERE log = 2 AND size > 6; "
                + "UPDATE logs SET size = 6 WHERE id = 2; DELETE FROM nodes WHERE log = 2 AND place >= 6 AND level = 0")
        let report = try inspected.check(repairing: true, record: directory("kept"))
        #expect(report.findings.contains { $0.what == .short(size: 7) && !$0.isRepaired } && !report.isSound)
        _ = logs
    }
}
