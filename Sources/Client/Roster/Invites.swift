// docs/protocol.md, section 4, "Invites"

import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Sodium

/// An invite for a person in the directory. The address contains the only copy of its secret.
public struct IssuedInvite: Sendable {
    /// The person who is invited.
    public let entry: DirectoryEntry
    /// The invite's address.
    public let url: String

    /// An invite with its address.
    public init(entry: DirectoryEntry, url: String) { (self.entry, self.url) = (entry, url) }
}

/// An invite that has been made but not issued yet: its parts for the log, for the service and for the newcomer.
struct MadeInvite: Sendable {
    let key: Bytes32
    let replaces: Bytes32?
    let name: Bytes32
    let sealedKeys: [UInt8]
    let url: String
}

extension Session {
    /// The greatest number of invites in one statement (docs/protocol.md, section 4, InvitesIssued).
    private static let invitesPerStatement = 1000

    func makeInvite(replacing former: Bytes32?) -> MadeInvite {
        let invite = Invite(
            workplace: device.workplaceID, logKey: roster.founding.logKey, serviceURL: device.serviceURL)
        return MadeInvite(
            key: invite.signingKey().publicKey, replaces: former, name: invite.lookupName(),
            sealedKeys: invite.seal(device.identity.groupKeys, in: device.workplaceID), url: invite.url())
    }

    /// Appends invites to the log, then stores what each newcomer will look up, without which an invite is useless.
    /// - Throws: `ClientError.invalid(.invitesUnsent)` if some could not be stored; the organiser should revoke them.
    func issue(_ invites: [MadeInvite]) async throws {
        for start in stride(from: 0, to: invites.count, by: Self.invitesPerStatement) {
            let part = invites[start..<min(start + Self.invitesPerStatement, invites.count)]
            try await organise { _ in .invitesIssued(part.map { .init(key: $0.key, replaces: $0.replaces) }) }
        }
        var unsent = 0
        for invite in invites {
            let body = [UInt8](
                try JSONEncoder().encode(
                    Answers.InviteKeys(invite_key: invite.key.hex, keys: Base64.encode(invite.sealedKeys))))
            let path = Route.invites.path(device.workplaceID.hex, invite.name.hex)
            do { _ = try await signed("PUT", path, body: body) } catch ClientError.unreachable {
                if (try? await signed("PUT", path, body: body)) == nil { unsent += 1 }
            }
        }
        if unsent > 0 { throw ClientError.invalid(.invitesUnsent, ["count": "\(unsent)"]) }
    }

    /// Invites people and writes them into the directory.
    /// - Parameters:
    ///   - expires: the time from which their invites are to be revoked, in seconds since 1970.
    ///   - keep: called with the addresses before anything is issued; if it throws, nothing is issued.
    ///   - drop: called after `keep` if it is certain that nothing was issued.
    public func invite(
        _ people: [DirectoryEntry], expires: UInt64?, keep: ([IssuedInvite]) throws -> Void,
        drop: () -> Void = {}
    ) async throws -> [IssuedInvite] {
        try requireOrganiser()
        guard !people.isEmpty else { throw ClientError.invalid(.nobodyToInvite) }
        for person in people { try person.check() }
        return try await issue(people.map { ($0, nil) }, expires: expires, keep: keep, drop: drop)
    }

    /// Revokes the open invites of some entries and makes new ones. A person who left and comes back, on a new device,
    /// takes their old seat in rings that are fixed later.
    public func reissue(
        _ entries: [DirectoryEntry], expires: UInt64?, keep: ([IssuedInvite]) throws -> Void,
        drop: () -> Void = {}
    ) async throws -> [IssuedInvite] {
        let directory = try await directory()
        var replaced: [(DirectoryEntry, Bytes32?)] = []
        for entry in entries {
            if case .member(let person) = directory.state(of: entry) {
                throw ClientError.invalidPerson(.isMember, person)
            }
            // The member that they were before, even if an invite has already been renewed since.
            let former = directory.key(of: entry).flatMap { roster.member($0) == nil ? nil : $0 }
            try checkReplaced(former)
            var entry = entry
            entry.member = former?.hex ?? entry.member
            replaced.append((entry, former))
        }
        let open = entries.compactMap { $0.invite.flatMap { Bytes32(hex: $0) } }
            .filter { roster.inviteIsOpen($0) == true }
        // If the new addresses cannot be stored, nobody must lose the invite that they have.
        return try await issue(replaced, expires: expires, keep: keep, drop: drop) {
            if !open.isEmpty { try await revoke(invites: open) }
        }
    }

    /// Revokes invites that have expired.
    /// - Returns: the people whose invites they were.
    public func revokeExpired() async throws -> [DirectoryEntry] {
        let directory = try await directory()
        let expired = directory.entries.filter { directory.state(of: $0) == .expired }
        let keys = expired.compactMap { $0.invite.flatMap { Bytes32(hex: $0) } }
        if !keys.isEmpty { try await revoke(invites: keys) }
        return expired
    }

    /// - Parameter onceKept: work that must not happen unless the new addresses have been stored.
    private func issue(
        _ people: [(entry: DirectoryEntry, replaces: Bytes32?)], expires: UInt64?,
        keep: ([IssuedInvite]) throws -> Void, drop: () -> Void, onceKept: () async throws -> Void = {}
    ) async throws -> [IssuedInvite] {
        var issued: [IssuedInvite] = []
        var made: [MadeInvite] = []
        for (entry, replaces) in people {
            let invite = makeInvite(replacing: replaces)
            var entry = entry
            (entry.invite, entry.expires) = (invite.key.hex, expires)
            made.append(invite)
            issued.append(IssuedInvite(entry: entry, url: invite.url))
        }
        try await checkRoom(for: issued.map(\.entry), in: directory())
        try keep(issued)
        do {
            try await onceKept()
            try await enter(issued)
        } catch {
            drop()
            throw error
        }
        // Sealed again, because the group key may have been rotated since the addresses were made.
        let fresh = try made.map { invite in
            let secret = try ClientError.rules { () throws(RuleViolation) in try Invite(parsing: invite.url) }
            return MadeInvite(
                key: invite.key, replaces: invite.replaces, name: invite.name,
                sealedKeys: secret.seal(device.identity.groupKeys, in: device.workplaceID), url: invite.url)
        }
        do { try await issue(fresh) } catch {
            // A refusal is certain. After a lost connection the statement may stand, and these are the only copies.
            let isKnown = if case ClientError.refused = error { true } else { false }
            if isKnown, !made.contains(where: { roster.inviteIsOpen($0.key) == true }) { drop() }
            throw error
        }
        return issued
    }

    /// The directory comes first: whatever fails afterwards, nobody has an invite that organisers cannot find and
    /// renew.
    private func enter(_ issued: [IssuedInvite]) async throws {
        try await changeDirectory { entries in
            var places = Dictionary(
                entries.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
            for invite in issued {
                if let place = places[invite.entry.id] {
                    entries[place] = invite.entry
                } else {
                    places[invite.entry.id] = entries.count
                    entries.append(invite.entry)
                }
            }
        }
    }
}
