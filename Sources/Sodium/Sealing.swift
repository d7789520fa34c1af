import CSodium

/// An X25519 key pair for sealed boxes.
public struct BoxKeyPair: ~Copyable, Sendable {
    private let secret: SecretBytes
    /// The public half: 32 bytes.
    public let publicKey: Bytes32

    /// crypto_box_seed_keypair: the secret is the first half of SHA-512(seed).
    /// - Parameter seed: 32 bytes.
    public init(seed: borrowing SecretBytes) {
        precondition(seed.count == 32)
        _ = Runtime.ready
        var secret = SecretBytes(zeros: 32)
        publicKey = seed.withUnsafeBytes { seed in
            secret.withUnsafeMutableBytes { secret in
                Bytes32 { _ = crypto_box_seed_keypair($0.baseAddress!, secret.octets, seed.octets) }
            }
        }
        self.secret = secret
    }

    /// Takes a secret of 32 bytes that was stored, or has been made public.
    public init(secret: consuming SecretBytes) {
        precondition(secret.count == 32)
        publicKey = secret.withUnsafeBytes { secret in
            Bytes32 { _ = crypto_scalarmult_base($0.baseAddress!, secret.octets) }
        }
        self.secret = secret
    }

    /// A copy of the secret, for its release.
    public borrowing func reveal() -> Bytes32 {
        secret.withUnsafeBytes { source in Bytes32 { $0.baseAddress!.update(from: source.octets, count: 32) } }
    }

    /// crypto_box_seal_open: opens a box; the message is 48 bytes shorter.
    /// - Throws: `SodiumError.cannotOpen`.
    public borrowing func open(_ sealed: [UInt8]) throws(SodiumError) -> SecretBytes {
        guard sealed.count > SealedBox.overhead else { throw .cannotOpen }
        var message = SecretBytes(zeros: sealed.count - SealedBox.overhead)
        let code = secret.withUnsafeBytes { secret in
            message.withUnsafeMutableBytes { message in
                publicKey.withPointer {
                    crypto_box_seal_open(message.octets, sealed, UInt64(sealed.count), $0, secret.octets)
                }
            }
        }
        guard code == 0 else { throw .cannotOpen }
        return message
    }

    /// Makes a sealed box whose ephemeral key pair is this one, so that anyone who knows the seed can make it again:
    /// the bytes of crypto_box_seal, ephemeral key || box with the nonce BLAKE2b-192(ephemeral key || recipient).
    public borrowing func sealAsEphemeral(
        _ message: borrowing SecretBytes, to recipient: Bytes32
    ) throws(SodiumError) -> [UInt8] {
        let nonce = BLAKE2b.hash(publicKey.bytes + recipient.bytes, length: 24)
        var code: Int32 = -1
        let size = message.count + 16
        let box = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            code = message.withUnsafeBytes { message in
                secret.withUnsafeBytes { secret in
                    recipient.withPointer {
                        crypto_box_easy(
                            buffer.baseAddress!, message.octets, UInt64(message.count), nonce, $0, secret.octets)
                    }
                }
            }
            filled = size
        }
        guard code == 0 else { throw .weakPublicKey }
        return publicKey.bytes + box
    }
}

/// Anonymous public-key encryption (crypto_box_seal).
public enum SealedBox {
    /// How many bytes longer a sealed box is than its message.
    public static let overhead = 48

    /// Seals a message so that only the recipient can open it, without a sign of who sealed it.
    /// - Throws: `SodiumError.weakPublicKey`.
    public static func seal(_ message: borrowing SecretBytes, to recipient: Bytes32) throws(SodiumError) -> [UInt8] {
        try BoxKeyPair(seed: .random(32)).sealAsEphemeral(message, to: recipient)
    }

    /// Checks a recipient's key.
    /// - Throws: `SodiumError.weakPublicKey` unless the key is below 2^255-19 and not of low order
    ///   (docs/protocol.md, section 1).
    public static func checkPublicKey(_ key: Bytes32) throws(SodiumError) {
        let w = key.littleEndianWords
        let isBelowPrime = w.3 >> 63 == 0 && !(w.3 == .max >> 1 && w.2 == .max && w.1 == .max && w.0 >= .max - 18)
        guard isBelowPrime, !lowOrder.contains(key) else { throw .weakPublicKey }
    }

    /// X25519 gives zero for these coordinates and no others: 0, 1, -1, and the two of points of order eight. A clamped
    /// scalar is a multiple of 8, but not of the groups' large orders.
    private static let lowOrder: Set<Bytes32> = Set(
        [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        ].compactMap { Bytes32(hex: $0) })
}

/// XChaCha20-Poly1305-IETF.
public enum AEAD {
    /// Length of the tag, in bytes.
    public static let tagLength = 16
    /// Length of the nonce, in bytes.
    public static let nonceLength = 24

    /// Encrypts and authenticates, with a key of 32 bytes and a nonce of 24.
    /// - Returns: 16 bytes more than the plaintext.
    public static func seal(
        _ plaintext: UnsafeRawBufferPointer, key: borrowing SecretBytes, nonce: [UInt8], associatedData: [UInt8]
    ) -> [UInt8] {
        precondition(key.count == 32 && nonce.count == nonceLength)
        let size = plaintext.count + tagLength
        return key.withUnsafeBytes { key in
            [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
                _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
                    buffer.baseAddress!, nil, plaintext.octets, UInt64(plaintext.count), associatedData,
                    UInt64(associatedData.count), nil, nonce, key.octets)
                filled = size
            }
        }
    }

    /// The same for a plaintext in ordinary memory.
    public static func seal(
        _ plaintext: [UInt8], key: borrowing SecretBytes, nonce: [UInt8], associatedData: [UInt8]
    ) -> [UInt8] {
        plaintext.withUnsafeBytes { seal($0, key: key, nonce: nonce, associatedData: associatedData) }
    }

    /// Decrypts and checks a ciphertext.
    /// - Throws: `SodiumError.cannotOpen` unless it is authentic.
    public static func open(
        _ ciphertext: some Collection<UInt8>, key: borrowing SecretBytes, nonce: [UInt8], associatedData: [UInt8]
    ) throws(SodiumError) -> SecretBytes {
        precondition(key.count == 32 && nonce.count == nonceLength)
        let ciphertext = Array(ciphertext)
        guard ciphertext.count >= tagLength else { throw .cannotOpen }
        var plaintext = SecretBytes(zeros: ciphertext.count - tagLength)
        let code = key.withUnsafeBytes { key in
            plaintext.withUnsafeMutableBytes { out in
                crypto_aead_xchacha20poly1305_ietf_decrypt(
                    out.octets, nil, nil, ciphertext, UInt64(ciphertext.count), associatedData,
                    UInt64(associatedData.count), nonce, key.octets)
            }
        }
        guard code == 0 else { throw .cannotOpen }
        return plaintext
    }
}
