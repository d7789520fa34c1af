import Foundation
import GRDB
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Storage

/// Only one service signs a log, whatever happens to its files.
@Suite("A store that is not the only one to sign its logs shows nothing any more", .takingTurns)
struct OwnershipTests {
    /// Changes the record without the service's knowledge, as another service does that signs the same logs.
    private func change(_ heads: String, _ sql: String, _ arguments: StatementArguments) throws {
        let queue = try DatabaseQueue(path: heads)
        try queue.write { try $0.execute(sql: sql, arguments: arguments) }
        try queue.close()
    }

    /// The next checkpoint of a petition's log, over a different leaf than this store's.
    private func note(_ logs: StoredLogs, _ store: any Store, size: Int) -> String {
        let verifier = logs.world.log.verifier(of: logs.petition.log.id)
        return Checkpoint(origin: verifier.origin, size: UInt64(size), root: Random.bytes32())
            .signed(by: store.logKey()).serialized
    }

    /// Expects that everything is refused from now on, for this reason.
    private func expectLost(_ store: any Store, _ logs: StoredLogs, _ error: StorageError) async throws {
        var logs = logs
        try logs.petition.cosign(logs.world.people[6])
        await #expect(throws: error) { try await logs.store(in: store) }
        await #expect(throws: error) { try await store.turn(LogQuery(sizes: [:])) }
        await #expect(throws: error) { try await store.checkpoint(of: logs.workplaceName) }
        await #expect(throws: error) { try await store.newestCheckpoint(of: logs.petitionName) }
        await #expect(throws: error) { try await store.checkStillOwn() }
        await #expect(throws: error) {
            try await store.publish(logs.workplaceName, size: logs.world.leaves.count, witnessed: "")
        }
        await #expect(throws: error) { try await store.want(wrapFor: .zero, in: logs.world.log.id) }
        #expect(await !store.canWrite())
        #expect(await !store.canRead())
        #expect(store.hasRefused)
    }

    @Test(
        "Another checkpoint of the same size is on record: what was committed is not shown", arguments: Engine.allCases)
    func sameSize(_ engine: Engine) async throws {
        let place = try engine.place()
        let store = try await place.open()
        var logs = try await StoredLogs.make(in: store)
        try await store.checkStillOwn()
        let size = logs.petition.leaves.count
        try change(
            place.heads, "UPDATE heads SET size = ?, note = ? WHERE kind = 2",
            [size + 1, note(logs, store, size: size + 1)])
        try logs.petition.cosign(logs.world.people[6])
        let error = StorageError.contradicted(.init(log: logs.petitionName, has: size + 1, signed: size + 1))
        await #expect(throws: error) { try await logs.store(in: store) }
        try await expectLost(store, logs, error)
        try await store.close()
    }

    @Test("The record is ahead of the database: nothing is acknowledged over it", arguments: Engine.allCases)
    func ahead(_ engine: Engine) async throws {
        let place = try engine.place()
        let store = try await place.open()
        var logs = try await StoredLogs.make(in: store)
        let size = logs.petition.leaves.count
        try change(
            place.heads, "UPDATE heads SET size = ?, note = ? WHERE kind = 2",
            [size + 5, note(logs, store, size: size + 5)])
        try logs.petition.cosign(logs.world.people[6])
        let error = StorageError.contradicted(.init(log: logs.petitionName, has: size + 1, signed: size + 5))
        await #expect(throws: error) { try await logs.store(in: store) }
        try await expectLost(store, logs, error)
        try await store.close()
    }

    @Test(
        "Another service has signed fewer leaves than this commit brings: it is found though the record is behind",
        arguments: Engine.allCases)
    func between(_ engine: Engine) async throws {
        let place = try engine.place()
        let store = try await place.open()
        var logs = try await StoredLogs.make(in: store)
        let size = logs.petition.leaves.count
        try change(
            place.heads, "UPDATE heads SET size = ?, note = ? WHERE kind = 2",
            [size + 1, note(logs, store, size: size + 1)])
        for person in [logs.world.people[6], logs.world.people[5]] { try logs.petition.cosign(person) }
        await #expect {
            try await logs.store(in: store, each: 2)
        } throws: {
            ($0 as? StorageError) == .contradicted(.init(log: logs.petitionName, has: size + 2, signed: size + 1))
        }
        try await store.close()
    }

    @Test("Nobody writes, and the whole record is compared all the same", arguments: Engine.allCases)
    func compared(_ engine: Engine) async throws {
        let place = try engine.place()
        let store = try await place.open()
        let logs = try await StoredLogs.make(in: store)
        let size = logs.petition.leaves.count
        try change(place.heads, "UPDATE heads SET note = ? WHERE kind = 2", [note(logs, store, size: size)])
        // It is not due yet.
        try await store.checkStillOwn()
        let ownership = (store as? SQLiteStore)?.ownership ?? (store as? PostgresStore)?.ownership
        let heads = (store as? SQLiteStore)?.heads ?? (store as? PostgresStore)?.heads
        let error = StorageError.contradicted(.init(log: logs.petitionName, has: size, signed: size))
        await #expect(throws: error) {
            switch store {
            case let store as SQLiteStore: try await ownership?.compare(try #require(heads), store.losses)
            case let store as PostgresStore: try await ownership?.compare(try #require(heads), store.losses)
            default: break
            }
        }
        try await expectLost(store, logs, error)
        try await store.close()
    }

    @Test(
        "Two processes of one service take turns, each with the same record or its own: being behind is no fork",
        arguments: Engine.allCases)
    func together(_ engine: Engine) async throws {
        let place = try engine.place()
        let first = try await place.open()
        let second = try await place.open()
        var logs = try await StoredLogs.make(in: first)
        for (i, person) in (logs.world.people + logs.world.people).enumerated() {
            try logs.petition.cosign(person, choices: i < 7 ? [2, 2] : [1, 2])
            try await logs.store(in: i % 3 == 0 ? first : second)
            // The part that the other one has not seen yet.
            #expect(try await first.checkpoint(of: logs.petitionName) == second.checkpoint(of: logs.petitionName))
            try await first.checkStillOwn()
            try await second.checkStillOwn()
        }
        try await first.close()
        try await second.close()
    }

    @Test("A file that is moved, removed or replaced ends the store", arguments: ["", "-wal", ".heads", ".heads-wal"])
    func replaced(_ suffix: String) async throws {
        let directory = try TemporaryDirectory()
        let path = directory("a.sqlite")
        for change in ["move", "remove", "replace"] {
            let store = try SQLiteStore(path: path, serviceName: "test.example")
            let logs = try await StoredLogs.make(in: store)
            try await store.checkStillOwn()
            let file = path + suffix
            switch change {
            case "move": try FileManager.default.moveItem(atPath: file, toPath: directory("aside"))
            case "remove": try FileManager.default.removeItem(atPath: file)
            default:
                try FileManager.default.copyItem(atPath: file, toPath: directory("copy"))
                try #require(rename(directory("copy"), file) == 0)
            }
            try await expectLost(store, logs, .replaced(file))
            for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
                try FileManager.default.removeItem(atPath: directory(name))
            }
        }
    }

    @Test("A restore and a repair are refused while a service has the database or the record open")
    func inUse() async throws {
        let directory = try TemporaryDirectory()
        let (path, heads) = (directory("a.sqlite"), directory("a.sqlite.heads"))
        let (store, _) = try await StoredLogs.make(at: path)
        _ = try await SQLiteStore.backUp(path, to: directory("backup.sqlite"))
        await #expect(throws: StorageError.inUse(path)) {
            try await SQLiteStore.restore(directory("backup.sqlite"), to: path)
        }
        await #expect(throws: StorageError.inUse(path)) {
            try await Databases.check(path, record: nil, repairing: true)
        }
        #expect(try await Databases.check(path, record: nil, repairing: false).report.isSound)
        // The files are moved aside, and the service continues with them: its record is still in its place.
        for suffix in ["", "-wal", "-shm"] {
            try FileManager.default.moveItem(atPath: path + suffix, toPath: directory("aside" + suffix))
        }
        await #expect(throws: StorageError.inUse(heads)) {
            try await SQLiteStore.restore(directory("backup.sqlite"), to: path)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        try store.closeNow()
        #expect(try await SQLiteStore.restore(directory("backup.sqlite"), to: path).isSound)
        // No service starts meanwhile.
        let lock = try FileLock(heads, exclusive: true)
        #expect(throws: StorageError.inUse(heads)) { try SQLiteStore(path: path, serviceName: "test.example") }
        lock.end()
        try SQLiteStore(path: path, serviceName: "test.example").closeNow()
    }

    @Test("A database or a record that others may read is refused, and stays as it is")
    func exposed() async throws {
        let directory = try TemporaryDirectory()
        let path = directory("a.sqlite")
        try SQLiteStore(path: path, serviceName: "test.example").closeNow()
        for file in [path, path + ".heads"] {
            for mode in [0o644, 0o640, 0o602] {
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
                #expect(throws: StorageError.exposed(file)) { try SQLiteStore(path: path, serviceName: "test.example") }
            }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        }
        try SQLiteStore(path: path, serviceName: "test.example").closeNow()
    }

    @Test("Two services that stop at once both close without an error")
    func closing() async throws {
        let directory = try TemporaryDirectory()
        let path = directory("a.sqlite")
        let store = try SQLiteStore(path: path, serviceName: "test.example")
        _ = try await StoredLogs.make(in: store)
        // Another process is in the middle of a checkpoint, or of a read.
        let other = try DatabaseQueue(path: path)
        try other.inDatabase { db in
            try db.execute(sql: "BEGIN IMMEDIATE")
            try db.execute(sql: "UPDATE stored SET bytes = bytes")
            try store.closeNow()
            try db.execute(sql: "ROLLBACK")
        }
    }
}
