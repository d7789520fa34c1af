import Petitions
import Sodium
import TransparencyLog

/// A tile as it is served, checked against what stands beside it: a page of the database that was damaged must not be
/// kept for a year by whoever caches tiles.
struct StoredTile {
    /// A node of the tree.
    struct Place: Hashable {
        let level: Int
        let index: Int
    }

    /// - Parameter leaves: with the hashes that are kept beside them.
    /// - Throws: `StorageError.damaged`.
    static func entries(_ leaves: [(hash: [UInt8], bytes: [UInt8])]) throws -> [UInt8] {
        for leaf in leaves where MerkleTree.leafHash(leaf.bytes).bytes != leaf.hash { throw StorageError.damaged }
        return EntryBundle.encode(leaves.map(\.bytes))
    }

    /// Complete subtrees of a tile of hashes.
    private struct Subtree {
        /// Of the tile's hashes.
        let range: Range<Int>
        let root: Place
    }

    private let subtrees: [Subtree]
    /// The last hash, where it is in no subtree of the tile: its leaf's, and else the one of the two nodes below.
    let leaf: Int?
    private let children: [Place]

    /// - Parameters:
    ///   - level: of the tile, from 0.
    ///   - range: the places of its hashes in their level of the tree.
    init(level: Int, range: Range<Int>) {
        let bottom = 8 * level
        var (subtrees, at): ([Subtree], Int) = ([], 0)
        for height in (1...8).reversed() where range.count & (1 << height) != 0 {
            let root = Place(level: bottom + height, index: (range.lowerBound + at) >> height)
            subtrees.append(Subtree(range: at..<at + (1 << height), root: root))
            at += 1 << height
        }
        self.subtrees = subtrees
        let last = at < range.count ? range.upperBound - 1 : nil
        leaf = bottom == 0 ? last : nil
        children =
            bottom == 0 ? [] : last.map { last in (0...1).map { Place(level: bottom - 1, index: 2 * last + $0) } } ?? []
    }

    /// The nodes that must be known to check it.
    var nodes: [Place] { subtrees.map(\.root) + children }

    /// - Parameters:
    ///   - nodes: hashes of those.
    ///   - leafHash: of `leaf`.
    /// - Throws: `StorageError.damaged`.
    func check(_ hashes: [Bytes32], _ nodes: [Place: Bytes32], leafHash: Bytes32?) throws {
        for subtree in subtrees {
            var level = Array(hashes[subtree.range])
            while level.count > 1 {
                level = stride(from: 0, to: level.count, by: 2).map { MerkleTree.nodeHash(level[$0], level[$0 + 1]) }
            }
            guard level.first == nodes[subtree.root] else { throw StorageError.damaged }
        }
        if leaf != nil, leafHash != hashes.last { throw StorageError.damaged }
        guard children.count == 2 else { return }
        guard let left = nodes[children[0]], let right = nodes[children[1]],
            MerkleTree.nodeHash(left, right) == hashes.last
        else { throw StorageError.damaged }
    }
}
