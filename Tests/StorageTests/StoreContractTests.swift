import Foundation
import GRDB
import MembershipProofs
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Storage

@Suite("Each engine keeps the storage contract", .takingTurns)
struct StoreContractTests {
    @Test(
        "Leaves, tiles, checkpoints and the key are there after the database is opened again",
        arguments: Engine.allCases)
    func reopening(_ engine: Engine) async throws {
        let place = try engine.place()
        let world = try World(members: 6)
        let name = LogName.workplace(world.log.id)
        var key = Bytes32.zero
        do {
            let store = try await place.open()
            key = store.logKey().publicKey
            try await store.commit([world.append(from: 0, to: 4)])
            try await store.commit([world.append(from: 4, to: world.leaves.count)])
            try await store.close()
        }
        let store = try await place.open()
        #expect(store.logKey().publicKey == key)
        #expect(try await store.leaves(of: name) == world.leaves)
        #expect(try await store.leaves(of: name, from: 5) == Array(world.leaves[5...]))
        #expect(try await store.leaves(of: .petition(ID(world.log.id.bytes))) == nil)
        let newest = world.note(world.log.tree, world.log.verifier)
        #expect(try await store.checkpoint(of: name) == newest)
        #expect(try await store.checkpoint(of: name, covering: 3)?.size == 4)
        #expect(try await store.checkpoint(of: name, covering: 4)?.size == world.leaves.count)
        #expect(try await store.checkpoint(of: name, covering: world.leaves.count) == nil)
        let count = world.leaves.count
        let entries = try #require(try await store.tile(Tile(kind: .entries, index: 0, count: count), of: name))
        #expect(try EntryBundle.decode(entries, count: count) == world.leaves)
        let hashes = try #require(try await store.tile(Tile(kind: .hashes(level: 0), index: 0, count: count), of: name))
        #expect(hashes == world.leaves.flatMap { MerkleTree.leafHash($0).bytes })
        #expect(try await store.tile(Tile(kind: .entries, index: 0, count: count + 1), of: name) == nil)
        #expect(try await store.tile(Tile(kind: .entries, index: .max), of: name) == nil)
        #expect(try await store.tile(Tile(kind: .entries, index: UInt64(Int.max) / 256, count: 256), of: name) == nil)
        #expect(try await store.tile(Tile(kind: .hashes(level: 60), index: 0, count: 1), of: name) == nil)
        #expect(await store.canRead())
        #expect(await store.canWrite())
        #expect(await store.sizes().contains { $0.bytes > 0 })
        try await store.close()
    }

