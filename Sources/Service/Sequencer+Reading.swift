import MembershipProofs
import Petitions
import Sodium
import Storage

/// What others may know of a log.
extension Sequencer {
    func isMember(_ key: Bytes32, of workplace: ID<Workplace>) async throws -> Bool {
        try await refresh([.workplace(workplace)])
        return try workplaceLog(workplace).isMember(key)
    }

    func isOrganiser(_ key: Bytes32, of workplace: ID<Workplace>) async throws -> Bool {
        try await refresh([.workplace(workplace)])
        return try workplaceLog(workplace).isOrganiser(key)
    }

    /// Members with their box keys' owners, for who wraps group keys.
    func members(of workplace: ID<Workplace>) async throws -> [Bytes32] {
        try await refresh([.workplace(workplace)])
        let log = try workplaceLog(workplace)
        return log.members(at: log.size).map(\.signKey)
    }

    /// - Throws: `Refusal` unless objects may be written under this epoch.
    func checkWritable(_ workplace: ID<Workplace>, epoch: UInt32) async throws {
        try await refresh([.workplace(workplace)])
        let log = try workplaceLog(workplace)
        guard !log.rotationIsDue else { throw Refusal.rotationIsDue }
        guard UInt64(epoch) + 1 == UInt64(log.groupKeys.count) else { throw Refusal.staleEpoch }
    }

    func epochs(of workplace: ID<Workplace>) async throws -> Int {
        try await refresh([.workplace(workplace)])
        return try workplaceLog(workplace).groupKeys.count
    }

    func isIssued(invite: Bytes32, in workplace: ID<Workplace>) async throws -> Bool {
        try await refresh([.workplace(workplace)])
        return try workplaceLog(workplace).inviteIsOpen(invite) == true
    }

    /// A petition's document is written once, by the organiser who announced it: whoever else could write there could make
    /// the petition unreadable for everybody.
    func checkDocument(_ object: StoredObject) async throws {
        try await refresh([.workplace(object.workplace)])
        let announced = try workplaceLog(object.workplace).announcements[ID(object.id.bytes)]
        guard object.revision == 1, announced?.contains(where: { $0.signer == object.author }) == true else {
            throw Refusal.notAllowed
        }
    }

    /// Tags whose sealed names may be served, with the digests.
    func namesDue(of petition: ID<Petition>) async throws -> [Bytes32: LinkingTag] {
        try await refresh([.petition(petition)])
        guard let log = try petitionLog(petition) else { throw Refusal.noSuchLog }
        return log.namesDue
    }

    /// What the page of a petition shows.
    func facts(of petition: ID<Petition>) async throws -> Pages.Facts? {
        try await refresh([.petition(petition)])
        guard let log = try petitionLog(petition) else { return nil }
        return try Pages.Facts(
            id: petition, manifest: log.manifest, cosignatures: log.cosignatures,
            withdrawn: log.tags.count - log.cosignatures, ring: log.ring.count,
            eligible: log.eligible(in: workplaceLog(log.manifest.workplace)), isClosed: log.closure != nil,
            released: log.released[0].count, records: log.records.count)
    }
}
