import CSodium

/// An Ed25519 signing key (RFC 8032), held as libsodium's 64-byte secret.
public struct SigningKey: ~Copyable, Sendable {
    private let secret: SecretBytes
    /// The public half: 32 bytes.
    public let publicKey: Bytes32

    /// The key pair of a seed.
    /// - Parameter seed: 32 bytes.
    public init(seed: borrowing SecretBytes) {
        precondition(seed.count == 32)
        _ = Runtime.ready
        var secret = SecretBytes(zeros: 64)
        publicKey = seed.withUnsafeBytes { seed in
            secret.withUnsafeMutableBytes { secret in
                Bytes32 { _ = crypto_sign_seed_keypair($0.baseAddress!, secret.octets, seed.octets) }
            }
        }
        self.secret = secret
    }

    /// Signs a message: 64 bytes.
    public borrowing func sign(_ message: [UInt8]) -> [UInt8] {
        secret.withUnsafeBytes { secret in
            [UInt8](unsafeUninitializedCapacity: 64) { buffer, filled in
                _ = crypto_sign_detached(buffer.baseAddress!, nil, message, UInt64(message.count), secret.octets)
                filled = 64
            }
        }
    }
}

/// Ed25519 (RFC 8032) for public keys and signatures.
public enum Ed25519 {
    /// Whether the bytes are the canonical encoding of a point on the curve that is not of small order. A torsion
    /// component is allowed; libsodium's `crypto_core_ed25519_is_valid_point` would reject it.
    public static func isPublicKey(_ key: Bytes32) -> Bool {
        _ = Runtime.ready
        // y < 2^255 - 19, whatever the sign bit is: only 2^255 - 19 to 2^255 - 1 are not.
        var bytes = key.bytes
        bytes[31] &= 0x7f
        let isReduced = bytes[0] < 0xed || bytes[31] != 0x7f || !bytes[1..<31].allSatisfy { $0 == 0xff }
        guard isReduced else { return false }
        // Addition decodes its operands, and accepts a point with a torsion component. Three doublings remove any
        // torsion.
        var point = key.bytes
        for _ in 0..<3 {
            var doubled = [UInt8](repeating: 0, count: 32)
            guard crypto_core_ed25519_add(&doubled, point, point) == 0 else { return false }
            point = doubled
        }
        return point != [1] + [UInt8](repeating: 0, count: 31)
    }

    /// Verifies as libsodium does: S < l, the key canonical and not of small order, R not of small order, no cofactor
    /// (`SignatureRule`).
    public static func verify(_ signature: some Collection<UInt8>, of message: [UInt8], by key: Bytes32) -> Bool {
        guard signature.count == 64 else { return false }
        _ = Runtime.ready
        return key.withPointer {
            crypto_sign_verify_detached(Array(signature), message, UInt64(message.count), $0) == 0
        }
    }
}
