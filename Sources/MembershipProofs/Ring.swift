// docs/protocol.md, section 5

import Ristretto
import Sodium

#if !hasFeature(Embedded)
    import Synchronization
#endif

/// The keys among which a signer hides, in order of admission: 2 to 2^20 elements, none of them the identity.
public struct Ring: Sendable, Equatable {
    /// How many keys a ring may have.
    public static let sizes = 2...(1 << 20)

    /// In order of admission.
    public let keys: [Element]
    /// Digest("ring", uint32 N || M_0 || ... || M_{N-1}).
    public let digest: Bytes32
    /// m, the least m >= 1 with 4^m >= N: the number of base-4 digits of an index.
    public let digits: Int
    private let decoded = DecodedKeys()

    /// A ring of these keys, in order of admission.
    /// - Throws: `MembershipError.ringSize`, `MembershipError.identityInRing`.
    public init(_ keys: [Element]) throws(MembershipError) {
        guard Ring.sizes.contains(keys.count) else { throw .ringSize(keys.count) }
        guard !keys.contains(where: { $0.isIdentity }) else { throw .identityInRing }
        self.keys = keys
        var encoded: [UInt8] = []
        encoded.reserveCapacity(4 + 32 * keys.count)
        encoded.append(contentsOf: UInt32(keys.count).bigEndianBytes)
        for key in keys { encoded.append(contentsOf: key.encoding.bytes) }
        digest = Domain.digest("ring", encoded)
        digits = Ring.digits(for: keys.count)
    }

    /// N, the number of keys.
    public var count: Int { keys.count }

    /// The decoded keys. They are decoded on first use and kept, because a ring serves many batches.
    func points(by arithmetic: Arithmetic) -> [AffinePoint] { decoded.points(of: keys, by: arithmetic) }

    /// The points that every sum over this ring has: G, then the generators of a commitment, then the keys.
    func lastingPoints(by arithmetic: Arithmetic) -> [AffinePoint] {
        [Generators.shared.G] + Generators.shared.ofCommitment(digits: digits) + points(by: arithmetic)
    }

    /// Multiples of the lasting points, for a ring over which sums for few proofs are made again and again. Nil for the
    /// first few sums, and for large rings. The contents do not depend on any proof, so the table is right for every
    /// sum.
    func table(by arithmetic: Arithmetic) -> MultiplesTable? {
        decoded.table(of: 2 + 8 * digits + count) { lastingPoints(by: arithmetic) }
    }

    static func digits(for count: Int) -> Int {
        var (m, size) = (1, 4)
        while size < count { (m, size) = (m + 1, size * 4) }
        return m
    }

    /// 4^m, the number of indices that the digits can express. Those from `count` on stand for the last key, so the
    /// padding adds no seat.
    var paddedCount: Int { 1 << (2 * digits) }

    /// Rings with the same digest are the same.
    public static func == (a: Ring, b: Ring) -> Bool { a.digest == b.digest }
}

/// A ring's keys as decoded points, shared by all copies of the ring.
private final class DecodedKeys: Sendable {
    private let decoded = Mutex<[AffinePoint]?>(nil)
    private let table = Mutex<(uses: Int, table: MultiplesTable?)>((0, nil))

    /// The largest number of points that get a table, of three kilobytes for each point: a ring of 2,048 and the
    /// generators. Larger tables would gain little, because they do not fit the caches close to the processor.
    private static let largest = 2048 + 128
    /// How many sums are made before a table is. It costs about as much as it saves in twenty sums.
    private static let worthwhile = 8

    func table(of count: Int, _ points: () -> [AffinePoint]) -> MultiplesTable? {
        guard count <= Self.largest else { return nil }
        return table.withLock { state in
            state.uses += 1
            if state.table == nil, state.uses > Self.worthwhile {
                let points = points()
                precondition(points.count == count)
                state.table = MultiplesTable(points)
            }
            return state.table
        }
    }

    func points(of keys: [Element], by arithmetic: Arithmetic) -> [AffinePoint] {
        decoded.withLock { decoded in
            if let decoded { return decoded }
            let points = AffinePoint.decode(keys.map { $0.encoding }, by: arithmetic).compactMap { $0 }
            precondition(points.count == keys.count, "an element's encoding is canonical")
            decoded = points
            return points
        }
    }
}

/// Why a membership proof or a ring is rejected.
public enum MembershipError: Error, Equatable, Sendable {
    /// A ring cannot have this many keys.
    case ringSize(Int)
    /// A key is the group's identity.
    case identityInRing
    /// The signer's key is not in the ring.
    case keyNotInRing
    /// The proof's length, in bytes, is not right for the ring.
    case proofLength(expected: Int, found: Int)
    /// A scalar of the proof is not below l.
    case proofEncoding
}

extension UInt32 {
    var bigEndianBytes: [UInt8] {
        [UInt8(self >> 24), UInt8(self >> 16 & 255), UInt8(self >> 8 & 255), UInt8(self & 255)]
    }
}
