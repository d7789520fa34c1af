// docs/protocol.md, section 5

import Sodium

@testable import MembershipProofs

/// A prover that follows the protocol, slowly and with public scalars, except that it shifts one commitment before the
/// challenge is drawn. Then exactly one of the three equations fails, by a difference that the prover has chosen.
struct DishonestProver {
    enum Shift {
        case nothing
        /// A, and so equation (1).
        case commitment
        /// X_0, and so equation (2).
        case ring
        /// Y_0, and so equation (3).
        case tag
    }

    let ring: Ring
    let scope: Scope
    let index: Int
    let x: Scalar

    func claim(_ shift: Shift, by difference: Scalar = .one) throws -> Claim {
        let (m, message) = (ring.digits, Random.bytes32())
        let s = (0..<4 * m).map { $0 % 4 == index >> (2 * ($0 / 4)) & 3 ? Scalar.one : .zero }
        let a = (0..<m).flatMap { _ in
            let row = (0..<3).map { _ in Scalar.random() }
            return [-(row[0] + row[1] + row[2])] + row
        }
        let (rA, rB, p) = (Scalar.random(), Scalar.random(), (0..<m).map { _ in Scalar.random() })
        func generator(_ i: Int, _ last: UInt8) -> Element {
            Domain.hashToGroup("generator", [UInt8(i / 4), UInt8(i % 4), last])
        }
        func commit(_ r: Scalar, _ v: [Scalar], _ w: [Scalar]) -> Element {
            (0..<4 * m).reduce(r * Domain.hashToGroup("generator", Array("blind".utf8))) {
                $0 + v[$1] * generator($1, 0) + w[$1] * generator($1, 1)
            }
        }
        var A = commit(rA, a, a.map { -($0 * $0) })
        let B = commit(rB, s, zip(a, s).map { $0 - $0 * $1 - $0 * $1 })
        var X = p.map { Element.generator(times: $0) }
        var Y = p.map { $0 * scope.base }
        for k in 0..<1 << (2 * m) {
            var c = [Scalar.one] + Array(repeating: .zero, count: m)
            for j in 0..<m {
                let i = 4 * j + (k >> (2 * j) & 3)
                for e in (0...j + 1).reversed() { c[e] = c[e] * a[i] + (e > 0 ? c[e - 1] * s[i] : .zero) }
            }
            for j in 0..<m { X[j] = X[j] + c[j] * ring.keys[min(k, ring.count - 1)] }
        }
        switch shift {
        case .nothing: break
        case .commitment: A = A + Element.generator(times: difference)
        case .ring: X[0] = X[0] + Element.generator(times: difference)
        case .tag: Y[0] = Y[0] + Element.generator(times: difference)
        }
        let tag = try LinkingTag(decoding: (x * scope.base).encoding)
        let e = Statement(ring: ring, scope: scope, tag: tag, message: message)
            .challenge(([A, B] + X + Y).map(\.encoding))
        let f = (0..<4 * m).filter { $0 % 4 > 0 }.map { s[$0] * e + a[$0] }
        var (z, power) = (Scalar.zero, Scalar.one)
        for j in 0..<m {
            z = z - p[j] * power
            power = power * e
        }
        let proof = Proof(A: A, B: B, X: X, Y: Y, f: f, zA: rA + e * rB, z: z + x * power)
        return Claim(tag: tag, message: message, proof: proof)
    }
}
