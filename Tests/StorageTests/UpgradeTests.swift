import Foundation
import GRDB
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Storage

@Suite("Files of earlier versions")
struct UpgradeTests {
    @Test("A file with the first schema opens, and has all that it had: leaves, checkpoints, objects, the log key")
    func first() async throws {
        let directory = try TemporaryDirectory()
        let path = directory("old.sqlite")
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
        #expect(try await store.object(ID(seed), in: ID(id))?.count == 100)
        let stored = try await store.read { db in try Int.fetchOne(db, sql: "SELECT bytes FROM stored") }
        #expect(stored == 200)
        try store.closeNow()
    }
}
