// docs/protocol.md, section 10, "Keeping the key" and "Forgetting" (P9)

import CoSigning
import Foundation
import MembershipProofs
import Petitions
import Sodium

/// The traces of one petition that somebody who has this device and its passphrase could read from it.
public struct Exposure: Sendable, Hashable {
    /// Statements that were sent.
    public var statements = 0
    /// Receipts for them.
    public var receipts = 0
    /// Promises for them.
    public var promises = 0
    /// Whether a sealed name is still here, because its statement has no receipt yet.
    public var hasSealedName = false
    /// Whether the ring key is here, from which anybody can compute this member's tag in the petition.
    public var hasRingKey = false

    /// Whether nothing could be read.
    public var isClean: Bool { self == Exposure() }
}

/// The result of erasing old ring keys.
public struct RotationReport: Sendable {
    /// How many old keys were erased, with everything that this device kept of the petitions signed with them.
    public let erasedKeys: Int
    /// The petitions of which everything was erased.
    public let forgottenPetitions: [ID<Petition>]
    /// Petitions whose ring contains, or may take, an old key, which therefore stays.
    public let waitingFor: [ID<Petition>]
    /// Petitions that the person can no longer sign, because they insisted on erasing.
    public let givenUp: [ID<Petition>]
}

/// What was forgotten of one petition.
public struct ForgetReport: Sendable {
    /// The traces before.
    public let before: Exposure
    /// The traces that are left.
    public let after: Exposure
    /// Whether the ring key was replaced in order to forget.
    public let hasRotated: Bool
    /// Petitions that still need the old ring key, which therefore stays.
    public let waitingFor: [ID<Petition>]
    /// Whether the ring key stays because the roster shows it as this member's and no key replaces it.
    public let presentKeyStays: Bool
    /// Petitions that the person can no longer sign, because they insisted on erasing.
    public let givenUp: [ID<Petition>]
}

extension Device {
    /// This device's current traces of one petition.
    /// - Parameter ring: the petition's ring, if its log could be read.
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

    /// Erases a petition's statements, receipts, promises and evidence without asking the service. The ring key that
    /// signed it is erased too, unless another petition that is not closed was signed with it. The key that the newest
    /// verified roster shows for this member stays: if no key replaced it there, the member could never sign again.
    /// - Parameter all: erases every old ring key, even if a petition may need it, and what is not settled.
    /// - Throws: `ClientError.invalid(.alarmsFirst)` while an alarm or a promise is not settled, unless `all` is set.
    public func forgetOffline(_ id: ID<Petition>, all: Bool = false) throws -> ForgetReport {
        guard all || !state.memory.unsettledMatters(of: id) else { throw ClientError.invalid(.alarmsFirst) }
        let before = exposure(id)
        let erasable = state.memory.erasableOffline(
            identity, all: all, of: id, pending: pendingRingKey, at: clock())
        let own = state.memory.petitions[id]?.ringKey
        state.memory.forget(id, holding: heldRingKeys)
        state.lastSent = nil
        state.intentions?[id] = nil
        try save()
        try erase(erasable.keys)
        let stays = own.map { !erasable.keys.contains($0) } ?? false
        return ForgetReport(
            before: before, after: Exposure(hasRingKey: before.hasRingKey && stays), hasRotated: false,
            waitingFor: all ? [] : erasable.neededBy, presentKeyStays: stays && (all || erasable.neededBy.isEmpty),
            givenUp: all ? erasable.neededBy : [])
    }

    /// Erases old ring keys without asking the service, except those that a petition may need, as far as this device
    /// knows, and those of petitions in which a promise is not settled.
    /// - Parameter all: erases those too, and evidence that the person has not settled.
    /// - Throws: `ClientError.invalid(.alarmsFirst)` if evidence that is not settled would go along.
    public func eraseKeysOffline(all: Bool = false) throws -> RotationReport {
        let erasable = state.memory.erasableOffline(
            identity, all: all, of: nil, pending: pendingRingKey, at: clock())
        guard all || !state.memory.holdsEvidence(ofPetitionsSignedWith: erasable.keys) else {
            throw ClientError.invalid(.alarmsFirst)
        }
        let forgotten = try erase(erasable.keys)
        return RotationReport(
            erasedKeys: erasable.keys.count, forgottenPetitions: forgotten, waitingFor: all ? [] : erasable.neededBy,
            givenUp: all ? erasable.neededBy : [])
    }

