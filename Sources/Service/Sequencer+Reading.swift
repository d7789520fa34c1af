import MembershipProofs
import Petitions
import Sodium
import Storage

/// What others may know of a log.
extension Sequencer {
    /// A workplace's log as it is durable now.
    func roster(of workplace: ID<Workplace>) async throws -> WorkplaceLog {
        try await refresh([.workplace(workplace)])
        return try workplaceLog(workplace)
    }

    /// Names that may be served, in the order of their leaves.
    func namesDue(of petition: ID<Petition>) async throws -> [DueName] {
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
