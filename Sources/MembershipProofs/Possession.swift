// docs/protocol.md, section 2

import Ristretto
import Sodium

/// A Schnorr proof of knowledge of x for a ring key, bound to a context: R || s, 64 bytes.
public enum Possession {
    /// Length of a proof, in bytes.
    public static let length = 64

    /// Proves knowledge of the secret. Constant-time in it.
    public static func prove(_ secret: borrowing ProverSecret, context: Bytes32) -> [UInt8] {
        defer { Stack.wipeAfterProver() }
        var row = SecretScalars(count: 3)
        var nonces = HedgedNonces(.possession, secret: secret, statement: context.bytes)
        nonces.draw(into: &row, 0)
        let R = row.multiplyGenerator(by: 0)
        let c = challenge(secret.publicKey.encoding, R.encoding, context)
        // s = r + cx
        row.set(1, c)
        row.copy(2, from: secret.x, 0)
        row.multiply(1, 1, 2)
        row.add(0, 0, 1)
        return R.encoding.bytes + row.reveal(0).encoding.bytes
    }

    /// Whether the proof holds for this key and context. Variable time.
    public static func verify(_ proof: some Collection<UInt8>, of key: Element, context: Bytes32) -> Bool {
        verify([Claim(proof, of: key, context: context)])[0]
    }

    /// The claim that whoever made the proof knows the key's logarithm.
    public struct Claim: Sendable {
        let proof: [UInt8]
        let key: Element
        let context: Bytes32

        /// Checks nothing; `verify` does.
        public init(_ proof: some Collection<UInt8>, of key: Element, context: Bytes32) {
            (self.proof, self.key, self.context) = (Array(proof), key, context)
        }
    }

    /// Verifies many claims; the verdicts, in order, are those of verifying one by one. The equations R + cP = sG are
    /// added up, each under a weight of 128 bits, and a sum that is not the identity is split.
    public static func verify(_ claims: [Claim], by arithmetic: Arithmetic = .fastest) -> [Bool] {
        let places = claims.indices.filter { claims[$0].proof.count == length && !claims[$0].key.isIdentity }
        let words = places.map { Bytes32.array(claims[$0].proof) }
        let nonces = AffinePoint.decode(words.map { $0[0] }, by: arithmetic)
        let keys = AffinePoint.decode(places.map { claims[$0].key.encoding }, by: arithmetic)
        var equations: [(place: Int, R: AffinePoint, P: AffinePoint, c: PublicScalar, s: PublicScalar)] = []
        for (i, place) in places.enumerated() {
            guard let R = nonces[i], let P = keys[i], let s = try? Scalar(decoding: words[i][1]) else { continue }
            let c = challenge(claims[place].key.encoding, words[i][0], claims[place].context)
            equations.append((place, R, P, PublicScalar(c), PublicScalar(s)))
        }
        var verdicts = [Bool](repeating: false, count: claims.count)
        Batch.isolate(0..<equations.count) { range in
            var points = [Generators.shared.G]
            var (scalars, ofG) = ([(0, 0, 0, 0) as Multiscalar.Words], PublicScalar.zero)
            for equation in equations[range] {
                let weight = PublicScalar.randomWeight()
                points += [equation.R, equation.P]
                scalars += [weight.words, (weight * equation.c).words]
                ofG -= weight * equation.s
            }
            scalars[0] = ofG.words
            return Multiscalar.sum(points, scalars, by: arithmetic).isIdentity
        } report: {
            verdicts[equations[$0].place] = true
        }
        return verdicts
    }

    /// c = HashToScalar("possession", P || R || context).
    private static func challenge(_ P: Bytes32, _ R: Bytes32, _ context: Bytes32) -> Scalar {
        Domain.hashToScalar("possession", P.bytes + R.bytes + context.bytes)
    }
}
