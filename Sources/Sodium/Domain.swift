// docs/protocol.md, section 1

import CSodium

/// Domain separation: every hash and every signature of this protocol starts with its own label.
public enum Domain {
    private static let prefix = Array("RoundRobin-v1:".utf8)

    /// DST(label) = "RoundRobin-v1:" || label.
    static func tag(_ label: StaticString) -> [UInt8] {
        prefix + label.withUTF8Buffer { Array($0) }
    }

    /// Digest(label, data) = SHA-256( uint8(len(DST)) || DST || data ), with the data in parts.
    public static func digest(_ label: StaticString, _ parts: [UInt8]...) -> Bytes32 {
        let tag = tag(label)
        var hash = SHA256()
        hash.update([UInt8(tag.count)])
        hash.update(tag)
        for part in parts { hash.update(part) }
        return hash.finish()
    }

    /// Digest(label, prefix || secret || suffix), without a copy of the secret in ordinary memory.
    public static func digest(
        _ label: StaticString, _ prefix: [UInt8], secret: borrowing SecretBytes, _ suffix: [UInt8] = []
    ) -> Bytes32 {
        let tag = tag(label)
        var hash = SHA256()
        hash.update([UInt8(tag.count)])
        hash.update(tag)
        hash.update(prefix)
        secret.withUnsafeBytes { hash.update(UnsafeRawBufferPointer($0)) }
        hash.update(suffix)
        return hash.finish()
    }

    /// Digest(label, secret), if the digest is a secret as well.
    public static func secretDigest(_ label: StaticString, of secret: borrowing SecretBytes) -> SecretBytes {
        let tag = tag(label)
        var hash = SHA256()
        hash.update([UInt8(tag.count)])
        hash.update(tag)
        secret.withUnsafeBytes { hash.update(UnsafeRawBufferPointer($0)) }
        return hash.finishSecretly()
    }

    /// Preimage(label, data) = uint8(len(DST)) || DST || data, which Ed25519 signs.
    public static func preimage(_ label: StaticString, _ data: some Collection<UInt8>) -> [UInt8] {
        let tag = tag(label)
        return [UInt8(tag.count)] + tag + data
    }

    /// HashToGroup(label, msg): hash_to_ristretto255, RFC 9380 Appendix B with expand_message_xmd and SHA-512.
    public static func hashToGroup(_ label: StaticString, _ message: [UInt8]) -> Element {
        let uniform = expand(message, label)
        return Element(unchecked: Bytes32 { _ = crypto_core_ristretto255_from_hash($0.baseAddress!, uniform) })
    }

    /// HashToScalar(label, msg): the same 64 bytes, little-endian, reduced modulo l (RFC 9497 section 4.1).
    public static func hashToScalar(_ label: StaticString, _ message: [UInt8]) -> Scalar {
        Scalar(reducing: expand(message, label))
    }

    /// expand_message_xmd (RFC 9380 section 5.3.1) for 64 bytes of SHA-512: one block.
    static func expand(_ message: [UInt8], _ label: StaticString) -> [UInt8] {
        let tag = tag(label)
        let tagPrime = tag + [UInt8(tag.count)]
        let first = SHA512.hash([UInt8](repeating: 0, count: 128) + message + [0, 64, 0] + tagPrime)
        return SHA512.hash(first + [1] + tagPrime)
    }
}
