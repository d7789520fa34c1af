import CSodium

/// The same primitives for keys that have been published: a released seal key, and everything that it opens. They work
/// in ordinary memory, because nothing is left to guard; a verifier opens thousands of ballots, and guarded memory
/// costs at least one system call for each key. Never use them for a secret that still is one.
public enum PublishedKeys {
    /// X25519. Nil if the result is zero.
    public static func shared(_ scalar: Bytes32, _ point: Bytes32) -> Bytes32? {
        var code: Int32 = -1
        let shared = Bytes32 { out in
            code = scalar.withPointer { n in point.withPointer { crypto_scalarmult(out.baseAddress!, n, $0) } }
        }
        return code == 0 && !shared.isZero ? shared : nil
    }

    /// X25519 with the base point.
    public static func publicKey(_ secret: Bytes32) -> Bytes32 {
        Bytes32 { out in secret.withPointer { _ = crypto_scalarmult_base(out.baseAddress!, $0) } }
    }

    /// The secret half of crypto_box_seed_keypair: the first 32 bytes of SHA-512(seed).
    public static func boxSecret(seed: Bytes32) -> Bytes32 { Bytes32.array(SHA512.hash(seed.bytes))[0] }

    /// Like `KDF.derive`.
    public static func derive(_ key: Bytes32, id: UInt64, context: StaticString) -> Bytes32 {
        precondition(context.utf8CodeUnitCount == 8)
        return Bytes32 { out in
            key.withPointer { key in
                context.withUTF8Buffer { text in
                    text.withMemoryRebound(to: CChar.self) {
                        _ = crypto_kdf_derive_from_key(out.baseAddress!, 32, id, $0.baseAddress!, key)
                    }
                }
            }
        }
    }

    /// The key that crypto_box derives from a shared secret.
    private static func boxKey(_ shared: Bytes32) -> Bytes32 {
        let zeros = [UInt8](repeating: 0, count: 16)
        return Bytes32 { out in shared.withPointer { _ = crypto_core_hsalsa20(out.baseAddress!, zeros, $0, nil) } }
    }

    private static func boxNonce(_ ephemeral: Bytes32, _ recipient: Bytes32) -> [UInt8] {
        BLAKE2b.hash(ephemeral.bytes + recipient.bytes, length: 24)
    }

    /// Opens a sealed box of 80 bytes, given the shared secret of its ephemeral key and the recipient's: 32 bytes, or
    /// nil.
    public static func openBox(_ sealed: ArraySlice<UInt8>, for recipient: Bytes32, shared: Bytes32) -> Bytes32? {
        guard sealed.count == 80 else { return nil }
        let parts = Bytes32.array(sealed.prefix(32))
        let (box, key) = (Array(sealed.dropFirst(32)), boxKey(shared))
        var code: Int32 = -1
        let message = Bytes32 { out in
            code = key.withPointer {
                crypto_box_open_easy_afternm(
                    out.baseAddress!, box, UInt64(box.count), boxNonce(parts[0], recipient), $0)
            }
        }
        return code == 0 ? message : nil
    }

    /// Makes the sealed box of 80 bytes that `BoxKeyPair.sealAsEphemeral` makes.
    public static func sealBox(
        _ message: Bytes32, ephemeral: Bytes32, for recipient: Bytes32, shared: Bytes32
    ) -> [UInt8] {
        let box = [UInt8](unsafeUninitializedCapacity: 48) { buffer, filled in
            message.withPointer { message in
                boxKey(shared).withPointer {
                    _ = crypto_box_easy_afternm(
                        buffer.baseAddress!, message, 32, boxNonce(ephemeral, recipient), $0)
                }
            }
            filled = 48
        }
        return ephemeral.bytes + box
    }

    /// Like `AEAD.open`, but nil if the ciphertext is not authentic.
    public static func open(
        _ ciphertext: ArraySlice<UInt8>, key: Bytes32, nonce: [UInt8], associatedData: [UInt8]
    ) -> [UInt8]? {
        precondition(nonce.count == AEAD.nonceLength)
        guard ciphertext.count >= AEAD.tagLength else { return nil }
        var code: Int32 = -1
        let plaintext = [UInt8](unsafeUninitializedCapacity: ciphertext.count - AEAD.tagLength) { buffer, filled in
            code = ciphertext.withUnsafeBufferPointer { ciphertext in
                key.withPointer {
                    crypto_aead_xchacha20poly1305_ietf_decrypt(
                        buffer.baseAddress, nil, nil, ciphertext.baseAddress!, UInt64(ciphertext.count), associatedData,
                        UInt64(associatedData.count), nonce, $0)
                }
            }
            filled = ciphertext.count - AEAD.tagLength
        }
        return code == 0 ? plaintext : nil
    }
}
