// docs/protocol.md, section 6

import Sodium

/// What ballots and names are sealed with: a payload under a key K, and K in Shamir shares, a sealed box for each trustee.
/// K fixes every byte, so that whoever opens it can seal it again and compare.
enum SealedPayload {
    /// One share in its box.
    static let boxLength = 80

    /// 80n + plaintext + 16 bytes.
    static func length(trustees: Int, plaintext: Int) -> Int { boxLength * trustees + plaintext + AEAD.tagLength }

    /// - Parameters:
    ///   - plaintext: padded already.
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

    /// The padded plaintext, by the `threshold` lowest of the released secrets; nil when any byte is not as sealing
    /// makes it.
    static func open(
        _ sealed: [UInt8], with secrets: [UInt8: Bytes32], keys: [Bytes32], threshold: UInt8,
        associatedData: [UInt8], context: StaticString
    ) -> [UInt8]? {
        let trustees = secrets.keys.sorted().prefix(Int(threshold))
        guard trustees.count == Int(threshold), sealed.count > boxLength * keys.count + AEAD.tagLength else {
            return nil
        }
        var seed = SecretBytes(zeros: 32)
        for (place, trustee) in trustees.enumerated() {
            guard let secret = secrets[trustee], (1...keys.count).contains(Int(trustee)) else { return nil }
            let box = Array(sealed[boxLength * (Int(trustee) - 1)..<boxLength * Int(trustee)])
            let pair = BoxKeyPair(secret: SecretBytes(secret))
            guard let share = try? pair.open(box), share.count == 32 else { return nil }
            SecretSharing.interpolate(share, at: place, of: Array(trustees), into: &seed)
        }
        let nonce = [UInt8](repeating: 0, count: AEAD.nonceLength)
        guard
            let plaintext = try? AEAD.open(
                sealed[(boxLength * keys.count)...], key: KDF.derive(seed, id: 1, context: context), nonce: nonce,
                associatedData: associatedData
            ).reveal(),
            let again = try? seal(
                plaintext, seed: seed, to: keys, threshold: threshold, associatedData: associatedData,
                context: context),
            again == sealed
        else { return nil }
        return plaintext
    }
}
