import Client
import Foundation
import Petitions
import Sodium
import Templates
import TextDiff

/// A petition, or a whole negotiation, as one page that needs nothing but itself.
struct Report {
    let history: AuditedHistory
    /// Whether the file had more than a bundle.
    let isHistory: Bool
    let disclosure: Disclosure
    let texts: Messages
    /// What the reader verifies.
    let file: String

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

    func html(_ templates: PageTemplates) throws -> String {
        var values: [String: Any] = [
            "title": petition.document?.title ?? texts("report.untitled"), "textLang": textLanguage,
            "kind": kind == .petition ? texts("report.petition") : texts("report.vote"),
            "id": petition.petition.id.hex, "file": file, "faults": history.faults.map(\.description),
            "hasFaults": !history.faults.isEmpty, "participation": participation, "facts": facts, "names": names,
            "hasNames": !names.isEmpty, "demands": demands, "noWording": petition.document == nil,
            "hasNegotiation": !history.negotiation.entries.isEmpty, "entries": entries,
            "votes": history.ratifications.map(vote),
        ]
        if let document = petition.document {
            let prose = RatificationTerms.prose(document.preamble)
            if !prose.isEmpty { values["preamble"] = prose }
        }
        if petition.tally.questions == nil { values["sealed"] = texts("report.sealed") }
        if isHiding { values["hidden"] = texts("report.hidden", ["minimum": "\(disclosure.minimum)"]) }
        if history.missingRecords > 0 { values["missing"] = texts("report.missing", count: history.missingRecords) }
        return try templates.render("report", values, texts: texts)
    }

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
            bar(texts("report.ofQuorum"), count, of: Int(manifest.quorum), tone: 2),
        ]
    }

    private var facts: [[String: String]] {
        let tally = petition.tally
        var facts = [
            (texts("report.state"), tally.closed ? texts("report.closed") : texts("report.open")),
            (texts("report.withdrawn"), "\(tally.withdrawn)"),
        ]
        if let spoiled = tally.spoiled { facts.append((texts("report.spoiled"), "\(spoiled)")) }
        let manifest = petition.petition.manifest
        facts.append(
            (
                texts("report.trustees"),
                texts(
                    "report.threshold", ["count": "\(manifest.threshold)", "whole": "\(manifest.trustees.count)"])
            ))
        return facts.map { ["label": $0.0, "text": $0.1] }
    }

    private var names: [String] { Self.names(petition, texts) }

    static func names(_ audited: AuditedPetition, _ texts: Messages) -> [String] {
        ConditionalNames(audited).claims.map { claim in
            texts("report.claim", ["name": claim.name, "number": "\(claim.person.number ?? 0)"])
        }
    }

    private var isHiding: Bool {
        petition.tally.questions?.contains { disclosure.hides($0, ring: petition.tally.ring) } == true
            || history.ratifications.contains { vote in
                vote.questions.contains { disclosure.hides(Self.counts($0), ring: vote.tally.ring) }
            }
    }

    private func text(_ figure: Disclosure.Figure) -> String {
        switch figure {
        case .exact(let count): "\(count)"
        case .fewerThan(let limit): texts("tally.fewerThan", ["count": "\(limit)"])
        case .atLeast(let bound): texts("tally.atLeast", ["count": "\(bound)"])
        case .withheld: texts("tally.withheld")
        }
    }

    private func choice(_ number: Int) -> String {
        switch (number, kind) {
        case (0, _): texts("choice.abstain")
        case (1, .petition): texts("choice.support")
        case (2, .petition): texts("choice.oppose")
        case (1, .ratification): texts("choice.accept")
        case (2, .ratification): texts("choice.reject")
        default: texts("choice.numbered", ["number": "\(number)"])
        }
    }

    private func figures(_ counts: [Int]) -> [[String: Any]] {
        let figures = disclosure.figures(counts, ring: petition.tally.ring)
        return (Array(1..<counts.count) + [0]).map { number in
            let part =
                switch figures[number] {
                case .exact(let count), .atLeast(let count): count
                case .fewerThan, .withheld: 0
                }
            var row: [String: Any] = ["label": choice(number), "text": text(figures[number])]
            // No bar for what is not said: an empty one would say none.
            if part > 0 || figures[number] == .exact(0) {
                row["bar"] = Bar.svg(part, of: petition.tally.cosignatures, tone: number == 1 ? 1 : number == 2 ? 2 : 3)
            }
            return row
        }
    }

    // MARK: Demands

    private var demands: [[String: Any]] {
        history.negotiation.threads.enumerated().map { i, thread in
            let demand = petition.document?.demands[i]
            var values: [String: Any] = [
                "heading": texts(
                    "petition.demand",
                    ["number": "\(thread.number)", "title": demand?.title ?? texts("tally.noWording")]),
                "hasFigures": petition.tally.questions != nil, "hasSides": false,
            ]
            if let text = demand?.text, !text.isEmpty { values["text"] = text }
            if let counts = petition.tally.questions?[i] { values["figures"] = figures(counts) }
            if !history.negotiation.entries.isEmpty {
                values["status"] = NegotiationWords.word(thread.status, texts)
                values["tone"] = Self.tone(thread.status)
            }
            // Where both say the same there is nothing to compare.
            if let theirs = thread.agreed ?? thread.theirs, theirs != thread.ours {
                values["hasSides"] = true
                values["ours"] = thread.ours
                values["theirs"] = theirs
                values["other"] = thread.agreed == nil ? texts("negotiation.theirs") : texts("negotiation.agreedText")
                values["segments"] = WordDiff(from: thread.ours, to: theirs).segments.map { segment in
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
                "party": entry.document?.party ?? "",
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

    private static func counts(_ question: Ratification.Question) -> [Int] {
        [question.abstaining, question.accepting, question.rejecting]
    }

    private func vote(_ vote: Ratification) -> [String: Any] {
        let tally = vote.tally
        var values: [String: Any] = [
            "heading": texts("report.voteOn", ["response": String(vote.response.hex.prefix(16))]),
            "outcome": NegotiationWords.word(vote.outcome, texts),
            "tone": vote.outcome == .carried ? "good" : vote.outcome == .lost ? "bad" : "warn", "id": vote.id.hex,
            "turnout": texts(
                "report.turnout",
                ["count": "\(tally.cosignatures)", "eligible": "\(tally.eligible)", "quorum": "\(vote.quorum)"]),
            "bar": Bar.svg(tally.cosignatures, of: Int(tally.eligible), mark: Int(vote.quorum)),
            "questions": vote.questions.map { question in
                let figures = disclosure.figures(Self.counts(question), ring: tally.ring).map(text)
                return texts(
                    "vote.question",
                    [
                        "number": "\(question.demand)", "accepting": figures[1], "rejecting": figures[2],
                        "abstaining": figures[0],
                        "result": question.isCarried ? texts("vote.carried") : texts("vote.lost"),
                    ])
            },
        ]
        if let terms = vote.terms {
            values["needs"] = texts("vote.needs", ["majority": NegotiationWords.say(terms.majority, texts)])
        }
        return values
    }
}

/// The petition as it is handed over.
enum Letter {
    /// - Parameter file: what is handed over with it.
    static func html(
        _ audited: AuditedPetition, file: String, texts: Messages, _ templates: PageTemplates
    ) throws -> String {
        guard let document = audited.document else { throw ClientError.invalid(.letterWording) }
        // Who voted does not stand behind what was voted on; and what is open may still change.
        guard audited.petition.manifest.kind == .petition else { throw ClientError.invalid(.letterOfVote) }
        guard audited.tally.closed else { throw ClientError.notClosed }
        let tally = audited.tally
        let names = Report.names(audited, texts)
        return try templates.render(
            "letter",
            [
                "title": document.title, "preamble": RatificationTerms.prose(document.preamble),
                "demands": document.demands.map { ["title": $0.title, "text": $0.text] },
                "standing": texts(
                    "letter.standing",
                    ["count": "\(tally.cosignatures)", "ring": "\(tally.ring)", "eligible": "\(tally.eligible)"]),
                "names": names, "hasNames": !names.isEmpty, "how": texts("letter.how", ["file": file]), "file": file,
                "id": audited.petition.id.hex,
            ], texts: texts)
    }
}
