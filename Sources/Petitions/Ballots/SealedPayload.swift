// docs/protocol.md, section 6

import Sodium

/// The seal of ballots and names: a payload under a key K, and K in Shamir shares, one sealed box for each trustee. K
/// determines every byte, so whoever opens it can seal it again and compare.
enum SealedPayload {
    /// Length of one share in its box, in bytes.
    static let boxLength = 80

    /// Length of a sealed payload: 80n + plaintext + 16 bytes.
    static func length(trustees: Int, plaintext: Int) -> Int { boxLength * trustees + plaintext + AEAD.tagLength }

    /// - Parameters:
    ///   - plaintext: already padded.
    ///   - context: "rrballot" or "rrnaming".
    static func seal(
        _ plaintext: [UInt8], seed: borrowing SecretBytes, to keys: [Bytes32], threshold: UInt8,
        associatedData: [UInt8], context: StaticString
    ) throws(SodiumError) -> [UInt8] {
        let polynomial = SecretSharing(seed: seed, threshold: threshold, context: context)
        var sealed: [UInt8] = []
        for (i, key) in keys.enumerated() {
            let trustee = UInt8(i + 1)
            let ephemeral = BoxKeyPair(seed: KDF.derive(seed, id: 1000 + UInt64(trustee), context: context))
            sealed += try ephemeral.sealAsEphemeral(polynomial.share(of: trustee), to: key)
        }
        let key = KDF.derive(seed, id: 1, context: context)
        // The nonce may be zero because the key is used once.
        let nonce = [UInt8](repeating: 0, count: AEAD.nonceLength)
        return sealed + AEAD.seal(plaintext, key: key, nonce: nonce, associatedData: associatedData)
    }
}
