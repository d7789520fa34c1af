// docs/protocol.md, section 10, "Keeping the key" and "Forgetting"

import MembershipProofs
import Petitions
import Sodium

/// Which ring keys a device must keep, and why.
public struct NeededRingKeys: Sendable {
    /// Encodings of public ring keys.
    public let keys: Set<Bytes32>
    /// Petitions that need a key other than the member's present one.
    public let petitions: [ID<Petition>]

    /// After this many seconds, an announced petition that was never opened no longer needs a key.
    static let patience: UInt64 = 30 * 24 * 3600
}

extension Memory {
    /// Judges every announced petition by the roster, and by its log if that could be read. A log that is broken, or
    /// not served, does not force a device to keep the keys of other petitions.
    /// - Parameters:
    ///   - logs: those that were read and are valid.
    ///   - givenUp: petitions for which the person gives up the key.
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

    /// Notes the key that a verified roster shows for this member.
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
            if log.isClosed(at: now) { return [] }
            if let own = identity.ringKey(in: log.ring) { return [own.publicKey.encoding] }
            // This log may be older than the extension that took this member's key, or come before one that will: it
            // can have taken any key that they held since the announcement.
            let announced = (roster.announcements[id] ?? []).map { $0.rosterSize }.min() ?? 0
            let since = member?.ringKeys(since: Int(clamping: announced)) ?? []
            return held.intersection(since.map { $0.encoding })
        }
        let memory = petitions[id]
        if memory?.wasClosed == true { return [] }
        if memory?.wasOpened != true, let first = memory?.announced, now > first,
            now - first > NeededRingKeys.patience
        {
            return []
        }
        // The announcement fixes the ring: it has the key that each member held at that time.
        guard let member else { return [] }
        var own: Set<Bytes32> = []
        for announcement in roster.announcements[id] ?? [] {
            guard let size = Int(exactly: announcement.rosterSize) else { continue }
            if member.isMember(at: size), let key = member.ringKey(at: size) { own.insert(key.encoding) }
        }
        // This member is not in the first ring, but an extension may have added any key since, and the log cannot be
        // read: keep all.
        if own.isEmpty, memory?.wasOpened == true { own = held }
        return own.intersection(held)
    }

    /// Decides without the service, from what this device knows, which keys may be erased. The key that the newest
    /// verified roster shows as present always stays.
    ///   - all: every such key, even if a petition may need it.
    ///   - id: the petition whose key is to be erased; nil for the keys of every petition.
    ///   - pending: the key of a rotation that may still take effect.
    /// - Returns: the keys, and the petitions for which others stay: they may need them, or a promise in them is not
    ///   settled. With `all` no key stays for a petition; those that needed one can no longer be signed.
    public func erasableOffline(
        _ identity: Identity, all: Bool, of id: ID<Petition>?, pending: Bytes32? = nil, at now: UInt64
    ) -> (keys: Set<Bytes32>, neededBy: [ID<Petition>]) {
        let held = Set(identity.ringKeys.map { $0.publicKey.encoding })
        let free = held.subtracting([presentRingKey, pending].compactMap { $0 })
        let own = id.map { id in Set([petitions[id]?.ringKey].compactMap { $0 }) }
        let wanted = all ? free : own.map { free.intersection($0) } ?? free
        func holding(_ keys: Set<Bytes32>) -> [ID<Petition>] {
            let unsettled = petitions.filter {
                $0.value.ringKey.map { keys.contains($0) } ?? false && hasOpenPromise($0.key)
            }.keys
            return Set(petitions(needing: keys, at: now)).union(unsettled).filter { $0 != id }
                .sorted { $0.hex < $1.hex }
        }
        return (all ? wanted : wanted.filter { holding([$0]).isEmpty }, holding(wanted))
    }

    /// Petitions that may need one of these keys, as far as this device knows.
    public func petitions(needing keys: Set<Bytes32>, at now: UInt64) -> [ID<Petition>] {
        petitions.filter { $0.value.mayNeed(keys, at: now) }.map { $0.key }.sorted { $0.hex < $1.hex }
    }
}

extension PetitionMemory {
    /// Whether the petition is open, as far as this device knows, and was signed with one of these keys or may yet be.
    fileprivate func mayNeed(_ keys: Set<Bytes32>, at now: UInt64) -> Bool {
        guard !keys.isEmpty, !wasClosed, ringKey.map({ keys.contains($0) }) ?? true else { return false }
        if wasOpened || ringKey != nil { return true }
        return announced.map { now <= $0 || now - $0 <= NeededRingKeys.patience } ?? false
    }
}
