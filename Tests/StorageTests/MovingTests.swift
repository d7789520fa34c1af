import Foundation
import GRDB
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Storage

@Suite("A service moves from its file to PostgreSQL, and can be copied back", .takingTurns)
struct MovingTests {
    let directory: TemporaryDirectory
    var file: String { directory("service.sqlite") }
    var record: String { SignedHeads.path(besides: file) }

    init() throws { directory = try TemporaryDirectory() }

    /// Every row of a file, except values that are drawn at random when it is written.
    private func dump(_ path: String) throws -> [String] {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.read { db in
            let objects = "(SELECT row_number() OVER (PARTITION BY workplace ORDER BY rowid), * FROM objects)"
            let names = ["names", "held_names"].map { "(SELECT log, tag, length, sealed FROM \($0))" }
            let plain = [
                "service", "logs", "leaves", "nodes", "checkpoints", "held", "promises", "wraps", "wanted", "invites",
                "stored_by", "stored",
            ]
            return try (plain + names + [objects]).flatMap { table in
                try Row.fetchAll(db, sql: "SELECT * FROM \(table)").map { row in
                    table.prefix(30) + row.map { "\($0.0)=\($0.1)" }.joined(separator: " ")
                }.sorted()
            }
        }
    }

    @Test("Everything is there afterwards, the file takes nothing more, and a copy back is the same to the byte")
    func moving() async throws {
        let place = try Engine.postgres.place()
        var (store, logs) = try await StoredLogs.make(at: file)
        let workplace = logs.world.log.id
        let founder = logs.world.founder
        let wrap = try KeyWrap.make(
            .generate(epoch: 0), for: logs.world.log.members[1], in: workplace, by: founder.seed.signingKey())
        try await store.put([wrap], by: founder.signKey, in: workplace, places: WrapPlaces(), within: .unlimited)
        try await store.want(wrapFor: founder.signKey, in: workplace)
        let invite = StoredInvite(workplace: workplace, key: .zero, sealed: [3], author: founder.signKey)
        try await store.put(invite, under: .zero, within: .unlimited)
        let used = StoredInvite(workplace: workplace, key: wrap.member, sealed: [4], author: founder.signKey)
        try await store.put(used, under: wrap.member, within: .unlimited)
        try await store.drop(invites: [wrap.member], of: workplace)
        // A leaf that was promised but is not shown.
        let size = logs.petition.leaves.count
        try logs.petition.cosign(logs.world.people[6])
        try await logs.store(in: store, promising: [size: StoredLogs.until])
        let key = store.logKey().publicKey
        let checkpoint = try await store.checkpoint(of: logs.petitionName)
        // While a service has the file open.
        #expect(try await Databases.move(file, to: place.database, record: record).findings == [])
        await #expect(throws: StorageError.conflict) { try await logs.storeObject(in: store) }
        await #expect(throws: StorageError.conflict) {
            try await store.put(used, under: Random.bytes32(), within: .unlimited)
        }
        try store.closeNow()
        #expect(throws: StorageError.moved(file)) { try SQLiteStore(path: file, serviceName: "test.example") }

