// docs/protocol.md, section 5

import Ristretto
import Sodium

/// The generators of the commitments. They are outputs of a hash to the group, so nobody knows a relation among them.
/// Com(v, w, r) = rH + sum v_{j,i} H_{j,i} + sum w_{j,i} K_{j,i}.
struct Generators: Sendable {
    /// How many digits the largest ring needs: 4^10 = 2^20.
    static let maximalDigits = 10
    static let shared = Generators()

    let G = AffinePoint(Element.generator)
    let H: AffinePoint
    /// H_{j,i} at 4j + i.
    let first: [AffinePoint]
    /// K_{j,i} at 4j + i.
    let second: [AffinePoint]

    private init() {
        H = AffinePoint(Domain.hashToGroup("generator", Array("blind".utf8)))
        let places = (0..<UInt8(Self.maximalDigits)).flatMap { j in (0..<UInt8(4)).map { i in (j, i) } }
        first = places.map { AffinePoint(Domain.hashToGroup("generator", [$0.0, $0.1, 0])) }
        second = places.map { AffinePoint(Domain.hashToGroup("generator", [$0.0, $0.1, 1])) }
    }

    /// H, H_{0,0}..., K_{0,0}... of the first m digits: the points of a commitment, in its order.
    func ofCommitment(digits m: Int) -> [AffinePoint] { [H] + first[..<(4 * m)] + second[..<(4 * m)] }
}
