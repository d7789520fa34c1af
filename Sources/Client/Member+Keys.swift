// docs/protocol.md, sections 2 and 10

import Foundation
import MembershipProofs
import Petitions
import Sodium

/// What became of old ring keys after a rotation.
public struct RotationReport: Sendable {
    /// Old keys erased, with everything that this device kept of the petitions signed with them.
    public let erasedKeys: Int
    public let forgottenPetitions: [ID<Petition>]
    /// Petitions open, or announced and not open yet, whose ring holds or may hold an old key, which therefore stays.
    public let waitingFor: [ID<Petition>]
}

extension Member {
    private static let backupMagic = Array("roundrobin-backup-v1\n".utf8)

    public func changePassphrase(to passphrase: borrowing SecretBytes) throws {
        try keystore.changePassphrase(to: passphrase)
    }

    /// Everything that another device needs to be this member, under a passphrase: secrets, pins, offers. What was signed is
    /// not in it.
    public func backup(to path: String, passphrase: borrowing SecretBytes) throws {
        var remembered = state
        remembered.cosignatures = [:]
        // An offer whose petition was accepted after the backup would look unspent: a restored trustee offers anew.
        remembered.offers = [:]
        let plain = [UInt8](try JSONEncoder().encode(remembered))
        let length = (0..<4).map { UInt8(truncatingIfNeeded: plain.count >> (24 - 8 * $0)) }
        let secret = SecretBytes(length + plain, identity.stored())
        guard !FileManager.default.fileExists(atPath: path) else {
            throw ClientError.invalid("fileExists", ["file": path])
        }
        try SecureFiles.write(
            try PassphraseBox.seal(secret, magic: Self.backupMagic, passphrase: passphrase, cost: .recommended()),
            to: path)
    }

    /// Makes a keystore from a backup.
    public static func restore(
        from path: String, backupPassphrase: borrowing SecretBytes, in directory: String,
        passphrase: borrowing SecretBytes, proxy: Proxy? = nil
    ) throws -> Member {
        guard let bytes = try SecureFiles.read(path) else { throw ClientError.invalid("noFile", ["file": path]) }
        let payload: SecretBytes = try backup(bytes, backupPassphrase, path)
        let length = payload.withUnsafeBytes { raw in
            raw.count >= 4 ? (0..<4).reduce(0) { $0 << 8 | Int(raw[$1]) } : 0
        }
        guard length <= payload.count - 4, let plain = payload.slice(4..<4 + length),
            let secrets = payload.slice(4 + length..<payload.count),
            let state = try? JSONDecoder().decode(LocalState.self, from: Data(plain.reveal()))
        else { throw ClientError.keystoreDamaged(path) }
        _ = try Identity(stored: secrets)
        let keystore = try Keystore.create(in: directory, passphrase: passphrase)
        try keystore.write(.identity, secrets)
        var json = [UInt8](try JSONEncoder().encode(state))
        try keystore.write(.state, SecretBytes(moving: &json))
        return try load(keystore, proxy, Member.systemClock)
    }

    private static func backup(
        _ bytes: [UInt8], _ passphrase: borrowing SecretBytes, _ path: String
    ) throws -> SecretBytes {
        do {
            return try PassphraseBox.open(bytes, magic: backupMagic, passphrase: passphrase, name: path)
        } catch ClientError.wrongPassphrase { throw ClientError.invalid("backupPassphrase") } catch {
            throw ClientError.invalid("noBackup", ["file": path])
        }
    }

    /// Replaces the ring key, then erases every old one that no open petition needs, with what this device kept of the
    /// petitions signed with it.
    /// - Parameter eraseAll: also erases keys that a petition may need which is announced and not open yet.
    public func rotateRingKey(eraseAll: Bool = false) async throws -> RotationReport {
        let roster = try await roster()
        guard roster.isMember(signKey) else { throw ClientError.notMember }
        let fresh = RingSecret(.generate())
        // Kept before it is announced: once the log shows it, only this key can sign new petitions.
        try identity.addRingKey(fresh)
        try saveIdentity()
        let statement = try ClientError.rules {
            () throws(RuleViolation) in
            try WorkplaceStatement.rotateRingKey(
                in: workplaceID, to: fresh.secret, seed: identity.seed, sequence: roster.nextSequence(of: signKey))
        }
        try await submit(statement, to: roster)
        return try await eraseOldRingKeys(keeping: fresh, eraseAll: eraseAll)
    }

    func eraseOldRingKeys(keeping newest: RingSecret, eraseAll: Bool = false) async throws -> RotationReport {
        var waiting: [ID<Petition>] = []
        var needed: Set<String> = [newest.secret.publicKey.encoding.hex]
        // Reading moves every pin on to a later checkpoint than the one of the signing.
        for summary in try await petitions() {
            guard let log = summary.log else {
                // Its ring may have been fixed before this rotation.
                if !eraseAll {
                    waiting.append(summary.id)
                    needed.formUnion(identity.ringKeys.map { $0.secret.publicKey.encoding.hex })
                }
                continue
            }
            guard log.closure == nil, let own = identity.ringKey(in: log.ring) else { continue }
            let key = own.secret.publicKey.encoding.hex
            if key != newest.secret.publicKey.encoding.hex { waiting.append(log.id) }
            needed.insert(key)
        }
        let before = identity.ringKeys.count
        identity.keepRingKeys { needed.contains($0.secret.publicKey.encoding.hex) }
        let forgotten = state.cosignatures.filter { !needed.contains($0.value.ringKey) }.keys
        let ids = forgotten.compactMap { ID<Petition>(hex: $0) }
        for id in Array(forgotten) { state.cosignatures[id] = nil }
        try saveIdentity()
        try save()
        return RotationReport(
            erasedKeys: before - identity.ringKeys.count, forgottenPetitions: ids, waitingFor: waiting)
    }
}
