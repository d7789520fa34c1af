// docs/protocol.md, section 6, "Names on a condition"

import CoSigning
import Petitions
import Sodium

extension Session {
    /// The names of a petition that was read anonymously before.
    /// - Throws: `ClientError.coSigning(.serviceFaults)` if anything in it is invalid.
    func names(_ view: PetitionView) async throws -> ConditionalNames {
        let audited = try CoSigner.audited(view.bundle)
        let people = try await people()
        // Organisers may read the directory, and see where a claim and the directory differ.
        let directory = isOrganiser ? try await directory().names : [:]
        return ConditionalNames(audited, person: { people.person($0) }) { key, given in
            directory[key].flatMap { Likeness.plain($0) == Likeness.plain(given) ? nil : $0 }
        }
    }
}
