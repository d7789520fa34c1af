import Petitions
import Sodium

/// What people should know besides the figures, in words.
package enum NoteText {
    /// That the log says a deadline has passed which, by the reader's clock, has not; nil if it does not say so.
    package static func closedEarly(_ log: PetitionLog, at now: UInt64) -> String? {
        guard log.isClosedEarly(at: now) else { return nil }
        return words("petition.closedEarly", ["time": Moment.describe(log.manifest.closes)])
    }

    package static func line(_ note: Note, in roster: WorkplaceLog?) -> String {
        func person(_ key: Bytes32) -> String { Words.name(roster?.person(key) ?? NamedMember(number: nil, key: key)) }
        func list(_ names: [String]) -> String {
            names.isEmpty ? words("note.nobody") : Terminal.harmless(Words.list(names))
        }
        switch note {
        case .signerLeftOffice(let leaf, let signer):
            return words("note.signerLeftOffice", ["leaf": "\(leaf)", "person": person(signer)])
        case .trusteeLeft(let trustee, let key):
            return words("note.trusteeLeft", ["trustee": "\(trustee)", "person": person(key)])
        case .witnessesChanged(let leaf, let by, let came, let went, let threshold):
            return words(
                "note.witnessesChanged",
                [
                    "leaf": "\(leaf)", "person": person(by), "came": list(came), "went": list(went),
                    "threshold": "\(threshold)",
                ])
        }
    }
}
