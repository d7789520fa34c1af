// docs/protocol.md, section 5

import Sodium

@testable import MembershipProofs

/// The three equations computed with libsodium alone, one proof at a time. It is slow and plain, and shares only the
/// transcript with the verifier, which is tested against it.
enum ReferenceVerifier {
    static func verify(_ proof: Proof, of statement: Statement) -> Bool {
        let m = statement.ring.digits
        guard proof.digits == m, let elements = try? proof.elements.map({ try Element(decoding: $0) }) else {
            return false
        }
        let (A, B, X, Y) = (elements[0], elements[1], elements[2..<m + 2], elements[(m + 2)...])
        let e = statement.challenge(proof.elements)
        guard e != .zero else { return false }
        let f = (0..<m).flatMap { j in
            let row = Array(proof.scalars[3 * j..<3 * j + 3])
            return [e - row[0] - row[1] - row[2]] + row
        }
        var powers = [Scalar.one]
        for j in 0..<m { powers.append(powers[j] * e) }
        func generator(_ label: [UInt8]) -> Element { Domain.hashToGroup("generator", label) }
        var commitment = proof.zA * generator(Array("blind".utf8))
        for (i, value) in f.enumerated() {
            let (j, digit) = (UInt8(i / 4), UInt8(i % 4))
            commitment =
                commitment + value * generator([j, digit, 0]) + value * (e - value) * generator([j, digit, 1])
        }
        guard A + e * B == commitment else { return false }
        var ringSide = Element.identity
        for k in 0..<1 << (2 * m) {
            let coefficient = (0..<m).reduce(Scalar.one) { $0 * f[4 * $1 + (k >> (2 * $1) & 3)] }
            ringSide = ringSide + coefficient * statement.ring.keys[min(k, statement.ring.count - 1)]
        }
        for (j, x) in X.enumerated() { ringSide = ringSide - powers[j] * x }
        guard ringSide == Element.generator(times: proof.z) else { return false }
        var tagSide = powers[m] * statement.tag.element
        for (j, y) in Y.enumerated() { tagSide = tagSide - powers[j] * y }
        return tagSide == proof.z * statement.scope.base
    }
}
