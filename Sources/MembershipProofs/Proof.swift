// docs/protocol.md, section 5

import Sodium

/// A one-out-of-many proof with a linking tag: Groth and Kohlweiss (EUROCRYPT 2015) in the n-ary form of Bootle et al.
/// (ESORICS 2015), with the tag as in Triptych (Noether and Goodell, ePrint 2020/018) and the bit commitments folded
/// into two as in Lelantus Spark (Jivanyan and Feickert, ePrint 2021/1173).
///
/// A value has the right length, and scalars below l. The verifier still has to find out whether its 2m + 2 encodings
/// of elements are canonical, because it decodes those of a whole batch at once; a proof with one that is not proves
/// nothing.
public struct Proof: Sendable, Equatable {
    /// A, B, X_0..X_{m-1}, Y_0..Y_{m-1}.
    let elements: [Bytes32]
    /// f_{j,i} for i in 1...3, at 3j + i - 1; then z_A and z.
    let scalars: [Scalar]

    /// Length of a proof for this ring: 32(5m+4) bytes.
    public static func length(for ring: Ring) -> Int { length(digits: ring.digits) }

    static func length(digits m: Int) -> Int { 32 * (5 * m + 4) }

    /// Decodes a proof for a ring, without verifying it.
    /// - Throws: `MembershipError` if the length is not right for the ring, or a scalar is not below l.
    public init(decoding bytes: some Collection<UInt8>, for ring: Ring) throws(MembershipError) {
        let m = ring.digits
        guard bytes.count == Self.length(digits: m) else {
            throw .proofLength(expected: Self.length(digits: m), found: bytes.count)
        }
        let words = Bytes32.array(bytes)
        elements = Array(words[..<(2 * m + 2)])
        var scalars: [Scalar] = []
        scalars.reserveCapacity(3 * m + 2)
        for word in words[(2 * m + 2)...] {
            guard let scalar = try? Scalar(decoding: word) else { throw .proofEncoding }
            scalars.append(scalar)
        }
        self.scalars = scalars
    }

    init(A: Element, B: Element, X: [Element], Y: [Element], f: [Scalar], zA: Scalar, z: Scalar) {
        elements = ([A, B] + X + Y).map { $0.encoding }
        scalars = f + [zA, z]
    }

    /// m.
    var digits: Int { elements.count / 2 - 1 }
    var zA: Scalar { scalars[scalars.count - 2] }
    var z: Scalar { scalars[scalars.count - 1] }

    /// The elements, then the scalars.
    public var encoding: [UInt8] { elements.flatMap { $0.bytes } + scalars.flatMap { $0.encoding.bytes } }
}
