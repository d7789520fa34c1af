// docs/protocol.md, section 5

import MembershipProofs
import Ristretto
import Sodium

/// A ring of which every secret is known, so that thousands of proofs are quick to make: sum_k c_{k,j} M_k is then one
/// multiplication of G by sum_k c_{k,j} x_k. The proofs are ordinary ones. This shortcut must never leave the benchmarks:
/// it is neither constant-time nor possible for anybody who knows one secret alone.
struct InventedRing: Sendable {
    let ring: Ring
    let secrets: [Scalar]
    let scope: Scope
    let m: Int
    /// The secrets, the last one again for every surplus index.
    private let padded: [PublicScalar]
    private let commitmentPoints: [AffinePoint]

    init(_ secrets: [Scalar], _ ring: Ring, _ scope: Scope) {
        (self.secrets, self.ring, self.scope) = (secrets, ring, scope)
        var m = 1
        while 1 << (2 * m) < secrets.count { m += 1 }
        self.m = m
        let known = secrets.map { PublicScalar($0) }
        padded = known + Array(repeating: known[known.count - 1], count: 1 << (2 * m) - known.count)
        func generators(_ last: UInt8) -> [AffinePoint] {
            (0..<UInt8(m)).flatMap { j in
                (0..<UInt8(4)).map { AffinePoint(Domain.hashToGroup("generator", [j, $0, last])) }
            }
        }
        commitmentPoints =
            [AffinePoint(Domain.hashToGroup("generator", Array("blind".utf8)))] + generators(0) + generators(1)
    }

    /// A ring of `count` members for a scope of its own.
    init(_ count: Int) throws {
        let secrets = (0..<count).map { _ in Scalar.random() }
        self.init(secrets, try Ring(secrets.map { Element.generator(times: $0) }), Scope(Random.bytes32()))
    }

    func tag(_ index: Int) -> Element { secrets[index] * scope.base }

    func claim(_ index: Int) throws -> Claim {
        let message = Random.bytes32()
        let proof = try Proof(decoding: prove(index, message), for: ring)
        return Claim(tag: try LinkingTag(decoding: tag(index).encoding), message: message, proof: proof)
    }

    /// The bytes of a proof by the member at an index.
    func prove(_ index: Int, _ message: Bytes32) -> [UInt8] {
        func random() -> PublicScalar { PublicScalar(.random()) }
        func digit(_ j: Int) -> Int { index >> (2 * j) & 3 }
        var a: [PublicScalar] = []
        for _ in 0..<m {
            let row = [random(), random(), random()]
            a += [-(row[0] + row[1] + row[2])] + row
        }
        let s = (0..<4 * m).map { $0 % 4 == digit($0 / 4) ? PublicScalar.one : .zero }
        let (rA, rB, p) = (random(), random(), (0..<m).map { _ in random() })
        func commit(_ blind: PublicScalar, _ v: [PublicScalar], _ w: [PublicScalar]) -> Bytes32 {
            Multiscalar.sum(commitmentPoints, ([blind] + v + w).map(\.words)).encoding
        }
        let A = commit(rA, a, a.map { -($0 * $0) })
        let B = commit(rB, s, zip(a, s).map { $0 - $0 * $1 - $0 * $1 })
        let c = coefficients(a, digit)
        let X = (0..<m).map { Element.generator(times: (c[$0] + p[$0]).scalar).encoding }
        let Y = p.map { ($0.scalar * scope.base).encoding }
        var transcript = ring.digest.bytes + withUnsafeBytes(of: UInt32(ring.count).bigEndian) { [UInt8]($0) }
        for part in [scope.id, tag(index).encoding, message, A, B] + X + Y { transcript += part.bytes }
        let e = PublicScalar(Domain.hashToScalar("membership", transcript))
        var response = [PublicScalar]()
        for i in 0..<4 * m where i % 4 > 0 { response.append(s[i] * e + a[i]) }
        var (z, power) = (PublicScalar.zero, PublicScalar.one)
        for j in 0..<m {
            z -= p[j] * power
            power = power * e
        }
        z += PublicScalar(secrets[index]) * power
        response += [rA + e * rB, z]
        return ([A, B] + X + Y).flatMap(\.bytes) + response.flatMap { $0.scalar.encoding.bytes }
    }

    /// sum_k c_{k,e} x_k for every e, one digit folded in after the other.
    private func coefficients(_ a: [PublicScalar], _ digit: (Int) -> Int) -> [PublicScalar] {
        // Polynomials of degree j, one after the other.
        var polynomials = padded
        for j in 0..<m {
            let (count, size) = (polynomials.count / (j + 1) / 4, j + 1)
            var folded = [PublicScalar](repeating: .zero, count: count * (size + 1))
            for k in 0..<count {
                for i in 0..<4 {
                    let from = (4 * k + i) * size
                    for e in 0..<size {
                        folded[k * (size + 1) + e] += a[4 * j + i] * polynomials[from + e]
                        if i == digit(j) { folded[k * (size + 1) + e + 1] += polynomials[from + e] }
                    }
                }
            }
            polynomials = folded
        }
        return polynomials
    }
}
