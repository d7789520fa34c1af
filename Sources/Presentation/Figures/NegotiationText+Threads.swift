import Client
import CoSigning
import Foundation
import Petitions
import Sodium
import Templates
import TextDiff

extension NegotiationText {
    package func show(_ current: NegotiationView) {
        let title = current.view.document?.title ?? current.view.petition.id.hex
        Terminal.line(Terminal.bold(Terminal.harmless(title)))
        Terminal.line(
            words(
                "negotiation.rounds", ["records": "\(current.negotiation.entries.count)"],
                count: current.negotiation.rounds))
        for thread in current.negotiation.threads { show(thread) }
        for ratification in current.ratifications {
            Terminal.line()
            for line in lines(ratification) { Terminal.line(line) }
        }
    }

    private func show(_ thread: Negotiation.Thread) {
        Terminal.line()
        let head = words("petition.demand", ["number": "\(thread.number)", "title": Terminal.harmless(thread.title)])
        Terminal.line(Terminal.bold(head) + "  " + painted(thread.status))
        if let agreed = thread.agreed, agreed != thread.ours {
            compare(thread.ours, words("negotiation.agreedText"), agreed)
        } else if thread.agreed == nil, let theirs = thread.theirs {
            compare(thread.ours, words("negotiation.theirs"), theirs)
        } else {
            let ours = BilingualText(thread.ours)
            lines(ours.binding)
            if let translation = ours.translation {
                Terminal.line("  " + Terminal.bold(BilingualText.heading(translation, Words.texts)))
                lines(translation.text)
            }
        }
        // A refusal or an acceptance may come with a reason.
        if let last = thread.steps.last, last.answer == .refused || last.answer == .accepted, !last.text.isEmpty {
            Terminal.line("  " + Terminal.bold(words("negotiation.reason")))
            for row in Columns.wrap(Terminal.harmlessLines(last.text), min(Columns.width, 100) - 4) {
                Terminal.line("    " + row)
            }
        }
    }

    private func lines(_ text: String) {
        for row in Columns.wrap(Terminal.harmlessLines(text), min(Columns.width, 100) - 4) { Terminal.line("  " + row) }
    }

    /// What binds, side by side and word by word.
    private func compare(_ ours: String, _ head: String, _ theirs: String) {
        let (ours, theirs) = BilingualText.compared(ours, theirs)
        let rows = Columns.beside(
            (words("negotiation.ours"), Terminal.harmlessLines(ours)), (head, Terminal.harmlessLines(theirs)))
        for row in rows { Terminal.line(row) }
        difference(ours, theirs)
    }

    private func difference(_ ours: String, _ theirs: String) {
        let changes = WordDiff(from: ours, to: theirs)
        guard changes.segments.contains(where: { $0.change != .same }) else { return }
        Terminal.line("  " + Terminal.bold(words("negotiation.changes")))
        Terminal.line(Terminal.block(changes.segments))
    }

    private func painted(_ status: Negotiation.Status) -> String {
        switch status {
        case .accepted, .agreed: Terminal.green(word(status))
        case .refused: Terminal.red(word(status))
        default: word(status)
        }
    }

    package struct Facts: Encodable {
        package struct Thread: Encodable {
            package let demand: Int
            package let title: String
            package let status: String
            package let ours: String
            package let theirs: String?
            package let agreed: String?
        }
        package struct Record: Encodable {
            package let leaf: Int
            package let round: Int
            package let what: String
            package let digest: String
            package let date: String?
            package let party: String?
            /// Who signed it: the number by the order of admission, from 1, and the key.
            package let member: Int?
            package let signer: String
        }
        package struct Vote: Encodable {
            package let petition: String
            package let response: String
            package let outcome: String
            package let majority: String?
            package let questions: [[Int]]

            package init(_ vote: Ratification) {
                (petition, response) = (vote.id.hex, vote.response.hex)
                (outcome, majority) = (vote.outcome.rawValue, vote.terms?.majority.text)
                questions = vote.questions.map { [$0.demand, $0.accepting, $0.rejecting, $0.abstaining] }
            }
        }
        package let petition: String
        package let demands: [Thread]
        package let records: [Record]
        package let ratifications: [Vote]

        package init(_ current: NegotiationView) {
            petition = current.view.petition.id.hex
            demands = current.negotiation.threads.map {
                Thread(
                    demand: $0.number, title: $0.title, status: $0.status.rawValue, ours: $0.ours, theirs: $0.theirs,
                    agreed: $0.agreed)
            }
            records = current.negotiation.entries.map {
                Record(
                    leaf: $0.leaf, round: $0.round, what: $0.record.what.word, digest: $0.record.digest.hex,
                    date: $0.document?.date, party: $0.document?.party,
                    member: current.view.workplace.person($0.signer).number, signer: $0.signer.hex)
            }
            ratifications = current.ratifications.map(Vote.init)
        }
    }
}
