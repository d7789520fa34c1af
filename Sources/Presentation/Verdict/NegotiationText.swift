import Petitions
import Sodium
import Templates

/// A negotiation as people read it.
package struct NegotiationText {
    let disclosure: Disclosure

    package init(disclosure: Disclosure = .standard) {
        self.disclosure = disclosure
    }

    func word(_ status: Negotiation.Status) -> String { NegotiationWords.word(status, Words.texts) }

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
            Terminal.barred(tally.cosignatures, of: Int(clamping: tally.eligible)) { bar in
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

extension Ratification.Question {
    /// From choice 0, as a tally has them.
    package var counts: [Int] { [abstaining, accepting, rejecting] }
}
