import Foundation
import GRDB
import MembershipProofs
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Storage

@Suite("SQLite's own side of the contract", .takingTurns)
struct SQLiteStoreTests {
    let directory: TemporaryDirectory
    var path: String { directory("service.sqlite") }

    init() throws { directory = try TemporaryDirectory() }

    @Test("The open pool runs in WAL with synchronous=FULL, foreign keys and secure_delete")
    func pragmas() throws {
        let store = try SQLiteStore(path: path, serviceName: "a")
        let values = try store.pool.writeWithoutTransaction { db in
            try ["synchronous", "foreign_keys", "secure_delete"].map { try Int.fetchOne(db, sql: "PRAGMA \($0)") }
        }
        #expect(values == [2, 1, 1])
        #expect(try store.pool.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
    }

    @Test("Another service's name, a foreign file and garbage are refused")
    func foreignFiles() throws {
        try SQLiteStore(path: path, serviceName: "a").closeNow()
        #expect(throws: StorageError.self) { try SQLiteStore(path: path, serviceName: "b") }
        let foreign = directory("foreign.sqlite")
        try DatabaseQueue(path: foreign).write { try $0.execute(sql: "CREATE TABLE t (a)") }
        #expect(throws: StorageError.notOurs) { try SQLiteStore(path: foreign, serviceName: "a") }
        let garbage = directory("garbage.sqlite")
        try Data(Random.bytes(5000)).write(to: URL(filePath: garbage))
        #expect(throws: StorageError.notOurs) { try SQLiteStore(path: garbage, serviceName: "a") }
        #expect(throws: StorageError.self) { try SQLiteStore(path: "/nowhere/at/all.sqlite", serviceName: "a") }
    }

    @Test("A deleted name's bytes are in no file of the database")
    func secureDelete() async throws {
        let world = try World(members: 3)
        let petition = try PetitionWorld(world)
        let store = try SQLiteStore(path: path, serviceName: "a")
        let (tag, sealed) = (Random.bytes32(), Random.bytes(700))
        func commit(_ change: LogAppend.NameChange, at start: Int) async throws {
            var tree = MerkleTree()
            var leaves: [LogAppend.Leaf] = []
            for i in 0...start {
                let bytes = i == 0 ? petition.leaves[0] : [UInt8(i)]
                let nodes = tree.append(bytes)
                if i == start { leaves.append(.init(bytes: bytes, nodes: nodes)) }
            }
            try await store.commit([
                LogAppend(
                    log: .petition(petition.log.id), workplace: world.log.id, start: start,
                    base: "\(start - 1)", leaves: leaves, note: "\(start)",
                    deadline: nil, names: [change])
            ])
        }
        try await commit(.keep(tag: tag, sealed: sealed), at: 0)
        #expect(try await store.sealedNames(of: petition.log.id) == [tag: sealed])
        try await commit(.delete(tag: tag), at: 1)
        #expect(try await store.sealedNames(of: petition.log.id).isEmpty)
        // While the store is open: the write-ahead log must not contain it either.
        for file in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            let data = try Data(contentsOf: URL(filePath: directory(file)))
            #expect(data.range(of: Data(sealed.prefix(40))) == nil, "\(file)")
        }
    }

    @Test("A read-only file is a clear error")
    func readOnly() async throws {
        let world = try World(members: 1)
        let store = try SQLiteStore(path: path, serviceName: "a")
        try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA query_only = ON") }
        await #expect(throws: StorageError.readOnly) { try await store.commit([world.append(from: 0, to: 1)]) }
    }

    @Test("A full disk is a clear error, nothing is half there, and it goes on when there is room")
    func fullDisk() async throws {
        let world = try World(members: 1)
        let store = try SQLiteStore(path: path, serviceName: "a")
        let pages = try await store.pool.read { try Int.fetchOne($0, sql: "PRAGMA page_count") ?? 0 }
        try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = \(pages)") }
        var large = world.append(from: 0, to: 1)
        large.note = String(repeating: "x", count: 200_000)
        await #expect(throws: StorageError.diskFull) { try await store.commit([large]) }
        #expect(try await store.leaves(of: .workplace(world.log.id)) == nil)
        try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 1073741823") }
        try await store.commit([world.append(from: 0, to: 1)])
        #expect(try await store.leaves(of: .workplace(world.log.id))?.count == 1)
    }

    @Test("What another process has held, mixed or appended meanwhile is not appended over, nor held under")
    func turns() async throws {
        let (store, logs) = try await StoredLogs.make(at: path)
        let other = try SQLiteStore(path: path, serviceName: "test.example")
        let petition = logs.petition.log.id
        let size = logs.petition.leaves.count
        let fresh = try logs.petition.coSignature(by: logs.world.people[6])
        let tag = try #require(fresh.coSigned).tag.encoding
        let held = HeldCoSignature(tag: tag, bytes: fresh.bytes, sealedName: nil, until: StoredLogs.until)
        func turn(_ wanted: LogQuery.Held) async throws -> any LogTurn {
            var query = LogQuery(sizes: [logs.petitionName: size])
            query.growing = [logs.petitionName]
            query.held[petition] = wanted
            return try await store.turn(query)
        }
        /// Appends one leaf to the petition's log.
        func append() throws -> LogAppend {
            var grown = StoredLogs.tree(of: logs.petition.leaves)
            let verifier = logs.world.log.verifier(of: petition)
            let base = Checkpoint(origin: verifier.origin, size: UInt64(size), root: grown.root).text
            let leaf = LogAppend.Leaf(bytes: [1], nodes: grown.append([1]))
            let note = Checkpoint(origin: verifier.origin, size: UInt64(size + 1), root: grown.root)
                .signed(by: store.logKey()).serialized
            return LogAppend(
                log: logs.petitionName, workplace: logs.world.log.id, start: size, base: base, leaves: [leaf],
                note: note, deadline: nil, names: [])
        }
        // Another process held it after this one had looked: a close would come before it, and another statement of the
        // tag would void it.
        let waiting = try #require(logs.waiting.coSigned).tag.encoding
        let turns = [try await turn(.all), try await turn(.tags([tag])), try await turn(.tags([waiting]))]
        try await other.commit([], holding: [petition: [held]])
        for turn in turns.prefix(2) {
            await #expect(throws: StorageError.conflict) { try await turn.commit([append()], holding: [:]) }
        }
        // A turn for another tag succeeds.
        let late = try await turn(.tags([]))
        try await turns[2].commit([append()], holding: [:])
        // And nothing is held for a log that has grown.
        let more = HeldCoSignature(tag: .zero, bytes: [7], sealedName: nil, until: StoredLogs.until)
        await #expect(throws: StorageError.conflict) { try await late.commit([], holding: [petition: [more]]) }
        #expect(try await store.heldCounts()[petition]?.count == 2)
        try other.closeNow()
        try store.closeNow()
    }
}