        var moved = try await Databases.open(place.database, serviceName: "test.example", heads: record)
        #expect(moved.logKey().publicKey == key)
        #expect(try await moved.checkpoint(of: logs.petitionName) == checkpoint)
        #expect(try await moved.leaves(of: logs.petitionName) == logs.petition.leaves)
        let held = try await moved.held(of: logs.petition.log.id)
        #expect(held.map(\.bytes) == [logs.waiting.bytes] && held.map(\.until) == [StoredLogs.until])
        let petition = logs.petition.log.id
        #expect(try await moved.promise(petition, leaves: [size], until: 7200) == [size: StoredLogs.until])
        #expect(try await moved.wraps(of: 0, in: workplace) == [wrap])
        #expect(try await moved.wantingMembers(in: workplace) == [founder.signKey])
        #expect(try await moved.invite(.zero) == invite)
        await #expect(throws: StorageError.conflict) {
            try await moved.put(used, under: wrap.member, within: .unlimited)
        }
        #expect(try await Databases.copy(place.database, to: directory("back.sqlite")).findings == [])
        #expect(try dump(directory("back.sqlite")) == dump(file))
        // It can be moved only once.
        await #expect {
            try await Databases.move(file, to: place.database, record: record)
        } throws: { if case .occupied? = $0 as? StorageError { true } else { false } }
        // It can be moved back as long as nothing more was signed, but not alongside a service that may sign more.
        let back = directory("undone.sqlite")
        await #expect(throws: StorageError.inUse(record)) {
            try await SQLiteStore.restore(file, to: back, heads: record)
        }
        try await moved.close()
        #expect(try await SQLiteStore.restore(file, to: back, heads: record).findings == [])
        try SQLiteStore(path: back, serviceName: "test.example", heads: record).closeNow()
        // It continues there: new logs get their own numbers.
        moved = try await Databases.open(place.database, serviceName: "test.example", heads: record)
        try await logs.storeObject(in: moved)
        let other = try await StoredLogs.make(in: moved)
        #expect(try await moved.leaves(of: other.petitionName) == other.petition.leaves)
        #expect(try await Databases.copy(place.database, to: directory("later.sqlite")).findings == [])
        try await moved.close()
        await #expect {
            try await SQLiteStore.restore(file, to: directory("late.sqlite"), heads: record)
        } throws: { if case .wentBack? = $0 as? StorageError { true } else { false } }
        #expect(throws: StorageError.moved(file)) { try SQLiteStore(path: file, serviceName: "test.example") }
    }

    @Test("What cannot be moved stays where it is, and can be served again")
    func refusals() async throws {
        let place = try Engine.postgres.place()
        let (store, logs) = try await StoredLogs.make(at: file)
        try store.closeNow()
        func isServed() async throws {
            let store = try SQLiteStore(path: file, serviceName: "test.example")
            try await logs.storeObject(in: store)
            try store.closeNow()
        }
        // No server, another service's record, no record, and one that is ahead.
        await #expect {
            try await Databases.move(file, to: "postgres://rr@/t?host=/nowhere", record: record)
        } throws: { if case .unreachable? = $0 as? StorageError { true } else { false } }
        try await isServed()
        await #expect(throws: StorageError.noHeads(directory("none"))) {
            try await Databases.move(file, to: place.database, record: directory("none"))
        }
        try SignedHeads(path: directory("other"), key: store.logKey().publicKey).close()
        await #expect(throws: StorageError.otherRecord(directory("other"))) {
            try await Databases.move(file, to: place.database, record: directory("other"))
        }
        try await isServed()
        // A database that has a service of its own.
        let taken = try Engine.postgres.place()
        try await taken.open().close()
        await #expect {
            try await Databases.move(file, to: taken.database, record: record)
        } throws: { if case .occupied? = $0 as? StorageError { true } else { false } }
        try await isServed()
        // A damaged database.
        try await DatabaseQueue(path: file).write {
            try $0.execute(sql: "DELETE FROM leaves WHERE log = 2 AND place = 2")
        }
        #expect(try await !Databases.move(file, to: place.database, record: record).isUsable)
        #expect(try SQLiteStore(inspecting: file).isMoved == false)
        #expect(throws: StorageError.notOurs) { try SQLiteStore(inspecting: directory("other")) }
        await #expect(throws: StorageError.self) { try await Databases.copy(place.database, to: directory("x.sqlite")) }
    }

    @Test("A damaged PostgreSQL database is found by checking a copy, and the copy is not kept")
    func damage() async throws {
        let place = try Engine.postgres.place()
        let store = try await place.open()
        _ = try await StoredLogs.make(in: store)
        try await store.close()
        try await place.change("UPDATE leaves SET bytes = '\\x00' WHERE log = 2 AND place = 3")
        let report = try await Databases.copy(place.database, to: directory("copy.sqlite"))
        #expect(!report.isUsable && report.findings.contains { $0.what == .leafHash(3) })
        #expect(!FileManager.default.fileExists(atPath: directory("copy.sqlite")))
    }
}
