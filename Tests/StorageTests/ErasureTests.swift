import Foundation
import GRDB
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Storage

extension MerkleTree {
    fileprivate func appending(_ leaf: [UInt8]) -> [Node] {
        var tree = self
        return tree.append(leaf)
    }
}

@Suite("Erased names leave nothing behind", .takingTurns)
struct ErasureTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// How many of these sealed names any file of the database contains. Every sealed name begins with 24 random bytes,
    /// which are enough to search for.
    private func found(_ sealed: [[UInt8]], in directory: TemporaryDirectory? = nil) throws -> Int {
        let directory = directory ?? self.directory
        let windows = Set(
            sealed.flatMap { name in stride(from: 0, to: name.count - 16, by: 100).map { Data(name[$0..<$0 + 16]) } })
        var hits = 0
        for file in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            let data = [UInt8](try Data(contentsOf: URL(filePath: directory(file))))
            guard data.count >= 16 else { continue }
            for start in 0...(data.count - 16) where windows.contains(Data(data[start..<start + 16])) { hits += 1 }
        }
        return hits
    }

    @Test(
        "A reader in the way delays the erasure in the write-ahead log, and it is made up for; so it is after a crash")
    func delayed() async throws {
        let world = try World(members: 3)
        let petition = try PetitionWorld(world)
        let sealed = Random.bytes(700)
        func append(_ change: LogAppend.NameChange, at start: Int) -> LogAppend {
            let bytes = start == 0 ? petition.leaves[0] : [UInt8(start)]
            var tree = MerkleTree()
            if start == 1 { tree.append(petition.leaves[0]) }
            return LogAppend(
                log: .petition(petition.log.id), workplace: world.log.id, start: start, base: "\(start - 1)",
                leaves: [.init(bytes: bytes, nodes: tree.append(bytes))], note: "\(start)", deadline: nil,
                names: [change])
        }
        let store = try SQLiteStore(path: directory("service.sqlite"), serviceName: "a")
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let reader = try DatabaseQueue(path: directory("service.sqlite"), configuration: configuration)
        try await store.commit([append(.keep(tag: .zero, sealed: sealed), at: 0)])
        // A snapshot taken before the deletion.
        try reader.inDatabase { db in
            try db.execute(sql: "BEGIN")
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM names")
        }
        try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA busy_timeout = 0") }
        try await store.commit([append(.delete(tag: .zero), at: 1)])
        #expect(try found([sealed]) > 0)
        await store.eraseLeftovers()
        #expect(try found([sealed]) > 0)
        // The files that a crash at this point would leave behind.
        let crashed = try TemporaryDirectory()
        for file in ["service.sqlite", "service.sqlite-wal"] {
            try FileManager.default.copyItem(atPath: directory(file), toPath: crashed(file))
        }
        try reader.inDatabase { db in try db.execute(sql: "COMMIT") }
        await store.eraseLeftovers()
        #expect(try found([sealed]) == 0)
        let again = try SQLiteStore(inspecting: crashed("service.sqlite"))
        await again.eraseLeftovers()
        #expect(try found([sealed], in: crashed) == 0)
        #expect(try await again.sealedNames(of: petition.log.id).isEmpty)
    }

    @Test("A file from before names had pages of their own keeps its names, and none of their bytes where they were")
    func upgraded() async throws {
        let world = try World(members: 3)
        let petition = try PetitionWorld(world)
        let path = directory("service.sqlite")
        let names = (0..<40).map { _ in (tag: Random.bytes32(), sealed: Random.bytes(768)) }
        do {
            let store = try SQLiteStore(path: path, serviceName: "a")
            try await store.commit([
                LogAppend(
                    log: .petition(petition.log.id), workplace: world.log.id, start: 0, base: "",
                    leaves: [.init(bytes: [1], nodes: MerkleTree().appending([1]))], note: "", deadline: nil, names: [])
            ])
            try await store.pool.write { db in
                try db.execute(sql: "DROP TABLE names")
                try db.execute(
                    sql: """
                        CREATE TABLE sealed_names (
                            log INTEGER NOT NULL, tag BLOB NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (log, tag)
                        ) STRICT, WITHOUT ROWID
                        """)
                try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier LIKE '2 %'")
                for name in names {
                    try db.execute(
                        sql: "INSERT INTO sealed_names VALUES (1, ?, ?)", arguments: [name.tag.data, Data(name.sealed)])
                }
            }
            try store.closeNow()
        }
        let store = try SQLiteStore(path: path, serviceName: "a")
        let kept = try await store.sealedNames(of: petition.log.id)
        #expect(kept == Dictionary(uniqueKeysWithValues: names.map { ($0.tag, $0.sealed) }))
        var tree = MerkleTree()
        tree.append([1])
        let second = tree.append([2])
        try await store.commit([
            LogAppend(
                log: .petition(petition.log.id), workplace: world.log.id, start: 1, base: "",
                leaves: [.init(bytes: [2], nodes: second)], note: "2", deadline: nil,
                names: names.map { .delete(tag: $0.tag) })
        ])
        #expect(try found(names.map(\.sealed)) == 0)
    }

    @Test("Among hundreds of names that come, change and go in any order, none that went is in a file")
    func manyNames() async throws {
        let world = try World(members: 3)
        let petition = try PetitionWorld(world)
        let store = try SQLiteStore(path: directory("service.sqlite"), serviceName: "a")
        var standing: [Bytes32: [UInt8]] = [:]
        var gone: [[UInt8]] = []
        var tree = MerkleTree()
        var size = 0
        func commit(_ names: [LogAppend.NameChange]) async throws {
            let bytes = size == 0 ? petition.leaves[0] : Random.bytes(8)
            let leaf = LogAppend.Leaf(bytes: bytes, nodes: tree.append(bytes))
            try await store.commit([
                LogAppend(
                    log: .petition(petition.log.id), workplace: world.log.id, start: size, base: "\(size - 1)",
                    leaves: [leaf],
                    note: "\(size)", deadline: nil, names: names)
            ])
            size += 1
        }
        for _ in 0..<400 {
            var changes: [LogAppend.NameChange] = []
            for _ in 0...Random.number(below: 5) {
                let taken = standing.keys.randomElement()
                switch Random.number(below: 5) {
                case 0, 1:
                    if let taken, let old = standing.removeValue(forKey: taken) {
                        gone.append(old)
                        changes.append(.delete(tag: taken))
                    }
                case 2:
                    if let taken, let old = standing[taken] {
                        gone.append(old)
                        standing[taken] = Random.bytes(80 * Int(1 + Random.number(below: 5)) + 528)
                        changes.append(.keep(tag: taken, sealed: standing[taken]!))
                    }
                default:
                    let tag = Random.bytes32()
                    standing[tag] = Random.bytes(80 * Int(1 + Random.number(below: 5)) + 528)
                    changes.append(.keep(tag: tag, sealed: standing[tag]!))
                }
            }
            try await commit(changes)
        }
        #expect(try await store.sealedNames(of: petition.log.id) == standing)
        #expect(try standing.isEmpty || found(Array(standing.values)) > 0, "the search finds what is there")
        #expect(try found(gone) == 0, "\(gone.count) names are gone")
    }
}
