// docs/keystore.md, "Backups"

import CoSigning
import Foundation
import Petitions
import Sodium

/// A backup that its passphrase has opened: everything that another device needs to be the member.
public struct OpenedBackup: ~Copyable {
    fileprivate static let magic = Array("roundrobin-backup-v2\n".utf8)
    private let secrets: SecretBytes
    private let state: DeviceState

    /// Opens a file, and makes nothing.
    /// - Throws: `ClientError.invalid(.noFile)`, `.backupPassphrase`, `.noBackup`; `ClientError.keystoreDamaged`,
    ///   `.keystoreVersion`.
    public init(_ path: String, passphrase: borrowing SecretBytes) throws {
        guard let bytes = try SecureFiles.read(path) else { throw ClientError.invalid(.noFile, ["file": path]) }
        let payload: SecretBytes
        do {
            payload = try PassphraseBox.open(bytes, magic: Self.magic, passphrase: passphrase, name: path)
        } catch ClientError.wrongPassphrase { throw ClientError.invalid(.backupPassphrase) } catch {
            throw ClientError.invalid(.noBackup, ["file": path])
        }
        let length = payload.withUnsafeBytes { raw in
            raw.count >= 4 ? (0..<4).reduce(0) { $0 << 8 | Int(raw[$1]) } : 0
        }
        guard length <= payload.count - 4, let plain = payload.slice(4..<4 + length),
            let secrets = payload.slice(4 + length..<payload.count), (try? Identity(stored: secrets)) != nil
        else { throw ClientError.keystoreDamaged(path) }
        self.state = try Device.read(state: plain, path)
        self.secrets = secrets
    }

    /// Makes a keystore from it.
    /// - Throws: `ClientError.keystoreExists`, `.keystoreLocked`, `.disk`.
    public func restore(
        in directory: String, passphrase: borrowing SecretBytes, proxy: Proxy? = nil
    ) throws -> Member {
        let keystore = try Keystore.create(in: directory, passphrase: passphrase)
        try keystore.write(.identity, secrets)
        try keystore.write(.state, Device.bytes(of: state))
        return Member(try Device.load(keystore, proxy, Device.systemClock))
    }
}

extension Device {
    /// Sets a new passphrase; an old copy of the keystore's header then no longer fits its records.
    public func changePassphrase(to passphrase: borrowing SecretBytes) throws {
        try keystore.changePassphrase(to: passphrase)
    }

    /// Writes everything that another device needs in order to be this member, encrypted under a passphrase. What was
    /// signed is not included.
    public func backup(to path: String, passphrase: borrowing SecretBytes) throws {
        let plain = try Self.bytes(of: state.withoutTraces)
        let length = (0..<4).map { UInt8(truncatingIfNeeded: plain.count >> (24 - 8 * $0)) }
        let secret = SecretBytes(length + plain.reveal(), identity.stored())
        guard !FileManager.default.fileExists(atPath: path) else {
            throw ClientError.invalid(.fileExists, ["file": path])
        }
        try SecureFiles.write(
            try PassphraseBox.seal(secret, magic: OpenedBackup.magic, passphrase: passphrase, cost: .recommended()),
            to: path)
    }
}
