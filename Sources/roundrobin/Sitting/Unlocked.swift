import Client
import Foundation
import Synchronization

/// What opens the keystore of a sitting: the passphrase was typed once, and is held in guarded memory until the person
/// leaves or nothing has happened for a while. Commands by themselves hold nothing.
enum Unlocked {
    private static let held = Mutex<(directory: String, opener: KeystoreOpener)?>(nil)
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

    static func hold(_ opener: KeystoreOpener, for directory: String) {
        guard sitting.withLock({ $0 == directory }) else { return }
        held.withLock { $0 = (directory, opener) }
    }

    /// What opens this keystore, if it is held.
    static func opener(for directory: String) -> KeystoreOpener? {
        held.withLock { $0?.directory == directory ? $0?.opener : nil }
    }

    /// Something went out anonymously.
    static func noteSending() { sent.withLock { $0 = true } }

    static var hasSent: Bool { sent.withLock { $0 } }
}
