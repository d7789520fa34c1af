import Client
import Petitions
import Sodium

/// Who did what to a petition, in the order of its log: what each signed, and whether they are still an organiser.
package struct SignersText {
    private struct Act {
        let leaf: Int
        /// A keyword for JSON.
        let word: String
        /// Nil for a close by the deadline.
        let signer: Bytes32?
        let text: String
    }

    package struct Facts: Encodable {
        package let leaf: Int
        package let act: String
        /// By the order of admission, from 1.
        package let member: Int?
        package let key: String?
        package let is_organiser: Bool?
    }

    private let acts: [Act]
    private let workplace: WorkplaceLog

    package init(_ log: PetitionLog, in workplace: WorkplaceLog) {
        self.workplace = workplace
        func by(_ key: Bytes32) -> [String: String] { ["person": Self.name(key, in: workplace)] }
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
                text: words("signer.recorded", by($0.signer).merging(["what": what]) { $1 }))
        }
        self.acts = acts.sorted { $0.leaf < $1.leaf }
    }

    package var lines: [String] { acts.map(\.text) }

    package var facts: [Facts] {
        acts.map { act in
            Facts(
                leaf: act.leaf, act: act.word, member: act.signer.flatMap { workplace.person($0).number },
                key: act.signer?.hex, is_organiser: act.signer.map { workplace.isOrganiser($0) })
        }
    }

    /// A signer's name, with a word if they are no longer an organiser.
    package static func name(_ key: Bytes32, in workplace: WorkplaceLog) -> String {
        let person = Words.name(workplace.person(key))
        return workplace.isOrganiser(key) ? person : words("signer.former", ["person": person])
    }
}
