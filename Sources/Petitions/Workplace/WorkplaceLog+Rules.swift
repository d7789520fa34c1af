// docs/protocol.md, section 4, "Workplace log"

import MembershipProofs
import Sodium

extension WorkplaceLog {
    /// Evidence that a statement keeps the cheap rules in one state of one log. Only `check` makes one. It becomes void
    /// when a leaf is appended.
    public struct Admissible: Sendable {
        /// The statement that was checked.
        public let statement: WorkplaceStatement
        let state: LogMoment

        fileprivate init(_ statement: WorkplaceStatement, _ state: LogMoment) {
            (self.statement, self.state) = (statement, state)
        }
    }

    /// Checks the cheap rules, so that signatures and proofs of strangers need not be checked: the signer must be
    /// entitled and use the right sequence, or the invite must be open. A statement that passes may still be rejected.
    public func check(_ statement: WorkplaceStatement) throws(RuleViolation) -> Admissible {
        if case .founded = statement.body { throw .onlyFirst }
        guard statement.workplace == id else { throw .workplaceID }
        if let authorship = statement.authorship { try check(authorship, of: statement) }
        if case .memberAdmitted(let admission) = statement.body {
            guard invites[admission.inviteKey]?.isOpen == true else { throw .inviteNotOpen }
        }
        return Admissible(statement, state)
    }

    private func check(_ authorship: Authorship, of statement: WorkplaceStatement) throws(RuleViolation) {
        if case .ringKeyRotated = statement.body {
            guard isMember(authorship.signer) else { throw .notMember }
        } else {
            guard isOrganiser(authorship.signer) else { throw .notOrganiser }
        }
        guard authorship.sequence == nextSequence(of: authorship.signer) else { throw .sequenceOfSigner }
    }

    /// Checks the remaining rules for a statement that keeps the cheap ones.
    func checkFurther(_ proven: ProvenWorkplaceStatement) throws(RuleViolation) {
        let statement = proven.statement
        if statement.authorship != nil {
            guard proven.isSigned else { throw .signature }
        }
        switch statement.body {
        case .founded: throw .onlyFirst
        case .invitesIssued(let invitations): try check(issued: invitations)
        case .invitesRevoked(let keys):
            guard Set(keys).count == keys.count else { throw .listRepeats }
            guard keys.allSatisfy({ invites[$0]?.isOpen == true }) else { throw .inviteNotOpen }
        case .memberAdmitted(let admission): try check(admission, proven)
        case .memberRemoved(let member):
            guard isMember(member) else { throw .notMember }
            if isOrganiser(member), organiserCount == 1 { throw .lastOrganiser }
        case .organiserAppointed(let member):
            guard isMember(member) else { throw .notMember }
            if isOrganiser(member) { throw .alreadyOrganiser }
        case .organiserDismissed(let member):
            guard isOrganiser(member) else { throw .notOrganiser }
            if organiserCount == 1 { throw .lastOrganiser }
        case .eligibleDeclared: break
        case .groupKeyRotated(let epoch, _):
            guard UInt64(epoch) == UInt64(groupKeys.count) else { throw .epoch }
        case .ringKeyRotated(let key, _): try check(ringKey: key, proven)
        case .petitionAnnounced(_, let rosterSize):
            // The present members make the ring: since `rosterSize`, nobody may have joined, left or changed their ring
            // key.
            guard let rosterSize = Int(exactly: rosterSize), (1...size).contains(rosterSize),
                lastRosterChange < rosterSize
            else { throw .announcedRoster }
        case .witnessesNamed(let quorum): try check(quorum)
        case .relaysNamed: break
        }
    }

    private func check(issued invitations: [WorkplaceStatement.Invitation]) throws(RuleViolation) {
        guard Set(invitations.map({ $0.key })).count == invitations.count else { throw .listRepeats }
        for invitation in invitations {
            guard invites[invitation.key] == nil else { throw .inviteIssuedBefore }
            if let replaced = invitation.replaces {
                guard let former = member(replaced), !former.isMember(at: size) else { throw .replaces }
            }
        }
    }

    private func check(
        _ admission: WorkplaceStatement.Admission, _ proven: ProvenWorkplaceStatement
    ) throws(RuleViolation) {
        let keys = admission.keys
        if let former = invites[admission.inviteKey]?.replaces, replaced.contains(former) { throw .replacedBefore }
        guard Set(keys.all).count == 3, usedKeys.isDisjoint(with: keys.all) else { throw .keyUsedBefore }
        guard proven.isPossessed == true else { throw .possession }
        guard proven.isInvited, proven.isSigned else { throw .signature }
    }

    private func check(ringKey: Element, _ proven: ProvenWorkplaceStatement) throws(RuleViolation) {
        guard !usedKeys.contains(ringKey.encoding) else { throw .keyUsedBefore }
        // A member who was admitted after the statement was checked is known by now.
        let holds = proven.isPossessed ?? possession(of: proven.statement).map { Possession.verify([$0])[0] }
        guard holds == true else { throw .possession }
    }

    /// Applies a valid statement to the roster.
    mutating func apply(_ statement: WorkplaceStatement, at leaf: Int) {
        if let signer = statement.authorship?.signer { sequences[signer, default: 0] += 1 }
        let signer = statement.authorship?.signer ?? .zero
        switch statement.body {
        case .founded: break
        case .invitesIssued(let invitations):
            for invitation in invitations {
                invites[invitation.key] = InviteState(issuer: signer, replaces: invitation.replaces)
            }
        case .invitesRevoked(let keys):
            for key in keys { invites[key]?.isOpen = false }
            rotationIsDue = true
        case .memberAdmitted(let admission):
            let replaces = invites[admission.inviteKey]?.replaces
            if let replaces { replaced.insert(replaces) }
            lastRosterChange = leaf
            invites[admission.inviteKey]?.isOpen = false
            admit(admission.keys, at: leaf, replaces: replaces, inviteKey: admission.inviteKey)
        case .memberRemoved(let member):
            if let index = memberIndex[member] { members[index].removed = leaf }
            lastRosterChange = leaf
            endOffice(of: member, at: leaf)
            rotationIsDue = true
        case .organiserAppointed(let member): offices[member, default: []].append((leaf, nil))
        case .organiserDismissed(let member): endOffice(of: member, at: leaf)
        case .eligibleDeclared(let count): eligible.append((leaf, count))
        case .groupKeyRotated(_, let commitment):
            groupKeys.append(commitment)
            rotationIsDue = false
        case .ringKeyRotated(let key, _):
            usedKeys.insert(key.encoding)
            lastRosterChange = leaf
            if let index = memberIndex[signer] { members[index].ringKeys.append((leaf, key)) }
        case .petitionAnnounced(let petition, let rosterSize):
            announcements[petition, default: []].append(
                Announcement(signer: signer, leaf: leaf, rosterSize: rosterSize))
        case .witnessesNamed(let quorum):
            witnessNamings.append(WitnessNaming(leaf: leaf, signer: signer, quorum: quorum))
        case .relaysNamed(let naming): relayNamings.append((leaf, naming))
        }
    }

    /// The organiser's open invites end with the office. Each of them carries the group key, so a new key is due.
    private mutating func endOffice(of organiser: Bytes32, at leaf: Int) {
        guard let last = offices[organiser]?.indices.last, offices[organiser]?[last].until == nil else { return }
        offices[organiser]?[last].until = leaf
        for (key, invite) in invites where invite.issuer == organiser && invite.isOpen {
            invites[key]?.isOpen = false
            rotationIsDue = true
        }
    }
}
