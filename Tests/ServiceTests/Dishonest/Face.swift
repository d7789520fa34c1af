import Foundation
import GRDB
import Petitions
import Sodium
import TestSupport
import TransparencyLog

/// A log as the holder of its key may show it: with any number of leaves, in any order.
struct Face: Sendable {
    let origin: String
    let seed: Bytes32
    /// The path before the names of tiles and the checkpoint.
    let path: String
    let leaves: [[UInt8]]
    /// The checkpoint as the real service showed it, with the signatures of witnesses; nil for a face that it never had.
    private let shown: String?

    init(_ origin: String, seed: Bytes32, path: String, leaves: [[UInt8]], shown: String? = nil) {
        (self.origin, self.seed, self.path, self.leaves, self.shown) = (origin, seed, path, leaves, shown)
    }

    var tree: MerkleTree {
        var tree = MerkleTree()
        for leaf in leaves { tree.append(leaf) }
        return tree
    }

    var key: SigningKey { SigningKey(seed: SecretBytes(seed)) }

    var note: String {
        if let shown { return shown }
        return Checkpoint(origin: origin, size: UInt64(leaves.count), root: tree.root).signed(by: key).serialized
    }

    /// The log when it had this many leaves.
    func at(_ size: Int) -> Face { with(Array(leaves.prefix(size))) }

    func with(_ leaves: [[UInt8]]) -> Face { Face(origin, seed: seed, path: path, leaves: leaves) }

    func appending(_ more: [UInt8]...) -> Face { with(leaves + more) }

    /// The same statements with two of them exchanged.
    func exchanging(_ a: Int, _ b: Int) -> Face {
        var other = leaves
        other.swapAt(a, b)
        return with(other)
    }

    /// Answers requests for this log.
    var script: Operator.Script {
        let (note, path, leaves) = (note, path, leaves)
        return { request in
            guard request.method == "GET", request.path.hasPrefix(path + "/") else { return nil }
            let name = String(request.path.dropFirst(path.count + 1))
            if name == "checkpoint" { return .response(.text(note)) }
            guard let tile = Tile(path: name), tile.kind == .entries else { return .response(.missing) }
            let start = Int(tile.index) * Tile.width
            guard start + tile.count <= leaves.count else { return .response(.missing) }
            return .response(.bytes(EntryBundle.encode(Array(leaves[start..<start + tile.count]))))
        }
    }

    /// A receipt for the last leaf.
    var receipt: String {
        Receipt(
            index: UInt64(leaves.count - 1), path: tree.inclusionProof(of: leaves.count - 1, at: leaves.count) ?? [],
            note: note
        ).serialized
    }
}

/// What a dishonest operator has: the real service's file, which contains the log's key.
struct Books: Sendable {
    let database: String

    func seed() async throws -> Bytes32 {
        let bytes = try await DatabaseQueue(path: database).read { db in
            try Data.fetchOne(db, sql: "SELECT log_seed FROM service")
        }
        guard let seed = bytes.flatMap({ Bytes32($0) }) else { throw Absent() }
        return seed
    }

    /// The log as the real service currently shows it.
    func face(_ path: String, _ service: RunningService) async throws -> Face {
        let shown = String(decoding: try await service.send("GET", path + "/checkpoint").body, as: UTF8.self)
        let note = try SignedNote(parsing: shown)
        let checkpoint = try Checkpoint(parsing: note.text)
        var leaves: [[UInt8]] = []
        for tile in Tile.entries(upTo: checkpoint.size) {
            let bytes = try await service.send("GET", path + "/" + tile.path).body
            leaves += try EntryBundle.decode(bytes, count: tile.count)
        }
        return Face(checkpoint.origin, seed: try await seed(), path: path, leaves: leaves, shown: shown)
    }
}
