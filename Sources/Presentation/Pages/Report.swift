import Client
import Foundation
import Petitions
import Sodium
import Templates
import TextDiff

/// A petition, or a whole negotiation, as one page that needs nothing but itself.
package struct Report {
    let history: AuditedHistory
    /// Whether the file had more than a bundle.
    let isHistory: Bool
    let disclosure: Disclosure
    let texts: Messages
    /// What the reader verifies.
    let file: String

    package init(history: AuditedHistory, isHistory: Bool, disclosure: Disclosure, texts: Messages, file: String) {
        self.history = history
        self.isHistory = isHistory
        self.disclosure = disclosure
        self.texts = texts
        self.file = file
    }

    private var petition: AuditedPetition { history.petition }
    private var kind: Manifest.Kind { petition.petition.manifest.kind }
    /// Of the wording, for who reads it aloud.
    private var textLanguage: String {
        let named = petition.document?.language ?? ""
        let isTag =
            !named.isEmpty && named.utf8.count <= 35
            && named.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "-") || Character(Unicode.Scalar(byte)).isLetter
                    || Character(Unicode.Scalar(byte)).isNumber
            }
        return isTag ? named : texts.language.rawValue
    }

    package func html(_ templates: PageTemplates) throws -> String {
        var values: [String: Any] = [
            "title": petition.document?.title ?? texts("report.untitled"), "textLang": textLanguage,
            "kind": kind == .petition ? texts("report.petition") : texts("report.vote"),
            "id": petition.petition.id.hex, "command": Self.markup(file, petition.petition.id),
            "faults": history.faults.map { FaultText.say($0, texts) },
            "hasFaults": !history.faults.isEmpty, "participation": participation, "facts": facts, "names": names,
            "hasNames": !names.isEmpty, "demands": demands, "noWording": petition.document == nil,
            "hasNegotiation": !history.negotiation.entries.isEmpty, "entries": entries,
            "votes": history.ratifications.map(vote),
        ]
        if let document = petition.document {
            let prose = RatificationTerms.prose(document.preamble)
            if !prose.isEmpty { values.merge(BilingualText(prose).page("preamble", texts)) { $1 } }
        }
        if petition.tally.questions == nil { values["sealed"] = texts("report.sealed") }
        values["notProven"] = NotProven(petition).lines(texts)
        // Whoever signed is known if everybody did.
        if !Everybody(petition).isComplete { values["isAnonymous"] = true }
        values["everybody"] = Everybody(petition).lines(texts)
        if history.missingRecords > 0 { values["missing"] = texts("report.missing", count: history.missingRecords) }
        return try templates.render("report", values, texts: texts)
    }

    /// For a terminal: what a reader copies.
    package static func command(_ file: String, _ id: ID<Petition>) -> String {
        "roundrobin verify \(ShellQuoting.file(file)) --petition \(id.hex)"
    }

    /// The same for a page, where a line may break between words and within the id only: a break at the hyphens of an
    /// option would look like one of its characters.
    package static func markup(_ file: String, _ id: ID<Petition>) -> Markup {
        Markup(words: command(file, id).split(separator: " ").map(String.init), whole: { $0.hasPrefix("--") })
    }

    /// Green from the point where enough have signed, grey before.
    static func tone(_ count: Int, of needed: Int) -> Int { count >= needed ? 1 : 3 }

    // MARK: Figures

    private func bar(_ label: String, _ part: Int, of whole: Int, tone: Int = 1) -> [String: Any] {
        [
            "label": label, "text": texts("report.of", ["count": "\(part)", "whole": "\(whole)"]),
            "bar": Bar.svg(part, of: whole, tone: tone),
        ]
    }

    private var participation: [[String: Any]] {
        let (tally, count) = (petition.tally, petition.tally.cosignatures)
        let manifest = petition.petition.manifest
        return [
            bar(texts("report.ofRing"), count, of: tally.ring),
            bar(texts("report.ofPeople"), count, of: Int(tally.eligible)),
            [
                "label": texts("report.ofQuorum"),
                "text": texts("page.needed", ["count": "\(count)", "needed": "\(manifest.quorum)"]),
                "bar": Bar.svg(count, of: Int(manifest.quorum), tone: Self.tone(count, of: Int(manifest.quorum))),
            ],
        ]
    }

    private var facts: [[String: String]] {
        let tally = petition.tally
        var facts = [
            (texts("report.state"), tally.closed ? texts("report.closed") : texts("report.open")),
            (texts("report.withdrawn"), "\(tally.withdrawn)"),
        ]
        if let spoiled = tally.spoiled, spoiled > 0 { facts.append((texts("report.spoiled"), "\(spoiled)")) }
        let manifest = petition.petition.manifest
        facts.append(
            (
                texts("report.trustees"),
                texts("report.threshold", ["whole": "\(manifest.trustees.count)"], count: Int(manifest.threshold))
            ))
        return facts.map { ["label": $0.0, "text": $0.1] }
    }

    private var names: [Markup] { Self.names(petition, texts) }

    /// The number first: nothing in a name comes before it.
    package static func names(_ audited: AuditedPetition, _ texts: Messages) -> [Markup] {
        ConditionalNames(audited).claims.map { claim in
            texts.markup(
                "report.claim", ["number": "\(claim.person.number ?? 0)"], others: ["name": claim.name])
        }
    }

    private func choice(_ number: Int) -> String {
        let known = Choices.all(of: kind, in: texts)
        return known.indices.contains(number) ? known[number] : texts("choice.numbered", ["number": "\(number)"])
    }

    private func rows(_ figures: FigureText) -> [[String: Any]] {
        (Array(1..<figures.counts.count) + [0]).map { number in
            var row: [String: Any] = ["label": choice(number), "text": figures.text(number)]
            // No bar for what is not said: an empty one would say none.
            if let (filled, reach) = figures.bar(number) {
                row["bar"] = Bar.svg(filled, reach: reach, of: figures.whole, tone: [3, 1, 2][min(number, 2)])
            }
            return row
        }
    }

    // MARK: Demands

    private var demands: [[String: Any]] {
        history.negotiation.threads.enumerated().map { i, thread in
            let demand = petition.document?.demands[i]
            var values: [String: Any] = [
                "heading": demand.map {
                    texts.markup("petition.demand", ["number": "\(thread.number)"], others: ["title": $0.title])
                }
                    ?? Markup(
                        ours: texts(
                            "petition.demand",
                            ["number": "\(thread.number)", "title": texts("tally.noWording")])),
                "hasFigures": petition.tally.questions != nil, "hasSides": false,
            ]
            if let text = demand?.text, !text.isEmpty {
                values.merge(BilingualText(text).page("text", texts)) { $1 }
            }
            if let counts = petition.tally.questions?[i] {
                let figures = FigureText(counts, ring: petition.tally.ring, disclosure, texts)
                values["figures"] = rows(figures)
                values["support"] = figures.supportInReport
                if let note = figures.note(disclosure) { values["hidden"] = note }
            }
            if !history.negotiation.entries.isEmpty {
                values["status"] = NegotiationWords.word(thread.status, texts)
                values["tone"] = Self.tone(thread.status)
            }
            // Where both say the same there is nothing to compare.
            if let theirs = thread.agreed ?? thread.theirs, theirs != thread.ours {
                let (ours, theirs) = BilingualText.compared(thread.ours, theirs)
                values["hasSides"] = true
                values["ours"] = ours
                values["theirs"] = theirs
                values["other"] = thread.agreed == nil ? texts("negotiation.theirs") : texts("negotiation.agreedText")
                values["segments"] = WordDiff(from: ours, to: theirs).segments.map { segment in
                    [
                        "text": segment.text, "added": segment.change == .added,
                        "removed": segment.change == .removed, "same": segment.change == .same,
                    ] as [String: Any]
                }
            }
            if let last = thread.steps.last, last.answer == .refused || last.answer == .accepted, !last.text.isEmpty {
                values["reason"] = last.text
            }
            return values
        }
    }

    private static func tone(_ status: Negotiation.Status) -> String {
        switch status {
        case .accepted, .agreed: "good"
        case .refused: "bad"
        case .undelivered, .awaiting, .countered: "warn"
        }
    }

    // MARK: Negotiation

    private var entries: [[String: Any]] {
        history.negotiation.entries.map { entry in
            var values: [String: Any] = [
                "what": NegotiationWords.word(entry.record.what, texts), "date": entry.document?.date ?? "",
                "hasParty": entry.document?.party.isEmpty == false, "party": entry.document?.party ?? "",
                "place": texts("report.place", ["round": "\(entry.round)", "leaf": "\(entry.leaf)"]),
            ]
            if let note = entry.document?.note, !note.isEmpty { values["note"] = note }
            let answers = (entry.document?.demands ?? []).map { demand in
                "\(demand.number) \(NegotiationWords.word(NegotiationWords.status(demand, in: entry.record.what), texts))"
            }
            if !answers.isEmpty { values["answers"] = answers.joined(separator: " · ") }
            return values
        }
    }

    private func vote(_ vote: Ratification) -> [String: Any] {
        let tally = vote.tally
        var values: [String: Any] = [
            "heading": texts("report.voteOn", ["response": String(vote.response.hex.prefix(16))]),
            "outcome": NegotiationWords.word(vote.outcome, texts),
            "tone": vote.outcome == .carried ? "good" : vote.outcome == .lost ? "bad" : "warn", "id": vote.id.hex,
            "turnout": texts(
                "report.turnout", ["eligible": "\(tally.eligible)", "quorum": "\(vote.quorum)"],
                count: tally.cosignatures),
            "bar": Bar.svg(tally.cosignatures, of: Int(tally.eligible), mark: Int(vote.quorum)),
            "questions": vote.questions.map { question -> [String: Any] in
                let figures = FigureText(question.counts, ring: tally.ring, disclosure, texts)
                var values: [String: Any] = ["text": NegotiationWords.say(question, figures, texts)]
                if let note = figures.note(disclosure) { values["hidden"] = note }
                return values
            },
        ]
        if let terms = vote.terms {
            values["needs"] = texts("vote.needs", ["majority": NegotiationWords.say(terms.majority, texts)])
        }
        return values
    }
}
