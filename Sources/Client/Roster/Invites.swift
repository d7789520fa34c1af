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

/// An invite between the decision to issue it and the moment when the service has all of it. Kept in the device's state, without the
/// address, so that a run that was cut off is finished by the next one.
struct UnfinishedInvite: Codable, Sendable {
    let entry: DirectoryEntry
    let key: Bytes32
    let replaces: Bytes32?
    let name: Bytes32
    let sealedKeys: Data
}

/// How far a run of invites has come.
public struct InviteProgress: Sendable {
    /// Invites that are issued, with everything that their holders look up.
    public let done: Int
    /// All invites of the run.
    public let of: Int
}

/// What a run of invites does at each of its steps. Invites are issued in batches of at most `Session.invitesPerBatch`.
public struct InviteSteps {
    /// Given the addresses of a batch before any of it is issued; whatever it throws, nothing of this batch was.
    var keep: ([IssuedInvite]) throws -> Void
    /// Called after `keep` if it is certain that nothing of that batch was issued after all.
    var drop: () -> Void
    /// Given a batch once all of it is issued.
    var issued: ([IssuedInvite]) -> Void
    /// Told as the invites of a batch become usable.
    var progress: (InviteProgress) -> Void

    public init(
        keep: @escaping ([IssuedInvite]) throws -> Void, drop: @escaping () -> Void = {},
        issued: @escaping ([IssuedInvite]) -> Void = { _ in },
        progress: @escaping (InviteProgress) -> Void = { _ in }
    ) {
        (self.keep, self.drop, self.issued, self.progress) = (keep, drop, issued, progress)
    }
}

/// Invites in one statement (docs/protocol.md, section 4, InvitesIssued and InvitesRevoked).
enum InviteBatch {
    static let most = 1000
    /// Tests have smaller ones.
    @TaskLocal static var size = most
}

extension Session {
    /// Invites that are issued together, and whose slips are in one file.
    public static var invitesPerBatch: Int { InviteBatch.size }

    private func makeInvites(_ count: Int, replacing former: Bytes32?) -> [MadeInvite] {
        var made: [MadeInvite] = []
        for _ in 0..<count {
            let invite = newInvite()
            made.append(
                MadeInvite(
                    key: invite.signingKey().publicKey, replaces: former, name: invite.lookupName(),
                    sealedKeys: invite.seal(device.identity.groupKeys, in: device.workplaceID), url: invite.url()))
        }
        return made
    }

    private func newInvite() -> Invite {
        Invite(workplace: device.workplaceID, logKey: roster.founding.logKey, serviceURL: device.serviceURL)
    }

    /// Issues invites, with the group keys that this device knows behind them.
    /// - Parameters:
    ///   - count: 1...1000.
    ///   - note: kept on this device alone, next to the invites in its list.
    ///   - replaces: the former member whom the newcomer is.
    /// - Returns: the addresses, which are the only copies of the secrets.
    /// - Throws: `ClientError.invalid(.invitesUnsent)` when some lead nowhere: the organiser revokes them.
    public func invite(count: Int, note: String?, replacing former: Bytes32? = nil) async throws -> [String] {
        try requireOrganiser()
        guard (1...InviteBatch.most).contains(count) else { throw ClientError.invalid(.inviteCount) }
        try checkReplaced(former)
        let invites = makeInvites(count, replacing: former)
        try await organise { _ in .invitesIssued(invites.map { .init(key: $0.key, replaces: $0.replaces) }) }
        var left = 0
        do { try await leave(invites.map { ($0.key, $0.name, $0.sealedKeys) }) { left = $0 } } catch ClientError
            .unreachable
        { throw ClientError.invalid(.invitesUnsent, ["count": "\(count - left)"]) }
        if let note {
            for invite in invites { device.state.inviteNotes[invite.key] = note }
            try device.save()
        }
        return invites.map(\.url)
    }

    /// Leaves what newcomers look up, a few at a time. Without that an invite leads nowhere.
    /// - Parameter progress: given how many of these the service has.
    private func leave(
        _ invites: [(key: Bytes32, name: Bytes32, sealedKeys: [UInt8])], progress: (Int) -> Void = { _ in }
    ) async throws {
        for start in stride(from: 0, to: invites.count, by: Self.invitesAtOnce) {
            let end = min(start + Self.invitesAtOnce, invites.count)
            // The same again is taken again.
            func send() async throws {
                try await connection.send(
                    invites[start..<end].map { invite in
                        try sign(.leaveInvite(name: invite.name, key: invite.key, sealedKeys: invite.sealedKeys))
                    })
            }
            try await patiently { do { try await send() } catch ClientError.unreachable { try await send() } }
            progress(end)
        }
    }

    /// A service that is far away answers late, and several requests wait no longer than one.
    private static let invitesAtOnce = 8

    // MARK: Whole lists

    /// Invites people and writes them into the directory.
    /// - Parameters:
    ///   - expires: the time from which their invites are to be revoked, in seconds since 1970.
    ///   - keep: called with the addresses before anything is issued; if it throws, nothing is issued.
    ///   - drop: called after `keep` if it is certain that nothing was issued.
    public func invite(
        _ people: [DirectoryEntry], expires: UInt64?, _ steps: InviteSteps
    ) async throws -> [IssuedInvite] {
        try requireOrganiser()
        guard !people.isEmpty else { throw ClientError.invalid(.nobodyToInvite) }
        for person in people { try person.check() }
        return try await issue(people.map { ($0, nil) }, expires: expires, steps)
    }

