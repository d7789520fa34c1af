// docs/protocol.md, section 10, "Keeping the key" and "Forgetting" (P9)

import CoSigning
import Foundation
import MembershipProofs
import Petitions
import Sodium

/// What somebody who takes this device, and has its passphrase, would read from it about one petition.
public struct Exposure: Sendable, Hashable {
    /// Statements that were sent, and the receipts and promises for them.
    public var statements = 0
    public var receipts = 0
    public var promises = 0
    /// Whether a sealed name is still here, waiting for its receipt.
    public var hasSealedName = false
    /// Whether the ring key is here from which anybody computes this member's tag on the petition.
    public var hasRingKey = false

    public var isClean: Bool { self == Exposure() }
}

/// What became of old ring keys.
public struct RotationReport: Sendable {
    /// Old keys erased, with everything that this device kept of the petitions signed with them.
    public let erasedKeys: Int
    public let forgottenPetitions: [ID<Petition>]
    /// Petitions whose ring holds or may take an old key, which therefore stays.
    public let waitingFor: [ID<Petition>]
    /// Petitions that the person can no longer sign, because they insisted on erasing.
    public let givenUp: [ID<Petition>]
}

public struct ForgetReport: Sendable {
    public let before: Exposure
    public let after: Exposure
    /// Whether the ring key was replaced for it.
    public let hasRotated: Bool
    /// Petitions that still need the old ring key, which therefore stays.
    public let waitingFor: [ID<Petition>]
    /// Whether the ring key stays because the roster shows it as this member's, and nothing replaces it.
    public let presentKeyStays: Bool
    /// Petitions that the person can no longer sign, because they insisted on erasing.
    public let givenUp: [ID<Petition>]
}

extension Device {
    /// What this device shows of one petition now.
    /// - Parameter ring: the petition's, where its log could be read.
    public func exposure(_ id: ID<Petition>, ring: Ring? = nil) -> Exposure {
        let memory = state.memory.petitions[id]
        let sent = memory?.sent ?? []
        let signedWith = memory?.ringKey.map { key in
            identity.ringKeys.contains { $0.publicKey.encoding == key }
        }
        return Exposure(
            statements: sent.count, receipts: sent.count { if case .receipt = $0.state { true } else { false } },
            promises: sent.count { $0.promise != nil }, hasSealedName: sent.contains { $0.sealedName != nil },
            hasRingKey: ring.map { identity.ringKey(in: $0) != nil } ?? signedWith ?? false)
    }

    /// Erases, without asking anybody: statements, receipts, promises and evidence of a petition, and the ring key that signed it
    /// where no other petition that is not closed was signed with it. The key that the newest verified roster shows as this
    /// member's stays: without one that replaces it there, the member could sign nothing again.
    /// - Parameter all: every old ring key, whatever may need it.
    public func forgetOffline(_ id: ID<Petition>, all: Bool = false) throws -> ForgetReport {
        let before = exposure(id)
        let erasable = state.memory.erasableOffline(
            identity, all: all, of: id, pending: pendingRingKey, at: clock())
        let own = state.memory.petitions[id]?.ringKey
        state.memory.forget(id)
        state.intentions?[id] = nil
        try save()
        try erase(erasable.keys)
        let stays = own.map { !erasable.keys.contains($0) } ?? false
        return ForgetReport(
            before: before, after: Exposure(hasRingKey: before.hasRingKey && stays), hasRotated: false,
            waitingFor: all ? [] : erasable.neededBy, presentKeyStays: stays && (all || erasable.neededBy.isEmpty),
            givenUp: all ? erasable.neededBy : [])
    }

    /// Erases every old ring key, without asking anybody.
    public func eraseKeysOffline() throws -> RotationReport {
        let erasable = state.memory.erasableOffline(
            identity, all: true, of: nil, pending: pendingRingKey, at: clock())
        let forgotten = try erase(erasable.keys)
        return RotationReport(
            erasedKeys: erasable.keys.count, forgottenPetitions: forgotten, waitingFor: [], givenUp: erasable.neededBy)
    }

