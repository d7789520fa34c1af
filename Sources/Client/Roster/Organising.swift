// docs/protocol.md, section 4

import CoSigning
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// The texts that a removed member can still read, because they had the keys.
public struct StillReadable: Sendable, Hashable {
    /// How many drafts.
    public var drafts = 0
    /// How many comments.
    public var comments = 0
    /// How many petitions' documents.
    public var petitions = 0
    /// How many records.
    public var records = 0
    /// How many open invites carry the old keys.
    public var openInvites = 0
}

/// For organisers: who belongs to the workplace, and who watches its logs.
extension Session {
    /// Declares how many people the workplace has.
    public func declareEligible(_ count: UInt32) async throws { try await organise { _ in .eligibleDeclared(count) } }

    /// Removes a member, then makes a new group key for everybody else and seals the directory again.
    /// - Returns: what they can still read. Nil if members remove themselves; another organiser then makes the new
    ///   group key.
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

    /// Makes a member an organiser, who can then read the directory.
    public func appoint(_ member: Bytes32) async throws {
        try await resealingDirectory(renewing: true) {
            try await organise { roster in
                guard !roster.isOrganiser(member) else {
                    throw ClientError.invalidPerson(.isOrganiser, roster.person(member))
                }
                return .organiserAppointed(member)
            }
        }
    }

    /// Ends a member's office of organiser. Open invites that they issued end with it, which requires a new group key.
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

    /// Names the witnesses whose signatures every reader requires, from a policy file: all the witnesses in it, with
    /// its quorum as the threshold.
    /// - Throws: `ClientError.invalid(.policy)`; `.policyQuorum` if the quorum is not a plain threshold over all the
    ///   witnesses.
    public func nameWitnesses(_ policy: WitnessPolicy) async throws {
        guard let quorum = policy.plainQuorum else { throw ClientError.invalid(.policyQuorum) }
        try await organise { _ in .witnessesNamed(quorum) }
    }

    /// Requires no witness's signature from now on.
    public func nameNoWitnesses() async throws { try await organise { _ in .witnessesNamed(.empty) } }

    // MARK: Invites

    func checkReplaced(_ former: Bytes32?) throws {
        guard let former else { return }
        if roster.isMember(former) { throw ClientError.invalidPerson(.replacesPresent, roster.person(former)) }
        if roster.isReplaced(former) {
            throw ClientError.invalidPerson(.replacesReplaced, roster.person(former))
        }
    }

    /// Revokes open invites. They carry group keys, so this is followed by a new one.
    public func revoke(invites: [Bytes32]) async throws {
        for start in stride(from: 0, to: invites.count, by: InviteBatch.most) {
            let batch = Array(invites[start..<min(start + InviteBatch.most, invites.count)])
            try await organise { _ in .invitesRevoked(batch) }
        }
        try await rotateGroupKey()
    }

    /// This device's note on an invite.
    public func note(ofInvite key: Bytes32) -> String? { device.state.inviteNotes[key] }
}

extension WitnessPolicy {
    /// The policy in the form in which a workplace's log can state it: a threshold over witnesses. Nil for groups of
    /// groups.
    var plainQuorum: WitnessQuorum? {
        guard let threshold = plainThreshold, witnesses.count <= 16 else { return nil }
        return WitnessQuorum(threshold: threshold, witnesses: witnesses.map(\.verifier))
    }
}
