// docs/protocol.md, section 3; C2SP tlog-tiles

import Petitions
import Sodium
import Storage
import TransparencyLog

/// Holds what is stored of a log against itself before it is served: a cache would keep a damaged tile for a year.
struct TileCheck: Sendable {
    let store: any Store
    let log: LogName

    /// Leaves that are read together, and the bytes that they take in the tile.
    struct Step: Sendable {
        var places: Range<Int>
        var length: Int
    }

    /// Bytes of leaves that are in memory at a time, but for a single one that is longer.
    private static let portion = 32 << 10

    /// Reads an entries tile once, in steps, and checks it.
    /// - Throws: `Refusal.notFound`; `StorageError.damaged`.
    func entries(of tile: Tile) async throws -> [Step] {
        guard let start = Int(exactly: tile.index)?.multipliedReportingOverflow(by: Tile.width), !start.overflow,
            start.partialValue <= .max - tile.count
        else { throw Refusal.notFound }
        let range = start.partialValue..<start.partialValue + tile.count
        let lengths = try await store.leafLengths(of: log, in: range)
        guard lengths.count == tile.count else { throw Refusal.notFound }
        var steps: [Step] = []
        for (place, length) in zip(range, lengths) {
            if let last = steps.last, last.length + length + 2 <= Self.portion {
                steps[steps.count - 1] = Step(
                    places: last.places.lowerBound..<place + 1, length: last.length + length + 2)
            } else {
                steps.append(Step(places: place..<place + 1, length: length + 2))
            }
        }
        var hashes: [UInt8] = []
        for step in steps {
            for leaf in try await leaves(in: step.places) { hashes += MerkleTree.leafHash(leaf).bytes }
        }
        let row = Tile(kind: .hashes(level: 0), index: tile.index, count: tile.count)
        guard try await store.tile(row, of: log) == hashes else { throw StorageError.damaged }
        try await self.hashes(hashes, of: row)
        return steps
    }

    /// Leaves as they were appended.
    /// - Throws: `StorageError.damaged` when one is another than its hash says.
    func leaves(in places: Range<Int>) async throws -> [[UInt8]] {
        let leaves = try await store.leaves(of: log, in: places)
        guard leaves.count == places.count, leaves.allSatisfy({ MerkleTree.leafHash($0.bytes) == $0.hash }) else {
            throw StorageError.damaged
        }
        return leaves.map(\.bytes)
    }

    /// Holds full tiles of hashes against the tile above, up to where there is none.
    /// - Throws: `StorageError.damaged`.
    func hashes(_ bytes: [UInt8], of tile: Tile) async throws {
        var (bytes, tile) = (bytes, tile)
        while case .hashes(let level) = tile.kind, level < 7, tile.count == Tile.width {
            let root = Self.root(of: bytes)
            let place = Int(tile.index % UInt64(Tile.width))
            let above = Tile(kind: .hashes(level: level + 1), index: tile.index / UInt64(Tile.width), count: place + 1)
            guard let row = try await store.tile(above, of: log), row.suffix(32).elementsEqual(root.bytes) else {
                throw StorageError.damaged
            }
            guard let whole = try await store.tile(Tile(kind: above.kind, index: above.index), of: log) else { return }
            (bytes, tile) = (whole, Tile(kind: above.kind, index: above.index))
        }
    }

    /// Of a full tile: its hashes are a whole subtree's.
    private static func root(of bytes: [UInt8]) -> Bytes32 {
        var row = stride(from: 0, to: bytes.count, by: 32).compactMap { Bytes32(bytes[$0..<min($0 + 32, bytes.count)]) }
        while row.count > 1 {
            row = stride(from: 0, to: row.count - 1, by: 2).map { MerkleTree.nodeHash(row[$0], row[$0 + 1]) }
        }
        return row.first ?? .zero
    }
}