    /// The ring key of a rotation that is on its way: without the service nobody knows whether it counts.
    fileprivate var pendingRingKey: Bytes32? {
        guard let bytes = state.rotation.map({ [UInt8]($0) }),
            case .ringKeyRotated(let key, _)? = (try? WorkplaceStatement(decoding: bytes))?.body
        else { return nil }
        return key.encoding
    }

    /// - Returns: petitions signed with the keys, of which everything else goes too.
    @discardableResult
    fileprivate func erase(_ keys: Set<Bytes32>) throws -> [ID<Petition>] {
        guard !keys.isEmpty else { return [] }
        let forgotten = state.memory.petitions.filter { $0.value.ringKey.map { keys.contains($0) } ?? false }.map(\.key)
        for id in forgotten {
            state.memory.forget(id)
            state.intentions?[id] = nil
        }
        identity.keepRingKeys { !keys.contains($0.encoding) }
        try saveIdentity()
        try save()
        return forgotten
    }
}

extension Session {
    /// Replaces the ring key. A rotation that was cut off is settled first: the roster says whether it counted.
    private func rotate() async throws {
        try await settleRotation()
        let fresh = RingSecret(.generate())
        let identity = device.identity
        let statement = try ClientError.rules { () throws(RuleViolation) in
            try WorkplaceStatement.rotateRingKey(
                in: device.workplaceID, to: fresh.secret, seed: identity.seed,
                sequence: nextSequence(.workplace(device.workplaceID)))
        }
        // Kept before it is announced: once the log shows it, only this key can sign new petitions.
        try ClientError.coSigning { () throws(CoSigningError) in try identity.addRingKey(fresh) }
        try device.saveIdentity()
        device.state.rotation = Data(statement.bytes)
        try device.save()
        try await submit(statement)
        try await finishRotation()
    }

    /// Forgets the statement once the roster shows its key. Where witnesses are silent no roster shows it yet, and it stays.
    private func finishRotation() async throws {
        if pendingRingKey != nil, pendingRingKey != roster.member(signKey)?.ringKey(at: roster.size)?.encoding {
            try await catchUp()
        }
        if pendingRingKey == roster.member(signKey)?.ringKey(at: roster.size)?.encoding { device.state.rotation = nil }
        if showsAllThatWasSeen { device.state.memory.sawPresentRingKey(of: signKey, in: roster) }
        try device.save()
    }

    /// Whether the roster contains everything that this device has seen of it. An older one, or another, shows other keys than the
    /// ones that count.
    private var showsAllThatWasSeen: Bool {
        device.state.memory.contains(roster.tree, of: .workplace(device.workplaceID))
    }

    private var pendingRingKey: Bytes32? { device.pendingRingKey }

    /// Sends a rotation again that was cut off, or gives it up where it can count no more.
    func settleRotation() async throws {
        guard let bytes = device.state.rotation.map({ [UInt8]($0) }),
            let statement = try? WorkplaceStatement(decoding: bytes), case .ringKeyRotated(let key, _) = statement.body
        else { return }
        let present = roster.member(signKey)?.ringKey(at: roster.size)
        guard present != key else { return try await finishRotation() }
        if statement.authorship?.sequence == roster.nextSequence(of: signKey) {
            do { try await submit(statement) } catch let error as ClientError {
                guard case .refused = error else { throw error }
                // A refusal says nothing certain: the key stays here while the statement may still count.
            }
            return try await finishRotation()
        }
        // A roster from before it: taken already and not shown yet, or not shown here, it may count still.
        guard let own = statement.authorship?.sequence, own < roster.nextSequence(of: signKey) else { return }
        // Another statement has taken its sequence: it can count no more.
        device.state.rotation = nil
        try device.save()
    }

