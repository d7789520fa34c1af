import CSodium

/// SHA-256 (FIPS 180-4), incremental.
public struct SHA256: ~Copyable {
    private var state = crypto_hash_sha256_state()

    /// An empty message.
    public init() { crypto_hash_sha256_init(&state) }

    /// Appends bytes to the message.
    public mutating func update(_ bytes: some Collection<UInt8>) {
        let done: Void? = bytes.withContiguousStorageIfAvailable { buffer in
            _ = crypto_hash_sha256_update(&state, buffer.baseAddress, UInt64(buffer.count))
        }
        if done == nil { update(Array(bytes)) }
    }

    /// Appends 32 bytes to the message.
    public mutating func update(_ bytes: Bytes32) {
        bytes.withPointer { _ = crypto_hash_sha256_update(&state, $0, 32) }
    }

    /// The digest of the whole message.
    public consuming func finish() -> Bytes32 {
        Bytes32 { crypto_hash_sha256_final(&state, $0.baseAddress!) }
    }

    /// The digest, in guarded memory.
    consuming func finishSecretly() -> SecretBytes {
        var digest = SecretBytes(zeros: 32)
        digest.withUnsafeMutableBytes { _ = crypto_hash_sha256_final(&state, $0.octets) }
        return digest
    }

    /// The digest of one message.
    public static func hash(_ bytes: some Collection<UInt8>) -> Bytes32 {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }
}

/// SHA-512 (FIPS 180-4).
public enum SHA512 {
    /// The digest of a message, in 64 bytes.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 64) { buffer, filled in
            _ = crypto_hash_sha512(buffer.baseAddress!, bytes, UInt64(bytes.count))
            filled = 64
        }
    }
}

/// BLAKE2b (RFC 7693) as libsodium's crypto_generichash.
public enum BLAKE2b {
    /// The hash of a message.
    /// - Parameter length: of the digest, 16 to 64 bytes.
    public static func hash(_ message: [UInt8], length: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
            _ = crypto_generichash(buffer.baseAddress!, length, message, UInt64(message.count), nil, 0)
            filled = length
        }
    }

    /// A keyed hash: a secret of `length` bytes (16...64), under a key of at most 64 bytes.
    public static func keyed(_ message: [UInt8], key: borrowing SecretBytes, length: Int) -> SecretBytes {
        var out = SecretBytes(zeros: length)
        key.withUnsafeBytes { key in
            out.withUnsafeMutableBytes { out in
                _ = crypto_generichash(
                    out.octets, length, message, UInt64(message.count), key.octets, key.count)
            }
        }
        return out
    }
}

/// Subkeys by crypto_kdf_derive_from_key: BLAKE2b with the id as salt and the context as personalisation.
public enum KDF {
    /// Derives a subkey.
    /// - Parameters:
    ///   - key: 32 bytes.
    ///   - context: exactly 8 ASCII characters.
    /// - Returns: 32 bytes.
    public static func derive(
        _ key: borrowing SecretBytes, id: UInt64, context: StaticString
    ) -> SecretBytes {
        precondition(key.count == 32 && context.utf8CodeUnitCount == 8)
        var out = SecretBytes(zeros: 32)
        key.withUnsafeBytes { key in
            out.withUnsafeMutableBytes { out in
                context.withUTF8Buffer { text in
                    text.withMemoryRebound(to: CChar.self) { text in
                        _ = crypto_kdf_derive_from_key(out.octets, 32, id, text.baseAddress!, key.octets)
                    }
                }
            }
        }
        return out
    }
}
