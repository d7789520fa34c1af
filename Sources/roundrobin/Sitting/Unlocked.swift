import Foundation
import Sodium
import Synchronization

/// The passphrase of a sitting: typed once, held in guarded memory until the person leaves or nothing has happened for a while. Commands by
/// themselves hold nothing.
enum Unlocked {
    private final class Held: Sendable {
        let directory: String
        let passphrase: SecretBytes

        init(_ directory: String, _ passphrase: borrowing SecretBytes) {
            self.directory = directory
            self.passphrase = passphrase.duplicate()
        }
    }

    private static let held = Mutex<Held?>(nil)
    private static let sitting = Mutex<String?>(nil)
    private static let sent = Mutex(false)

    /// From here on the passphrase of this keystore is held once it is known.
    static func begin(in directory: String) { sitting.withLock { $0 = directory } }

    static func end() {
        lock()
        sitting.withLock { $0 = nil }
    }

    static func lock() { held.withLock { $0 = nil } }

    static var isSitting: Bool { sitting.withLock { $0 != nil } }

    static func hold(_ passphrase: borrowing SecretBytes, for directory: String) {
        guard sitting.withLock({ $0 == directory }) else { return }
        let new = Held(directory, passphrase)
        held.withLock { $0 = new }
    }

    /// What opens this keystore, if it is held.
    static func passphrase(for directory: String) -> SecretBytes? {
        guard let held = held.withLock({ $0 }), held.directory == directory else { return nil }
        return held.passphrase.duplicate()
    }

    /// Something went out anonymously.
    static func noteSending() { sent.withLock { $0 = true } }

    static var hasSent: Bool { sent.withLock { $0 } }
}
