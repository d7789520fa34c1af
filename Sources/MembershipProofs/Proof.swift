// docs/protocol.md, section 5

import Sodium

/// A one-out-of-many proof with a linking tag: Groth and Kohlweiss (EUROCRYPT 2015) in the n-ary form of Bootle et al.
/// (ESORICS 2015), the tag beside it as in Triptych (Noether and Goodell, ePrint 2020/018), the bit commitments folded
/// into two as in Lelantus Spark (Jivanyan and Feickert, ePrint 2021/1173).
public struct Proof: Sendable, Equatable {
    let A: Element
    let B: Element
    let X: [Element]
    let Y: [Element]
    /// f_{j,i} for i in 1...3, at 3j + i - 1.
    let f: [Scalar]
    let zA: Scalar
    let z: Scalar

    /// 32(5m+4) bytes.
    public static func length(for ring: Ring) -> Int { length(digits: ring.digits) }

    static func length(digits m: Int) -> Int { 32 * (5 * m + 4) }

    /// - Throws: `MembershipError` for any encoding that `encoding` would not produce.
    public init(decoding bytes: some Collection<UInt8>, for ring: Ring) throws(MembershipError) {
        let m = ring.digits
        let bytes = Array(bytes)
        guard bytes.count == Self.length(digits: m) else {
            throw .proofLength(expected: Self.length(digits: m), found: bytes.count)
        }
        func word(_ i: Int) throws(MembershipError) -> Bytes32 {
            guard let word = Bytes32(bytes[32 * i..<32 * (i + 1)]) else { throw .proofEncoding }
            return word
        }
        var elements: [Element] = []
        var scalars: [Scalar] = []
        do {
            for i in 0..<2 * m + 2 { elements.append(try Element(decoding: word(i))) }
            for i in 2 * m + 2..<5 * m + 4 { scalars.append(try Scalar(decoding: word(i))) }
        } catch { throw .proofEncoding }
        (A, B) = (elements[0], elements[1])
        X = Array(elements[2..<m + 2])
        Y = Array(elements[(m + 2)...])
        f = Array(scalars[..<(3 * m)])
        (zA, z) = (scalars[3 * m], scalars[3 * m + 1])
    }

    init(A: Element, B: Element, X: [Element], Y: [Element], f: [Scalar], zA: Scalar, z: Scalar) {
        (self.A, self.B, self.X, self.Y, self.f, self.zA, self.z) = (A, B, X, Y, f, zA, z)
    }

    public var encoding: [UInt8] {
        var bytes = A.encoding.bytes + B.encoding.bytes
        for element in X + Y { bytes += element.encoding.bytes }
        for scalar in f { bytes += scalar.encoding.bytes }
        return bytes + zA.encoding.bytes + z.encoding.bytes
    }
}
