// docs/protocol.md, section 6, "Names on a condition"

import Ristretto
import Sodium

/// A Chaum-Pedersen proof (CRYPTO '92) that a tag and a ring key have the same secret, bound to a name: c || s, 64
/// bytes.
public enum NameProof {
    /// Length of a proof, in bytes.
    public static let length = 64

    /// Proves that the secret's tag in this scope belongs to its ring key. Constant-time in the secret.
    public static func prove(_ secret: borrowing ProverSecret, scope: Scope, name: [UInt8]) -> [UInt8] {
        defer { Stack.wipeAfterProver() }
        var row = SecretScalars(count: 3)
        var nonces = HedgedNonces(.naming, secret: secret, statement: scope.id.bytes + name)
        nonces.draw(into: &row, 0)
        let R1 = row.multiplyGenerator(by: 0)
        let R2 = row.multiply(scope.base, by: 0)
        let c = challenge(secret.publicKey, secret.tag(in: scope), scope, R1.encoding, R2.encoding, name)
        row.set(1, c)
        row.copy(2, from: secret.x, 0)
        row.multiply(1, 1, 2)
        row.add(0, 0, 1)
        return c.encoding.bytes + row.reveal(0).encoding.bytes
    }

    /// Whether the proof holds for this ring key, tag, scope and name. Variable time.
    public static func verify(
        _ proof: some Collection<UInt8>, key: Element, tag: LinkingTag, scope: Scope, name: [UInt8]
    ) -> Bool {
        guard proof.count == length, !key.isIdentity, let first = Bytes32(proof.prefix(32)),
            let second = Bytes32(proof.suffix(32)), let c = try? Scalar(decoding: first),
            let s = try? Scalar(decoding: second)
        else { return false }
        // sG - cP and sU - c tag
        func commitment(_ base: Element, _ multiple: Element) -> Bytes32 {
            Multiscalar.sum(
                [AffinePoint(base), AffinePoint(multiple)], [PublicScalar(s).words, (-PublicScalar(c)).words]
            ).encoding
        }
        let (R1, R2) = (commitment(.generator, key), commitment(scope.base, tag.element))
        return challenge(key, tag, scope, R1, R2, name) == c
    }

    /// c = HashToScalar("naming", P || tag || petition_id || R_1 || R_2 || Digest("name", name)).
    private static func challenge(
        _ P: Element, _ tag: LinkingTag, _ scope: Scope, _ R1: Bytes32, _ R2: Bytes32, _ name: [UInt8]
    ) -> Scalar {
        Domain.hashToScalar(
            "naming",
            P.encoding.bytes + tag.encoding.bytes + scope.id.bytes + R1.bytes + R2.bytes
                + Domain.digest("name", name).bytes)
    }
}