    @Test(
        "A log that somebody else has written to is not split, and nothing of the commit stays",
        arguments: Engine.allCases)
    func conflicts(_ engine: Engine) async throws {
        let world = try World(members: 4)
        let store = try await engine.place().open()
        try await store.commit([world.append(from: 0, to: 3)])
        let other = try World(members: 1)
        await #expect(throws: StorageError.conflict) {
            try await store.commit([other.append(from: 0, to: 1), world.append(from: 2, to: 4)])
        }
        #expect(try await store.leaves(of: .workplace(world.log.id))?.count == 3)
        #expect(try await store.leaves(of: .workplace(other.log.id)) == nil)
        await #expect(throws: StorageError.conflict) { try await store.commit([world.append(from: 0, to: 1)]) }
        // The right size of a different log: the database was restored under a running service.
        let lost = StorageError.wentBack(lost: .init(log: .workplace(world.log.id), has: 3, signed: 3), logs: 1)
        let base = Checkpoint(origin: world.log.verifier.origin, size: 3, root: Random.bytes32()).text
        await #expect(throws: lost) { try await store.commit([world.append(from: 3, to: 4, base: base)]) }
        // And a shorter one.
        let behind = StorageError.wentBack(lost: .init(log: .workplace(world.log.id), has: 3, signed: 4), logs: 1)
        await #expect(throws: behind) { try await store.commit([world.append(from: 4, to: 5)]) }
        await #expect(throws: behind) { _ = try await store.state(LogQuery(sizes: [.workplace(world.log.id): 4])) }
        await #expect(throws: behind) { _ = try await store.turn(LogQuery(sizes: [.workplace(world.log.id): 4])) }
        let state = try await store.state(LogQuery(sizes: [.workplace(world.log.id): 2, .workplace(other.log.id): 0]))
        #expect(state.news.count == 1)
        #expect(state.news[.workplace(world.log.id)]?.start == 2)
        #expect(state.news[.workplace(world.log.id)]?.leaves == [world.leaves[2]])
        try await store.commit([world.append(from: 3, to: 4)])
        try await store.close()
    }

    @Test(
        "Writers of two services on one log: each leaf once, in one row, whoever was first", arguments: Engine.allCases)
    func twoWriters(_ engine: Engine) async throws {
        let place = try engine.place()
        let world = try World(members: 20)
        let name = LogName.workplace(world.log.id)
        let stores = [try await place.open(), try await place.open()]
        try await stores[0].commit([world.append(from: 0, to: 1)])
        let total = world.leaves.count
        let steps = (0..<total).map { world.append(from: $0, to: $0 + 1) }
        let conflicts = try await withThrowingTaskGroup(of: Int.self) { group in
            for i in 0..<6 {
                group.addTask {
                    var conflicts = 0
                    while true {
                        var query = LogQuery(sizes: [name: 0])
                        query.growing = [name]
                        let turn: any LogTurn
                        // On a busy machine, another writer may be delayed in its turn for longer than this one waits
                        // for the lock.
                        do { turn = try await stores[i % 2].turn(query) } catch StorageError.conflict { continue }
                        let size = turn.state.news[name]?.leaves.count ?? 0
                        guard size < total else {
                            await turn.end()
                            return conflicts
                        }
                        do { try await turn.commit([steps[size]], holding: [:]) } catch StorageError.conflict {
                            conflicts += 1
                        }
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        // A turn that locks is never too late.
        if engine == .postgres { #expect(conflicts == 0) }
        for store in stores {
            #expect(try await store.leaves(of: name) == world.leaves)
            #expect(try await store.checkpoint(of: name) == world.note(world.log.tree, world.log.verifier))
            try await store.close()
        }
    }

    @Test("A commit whose task is cancelled is there and recorded, or not there at all", arguments: Engine.allCases)
    func cancelled(_ engine: Engine) async throws {
        let store = try await engine.place().open()
        let world = try World(members: 4)
        let name = LogName.workplace(world.log.id)
        try await store.commit([world.append(from: 0, to: 2)])
        var query = LogQuery(sizes: [:])
        query.growing = [name]
        let (turn, next) = (try await store.turn(query), world.append(from: 2, to: 4))
        let writer = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await turn.commit([next], holding: [:])
        }
        var isThere = true
        do { try await writer.value } catch {
            #expect(error as? StorageError != .unrecorded)
            isThere = false
        }
        #expect(isThere || engine == .sqlite)
        #expect(try await store.leaves(of: name)?.count == (isThere ? 4 : 2))
        try await store.close()
    }

    @Test("Everything of a workplace and a petition comes back as it was stored", arguments: Engine.allCases)
    func everything(_ engine: Engine) async throws {
        let place = try engine.place()
        var store = try await place.open()
        let logs = try await StoredLogs.make(in: store)
        let petition = logs.petition.log.id
        try await store.close()
        store = try await place.open()
        #expect(try await store.leaves(of: logs.petitionName) == logs.petition.leaves)
        #expect(try await store.workplace(of: petition) == logs.world.log.id)
        #expect(try await store.workplace(of: ID(.zero)) == nil)
        #expect(Set(try await store.logs(of: logs.world.log.id)) == [logs.workplaceName, logs.petitionName])
        #expect(try await store.logs(of: ID(.zero)) == [])
        #expect(try await store.petitionsDue(at: logs.petition.manifest.closes) == [petition])
        #expect(try await store.petitionsDue(at: logs.petition.manifest.closes - 1) == [])
        let named = try await store.sealedNames(of: petition)
        #expect(Array(named.values) == [logs.petition.names[1]])
        let tag = try #require(logs.waiting.coSigned).tag.encoding
        let waiting = HeldCoSignature(
            tag: tag, bytes: logs.waiting.bytes, sealedName: logs.petition.names.first, until: StoredLogs.until)
        #expect(try await store.held(of: petition) == [waiting])
        #expect(try await store.heldCounts() == [petition: .init(count: 1, until: StoredLogs.until)])
        var query = LogQuery(sizes: [:])
        query.held[petition] = .tags([Random.bytes32(), tag])
        #expect(try await store.state(query).held == [petition: [waiting]])
        query.held[petition] = .tags([Random.bytes32()])
        #expect(try await store.state(query).held == [petition: []])
        // Two co-signatures of one tag cannot wait.
        await #expect(throws: StorageError.conflict) { try await store.commit([], holding: [petition: [waiting]]) }
        try await store.drop(held: [tag], of: petition)
        #expect(try await store.held(of: petition) == [])
        #expect(try await store.heldCounts() == [:])
        try await store.close()
    }

    @Test("What is mixed in waits no longer, and the last word on a name counts", arguments: Engine.allCases)
    func mixing(_ engine: Engine) async throws {
        let store = try await engine.place().open()
        let logs = try await StoredLogs.make(in: store)
        let petition = logs.petition.log.id
        let tag = try #require(logs.waiting.coSigned).tag.encoding
        var tree = MerkleTree()
        for leaf in logs.petition.leaves { tree.append(leaf) }
        let size = tree.count
        let verifier = logs.world.log.verifier(of: petition)
        let base = Checkpoint(origin: verifier.origin, size: UInt64(size), root: tree.root).text
        let leaf = LogAppend.Leaf(bytes: logs.waiting.bytes, nodes: tree.append(logs.waiting.bytes))
        let note = Checkpoint(origin: verifier.origin, size: UInt64(size + 1), root: tree.root)
            .signed(by: store.logKey()).serialized
        let (one, two) = (Random.bytes(700), Random.bytes(700))
        try await store.commit([
            LogAppend(
                log: .petition(petition), workplace: logs.world.log.id, start: size, base: base, leaves: [leaf],
                note: note, deadline: nil,
                names: [
                    .keep(tag: tag, sealed: one), .delete(tag: tag), .keep(tag: tag, sealed: two),
                    .keep(tag: .zero, sealed: one), .delete(tag: .zero),
                ], mixed: [tag])
        ])
        #expect(try await store.heldCounts() == [:])
        #expect(try await store.sealedNames(of: petition)[tag] == two)
        #expect(try await store.sealedNames(of: petition)[.zero] == nil)
        #expect(try await store.petitionsDue(at: .max) == [])
        try await store.close()
    }

    @Test("A checkpoint that waits for witnesses is not shown before it is published", arguments: Engine.allCases)
    func publishing(_ engine: Engine) async throws {
        let world = try World(members: 4)
        let name = LogName.workplace(world.log.id)
        let store = try await engine.place().open()
        try await store.commit([world.append(from: 0, to: 2, published: false)])
        #expect(try await store.checkpoint(of: name) == nil)
        #expect(try await store.checkpoint(of: name, covering: 0) == nil)
        #expect(try await store.newestCheckpoint(of: name)?.size == 2)
        #expect(try await store.unpublished() == [name])
        #expect(try await store.unwitnessed() == [])
        try await store.publish(name, size: 2, witnessed: "— witness AAAA\n")
        #expect(try await store.checkpoint(of: name)?.hasSuffix("\n— witness AAAA\n") == true)
        #expect(try await store.unpublished() == [])
        #expect(try await store.unwitnessed() == [])
        try await store.commit([world.append(from: 2, to: 3, published: false)])
        // The earlier one is still shown, and its witnesses' lines are deleted when the next is shown.
        #expect(try await store.checkpoint(of: name, covering: 0)?.note.hasSuffix("AAAA\n") == true)
        #expect(try await store.checkpoint(of: name, covering: 2) == nil)
        try await store.publish(name, size: 3, witnessed: "")
        #expect(try await store.unwitnessed() == [name])
        try await store.publish(name, size: 3, witnessed: "— other BBBB\n")
        #expect(try await store.checkpoint(of: name, covering: 0)?.note.hasSuffix("AAAA\n") == false)
        await #expect(throws: StorageError.damaged) { try await store.publish(name, size: 4, witnessed: "") }
        // Lines are stored with a checkpoint that waits for more of them, and those of the shown one stay.
        try await store.commit([world.append(from: 3, to: 4, published: false)])
        try await store.publish(name, size: 4, witnessed: "— other CCCC\n", isShown: false)
        #expect(try await store.checkpoint(of: name)?.hasSuffix("BBBB\n") == true)
        let waiting = try #require(try await store.newestCheckpoint(of: name))
        #expect(waiting.size == 4 && waiting.witnessed == "— other CCCC\n" && !waiting.isShown)
        #expect(!waiting.note.contains("CCCC"))
        #expect(try await store.unpublished() == [name])
        try await store.close()
    }

    private func revision(
        _ text: String, _ id: ID<Petitions.Object>, after previous: StoredObject?, in workplace: ID<Workplace>,
        _ kind: StoredObject.Kind = .draft, by author: borrowing SigningKey = SigningKey(seed: .random(32))
    ) throws -> StoredObject {
        try StoredObject.seal(
            Array(text.utf8), kind: kind, id: id, after: previous, in: workplace, under: GroupKey.generate(epoch: 0),
            by: author)
    }

    @Test("Objects follow their newest revision, and the same bytes may come twice", arguments: Engine.allCases)
    func objects(_ engine: Engine) async throws {
        let store = try await engine.place().open()
        let workplace = ID<Workplace>(Random.bytes32())
        let id = ID<Petitions.Object>(Random.bytes32())
        let first = try revision("one", id, after: nil, in: workplace)
        try await store.put(first)
        try await store.put(first)
        let second = try revision("two", id, after: first, in: workplace)
        let rival = try revision("zwei", id, after: first, in: workplace)
        try await store.put(second)
        await #expect(throws: StorageError.conflict) { try await store.put(rival) }
        await #expect(throws: StorageError.conflict) { try await store.put(first) }
        let again = try revision("x", id, after: nil, in: workplace)
        await #expect(throws: StorageError.conflict) { try await store.put(again) }
        #expect(try await store.object(first.name, in: workplace) == second.bytes)
        #expect(try await store.object(first.name, in: workplace, revision: 1) == first.bytes)
        #expect(try await store.object(first.name, in: workplace, revision: 3) == nil)
        #expect(try await store.object(first.name, in: ID(.zero)) == nil)
        #expect(try await store.objects(of: .draft, in: workplace).entries.map(\.revision) == [2])
        #expect(try await store.objects(of: .comment, in: workplace).entries.isEmpty)
        // The same id under another kind is a different object.
        let comment = try revision("beside", id, after: nil, in: workplace, .comment)
        try await store.put(comment)
        #expect(try await store.object(comment.name, in: workplace) == comment.bytes)
        #expect(try await store.object(first.name, in: workplace) == second.bytes)
        let astray = try revision("x", id, after: second, in: workplace, .comment)
        await #expect(throws: StorageError.conflict) { try await store.put(astray) }
        #expect(try await store.objects(of: .comment, in: workplace).entries.map(\.bytes) == [comment.bytes])
        try await store.close()
    }

    @Test(
        "Lists come in the order in which objects were made, in answers that are not too large",
        arguments: Engine.allCases)
    func lists(_ engine: Engine) async throws {
        let store = try await engine.place().open()
        let workplace = ID<Workplace>(Random.bytes32())
        var made: [StoredObject] = []
        for i in 0..<7 {
            let text = String(repeating: "x", count: i == 2 ? 5000 : 500)
            made.append(try revision(text, ID(Random.bytes32()), after: nil, in: workplace))
            try await store.put(made[i])
        }
        try await store.put(try revision("more", made[0].id, after: made[0], in: workplace))
        try await store.put(try revision("other", ID(Random.bytes32()), after: nil, in: workplace, .comment))
        try await store.put(try revision("elsewhere", ID(Random.bytes32()), after: nil, in: ID(.zero)))
        func list(_ most: Int, _ bytes: Int) async throws -> [[ID<Petitions.Object>]] {
            var pages: [[ID<Petitions.Object>]] = []
            var next: Int? = 0
            while let after = next {
                let page = try await store.objects(of: .draft, in: workplace, after: after, most: most, bytes: bytes)
                pages.append(page.entries.map(\.id))
                next = page.next
            }
            return pages
        }
        let ids = made.map(\.id)
        #expect(try await list(256, 1 << 20) == [ids])
        #expect(try await list(7, 1 << 20) == [ids])
        #expect(try await list(3, 1 << 20).map(\.count) == [3, 3, 1])
        let byBytes = try await list(256, 2500)
        #expect(byBytes.flatMap(\.self) == ids)
        #expect(byBytes.map(\.count).contains(1) && byBytes.count > 2)
        #expect(try await store.objects(of: .draft, in: workplace, after: 9).entries == [])
        try await store.close()
    }

    @Test("Another service's name, and a record that is missing, new or ahead, are refused", arguments: Engine.allCases)
    func records(_ engine: Engine) async throws {
        let place = try engine.place()
        let world = try World(members: 4)
        let name = LogName.workplace(world.log.id)
        var store = try await place.open()
        try await store.commit([world.append(from: 0, to: 2)])
        try await store.commit([world.append(from: 2, to: 4)])
        try await store.close()
        await #expect(throws: StorageError.self) { try await place.open("other.example") }
        let elsewhere = place.directory("other-heads")
        await #expect(throws: StorageError.noHeads(elsewhere)) { try await place.open(heads: elsewhere) }
        // A record that was begun again, by another database's service.
        let other = try engine.place()
        try await other.open().close()
        await #expect(throws: StorageError.otherHeads) { try await place.open(heads: other.heads) }
        // A service that signs with this key, and has a record that knows nothing.
        let fresh = place.directory("fresh-heads")
        store = try await place.open()
        try SignedHeads(path: fresh, key: store.logKey().publicKey).close()
        try await store.close()
        await #expect(throws: StorageError.otherRecord(fresh)) { try await place.open(heads: fresh) }
        // Another machine begins with a copy.
        let copy = place.directory("copied-heads")
        try FileManager.default.copyItem(atPath: place.heads, toPath: copy)
        try await place.open(heads: copy).close()
        // The database goes back to an earlier state.
        try await place.change("DELETE FROM checkpoints WHERE size = 4")
        try await place.change("UPDATE logs SET size = 2")
        let lost = StorageError.wentBack(lost: .init(log: name, has: 2, signed: 4), logs: 1)
        await #expect(throws: lost) { try await place.open() }
        await #expect(throws: lost) { try await place.open(heads: copy) }
    }

    @Test(
        "What cannot be recorded as signed is not shown, and is shown once it is recorded", arguments: Engine.allCases)
    func unrecorded(_ engine: Engine) async throws {
        let place = try engine.place()
        let world = try World(members: 4)
        let name = LogName.workplace(world.log.id)
        var store = try await place.open()
        try await store.commit([world.append(from: 0, to: 2)])
        let record = try DatabaseQueue(path: place.heads)
        try await record.write { db in
            for event in ["INSERT", "UPDATE"] {
                try db.execute(
                    sql: "CREATE TRIGGER \(event)s BEFORE \(event) ON heads BEGIN SELECT raise(FAIL, 'full'); END")
            }
        }
        await #expect(throws: StorageError.unrecorded) { try await store.commit([world.append(from: 2, to: 4)]) }
        await #expect(throws: StorageError.unrecorded) { try await store.checkpoint(of: name) }
        await #expect(throws: StorageError.unrecorded) { try await store.newestCheckpoint(of: name) }
        #expect(try await store.checkpoint(of: name, covering: 1)?.size == 2)
        try await record.write { try $0.execute(sql: "DROP TRIGGER INSERTs; DROP TRIGGER UPDATEs") }
        #expect(try await store.checkpoint(of: name, covering: 3)?.size == 4)
        try await store.close()
        store = try await place.open()
        #expect(try await store.leaves(of: name)?.count == 4)
        try await store.close()
    }

    @Test(
        "A database that is gone is not begun anew where a record says that there was one", arguments: Engine.allCases)
    func gone(_ engine: Engine) async throws {
        let place = try engine.place()
        try await place.open().close()
        let another = try engine.place()
        await #expect {
            try await another.open(heads: place.heads)
        } throws: {
            if case .databaseGone? = $0 as? StorageError { true } else { false }
        }
        // And nothing was made.
        try await another.open().close()
    }

    @Test("Where several processes share a database, a signed request is new to one of them only")
    func claims() async throws {
        let place = try Engine.postgres.place()
        let stores = [try await place.open(), try await place.open()]
        let request = Random.bytes32()
        #expect(try await stores[0].claim(request, at: 1000, lasting: 600))
        #expect(try await !stores[1].claim(request, at: 1001, lasting: 600))
        #expect(try await !stores[0].claim(request, at: 1599, lasting: 600))
        #expect(try await stores[1].claim(Random.bytes32(), at: 1001, lasting: 600))
        // Whoever asked at once, one is told yes.
        let once = Random.bytes32()
        let yes = try await withThrowingTaskGroup(of: Bool.self) { group in
            for i in 0..<20 { group.addTask { try await stores[i % 2].claim(once, at: 1599, lasting: 600) } }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(yes == 1)
        // Forgotten when its signature would be too old anyway, by a clock that nobody sets, whatever that shows: a
        // process that has just started, or whose wall clock is wrong, takes nothing from the others.
        let fresh = try await place.open()
        #expect(try await !fresh.claim(request, at: 1_000_000, lasting: 600))
        #expect(try await !fresh.claim(request, at: 1_000_599, lasting: 600))
        #expect(try await fresh.claim(request, at: 1_000_629, lasting: 600))
        #expect(try await !stores[0].claim(request, at: 1601, lasting: 600))
        try await fresh.close()
        for store in stores { try await store.close() }
    }
}
