import Petitions
import Sodium

/// Who did what to a petition, in the order of its log: what each signed, and whether they are still an organiser.
package struct SignersText {
    struct Act {
        let leaf: Int
        /// A keyword for JSON.
        let word: String
        /// Nil for a close by the deadline.
        let signer: Bytes32?
        let text: String
    }

    let acts: [Act]
    let workplace: WorkplaceLog

    package init(_ log: PetitionLog, in workplace: WorkplaceLog) {
        self.workplace = workplace
        func by(_ key: Bytes32, what: String? = nil) -> [String: String] {
            var values = ["person": Self.name(key, in: workplace)]
            values["what"] = what
            return values
        }
        var acts = [Act(leaf: 0, word: "opened", signer: log.opener, text: words("signer.opened", by(log.opener)))]
        acts += log.extensions.map {
            Act(leaf: $0.leaf, word: "extended", signer: $0.signer, text: words("signer.extended", by($0.signer)))
        }
        if let closed = log.closed {
            acts.append(
                Act(
                    leaf: closed.leaf, word: "closed", signer: closed.signer,
                    text: closed.signer.map { words("signer.closed", by($0)) } ?? words("signer.closedByDeadline")))
        }
        acts += log.records.map {
            let what = NegotiationWords.word($0.record.what, Words.texts)
            return Act(
                leaf: $0.leaf, word: $0.record.what.word, signer: $0.signer,
                text: words("signer.recorded", by($0.signer, what: what)))
        }
        self.acts = acts.sorted { $0.leaf < $1.leaf }
    }

    package var lines: [String] { acts.map { $0.text } }

    /// A signer's name, with a word if they are no longer an organiser.
    package static func name(_ key: Bytes32, in workplace: WorkplaceLog) -> String {
        let person = Words.name(workplace.person(key))
        return workplace.isOrganiser(key) ? person : words("signer.former", ["person": person])
    }
}
