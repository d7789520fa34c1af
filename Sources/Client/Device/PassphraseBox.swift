import Foundation
import Petitions
import Sodium

/// A secret encrypted under a passphrase, as a file's bytes:
/// magic || uint64 passes || uint64 memory || salt[16] || nonce[24] || AEAD(secret) || SHA-256 of all before.
///
/// The digest distinguishes a damaged file from a wrong passphrase. It tells a thief nothing that guessing would not.
package enum PassphraseBox {
    static func seal(
        _ secret: borrowing SecretBytes, magic: [UInt8], passphrase: borrowing SecretBytes, cost: PasswordHash
    ) throws(ClientError) -> [UInt8] {
        var bytes = magic
        for number in [cost.passes, cost.memory] {
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
        }
        let nonce = Random.bytes(AEAD.nonceLength)
        bytes += cost.salt + nonce
        let key = try key(cost, Self.composed(passphrase) ?? passphrase.duplicate())
        let data = bytes
        bytes += secret.withUnsafeBytes { AEAD.seal($0, key: key, nonce: nonce, associatedData: data) }
        return bytes + SHA256.hash(bytes).bytes
    }

    /// What Argon2id made of a passphrase, with the salt and the cost that it was made with.
    final class DerivedKey: Sendable {
        fileprivate let cost: PasswordHash
        fileprivate let key: SecretBytes

        fileprivate init(_ cost: PasswordHash, _ key: consuming SecretBytes) {
            self.cost = cost
            self.key = key
        }
    }

    /// - Throws: `ClientError.keystoreDamaged` naming the file, `.wrongPassphrase`.
    package static func open(
        _ bytes: [UInt8], magic: [UInt8], passphrase: borrowing SecretBytes, name: String
    ) throws(ClientError) -> SecretBytes {
        var derived: DerivedKey?
        return try open(bytes, magic: magic, passphrase: passphrase, name: name, with: &derived)
    }

    /// - Parameter derived: the passphrase's key, if it is known. It is used if it was made with this file's salt and
    ///   cost, else replaced.
    static func open(
        _ bytes: [UInt8], magic: [UInt8], passphrase: borrowing SecretBytes, name: String,
        with derived: inout DerivedKey?
    ) throws(ClientError) -> SecretBytes {
        let start = magic.count
        let sealed = start + 56
        guard bytes.starts(with: magic), bytes.count > sealed + AEAD.tagLength + 32,
            SHA256.hash(bytes.dropLast(32)).bytes == Array(bytes.suffix(32))
        else { throw .keystoreDamaged(name) }
        func number(_ offset: Int) -> UInt64 { bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        guard
            let cost = PasswordHash(
                passes: number(start), memory: number(start + 8), salt: Array(bytes[start + 16..<start + 32]))
        else { throw .keystoreDamaged(name) }
        func attempt(_ candidate: DerivedKey) throws(ClientError) -> SecretBytes {
            do {
                return try AEAD.open(
                    bytes[sealed..<(bytes.count - 32)], key: candidate.key, nonce: Array(bytes[start + 32..<sealed]),
                    associatedData: Array(bytes[..<sealed]))
            } catch { throw .wrongPassphrase }
        }
        if let derived, derived.cost == cost { return try attempt(derived) }
        if let composed = Self.composed(passphrase) {
            let candidate = DerivedKey(cost, try key(cost, composed))
            if let secret = try? attempt(candidate) {
                derived = candidate
                return secret
            }
            // What was sealed before passphrases were normalised was sealed under the bytes as they came.
        }
        let candidate = DerivedKey(cost, try key(cost, passphrase))
        let secret = try attempt(candidate)
        derived = candidate
        return secret
    }

    /// A passphrase in Unicode's composed form (NFC), because keyboards and systems encode the same letter differently.
    /// Nil if that makes no difference: for ASCII, and for bytes that are not text.
    private static func composed(_ passphrase: borrowing SecretBytes) -> SecretBytes? {
        passphrase.withUnsafeBytes { bytes -> SecretBytes? in
            guard bytes.contains(where: { $0 >= 0x80 }), var text = String(validating: bytes, as: UTF8.self) else {
                return nil
            }
            var normal = text.precomposedStringWithCanonicalMapping
            defer {
                wipe(&text)
                wipe(&normal)
            }
            guard !normal.utf8.elementsEqual(bytes) else { return nil }
            var composed = Array(normal.utf8)
            return SecretBytes(moving: &composed)
        }
    }

    /// Overwrites a text in place. The copies that Foundation made while composing it are out of reach.
    private static func wipe(_ text: inout String) {
        text.withUTF8 { bytes in
            _ = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.initializeMemory(
                as: UInt8.self, repeating: 0, count: bytes.count)
        }
    }

    private static func key(_ cost: PasswordHash, _ passphrase: borrowing SecretBytes) throws(ClientError)
        -> SecretBytes
    {
        do { return try cost.key(for: passphrase) } catch { throw .invalid(.memory) }
    }
}
