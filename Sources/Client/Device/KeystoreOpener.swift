import Sodium
import Synchronization

/// What opens a keystore: the passphrase, and the key that Argon2id last derived from it. A command that opens its
/// keystore several times derives the key once. Both are in guarded memory, and are wiped when the last holder lets go.
public final class KeystoreOpener: Sendable {
    /// What the person typed.
    public let passphrase: SecretBytes
    private let known = Mutex((key: PassphraseBox.DerivedKey?.none, derivations: 0))

    public init(_ passphrase: borrowing SecretBytes) { self.passphrase = passphrase.duplicate() }

    /// How often a key was derived.
    package var derivations: Int { known.withLock { $0.derivations } }

    /// Opens what is sealed under the passphrase.
    /// - Throws: `ClientError.keystoreDamaged` naming the file, `.wrongPassphrase`.
    func open(_ bytes: [UInt8], magic: [UInt8], name: String) throws(ClientError) -> SecretBytes {
        // If another command has changed the passphrase meanwhile, the salt is another, and the key is derived again.
        let former = known.withLock { $0.key }
        var key = former
        let secret = try PassphraseBox.open(bytes, magic: magic, passphrase: passphrase, name: name, with: &key)
        if key !== former {
            known.withLock {
                $0.key = key
                $0.derivations += 1
            }
        }
        return secret
    }
}
