import Foundation
import Petitions
import Sodium

/// An invite for somebody in the directory. The address is the only copy of its secret.
public struct IssuedInvite: Sendable {
    public let entry: DirectoryEntry
    public let url: String

    public init(entry: DirectoryEntry, url: String) { (self.entry, self.url) = (entry, url) }
}

extension Member {
    /// Invites in one request at most (docs/protocol.md, section 4, InvitesIssued).
    static let invitesPerStatement = 1000

    /// As an organiser: invites people and writes them into the directory.
    /// - Parameters:
    ///   - expires: Unix seconds from which their invites are to be revoked.
    ///   - keep: given the addresses before anything is issued; whatever it throws, nothing was.
    public func invite(
        _ people: [DirectoryEntry], expires: UInt64?, keep: ([IssuedInvite]) throws -> Void
    ) async throws -> [IssuedInvite] {
        let roster = try await roster()
        guard roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
        guard !people.isEmpty, people.allSatisfy({ !$0.name.isEmpty }) else {
            throw ClientError.invalid("nobodyToInvite")
        }
        try await syncGroupKeys(roster)
        return try await issue(people.map { ($0, nil) }, expires: expires, in: roster, keep: keep)
    }

    /// As an organiser: revokes the open invites of some entries and makes new ones. Who left and comes back, on a new
    /// device, takes their old seat in rings that are fixed later.
    public func reissue(
        _ entries: [DirectoryEntry], expires: UInt64?, keep: ([IssuedInvite]) throws -> Void
    ) async throws -> [IssuedInvite] {
        let directory = try await directory()
        var replaced: [(DirectoryEntry, Bytes32?)] = []
        for entry in entries {
            switch directory.state(of: entry) {
            case .member(let person): throw ClientError.invalidPerson("isMember", person)
            case .left, .invited, .expired, .none:
                // Whoever they were before, also behind an invite that was made anew already.
                let former = directory.key(of: entry).flatMap { directory.people.roster.member($0) == nil ? nil : $0 }
                var entry = entry
                entry.member = former?.hex ?? entry.member
                replaced.append((entry, former))
            }
        }
        let open = entries.compactMap { $0.invite.flatMap { Bytes32(hex: $0) } }
            .filter { directory.people.roster.inviteIsOpen($0) == true }
        // What cannot be kept must not cost anybody the invite that they hold.
        return try await issue(replaced, expires: expires, in: directory.people.roster, keep: keep) {
            if !open.isEmpty { try await revoke(invites: open) }
        }
    }

    /// As an organiser: revokes invites whose time is over.
    /// - Returns: whose they were.
    public func revokeExpired() async throws -> [DirectoryEntry] {
        let directory = try await directory()
        let expired = directory.entries.filter { directory.state(of: $0) == .expired }
        let keys = expired.compactMap { $0.invite.flatMap { Bytes32(hex: $0) } }
        if !keys.isEmpty { try await revoke(invites: keys) }
        return expired
    }

    /// - Parameter onceKept: what must not happen unless the new addresses are kept.
    private func issue(
        _ people: [(entry: DirectoryEntry, replaces: Bytes32?)], expires: UInt64?, in roster: WorkplaceLog,
        keep: ([IssuedInvite]) throws -> Void, onceKept: () async throws -> Void = {}
    ) async throws -> [IssuedInvite] {
        var issued: [IssuedInvite] = []
        var invitations: [WorkplaceStatement.Invitation] = []
        for (entry, replaces) in people {
            let invite = Invite(workplace: workplaceID, logKey: roster.founding.logKey, serviceURL: serviceURL)
            let key = invite.signingKey().publicKey
            var entry = entry
            (entry.invite, entry.expires) = (key.hex, expires)
            issued.append(IssuedInvite(entry: entry, url: invite.url()))
            invitations.append(.init(key: key, replaces: replaces))
        }
        try keep(issued)
        try await onceKept()
        // Into the directory first: whatever fails afterwards, nobody holds an invite that organisers cannot find and make anew.
        try await changeDirectory { entries in
            for invite in issued {
                if let place = entries.firstIndex(where: { $0.id == invite.entry.id }) {
                    entries[place] = invite.entry
                } else {
                    entries.append(invite.entry)
                }
            }
        }
        for start in stride(from: 0, to: invitations.count, by: Self.invitesPerStatement) {
            let part = Array(invitations[start..<min(start + Self.invitesPerStatement, invitations.count)])
            try await organise { _ in .invitesIssued(part) }
        }
        for (invite, invitation) in zip(issued, invitations) {
            let secret = try ClientError.rules { () throws(RuleViolation) in try Invite(parsing: invite.url) }
            // Without these an invite still admits; the newcomer then gets the newest key from a member's client.
            _ = try? await connection.signed(
                "PUT", "/v1/workplaces/\(workplaceID.hex)/invites/\(invitation.key.hex)",
                body: secret.seal(identity.groupKeys), by: identity.seed.signingKey())
        }
        return issued
    }
}
