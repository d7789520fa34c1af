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
        let prose = BilingualText(petition.document.map { RatificationTerms.prose($0.preamble) } ?? "")
        let everybody = Everybody(petition)
        let view = View(
            title: petition.document?.title ?? texts("report.untitled"), textLang: textLanguage,
            kind: kind == .petition ? texts("report.petition") : texts("report.vote"), id: petition.petition.id.hex,
            command: Self.markup(file, petition.petition.id), hasFaults: !history.faults.isEmpty,
            faults: history.faults.map { FaultText.say($0, texts) }, participation: participation,
            everybody: everybody.lines(texts), facts: facts, hasNames: !names.isEmpty, names: names,
            preamble: prose.wording, preambleTranslation: prose.translated(texts),
            sealed: petition.tally.questions == nil ? texts("report.sealed") : nil, demands: demands,
            hasNegotiation: !history.negotiation.entries.isEmpty, entries: entries,
            missing: history.missingRecords > 0 ? texts("report.missing", count: history.missingRecords) : nil,
            votes: history.ratifications.map(vote),
            // Whoever signed is known if everybody did.
            isAnonymous: !everybody.isComplete, notProven: NotProven(petition).lines(texts))
        return try templates.render("report", view, texts: texts)
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

    private func figure(_ label: String, _ part: Int, of whole: Int) -> View.Figure {
        View.Figure(
            label: label, text: texts("report.of", ["count": "\(part)", "whole": "\(whole)"]),
            bar: Bar.svg(part, of: whole, tone: 1))
    }

    private var participation: [View.Figure] {
        let (tally, count) = (petition.tally, petition.tally.cosignatures)
        let quorum = Int(petition.petition.manifest.quorum)
        return [
            figure(texts("report.ofRing"), count, of: tally.ring),
            figure(texts("report.ofPeople"), count, of: Int(tally.eligible)),
            View.Figure(
                label: texts("report.ofQuorum"),
                text: texts("page.needed", ["count": "\(count)", "needed": "\(quorum)"]),
                bar: Bar.svg(count, of: quorum, tone: Self.tone(count, of: quorum))),
        ]
    }

    private var facts: [View.Fact] {
        let (tally, manifest) = (petition.tally, petition.petition.manifest)
        var facts = [
            View.Fact(
                label: texts("report.state"), text: tally.closed ? texts("report.closed") : texts("report.open")),
            View.Fact(label: texts("report.withdrawn"), text: "\(tally.withdrawn)"),
        ]
        if let spoiled = tally.spoiled, spoiled > 0 {
            facts.append(View.Fact(label: texts("report.spoiled"), text: "\(spoiled)"))
        }
        let threshold = texts(
            "report.threshold", ["whole": "\(manifest.trustees.count)"], count: Int(manifest.threshold))
        return facts + [View.Fact(label: texts("report.trustees"), text: threshold)]
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

    private func rows(_ figures: FigureText) -> [View.Figure] {
        (Array(1..<figures.counts.count) + [0]).map { number in
            // No bar for what is not said: an empty one would say none.
            let bar = figures.bar(number).map { filled, reach in
                Bar.svg(filled, reach: reach, of: figures.whole, tone: [3, 1, 2][min(number, 2)])
            }
            return View.Figure(label: choice(number), text: figures.text(number), bar: bar)
        }
    }

    // MARK: Demands

    private var demands: [View.Demand] {
        history.negotiation.threads.enumerated().map { i, thread in
            let demand = petition.document?.demands[i]
            let wording = BilingualText(demand?.text ?? "")
            let figures = petition.tally.questions.map {
                FigureText($0[i], ring: petition.tally.ring, disclosure, texts)
            }
            let isNegotiated = !history.negotiation.entries.isEmpty
            let heading =
                demand.map {
                    texts.markup("petition.demand", ["number": "\(thread.number)"], others: ["title": $0.title])
                }
                ?? Markup(
                    ours: texts(
                        "petition.demand", ["number": "\(thread.number)", "title": texts("tally.noWording")]))
            let sides = sides(thread)
            var reason: String?
            if let last = thread.steps.last, last.answer == .refused || last.answer == .accepted, !last.text.isEmpty {
                reason = last.text
            }
            return View.Demand(
                heading: heading, text: wording.wording, textTranslation: wording.translated(texts),
                hasFigures: figures != nil, support: figures?.supportInReport, figures: figures.map(rows) ?? [],
                hidden: figures?.note(disclosure),
                status: isNegotiated ? NegotiationWords.word(thread.status, texts) : nil,
                tone: isNegotiated ? Self.tone(thread.status) : nil, hasSides: sides != nil, ours: sides?.ours,
                other: sides?.other, theirs: sides?.theirs, segments: sides?.segments ?? [], reason: reason)
        }
    }

    /// What binds of both sides' words; nil where both say the same, and there is nothing to compare.
    private func sides(
        _ thread: Negotiation.Thread
    ) -> (ours: String, other: String, theirs: String, segments: [View.Segment])? {
        guard let theirs = thread.agreed ?? thread.theirs, theirs != thread.ours else { return nil }
        let (left, right) = BilingualText.compared(thread.ours, theirs)
        return (
            left, thread.agreed == nil ? texts("negotiation.theirs") : texts("negotiation.agreedText"), right,
            WordDiff(from: left, to: right).segments.map {
                View.Segment(
                    text: $0.text, added: $0.change == .added, removed: $0.change == .removed,
                    same: $0.change == .same)
            }
        )
    }

    private static func tone(_ status: Negotiation.Status) -> String {
        switch status {
        case .accepted, .agreed: "good"
        case .refused: "bad"
        case .undelivered, .awaiting, .countered: "warn"
        }
    }

    // MARK: Negotiation

    private var entries: [View.Entry] {
        history.negotiation.entries.map { entry in
            let document = entry.document
            let answers = (document?.demands ?? []).map { demand in
                "\(demand.number) \(NegotiationWords.word(NegotiationWords.status(demand, in: entry.record.what), texts))"
            }
            return View.Entry(
                what: NegotiationWords.word(entry.record.what, texts), date: document?.date ?? "",
                hasParty: document?.party.isEmpty == false, party: document?.party ?? "",
                place: texts("report.place", ["round": "\(entry.round)", "leaf": "\(entry.leaf)"]),
                note: document.flatMap { $0.note.isEmpty ? nil : $0.note },
                answers: answers.isEmpty ? nil : answers.joined(separator: " · "))
        }
    }

    private func vote(_ vote: Ratification) -> View.Vote {
        let tally = vote.tally
        return View.Vote(
            heading: texts("report.voteOn", ["response": String(vote.response.hex.prefix(16))]),
            outcome: NegotiationWords.word(vote.outcome, texts),
            tone: vote.outcome == .carried ? "good" : vote.outcome == .lost ? "bad" : "warn", id: vote.id.hex,
            turnout: texts(
                "report.turnout", ["eligible": "\(tally.eligible)", "quorum": "\(vote.quorum)"],
                count: tally.cosignatures),
            bar: Bar.svg(tally.cosignatures, of: Int(tally.eligible), mark: Int(vote.quorum)),
            needs: vote.terms.map { texts("vote.needs", ["majority": NegotiationWords.say($0.majority, texts)]) },
            questions: vote.questions.map { question in
                let figures = FigureText(question.counts, ring: tally.ring, disclosure, texts)
                return View.Question(
                    text: NegotiationWords.say(question, figures, texts), hidden: figures.note(disclosure))
            })
    }
}