    /// Replaces the ring key, then erases every old one that no petition needs, with what this device kept of the petitions signed
    /// with it.
    /// - Parameter givingUp: petitions of which the person gives the key up.
    public func rotateRingKey(givingUp: GivenUp = .nothing) async throws -> RotationReport {
        guard roster.isMember(signKey) else { throw ClientError.notMember }
        try await rotate()
        return try await eraseOldRingKeys(givingUp: givingUp)
    }

    /// What a person insists on erasing although a petition may need it.
    public enum GivenUp: Sendable {
        case nothing
        case everything
    }

    /// A log that is broken, or not served, does not keep the keys of others.
    func eraseOldRingKeys(givingUp: GivenUp = .nothing) async throws -> RotationReport {
        var logs: [ID<Petition>: PetitionLog] = [:]
        for (id, _) in roster.announcedInOrder { logs[id] = try? await petition(id).log }
        let memory = device.state.memory
        let needed = memory.neededRingKeys(
            of: device.identity, in: roster, logs: logs,
            givenUp: givingUp == .everything ? Set(roster.announcements.keys) : [], at: device.clock())
        let held = Set(device.identity.ringKeys.map { $0.publicKey.encoding })
        guard showsAllThatWasSeen || givingUp == .everything else {
            return RotationReport(
                erasedKeys: 0, forgottenPetitions: [], waitingFor: memory.petitions(needing: held, at: device.clock()),
                givenUp: [])
        }
        // A promise to this device, broken or not kept yet, stays until it is settled, and with it the key that signed.
        let unsettled = memory.petitions.filter { memory.hasOpenPromise($0.key) && givingUp != .everything }
        let erased = held.subtracting(needed.keys)
            .subtracting([pendingRingKey, memory.presentRingKey].compactMap { $0 })
            .subtracting(unsettled.values.compactMap(\.ringKey))
        let without = memory.neededRingKeys(of: device.identity, in: roster, logs: logs, at: device.clock())
        let forgotten = try device.erase(erased)
        return RotationReport(
            erasedKeys: erased.count, forgottenPetitions: forgotten,
            waitingFor: needed.petitions + unsettled.keys.filter { !needed.petitions.contains($0) },
            givenUp: givingUp == .everything ? without.petitions : [])
    }

    /// Erases what this device keeps of a closed petition: statements, receipts, and the ring key that signed it, which is replaced
    /// first if the roster shows it as present. Where another petition needs the key, it stays until that one is closed.
    /// - Throws: `ClientError.invalid(.stillOpen)` while the petition is open, when a receipt may still be needed to withdraw.
    public func forget(_ id: ID<Petition>, givingUp: GivenUp = .nothing) async throws -> ForgetReport {
        let log = try await petition(id).log
        guard log.closure != nil else { throw ClientError.invalid(.stillOpen) }
        // A broken promise or a fork would be erased with it: somebody must have heard of it before.
        guard givingUp == .everything || !device.state.memory.unsettledMatters(of: id) else {
            throw ClientError.invalid(.alarmsFirst)
        }
        let before = device.exposure(id, ring: log.ring)
        // First, whatever becomes of the rest.
        device.state.memory.forget(id)
        device.state.intentions?[id] = nil
        try device.save()
        var (hasRotated, stays) = (false, false)
        var (waiting, givenUp) = ([ID<Petition>](), [ID<Petition>]())
        if before.hasRingKey {
            try await settleRotation()
            let present = roster.member(signKey).flatMap {
                $0.isMember(at: roster.size) ? $0.ringKey(at: roster.size) : nil
            }
            if let present, log.ring.keys.contains(present) {
                try await rotate()
                hasRotated = true
            }
            let report = try await eraseOldRingKeys(givingUp: givingUp)
            (waiting, givenUp, stays) = (report.waitingFor, report.givenUp, pendingRingKey != nil)
        }
        return ForgetReport(
            before: before, after: device.exposure(id, ring: log.ring), hasRotated: hasRotated, waitingFor: waiting,
            presentKeyStays: stays, givenUp: givenUp)
    }
}
