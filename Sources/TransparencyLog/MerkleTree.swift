// docs/protocol.md, section 3; RFC 6962 section 2.1

import Sodium

/// An append-only Merkle tree. It keeps the hashes of every complete subtree, so it can compute the root of each
/// earlier size, and proofs between any two sizes.
public struct MerkleTree: Sendable {
    /// The hash of one node at its place; level 0 holds the leaves.
    public struct Node: Sendable, Equatable {
        /// The node's level: it covers 2^level leaves.
        public let level: Int
        /// The node's place in its level, from 0.
        public let index: Int
        /// The node's hash.
        public let hash: Bytes32

        /// Checks nothing.
        public init(level: Int, index: Int, hash: Bytes32) {
            (self.level, self.index, self.hash) = (level, index, hash)
        }
    }

    private var levels: [[Bytes32]] = [[]]

    /// An empty tree.
    public init() {}

    /// Number of leaves.
    public var count: Int { levels[0].count }

    /// SHA-256(0x00 || leaf).
    public static func leafHash(_ leaf: some Collection<UInt8>) -> Bytes32 {
        var hash = SHA256()
        hash.update([0])
        hash.update(leaf)
        return hash.finish()
    }

    /// SHA-256(0x01 || left || right).
    public static func nodeHash(_ left: Bytes32, _ right: Bytes32) -> Bytes32 {
        var hash = SHA256()
        hash.update([1])
        hash.update(left)
        hash.update(right)
        return hash.finish()
    }

    /// Appends a leaf and returns the nodes that it completes, its own first.
    @discardableResult
    public mutating func append(_ leaf: some Collection<UInt8>) -> [Node] { append(leafHash: Self.leafHash(leaf)) }

    /// The same for a leaf that has already been hashed.
    @discardableResult
    public mutating func append(leafHash: Bytes32) -> [Node] {
        var hash = leafHash
        var nodes: [Node] = []
        var level = 0
        while true {
            if level == levels.count { levels.append([]) }
            levels[level].append(hash)
            let index = levels[level].count - 1
            nodes.append(Node(level: level, index: index, hash: hash))
            guard index % 2 == 1 else { return nodes }
            hash = Self.nodeHash(levels[level][index - 1], hash)
            level += 1
        }
    }

    /// The hash of a leaf; nil beyond the end.
    public func leafHash(at index: Int) -> Bytes32? {
        levels[0].indices.contains(index) ? levels[0][index] : nil
    }

    /// The index of the first leaf with this hash.
    public func place(ofLeafHash hash: Bytes32) -> Int? { levels[0].firstIndex(of: hash) }

    /// The root when the tree had `size` leaves. Nil if it never had that many.
    public func root(at size: Int) -> Bytes32? {
        guard (0...count).contains(size) else { return nil }
        return size == 0 ? SHA256.hash([]) : hash(0, size)
    }

    /// The root of all leaves; SHA-256 of nothing for an empty tree.
    public var root: Bytes32 { root(at: count) ?? SHA256.hash([]) }

    /// MTH(D[lower..<upper]); the range must start at a multiple of the next power of two.
    private func hash(_ lower: Int, _ upper: Int) -> Bytes32 {
        let length = upper - lower
        if length & (length - 1) == 0 {
            let level = length.trailingZeroBitCount
            return levels[level][lower >> level]
        }
        let split = lower + Self.split(length)
        return Self.nodeHash(hash(lower, split), hash(split, upper))
    }

    /// The largest power of two below n, for n >= 2.
    private static func split(_ n: Int) -> Int { 1 << (Int.bitWidth - 1 - (n - 1).leadingZeroBitCount) }

    /// PATH(index, D[size]), from the leaf's sibling upwards. Nil if there is no such leaf.
    public func inclusionProof(of index: Int, at size: Int) -> [Bytes32]? {
        guard size <= count, (0..<size).contains(index) else { return nil }
        var (lower, upper) = (0, size)
        var path: [Bytes32] = []
        while upper - lower > 1 {
            let split = lower + Self.split(upper - lower)
            if index < split {
                path.append(hash(split, upper))
                upper = split
            } else {
                path.append(hash(lower, split))
                lower = split
            }
        }
        return path.reversed()
    }

    /// PROOF(old, D[new]). Nil unless 0 < old <= new <= count.
    public func consistencyProof(from old: Int, to new: Int) -> [Bytes32]? {
        guard old > 0, old <= new, new <= count else { return nil }
        var (lower, upper, complete) = (0, new, true)
        var proof: [Bytes32] = []
        while old < upper {
            let split = lower + Self.split(upper - lower)
            if old <= split {
                proof.append(hash(split, upper))
                upper = split
            } else {
                proof.append(hash(lower, split))
                lower = split
                complete = false
            }
        }
        if !complete { proof.append(hash(lower, upper)) }
        return proof.reversed()
    }
}

/// Checks proofs without the tree, as clients do: RFC 9162 sections 2.1.3.2 and 2.1.4.2.
public enum MerkleProof {
    /// Whether the leaf with this hash is at `index` in the tree of `size` leaves with this root.
    public static func includes(
        _ leafHash: Bytes32, at index: UInt64, size: UInt64, root: Bytes32, path: [Bytes32]
    ) -> Bool {
        guard index < size else { return false }
        var (fn, sn) = (index, size - 1)
        var r = leafHash
        for p in path {
            if sn == 0 { return false }
            if fn & 1 == 1 || fn == sn {
                r = MerkleTree.nodeHash(p, r)
                while fn & 1 == 0 && fn != 0 { (fn, sn) = (fn >> 1, sn >> 1) }
            } else {
                r = MerkleTree.nodeHash(r, p)
            }
            (fn, sn) = (fn >> 1, sn >> 1)
        }
        return sn == 0 && r == root
    }

    /// Whether the tree of `new` leaves only appends to the tree of `old` leaves.
    public static func extends(
        old: UInt64, oldRoot: Bytes32, new: UInt64, newRoot: Bytes32, proof: [Bytes32]
    ) -> Bool {
        guard old > 0, old <= new else { return false }
        if old == new { return proof.isEmpty && oldRoot == newRoot }
        var path = proof
        if old & (old - 1) == 0 { path.insert(oldRoot, at: 0) }
        guard let first = path.first else { return false }
        var (fn, sn) = (old - 1, new - 1)
        while fn & 1 == 1 { (fn, sn) = (fn >> 1, sn >> 1) }
        var (fr, sr) = (first, first)
        for c in path.dropFirst() {
            if sn == 0 { return false }
            if fn & 1 == 1 || fn == sn {
                fr = MerkleTree.nodeHash(c, fr)
                sr = MerkleTree.nodeHash(c, sr)
                while fn & 1 == 0 && fn != 0 { (fn, sn) = (fn >> 1, sn >> 1) }
            } else {
                sr = MerkleTree.nodeHash(sr, c)
            }
            (fn, sn) = (fn >> 1, sn >> 1)
        }
        return sn == 0 && fr == oldRoot && sr == newRoot
    }
}