extension Report {
    /// What `report.mustache` fills in.
    private struct View {
        struct Figure {
            let label: String
            let text: String
            let bar: String?
        }
        struct Fact {
            let label: String
            let text: String
        }
        struct Segment {
            let text: String
            let added: Bool
            let removed: Bool
            let same: Bool
        }
        struct Demand {
            let heading: Markup
            let text: Markup?
            let textTranslation: BilingualText.Translated?
            let hasFigures: Bool
            let support: String?
            let figures: [Figure]
            let hidden: String?
            let status: String?
            let tone: String?
            let hasSides: Bool
            let ours: String?
            let other: String?
            let theirs: String?
            let segments: [Segment]
            let reason: String?
        }
        struct Entry {
            let what: String
            let date: String
            let hasParty: Bool
            let party: String
            let place: String
            let note: String?
            let answers: String?
        }
        struct Question {
            let text: String
            let hidden: String?
        }
        struct Vote {
            let heading: String
            let outcome: String
            let tone: String
            let id: String
            let turnout: String
            let bar: String
            let needs: String?
            let questions: [Question]
        }
        let title: String
        let textLang: String
        let kind: String
        let id: String
        let command: Markup
        let hasFaults: Bool
        let faults: [String]
        let participation: [Figure]
        let everybody: [String]
        let facts: [Fact]
        let hasNames: Bool
        let names: [Markup]
        let preamble: Markup?
        let preambleTranslation: BilingualText.Translated?
        let sealed: String?
        let demands: [Demand]
        let hasNegotiation: Bool
        let entries: [Entry]
        let missing: String?
        let votes: [Vote]
        let isAnonymous: Bool
        let notProven: [String]
    }
}
