import Foundation
import GRDB
import Petitions
import Postgres
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Storage

@Suite("A disk that is full or damaged is noticed, and leaves room for statements", .takingTurns)
struct DiskTests {
    /// Makes every write fail, as on a disk that is full or read-only; or lets writes succeed again.
    private func fill(_ isFull: Bool, _ store: any Store, _ place: Engine.Place) async throws {
        switch store {
        case let store as SQLiteStore:
            try await store.pool.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA query_only = \(isFull ? "ON" : "OFF")")
            }
        case let store as PostgresStore:
            try await store.readOnce { connection in
                guard isFull else { return _ = try connection.run("DROP FUNCTION fail CASCADE") }
                try connection.run(
                    """
                    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$
                    """)
                for table in ["leaves", "objects", "probe"] {
                    try connection.run(
                        "CREATE TRIGGER full_\(table) BEFORE INSERT ON \(table) EXECUTE FUNCTION fail()")
                }
            }
        default: throw Absent()
        }
    }

    private func object(_ world: World, bytes: Int = 200_000) throws -> StoredObject {
        try StoredObject.seal(
            Random.bytes(bytes), kind: .draft, id: ID(Random.bytes32()), after: nil, in: world.log.id,
            under: .generate(epoch: 0), by: world.founder.seed.signingKey())
    }

    @Test("After a write that was refused it says so until a commit went through", arguments: Engine.allCases)
    func refusedWrite(_ engine: Engine) async throws {
        let place = try engine.place()
        let store = try await place.open()
        let logs = try await StoredLogs.make(in: store)
        #expect(!store.hasRefused)
        #expect(await store.canWrite())
        for kind in ["object", "statement"] {
            try await fill(true, store, place)
            await #expect(throws: engine == .sqlite ? StorageError.readOnly : .diskFull) {
                if kind == "object" { return try await store.put(object(logs.world)) }
                let other = try World(members: 1, logKey: store.logKey().publicKey)
                try await store.commit([other.append(from: 0, to: 1)])
            }
            #expect(store.hasRefused)
            // It tries at most once a second, so the first answer may be outdated.
            try await until { await !store.canWrite() }
            #expect(store.hasRefused)
            #expect(await store.canRead())
            try await fill(false, store, place)
            try await until { await store.canWrite() }
            #expect(!store.hasRefused)
        }
        // A faulty request, or one that was given up, is not a fault of the disk.
        let again = try object(logs.world, bytes: 10)
        await #expect(throws: StorageError.quota) {
            try await store.put(again, within: Quota(workplace: 0, author: 0))
        }
        let cancelled = Task { try await store.put(again) }
        cancelled.cancel()
        _ = await cancelled.result
        #expect(!store.hasRefused)
        try await store.close()
    }

    /// Waits for an event, however long the machine takes.
    private func until(_ condition: () async -> Bool) async throws {
        for _ in 0..<6000 {
            if await condition() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Absent()
    }

    @Test(
        "Objects, wraps and invites are refused beyond what all workplaces may keep; statements are not",
        arguments: Engine.allCases)
    func total(_ engine: Engine) async throws {
        let place = try engine.place()
        let store = try await place.open()
        var logs = try await StoredLogs.make(in: store)
        let other = try World(members: 2, logKey: store.logKey().publicKey)
        let first = try object(other)
        let quota = Quota(workplace: .max, author: .max, total: first.bytes.count + 20_000)
        try await store.put(first, within: quota)
        // Exactly the same bytes take no room.
        try await store.put(first, within: quota)
        let founder = logs.world.founder
        let wrap = try KeyWrap.make(
            .generate(epoch: 0), for: logs.world.log.members[1], in: logs.world.log.id, by: founder.seed.signingKey())
        let full = Quota(workplace: .max, author: .max, total: first.bytes.count)
        await #expect(throws: StorageError.quota) { try await store.put(object(logs.world), within: quota) }
        await #expect(throws: StorageError.quota) {
            try await store.put([wrap], by: founder.signKey, in: logs.world.log.id, places: WrapPlaces(), within: full)
        }
        let invite = StoredInvite(
            workplace: logs.world.log.id, key: .zero, sealed: Random.bytes(500), author: founder.signKey)
        await #expect(throws: StorageError.quota) { try await store.put(invite, under: .zero, within: full) }
        try logs.petition.cosign(logs.world.people[6])
        try await logs.store(in: store)
        #expect(try await store.leaves(of: logs.petitionName) == logs.petition.leaves)
        try await store.close()
    }

    @Test("The last bytes of a disk are for statements")
    func reserve() async throws {
        let directory = try TemporaryDirectory()
        var (store, logs) = try await StoredLogs.make(at: directory("a.sqlite"))
        let free = try #require(store.room.free)
        #expect(free > 0)
        await #expect(throws: StorageError.quota) {
            try await store.put(
                object(logs.world), within: Quota(workplace: .max, author: .max, free: free + (1 << 40)))
        }
        try await store.put(object(logs.world), within: Quota(workplace: .max, author: .max, free: 1))
        try logs.petition.cosign(logs.world.people[6])
        try await logs.store(in: store)
        try store.closeNow()
    }

    // MARK: Tiles

    @Test("Every tile of every size is checked to the last hash, whatever the tree looks like")
    func tileRule() throws {
        for size in [1, 2, 3, 7, 255, 256, 257, 513] {
            var tree = MerkleTree()
            var nodes: [StoredTile.Place: Bytes32] = [:]
            for i in 0..<size {
                for node in tree.append([UInt8(i & 0xff), UInt8(i >> 8)]) {
                    nodes[.init(level: node.level, index: node.index)] = node.hash
                }
            }
            for level in 0...1 {
                let count = size >> (8 * level)
                for start in stride(from: 0, to: count, by: 256) {
                    let range = start..<min(start + 256, count)
                    let tile = StoredTile(level: level, range: range)
                    let hashes = try range.map { try #require(nodes[.init(level: 8 * level, index: $0)]) }
                    let leaf = tile.leaf.flatMap { tree.leafHash(at: $0) }
                    let beside = nodes.filter { tile.nodes.contains($0.key) }
                    try tile.check(hashes, beside, leafHash: leaf)
                    for i in hashes.indices where i % 37 == 0 || i + 2 >= hashes.count {
                        var wrong = hashes
                        wrong[i] = Random.bytes32()
                        #expect(throws: StorageError.damaged) { try tile.check(wrong, beside, leafHash: leaf) }
                    }
                    #expect(throws: StorageError.damaged) { try tile.check(hashes, [:], leafHash: nil) }
                }
            }
        }
    }

    @Test("A tile whose leaf or hash was damaged is not served", arguments: Engine.allCases)
    func tiles(_ engine: Engine) async throws {
        let place = try engine.place()
        let store = try await place.open()
        let logs = try await StoredLogs.make(in: store)
        let count = logs.petition.leaves.count
        let entries = Tile(kind: .entries, index: 0, count: count)
        let hashes = Tile(kind: .hashes(level: 0), index: 0, count: count)
        let whole = (
            try await store.tile(entries, of: logs.petitionName), try await store.tile(hashes, of: logs.petitionName)
        )
        #expect(whole.0 != nil && whole.1 != nil)
        let zero = engine == .sqlite ? "zeroblob(32)" : "decode(repeat('00', 32), 'hex')"
        for (damage, tile) in [
            ("UPDATE leaves SET bytes = \(zero) WHERE log = 2 AND place = 3", entries),
            ("UPDATE nodes SET hash = \(zero) WHERE log = 2 AND level = 0 AND place = 4", hashes),
            ("UPDATE nodes SET hash = \(zero) WHERE log = 2 AND level = 0 AND place = \(count - 1)", hashes),
        ] {
            try await place.change(damage)
            await #expect(throws: StorageError.damaged, "\(damage)") {
                try await store.tile(tile, of: logs.petitionName)
            }
        }
        // Other logs are still served.
        #expect(try await store.tile(Tile(kind: .entries, index: 0, count: 1), of: logs.workplaceName) != nil)
        try await store.close()
    }

    @Test("What it costs to check the largest tiles")
    func cost() throws {
        let leaves = (0..<256).map { _ in Random.bytes(4096) }
        let rows = leaves.map { (hash: MerkleTree.leafHash($0).bytes, bytes: $0) }
        var tree = MerkleTree()
        var nodes: [StoredTile.Place: Bytes32] = [:]
        for leaf in leaves {
            for node in tree.append(leaf) { nodes[.init(level: node.level, index: node.index)] = node.hash }
        }
        let clock = ContinuousClock()
        let plain = clock.measure { for _ in 0..<20 { _ = EntryBundle.encode(leaves) } } / 20
        let checked = try clock.measure { for _ in 0..<20 { _ = try StoredTile.entries(rows) } } / 20
        let tile = StoredTile(level: 0, range: 0..<256)
        let hashes = (0..<256).compactMap { tree.leafHash(at: $0) }
        let hashed = try clock.measure { for _ in 0..<20 { try tile.check(hashes, nodes, leafHash: nil) } } / 20
        print("tile of 1 MiB: encoded \(plain), with the check \(checked); 256 hashes checked \(hashed)")
    }
}
