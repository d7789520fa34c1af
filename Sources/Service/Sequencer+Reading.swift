import Petitions
import Sodium
import Storage

/// What others may know of a log.
extension Sequencer {
    /// A workplace's log as it is durable now.
    func workplace(_ workplace: ID<Workplace>) async throws -> WorkplaceLog {
        try await refresh([.workplace(workplace)])
        return try workplaceLog(workplace)
    }

    /// A petition's log as it is durable now.
    func petition(_ petition: ID<Petition>) async throws -> PetitionLog {
        try await refresh([.petition(petition)])
        guard let log = try petitionLog(petition) else { throw Refusal.noSuchLog }
        return log
    }
}
