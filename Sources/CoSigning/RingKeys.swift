// docs/protocol.md, section 10, "Keeping the key" and "Forgetting"

import MembershipProofs
import Petitions
import Sodium

/// Which ring keys a device must keep, and for what.
public struct NeededRingKeys: Sendable {
    /// Encodings of public ring keys.
    public let keys: Set<Bytes32>
    /// Petitions that need a key other than the present one.
    public let petitions: [ID<Petition>]

    /// Seconds after which an announced petition that was not opened needs no key any more.
    static let patience: UInt64 = 30 * 24 * 3600
}

extension Memory {
    /// Judges every announced petition by the roster, and by its log where that could be read: a log that is broken, or not served,
    /// does not keep the keys of others.
    /// - Parameters:
    ///   - logs: those that were read and hold.
    ///   - givenUp: petitions of which the person gives the key up.
    public func neededRingKeys(
        of identity: Identity, in roster: WorkplaceLog, logs: [ID<Petition>: PetitionLog],
        givenUp: Set<ID<Petition>> = [], at now: UInt64
    ) -> NeededRingKeys {
        let member = roster.member(identity.signKey)
        let present = member.flatMap { $0.isMember(at: roster.size) ? $0.ringKey(at: roster.size)?.encoding : nil }
        var needed: Set<Bytes32> = present.map { [$0] } ?? []
        var waiting: [ID<Petition>] = []
        for (id, _) in roster.announcedInOrder where !givenUp.contains(id) {
            let own = keys(for: id, of: identity, member, roster, logs[id], now)
            if !own.subtracting(needed.intersection(present.map { [$0] } ?? [])).isEmpty { waiting.append(id) }
            needed.formUnion(own)
        }
        return NeededRingKeys(keys: needed, petitions: waiting)
    }

    /// Notes which key a verified roster shows as this member's.
    public mutating func sawPresentRingKey(of signKey: Bytes32, in roster: WorkplaceLog) {
        let member = roster.member(signKey).flatMap { $0.isMember(at: roster.size) ? $0 : nil }
        presentRingKey = member?.ringKey(at: roster.size)?.encoding
    }

    private func keys(
        for id: ID<Petition>, of identity: Identity, _ member: WorkplaceLog.Member?, _ roster: WorkplaceLog,
        _ log: PetitionLog?, _ now: UInt64
    ) -> Set<Bytes32> {
        let held = Set(identity.ringKeys.map { $0.publicKey.encoding })
        if let log {
            guard log.closure == nil, let own = identity.ringKey(in: log.ring) else { return [] }
            return [own.publicKey.encoding]
        }
        let memory = petitions[id]
        if memory?.wasClosed == true { return [] }
        if memory?.wasOpened != true, let first = memory?.announced, now > first,
            now - first > NeededRingKeys.patience
        {
            return []
        }
        // The announcement fixes the ring: whoever was a member then has the key of then in it.
        guard let member else { return [] }
        var own: Set<Bytes32> = []
        for announcement in roster.announcements[id] ?? [] {
            guard let size = Int(exactly: announcement.rosterSize) else { continue }
            if member.isMember(at: size), let key = member.ringKey(at: size) { own.insert(key.encoding) }
        }
        // Not in the first ring: an extension may have taken any key since, and its log cannot be read.
        if own.isEmpty, memory?.wasOpened == true { own = held }
        return own.intersection(held)
    }

    /// Without the service: keys that may be erased by what this device knows. The key that the newest verified roster shows as
    /// present stays, whatever is asked.
    /// - Parameters:
    ///   - all: every such key, whatever may need it.
    ///   - id: the petition whose key is to go.
    ///   - pending: the key of a rotation that may still count.
    /// - Returns: the keys, and the petitions that may need them: because of these a key stays, or with `all` they can no longer be
    ///   signed.
    public func erasableOffline(
        _ identity: Identity, all: Bool, of id: ID<Petition>?, pending: Bytes32? = nil, at now: UInt64
    ) -> (keys: Set<Bytes32>, neededBy: [ID<Petition>]) {
        let held = Set(identity.ringKeys.map { $0.publicKey.encoding })
        let free = held.subtracting([presentRingKey, pending].compactMap { $0 })
        let wanted = all ? free : free.intersection(id.flatMap { petitions[$0]?.ringKey }.map { [$0] } ?? [])
        let needing = petitions(needing: wanted, at: now).filter { $0 != id }
        return (all || needing.isEmpty ? wanted : [], needing)
    }

    /// Petitions that one of these keys may be needed for, by what this device knows.
    public func petitions(needing keys: Set<Bytes32>, at now: UInt64) -> [ID<Petition>] {
        petitions.filter { $0.value.mayNeed(keys, at: now) }.map { $0.key }.sorted { $0.hex < $1.hex }
    }
}

extension PetitionMemory {
    /// Whether it is alive, by what this device knows, and was signed with one of these keys or may yet be.
    fileprivate func mayNeed(_ keys: Set<Bytes32>, at now: UInt64) -> Bool {
        guard !keys.isEmpty, !wasClosed, ringKey.map({ keys.contains($0) }) ?? true else { return false }
        if wasOpened || ringKey != nil { return true }
        return announced.map { now <= $0 || now - $0 <= NeededRingKeys.patience } ?? false
    }
}
