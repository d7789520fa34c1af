// docs/protocol.md, section 2

import Sodium

/// A Schnorr proof that somebody knows x for a ring key, bound to a context: R || s, 64 bytes.
public enum Possession {
    public static let length = 64

    public static func prove(_ secret: borrowing ProverSecret, context: Bytes32) -> [UInt8] {
        var row = SecretScalars(count: 3)
        var nonces = HedgedNonces(secret: secret, statement: Array("possession".utf8) + context.bytes)
        nonces.draw(into: &row, 0)
        let R = row.multiplyGenerator(by: 0)
        let c = challenge(secret.publicKey, R, context)
        // s = r + cx
        row.set(1, c)
        row.copy(2, from: secret.x, 0)
        row.multiply(1, 1, 2)
        row.add(0, 0, 1)
        return R.encoding.bytes + row.reveal(0).encoding.bytes
    }

    public static func verify(_ proof: some Collection<UInt8>, of key: Element, context: Bytes32) -> Bool {
        guard proof.count == length, !key.isIdentity, let first = Bytes32(proof.prefix(32)),
            let second = Bytes32(proof.suffix(32)), let R = try? Element(decoding: first),
            let s = try? Scalar(decoding: second)
        else { return false }
        return Element.generator(times: s) == R + challenge(key, R, context) * key
    }

    /// c = HashToScalar("possession", P || R || context).
    private static func challenge(_ P: Element, _ R: Element, _ context: Bytes32) -> Scalar {
        Domain.hashToScalar("possession", P.encoding.bytes + R.encoding.bytes + context.bytes)
    }
}