    fileprivate var heldRingKeys: Set<Bytes32> { Set(identity.ringKeys.map { $0.publicKey.encoding }) }

    /// The ring key of a rotation that is not settled; without the service, nobody knows whether it has taken effect.
    fileprivate var pendingRingKey: Bytes32? {
        guard let bytes = state.rotation.map({ [UInt8]($0) }),
            case .ringKeyRotated(let key, _)? = (try? WorkplaceStatement(decoding: bytes))?.body
        else { return nil }
        return key.encoding
    }

    /// - Returns: the petitions signed with the keys, of which everything else is erased too.
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
    /// Replaces the ring key. A rotation that was interrupted is settled first: the roster shows whether it took
    /// effect.
    private func rotate() async throws {
        try await settleRotation()
        let fresh = RingSecret(.generate())
        let identity = device.identity
        let statement = try ClientError.rules { () throws(RuleViolation) in
            try WorkplaceStatement.rotateRingKey(
                in: device.workplaceID, to: fresh.secret, seed: identity.seed,
                sequence: nextSequence(.workplace(device.workplaceID)))
        }
        // Saved before it is announced: once the log shows it, only this key can sign new petitions.
        try ClientError.coSigning { () throws(CoSigningError) in try identity.addRingKey(fresh) }
        try device.saveIdentity()
        device.state.rotation = Data(statement.bytes)
        try device.save()
        try await submit(statement)
        try await finishRotation()
    }

    /// Forgets the statement of the rotation once the roster shows its key. While named witnesses are silent, no roster
    /// shows it, and the statement stays.
    private func finishRotation() async throws {
        if pendingRingKey != nil, pendingRingKey != roster.member(signKey)?.ringKey(at: roster.size)?.encoding {
            try await catchUp()
        }
        if pendingRingKey == roster.member(signKey)?.ringKey(at: roster.size)?.encoding { device.state.rotation = nil }
        if showsAllThatWasSeen { device.state.memory.sawPresentRingKey(of: signKey, in: roster) }
        try device.save()
    }

    /// Whether the roster contains everything that this device has seen of it. An older or different roster shows keys
    /// other than the current ones.
    private var showsAllThatWasSeen: Bool {
        device.state.memory.contains(roster.tree, of: .workplace(device.workplaceID))
    }

    private var pendingRingKey: Bytes32? { device.pendingRingKey }

    /// Sends an interrupted rotation again, or gives it up if it can no longer take effect.
    func settleRotation() async throws {
        guard let bytes = device.state.rotation.map({ [UInt8]($0) }),
            let statement = try? WorkplaceStatement(decoding: bytes), case .ringKeyRotated(let key, _) = statement.body
        else { return }
        let present = roster.member(signKey)?.ringKey(at: roster.size)
        guard present != key else { return try await finishRotation() }
        if statement.authorship?.sequence == roster.nextSequence(of: signKey) {
            do { try await submit(statement) } catch let error as ClientError {
                guard case .refused = error else { throw error }
                // A refusal proves nothing: the key stays here while the statement may still take effect.
            }
            return try await finishRotation()
        }
        // This roster may be older than the rotation, which may have been accepted but not shown yet: it may still take
        // effect.
        guard let own = statement.authorship?.sequence, own < roster.nextSequence(of: signKey) else { return }
        // Another statement has taken its sequence, so it can no longer take effect.
        device.state.rotation = nil
        try device.save()
    }

    /// Replaces the ring key. Then erases every old one that no petition needs, with everything that this device kept
    /// of the petitions signed with it.
    /// - Parameter givingUp: petitions for which the person gives up the key.
    public func rotateRingKey(givingUp: GivenUp = .nothing) async throws -> RotationReport {
        guard roster.isMember(signKey) else { throw ClientError.notMember }
        try await rotate()
        return try await eraseOldRingKeys(givingUp: givingUp)
    }

