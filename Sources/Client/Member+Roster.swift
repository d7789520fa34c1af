import MembershipProofs
import Petitions
import Sodium

extension Member {
    /// Declares how many people the workplace has.
    public func declareEligible(_ count: UInt32) async throws { try await organise { _ in .eligibleDeclared(count) } }

    /// Issues invites, with the group keys that this device knows behind them.
    /// - Parameters:
    ///   - count: 1...1000.
    ///   - note: kept on this device alone, beside the invites in its list.
    ///   - replaces: the former member whom the newcomer is.
    /// - Returns: the addresses, which are the only copies of the secrets.
    public func invite(count: Int, note: String?, replacing former: Bytes32? = nil) async throws -> [String] {
        let roster = try await roster()
        guard roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
        guard (1...1000).contains(count) else {
            throw ClientError.invalid("inviteCount")
        }
        if let former, roster.isMember(former) {
            throw ClientError.invalidPerson("replacesPresent", roster.person(former))
        }
        try await syncGroupKeys(roster)
        var urls: [String] = []
        var uploads: [(key: Bytes32, sealed: [UInt8])] = []
        for _ in 0..<count {
            let invite = Invite(workplace: workplaceID, logKey: roster.founding.logKey, serviceURL: serviceURL)
            urls.append(invite.url())
            uploads.append((invite.signingKey().publicKey, invite.seal(identity.groupKeys)))
        }
        let invitations = uploads.map { WorkplaceStatement.Invitation(key: $0.key, replaces: former) }
        try await organise { _ in .invitesIssued(invitations) }
        for upload in uploads {
            if let note { state.inviteNotes[upload.key.hex] = note }
            // Without these the invite still admits; the newcomer then gets the newest key from a member's client. Better than
            // losing addresses that are issued already.
            _ = try? await connection.signed(
                "PUT", "/v1/workplaces/\(workplaceID.hex)/invites/\(upload.key.hex)", body: upload.sealed,
                by: identity.seed.signingKey())
        }
        try save()
        return urls
    }

    /// Revokes open invites. They carry group keys, so a new one follows.
    public func revoke(invites: [Bytes32]) async throws {
        try await organise { _ in .invitesRevoked(invites) }
        try await rotateGroupKey()
    }

    /// What this device noted beside an invite.
    public func note(ofInvite key: Bytes32) -> String? { state.inviteNotes[key.hex] }

    /// Removes a member, then gives everybody else a new group key and seals the directory anew.
    /// - Returns: what they can still read.
    /// - Returns: nil for who removes themselves, and leaves the new group key to another organiser.
    @discardableResult
    public func remove(_ member: Bytes32) async throws -> StillReadable? {
        try await resealingDirectory(leaving: member) {
            try await organise { roster in
                guard roster.isMember(member) else {
                    throw ClientError.invalidPerson("leftAlready", roster.person(member))
                }
                try Self.keepOneOrganiser(roster, member)
                return .memberRemoved(member)
            }
            if member != signKey { try await rotateGroupKey() }
        }
        guard member != signKey else { return nil }
        let roster = try await roster()
        var readable = StillReadable(openInvites: roster.openInvites.count)
        func count(_ kind: StoredObject.Kind) async throws -> Int {
            try await objects(of: kind, in: roster).count { Int($0.object.epoch) < roster.groupKeys.count - 1 }
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
                    throw ClientError.invalidPerson("isOrganiser", roster.person(member))
                }
                return .organiserAppointed(member)
            }
        }
    }

    public func dismiss(_ member: Bytes32) async throws {
        try await resealingDirectory(leaving: member) {
            try await organise { roster in
                guard roster.isOrganiser(member) else {
                    throw ClientError.invalidPerson("noOrganiser", roster.person(member))
                }
                try Self.keepOneOrganiser(roster, member)
                return .organiserDismissed(member)
            }
        }
    }

    private static func keepOneOrganiser(_ roster: WorkplaceLog, _ member: Bytes32) throws {
        let organisers = roster.members(at: roster.size).filter { roster.isOrganiser($0.signKey) }.map(\.signKey)
        if organisers == [member] {
            throw ClientError.invalidPerson("onlyOrganiser", roster.person(member))
        }
    }
}
