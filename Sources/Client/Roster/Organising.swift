// docs/protocol.md, section 4

import CoSigning
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// What somebody who was removed can still read, because they held the keys.
public struct StillReadable: Sendable, Hashable {
    public var drafts = 0
    public var comments = 0
    public var petitions = 0
    public var records = 0
    /// Open invites that carry the old keys.
    public var openInvites = 0
}

/// As an organiser: who belongs to the workplace, and who watches its logs.
extension Session {
    /// Declares how many people the workplace has.
    public func declareEligible(_ count: UInt32) async throws { try await organise { _ in .eligibleDeclared(count) } }

    /// Removes a member, then gives everybody else a new group key and seals the directory anew.
    /// - Returns: what they can still read; nil if members remove themselves, who leave the new group key to another organiser.
    @discardableResult
    public func remove(_ member: Bytes32) async throws -> StillReadable? {
        try await resealingDirectory(leaving: member) {
            try await organise { roster in
                guard roster.isMember(member) else {
                    throw ClientError.invalidPerson(.leftAlready, roster.person(member))
                }
                try Self.keepOneOrganiser(roster, member)
                return .memberRemoved(member)
            }
            if member != signKey { try await rotateGroupKey() }
        }
        guard member != signKey else { return nil }
        var readable = StillReadable(openInvites: roster.openInvites.count)
        func count(_ kind: StoredObject.Kind) async throws -> Int {
            try await texts(of: kind).count { Int($0.object.epoch) < roster.groupKeys.count - 1 }
        }
        readable.drafts = try await count(.draft)
        readable.comments = try await count(.comment)
        readable.petitions = try await count(.document)
        readable.records = try await count(.record)
        return readable
    }

    public func appoint(_ member: Bytes32) async throws {
        try await resealingDirectory {
            try await organise { roster in
                guard !roster.isOrganiser(member) else {
                    throw ClientError.invalidPerson(.isOrganiser, roster.person(member))
                }
                return .organiserAppointed(member)
            }
        }
    }

    /// Ends an office. Open invites that the organiser issued end with it, and a new group key follows for these.
    public func dismiss(_ member: Bytes32) async throws {
        try await resealingDirectory(leaving: member) {
            try await organise { roster in
                guard roster.isOrganiser(member) else {
                    throw ClientError.invalidPerson(.noOrganiser, roster.person(member))
                }
                try Self.keepOneOrganiser(roster, member)
                return .organiserDismissed(member)
            }
            if roster.rotationIsDue, isOrganiser { try await rotateGroupKey() }
        }
    }

    private static func keepOneOrganiser(_ roster: WorkplaceLog, _ member: Bytes32) throws {
        let organisers = roster.members(at: roster.size).filter { roster.isOrganiser($0.signKey) }.map(\.signKey)
        if organisers == [member] { throw ClientError.invalidPerson(.onlyOrganiser, roster.person(member)) }
    }

    // MARK: Witnesses

    /// Names the witnesses whose signatures every reader asks for, as a policy file says them: all that it has, and as many of
    /// them as its quorum needs.
    /// - Throws: `ClientError.invalid(.policy)`, `.policyQuorum` for a quorum that is no plain threshold over the witnesses.
    public func nameWitnesses(_ policy: WitnessPolicy) async throws {
        guard let quorum = policy.plainQuorum else { throw ClientError.invalid(.policyQuorum) }
        try await organise { _ in .witnessesNamed(quorum) }
    }

    /// Asks for nobody's signatures from here on.
    public func nameNoWitnesses() async throws { try await organise { _ in .witnessesNamed(.empty) } }

    // MARK: Invites

    /// Issues invites, with the group keys that this device knows behind them.
    /// - Parameters:
    ///   - count: 1...1000.
    ///   - note: kept on this device alone, beside the invites in its list.
    ///   - replaces: the former member whom the newcomer is.
    /// - Returns: the addresses, which are the only copies of the secrets.
    public func invite(count: Int, note: String?, replacing former: Bytes32? = nil) async throws -> [String] {
        try requireOrganiser()
        guard (1...1000).contains(count) else { throw ClientError.invalid(.inviteCount) }
        try checkReplaced(former)
        var invites: [MadeInvite] = []
        for _ in 0..<count { invites.append(makeInvite(replacing: former)) }
        try await issue(invites)
        if let note {
            for invite in invites { device.state.inviteNotes[invite.key] = note }
            try device.save()
        }
        return invites.map(\.url)
    }

    func checkReplaced(_ former: Bytes32?) throws {
        guard let former else { return }
        if roster.isMember(former) { throw ClientError.invalidPerson(.replacesPresent, roster.person(former)) }
        if roster.members.contains(where: { $0.replaces == former }) {
            throw ClientError.invalidPerson(.replacesReplaced, roster.person(former))
        }
    }

    /// Revokes open invites. They carry group keys, so a new one follows.
    public func revoke(invites: [Bytes32]) async throws {
        try await organise { _ in .invitesRevoked(invites) }
        try await rotateGroupKey()
    }

    /// What this device noted beside an invite.
    public func note(ofInvite key: Bytes32) -> String? { device.state.inviteNotes[key] }
}

extension WitnessPolicy {
    /// The policy as a workplace's log can name it: so many of these witnesses. Nil for groups of groups.
    var plainQuorum: WitnessQuorum? {
        guard let threshold = plainThreshold, witnesses.count <= 16 else { return nil }
        return WitnessQuorum(threshold: threshold, witnesses: witnesses.map(\.verifier))
    }
}
