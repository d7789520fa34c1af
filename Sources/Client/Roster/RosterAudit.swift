import Foundation
import Petitions
import Sodium
import TransparencyLog

/// A change of the roster, stated by a leaf of the workplace's log.
public struct RosterChange: Sendable {
    /// A kind of change.
    public enum Kind: Sendable, Hashable {
        /// The workplace was founded, with this many people.
        case founded(eligible: UInt32)
        /// This many invites were issued; some for these former members.
        case invited(Int, replacing: [Bytes32])
        /// This many invites were revoked.
        case revoked(Int)
        /// `inviter` issued the invite.
        case admitted(Bytes32, inviter: Bytes32?, replaces: Bytes32?)
        /// The member left or was removed.
        case removed(Bytes32)
        /// The member became an organiser.
        case appointed(Bytes32)
        /// The member's office of organiser ended.
        case dismissed(Bytes32)
        /// The workplace was declared to have this many people.
        case eligible(UInt32)
        /// A new group key was committed to.
        case groupKey(epoch: UInt32)
        /// The signer changed their ring key.
        case ringKey
        /// A petition was announced.
        case announced(ID<Petition>)
        /// Witnesses were named; none if the list is empty.
        case witnesses([String], threshold: Int)
        /// This many relays were named.
        case relays(Int)
    }

    /// The index of the leaf.
    public let leaf: Int
    /// The kind of change.
    public let kind: Kind
    /// The signer of the statement: an organiser, or the member that it is about.
    public let by: Bytes32?
}

/// The whole history of the roster, for any member to read and to question.
public struct RosterAudit: Sendable {
    /// The roster with its pseudonyms.
    public let people: People
    /// Every change, in the order of the log.
    public let changes: [RosterChange]
    /// Members' questions about each leaf, with the answers.
    public let questions: [Int: [Comment]]
    /// Present members who have left no trace since their admission: no statement, no text. Co-signatures identify
    /// nobody, so members who only co-sign are among them.
    public let silent: [NamedMember]

    /// How many members the workplace has now.
    public var members: Int { people.roster.members(at: people.roster.size).count }
    /// How many people the workplace has, as declared.
    public var eligible: UInt32 { people.roster.eligible(at: people.roster.size) }
}

extension Session {
    /// Reads the whole history of the roster, and all texts, to find out who has written anything.
    public func audit() async throws -> RosterAudit {
        if waitsForWitnesses { try await catchUp() }
        let people = try await people()
        let changes = leaves.enumerated().compactMap { leaf, bytes in Self.change(leaf, bytes, in: roster) }
        var seen: Set<Bytes32> = []
        for change in changes {
            if case .admitted = change.kind { continue }
            if let by = change.by { seen.insert(by) }
        }
        for kind in [StoredObject.Kind.draft, .comment, .directory, .record, .adoption, .plan, .trustee] {
            for text in try await texts(of: kind) { seen.insert(text.object.author) }
        }
        var questions: [Int: [Comment]] = [:]
        for comment in try await comments() {
            if case .leaf(let leaf) = comment.topic { questions[leaf, default: []].append(comment) }
        }
        return RosterAudit(
            people: people, changes: changes, questions: questions,
            silent: roster.members(at: roster.size).filter { !seen.contains($0.signKey) }.map {
                people.person($0.signKey)
            })
    }

    private static func change(_ leaf: Int, _ bytes: [UInt8], in roster: WorkplaceLog) -> RosterChange? {
        guard let statement = try? WorkplaceStatement(decoding: bytes) else { return nil }
        let signer = statement.authorship?.signer
        switch statement.body {
        case .founded(let founding):
            return RosterChange(leaf: leaf, kind: .founded(eligible: founding.eligible), by: founding.keys.signKey)
        case .invitesIssued(let list):
            return RosterChange(
                leaf: leaf, kind: .invited(list.count, replacing: list.compactMap(\.replaces)), by: signer)
        case .invitesRevoked(let list): return RosterChange(leaf: leaf, kind: .revoked(list.count), by: signer)
        case .memberAdmitted(let admission):
            let key = admission.keys.signKey
            return RosterChange(
                leaf: leaf,
                kind: .admitted(
                    key, inviter: roster.issuer(ofInvite: admission.inviteKey), replaces: roster.member(key)?.replaces),
                by: key)
        case .memberRemoved(let key): return RosterChange(leaf: leaf, kind: .removed(key), by: signer)
        case .organiserAppointed(let key): return RosterChange(leaf: leaf, kind: .appointed(key), by: signer)
        case .organiserDismissed(let key): return RosterChange(leaf: leaf, kind: .dismissed(key), by: signer)
        case .eligibleDeclared(let count): return RosterChange(leaf: leaf, kind: .eligible(count), by: signer)
        case .groupKeyRotated(let epoch, _): return RosterChange(leaf: leaf, kind: .groupKey(epoch: epoch), by: signer)
        case .ringKeyRotated: return RosterChange(leaf: leaf, kind: .ringKey, by: signer)
        case .petitionAnnounced(let id, _): return RosterChange(leaf: leaf, kind: .announced(id), by: signer)
        case .witnessesNamed(let quorum):
            return RosterChange(
                leaf: leaf, kind: .witnesses(quorum.witnesses.map(\.name), threshold: Int(quorum.threshold)), by: signer
            )
        case .relaysNamed(let naming): return RosterChange(leaf: leaf, kind: .relays(naming.urls.count), by: signer)
        }
    }
}