    /// Revokes the open invites of some entries and makes new ones. A person who left and comes back, on a new device,
    /// takes their old seat in rings that are fixed later.
    public func reissue(
        _ entries: [DirectoryEntry], expires: UInt64?, _ steps: InviteSteps
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
        // What cannot be kept must not cost anybody the invite that they hold. All are revoked at once, because a new group key follows:
        // if a later batch fails, its people are in the directory without an invite.
        return try await issue(replaced, expires: expires, steps) {
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
        _ people: [(entry: DirectoryEntry, replaces: Bytes32?)], expires: UInt64?, _ steps: InviteSteps,
        onceKept: () async throws -> Void = {}
    ) async throws -> [IssuedInvite] {
        try await finishInvites()
        let directory = try await directory()
        let known = Set(directory.entries.map(\.id))
        try checkRoom(adding: people.count { !known.contains($0.entry.id) }, to: directory.entries.count)
        var all: [IssuedInvite] = []
        for start in stride(from: 0, to: people.count, by: Self.invitesPerBatch) {
            let batch = people[start..<min(start + Self.invitesPerBatch, people.count)]
            var issued: [IssuedInvite] = []
            for (entry, _) in batch {
                let invite = newInvite()
                var entry = entry
                (entry.invite, entry.expires) = (invite.signingKey().publicKey.hex, expires)
                issued.append(IssuedInvite(entry: entry, url: invite.url()))
            }
            try steps.keep(issued)
            do {
                if start == 0 { try await onceKept() }
                // Sealed only now: the group key may have been rotated since the addresses were made.
                device.state.unfinishedInvites = try zip(issued, batch).map {
                    try unfinished($0, replacing: $1.replaces)
                }
                try device.save()
            } catch {
                steps.drop()
                throw error
            }
            try await finish(dropping: steps.drop) {
                steps.progress(InviteProgress(done: start + $0, of: people.count))
            }
            steps.issued(issued)
            all += issued
        }
        return all
    }

    private func unfinished(_ issued: IssuedInvite, replacing former: Bytes32?) throws -> UnfinishedInvite {
        let secret = try ClientError.rules { () throws(RuleViolation) in try Invite(parsing: issued.url) }
        return UnfinishedInvite(
            entry: issued.entry, key: secret.signingKey().publicKey, replaces: former, name: secret.lookupName(),
            sealedKeys: Data(secret.seal(device.identity.groupKeys, in: device.workplaceID)))
    }

    // MARK: A run that was cut off

    /// How many invites of a run that was cut off are still to be finished.
    public var unfinishedInvites: Int { device.state.unfinishedInvites?.count ?? 0 }

    /// Finishes the batch in which a run was cut off: its addresses were kept.
    /// - Parameter progress: given how many of them are done.
    public func finishInvites(progress: (Int) -> Void = { _ in }) async throws {
        guard unfinishedInvites > 0 else { return }
        try requireOrganiser()
        // What another organiser did meanwhile stands: somebody who has another invite by now, or has joined, gets no second one.
        let directory = try await directory()
        let entries = Dictionary(directory.entries.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        device.state.unfinishedInvites?.removeAll { invite in
            guard roster.inviteIsOpen(invite.key) == nil, let entry = entries[invite.entry.id],
                entry.invite != invite.key.hex
            else { return false }
            return [.invited, .expired].contains(directory.state(of: entry))
                || directory.key(of: entry).map { roster.isMember($0) } == true
        }
        try await finish(dropping: nil, progress: progress)
    }

    /// Into the directory first, then into the log, then what newcomers look up: whatever fails, nobody holds an invite that organisers
    /// cannot find and make again. Each step leaves alone what is done already.
    /// - Parameter drop: called if nothing was issued after all; nil for addresses that an earlier run has kept.
    private func finish(dropping drop: (() -> Void)?, progress: (Int) -> Void) async throws {
        let invites = device.state.unfinishedInvites ?? []
        let new = invites.filter { roster.inviteIsOpen($0.key) == nil }
        func forget() throws {
            device.state.unfinishedInvites = nil
            try device.save()
        }
        if !new.isEmpty {
            do { try await enter(new.map(\.entry)) } catch {
                if let drop {
                    drop()
                    try forget()
                }
                throw error
            }
            do {
                try await patiently {
                    try await organise { _ in .invitesIssued(new.map { .init(key: $0.key, replaces: $0.replaces) }) }
                }
            } catch ClientError.refused(let refusal) {
                // Refused is certain. After a lost connection the statement may stand.
                drop?()
                if drop != nil || refusal.code == .rule { try forget() }
                throw ClientError.refused(refusal)
            }
        }
        // A statement that waits for witnesses is in the log, although no roster shows it yet.
        let open = invites.filter { roster.inviteIsOpen($0.key) != false }
        try await leave(open.map { ($0.key, $0.name, [UInt8]($0.sealedKeys)) }, progress: progress)
        try forget()
    }

    private func enter(_ issued: [DirectoryEntry]) async throws {
        try await changeDirectory { entries in
            var places = Dictionary(
                entries.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
            for entry in issued {
                if let place = places[entry.id] {
                    // What other organisers have noted since the run was cut off stands.
                    if entries[place].invite != entry.invite { entries[place] = entry }
                } else {
                    places[entry.id] = entries.count
                    entries.append(entry)
                }
            }
        }
    }
}