    /// The keys that a person insists on erasing even if a petition may need them.
    public enum GivenUp: Sendable {
        /// Only keys that no petition may need.
        case nothing
        /// Every old key.
        case everything
    }

    /// Erases old ring keys. A log that is broken, or not served, does not force the device to keep the keys of other
    /// petitions.
    /// - Parameter kept: keys that stay in any case.
    func eraseOldRingKeys(
        givingUp: GivenUp = .nothing, keeping kept: Set<Bytes32> = []
    ) async throws -> RotationReport {
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
        // A promise to this device that was broken, or is not kept yet, stays until it is settled, and so does the key
        // that signed. Other alarms hold no key: a service could raise one with a broken log whenever it likes.
        let unsettled = memory.petitions.filter { memory.hasOpenPromise($0.key) && givingUp != .everything }
        let erased = held.subtracting(needed.keys).subtracting(kept)
            .subtracting([pendingRingKey, memory.presentRingKey].compactMap { $0 })
            .subtracting(unsettled.values.compactMap(\.ringKey))
        let without = memory.neededRingKeys(of: device.identity, in: roster, logs: logs, at: device.clock())
        let forgotten = try device.erase(erased)
        return RotationReport(
            erasedKeys: erased.count, forgottenPetitions: forgotten,
            waitingFor: needed.petitions + unsettled.keys.filter { !needed.petitions.contains($0) },
            givenUp: givingUp == .everything ? without.petitions : [])
    }

    /// Erases what this device keeps of a closed petition: statements, receipts, and the ring key that signed it. If
    /// the roster shows that key as present, it is replaced first. If another petition needs it, it stays until that
    /// one is closed.
    ///
    /// What is requested and sent does not depend on what this device has signed or been shown. Otherwise a service
    /// could cause an alarm on one device, and see later which one does not replace its key.
    /// - Throws: `ClientError.invalid(.stillOpen)` while the petition is open, because a receipt may still be needed to
    ///   withdraw; `.deadlineNotReached` if it was closed before its deadline by the device's clock; `.alarmsFirst`
    ///   while an alarm or a promise is not settled: then the key was replaced, and what belongs to this petition,
    ///   with the key that signed, stays.
    public func forget(_ id: ID<Petition>, givingUp: GivenUp = .nothing) async throws -> ForgetReport {
        let log = try await petition(id).log
        guard log.closure != nil else { throw ClientError.invalid(.stillOpen) }
        guard log.isClosed(at: device.clock()) else { throw ClientError.deadlineNotReached }
        // Evidence of a broken promise or a fork would be erased too, so somebody must have been told first.
        let isSettled = givingUp == .everything || !device.state.memory.unsettledMatters(of: id)
        let before = device.exposure(id, ring: log.ring)
        if isSettled {
            // This comes first, whatever happens to the rest.
            device.state.memory.forget(id, holding: device.heldRingKeys)
            device.state.lastSent = nil
            device.state.intentions?[id] = nil
            try device.save()
        }
        var (hasRotated, stays) = (false, false)
        var (waiting, givenUp) = ([ID<Petition>](), [ID<Petition>]())
        if let own = device.identity.ringKey(in: log.ring) {
            try await settleRotation()
            let present = roster.member(signKey).flatMap {
                $0.isMember(at: roster.size) ? $0.ringKey(at: roster.size) : nil
            }
            if let present, log.ring.keys.contains(present) {
                try await rotate()
                hasRotated = true
            }
            let report = try await eraseOldRingKeys(
                givingUp: givingUp, keeping: isSettled ? [] : [own.publicKey.encoding])
            (waiting, givenUp, stays) = (report.waitingFor, report.givenUp, pendingRingKey != nil)
        }
        guard isSettled else { throw ClientError.invalid(.alarmsFirst) }
        return ForgetReport(
            before: before, after: device.exposure(id, ring: log.ring), hasRotated: hasRotated, waitingFor: waiting,
            presentKeyStays: stays, givenUp: givenUp)
    }
}
