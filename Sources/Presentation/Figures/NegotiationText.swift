import Client
import CoSigning
import Foundation
import Petitions
import Sodium
import Templates
import TextDiff

/// A negotiation as people read it.
package struct NegotiationText {
    let disclosure: Disclosure

    package init(disclosure: Disclosure = .standard) {
        self.disclosure = disclosure
    }

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

    private func word(_ status: Negotiation.Status) -> String { NegotiationWords.word(status, Words.texts) }

    private func painted(_ status: Negotiation.Status) -> String {
        switch status {
        case .accepted, .agreed: Terminal.green(word(status))
        case .refused: Terminal.red(word(status))
        default: word(status)
        }
    }

    /// A vote with its figures against the majority and the eligible count.
    package func lines(_ ratification: Ratification) -> [String] {
        let tally = ratification.tally
        var lines = [
            Terminal.bold(
                words(
                    "vote.head",
                    [
                        "id": String(ratification.id.hex.prefix(16)),
                        "response": String(ratification.response.hex.prefix(16)),
                    ])) + "  " + NegotiationWords.word(ratification.outcome, Words.texts)
        ]
        lines.append(
            Terminal.barred(tally.cosignatures, of: Int(tally.eligible)) { bar in
                "  "
                    + words(
                        "vote.turnout",
                        ["bar": bar, "eligible": "\(tally.eligible)", "quorum": "\(ratification.quorum)"],
                        count: tally.cosignatures)
            })
        if let terms = ratification.terms {
            lines.append("  " + words("vote.needs", ["majority": NegotiationWords.say(terms.majority, Words.texts)]))
        }
        for question in ratification.questions {
            let figures = FigureText(question.counts, ring: tally.ring, disclosure, Words.texts)
            lines.append("  " + NegotiationWords.say(question, figures, Words.texts))
            if let note = figures.note(disclosure) {
                lines.append("    " + Words.sentences([note, words("tally.seeAll")]))
            }
        }
        return lines
    }

    /// What happened, in the order of the log, each vote after the response that it was about.
    /// - Parameter workplace: says who signed each record.
    package func timeline(
        _ negotiation: Negotiation, _ ratifications: [Ratification], in workplace: WorkplaceLog
    ) -> [String] {
        negotiation.entries.flatMap { entry -> [String] in
            let document = entry.document
            var head = words(
                "negotiation.line",
                [
                    "round": "\(entry.round)", "leaf": "\(entry.leaf)",
                    "what": NegotiationWords.word(entry.record.what, Words.texts),
                    "date": document?.date ?? "?",
                ])
            if let party = document?.party, !party.isEmpty { head += "  " + Terminal.harmless(party) }
            let signer = SignersText.name(entry.signer, in: workplace)
            var lines = [Terminal.bold(head), "    " + words("negotiation.signer", ["person": signer])]
            if document == nil { lines.append("    " + words("negotiation.unreadable")) }
            if let note = document?.note, !note.isEmpty {
                lines += Columns.wrap(Terminal.harmlessLines(note), min(Columns.width, 100) - 4).map { "    " + $0 }
            }
            let answers = (document?.demands ?? []).map { demand in
                let status = NegotiationWords.status(demand, in: entry.record.what)
                return "\(demand.number) \(word(status))"
            }
            if !answers.isEmpty { lines.append("    " + Words.list(answers)) }
            for ratification in ratifications where ratification.response == entry.record.digest {
                lines += self.lines(ratification).map { "  " + $0 }
            }
            return lines
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

/// The words of a negotiation in a given language.
package enum NegotiationWords {
    package static func word(_ status: Negotiation.Status, _ texts: Messages) -> String {
        switch status {
        case .undelivered: texts("negotiation.undelivered")
        case .awaiting: texts("negotiation.awaiting")
        case .accepted: texts("negotiation.accepted")
        case .refused: texts("negotiation.refused")
        case .countered: texts("negotiation.countered")
        case .agreed: texts("negotiation.agreed")
        }
    }

    package static func word(_ what: PetitionStatement.Record.What, _ texts: Messages) -> String {
        switch what {
        case .delivered: texts("negotiation.delivery")
        case .response: texts("negotiation.response")
        case .agreement: texts("negotiation.agreement")
        }
    }

    package static func word(_ outcome: Ratification.Outcome, _ texts: Messages) -> String {
        switch outcome {
        case .open: texts("vote.open")
        case .sealed: texts("vote.sealed")
        case .carried: texts("vote.carried")
        case .lost: texts("vote.lost")
        case .unknown: texts("vote.unknown")
        case .otherWords: texts("vote.otherWords")
        }
    }

    /// A question's figures and its result.
    package static func say(_ question: Ratification.Question, _ figures: FigureText, _ texts: Messages) -> String {
        texts(
            "vote.question",
            [
                "number": "\(question.demand)", "accepting": figures.short(1), "rejecting": figures.short(2),
                "abstaining": figures.short(0), "whole": "\(figures.whole)",
                "result": question.isCarried ? texts("vote.carried") : texts("vote.lost"),
            ])
    }

    package static func say(_ majority: Majority, _ texts: Messages) -> String {
        let fraction = "\(majority.numerator)/\(majority.denominator)"
        let base = majority.base == .votes ? texts("majority.votes") : texts("majority.eligible")
        return majority.isStrict
            ? texts("majority.moreThan", ["fraction": fraction, "base": base])
            : texts("majority.atLeast", ["fraction": fraction, "base": base])
    }

    /// What a record says of a demand, as a state.
    package static func status(
        _ demand: RecordDocument.Demand, in what: PetitionStatement.Record.What
    ) -> Negotiation.Status {
        switch demand.answer {
        case .accepted: .accepted
        case .refused: .refused
        case .countered: .countered
        case nil: what == .agreement ? .agreed : .awaiting
        }
    }
}
