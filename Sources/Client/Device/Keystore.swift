import Foundation
import Petitions
import Sodium

/// A member's directory. `keystore` contains a random master key, encrypted under the passphrase (Argon2id,
/// XChaCha20-Poly1305); the other records are encrypted under keys derived from it. docs/keystore.md describes the
/// format.
public final class Keystore {
    private static let magic = Array("roundrobin-keystore-v1\n".utf8)
    private static let context: StaticString = "rrkeysto"
    private static let headerName = "keystore"

    enum Record: String {
        case identity
        case state

        var id: UInt64 {
            switch self {
            case .identity: 1
            case .state: 2
            }
        }
    }

    /// The directory's path.
    public let directory: String
    private let lock: KeystoreLock
    private var master: SecretBytes

    /// Whether a directory has a keystore.
    public static func exists(in directory: String) -> Bool {
        FileManager.default.fileExists(atPath: directory + "/" + headerName)
    }

    private init(_ directory: String, _ lock: KeystoreLock, master: consuming SecretBytes) {
        self.directory = directory
        self.lock = lock
        self.master = master
    }

    /// Makes an empty keystore.
    /// - Throws: `ClientError.keystoreExists`, `.keystoreLocked`, `.disk`.
    public static func create(
        in directory: String, passphrase: borrowing SecretBytes, cost: PasswordHash = .recommended()
    ) throws(ClientError) -> Keystore {
        try SecureFiles.makeDirectory(directory)
        let lock = try KeystoreLock(directory + "/lock")
        guard !exists(in: directory) else { throw .keystoreExists(directory) }
        let keystore = Keystore(directory, lock, master: .random(32))
        try keystore.writeHeader(passphrase, cost)
        return keystore
    }

    /// Opens a keystore.
    /// - Throws: `ClientError.noKeystore`, `.keystoreLocked`, `.wrongPassphrase`, `.keystoreDamaged`.
    /// - Parameter onlyReading: neither waits for other commands nor makes them wait; nothing can be written.
    public static func open(
        _ directory: String, passphrase: borrowing SecretBytes, onlyReading: Bool = false, waiting: Bool = true
    ) throws(ClientError) -> Keystore {
        try open(directory, with: KeystoreOpener(passphrase), onlyReading: onlyReading, waiting: waiting)
    }

    /// The same for a program that opens it more than once.
    public static func open(
        _ directory: String, with opener: KeystoreOpener, onlyReading: Bool = false, waiting: Bool = true
    ) throws(ClientError) -> Keystore {
        guard exists(in: directory) else { throw .noKeystore(directory) }
        let lock = onlyReading ? KeystoreLock.none() : try KeystoreLock(directory + "/lock", waiting: waiting)
        guard let header = try SecureFiles.read(directory + "/" + headerName) else { throw .noKeystore(directory) }
        return Keystore(directory, lock, master: try Self.openHeader(header, opener))
    }

    /// Releases the keystore to other processes; nothing can be written afterwards.
    public func unlock() { lock.release() }

    /// Sets a new passphrase and a new master key: an old copy of the header opens a key that no longer fits the
    /// records.
    public func changePassphrase(to passphrase: borrowing SecretBytes) throws(ClientError) {
        let identity = try required(.identity)
        let state = try required(.state)
        // First writes the records under new names: a crash leaves either the old keystore or the new one, complete.
        let fresh = Keystore(directory, lock, master: .random(32))
        try fresh.write(.identity, identity, suffix: ".next")
        try fresh.write(.state, state, suffix: ".next")
        try fresh.writeHeader(passphrase, .recommended())
        // From here on, only the new master key opens anything.
        master = fresh.master.duplicate()
        try adoptNext()
    }

    private func writeHeader(_ passphrase: borrowing SecretBytes, _ cost: PasswordHash) throws(ClientError) {
        let header = try PassphraseBox.seal(master, magic: Self.magic, passphrase: passphrase, cost: cost)
        try SecureFiles.write(header, to: directory + "/" + Self.headerName)
    }

    private static func openHeader(_ header: [UInt8], _ opener: KeystoreOpener) throws(ClientError) -> SecretBytes {
        guard header.starts(with: magic) else {
            throw header.starts(with: Array("roundrobin-keystore-".utf8))
                ? .keystoreVersion : .keystoreDamaged(headerName)
        }
        let master = try opener.open(header, magic: magic, name: headerName)
        guard master.count == 32 else { throw .keystoreDamaged(headerName) }
        return master
    }

    // MARK: Records: nonce[24] || AEAD

    func write(_ record: Record, _ plaintext: borrowing SecretBytes) throws(ClientError) {
        try write(record, plaintext, suffix: "")
    }

    private func write(_ record: Record, _ plaintext: borrowing SecretBytes, suffix: String) throws(ClientError) {
        guard lock.isHeld else { throw .keystoreLocked }
        let nonce = Random.bytes(AEAD.nonceLength)
        let key = KDF.derive(master, id: record.id, context: Self.context)
        let data = Array(record.rawValue.utf8)
        let sealed = plaintext.withUnsafeBytes { AEAD.seal($0, key: key, nonce: nonce, associatedData: data) }
        try SecureFiles.write(nonce + sealed, to: path(record, suffix))
    }

    /// Nil if the record was never written.
    func read(_ record: Record) throws(ClientError) -> SecretBytes? {
        // If a change of passphrase was interrupted after its header was written, these records are the ones that fit
        // it.
        if let next = try SecureFiles.read(path(record, ".next")) {
            let opened = try? open(next, record)
            if let opened {
                if lock.isHeld { try adoptNext() }
                return opened
            }
        }
        guard let bytes = try SecureFiles.read(path(record, "")) else { return nil }
        do { return try open(bytes, record) } catch { throw .keystoreDamaged(record.rawValue) }
    }

    /// - Throws: `ClientError.keystoreDamaged` if the record is missing.
    func required(_ record: Record) throws(ClientError) -> SecretBytes {
        if let plaintext = try read(record) { return plaintext }
        throw .keystoreDamaged(record.rawValue)
    }

    private func open(_ bytes: [UInt8], _ record: Record) throws -> SecretBytes {
        guard bytes.count > AEAD.nonceLength + AEAD.tagLength else {
            throw ClientError.keystoreDamaged(record.rawValue)
        }
        return try AEAD.open(
            bytes[AEAD.nonceLength...], key: KDF.derive(master, id: record.id, context: Self.context),
            nonce: Array(bytes[..<AEAD.nonceLength]), associatedData: Array(record.rawValue.utf8))
    }

    private func adoptNext() throws(ClientError) {
        for record in [Record.identity, .state] where FileManager.default.fileExists(atPath: path(record, ".next")) {
            guard rename(path(record, ".next"), path(record, "")) == 0 else { throw .disk(path(record, "")) }
        }
    }

    private func path(_ record: Record, _ suffix: String) -> String {
        directory + "/" + record.rawValue + ".sealed" + suffix
    }
}
