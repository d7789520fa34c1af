import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium
import Templates

/// `--hide-below`.
struct DisclosureOptions: ParsableArguments {
    @Option(help: help("hideBelow", "ballots"))
    var hideBelow: Int?

    mutating func validate() throws {
        guard hideBelow.map({ (0...1000).contains($0) }) ?? true else {
            throw ValidationError(words("usage.hideBelow"))
        }
    }

    /// What the person chose, else the guarded figures.
    var disclosure: Disclosure { chosen ?? .standard }

    /// Nil where the person has not chosen.
    var chosen: Disclosure? { hideBelow.map(Disclosure.init(minimum:)) }

    /// What is to be written for others to read: both outcomes are shown first, and the person chooses between them where
    /// there is a terminal and no `--hide-below`. Without a terminal it is the guarded one, and that is said.
    /// - Parameter history: whose figures are written.
    func chosen(for history: AuditedHistory) throws -> Disclosure {
        let guarded = Outcome(history, .standard)
        if let chosen { return chosen }
        guard guarded.isHiding else { return .standard }
        Terminal.line(words("choose.head"))
        Terminal.line()
        Terminal.line(Terminal.bold(words("choose.guarded")))
        guarded.show()
        Terminal.line(words("choose.why", ["minimum": "\(Disclosure.standard.minimum)"]))
        Terminal.line()
        Terminal.line(Terminal.bold(words("choose.exact")))
        Outcome(history, .exact).show()
        Terminal.line(words("choose.exactWhy"))
        Terminal.line()
        guard Terminal.canAsk else {
            Terminal.line(words("choose.noTerminal"))
            return .standard
        }
        while let answer = Terminal.ask(words("choose.ask")) {
            switch answer.trimmingCharacters(in: .whitespaces).lowercased() {
            case "1": return .standard
            case "2": return .exact
            default: Terminal.line(words("choose.again"))
            }
        }
        // The end of the input is no choice, and what goes to the employer is not guessed.
        Terminal.line(words("choose.stopped"))
        throw ExitCode(2)
    }
}

/// The figures of a petition and of the votes about it, under one rule: what `report` and `letter` would say.
private struct Outcome {
    private let lines: [String]
    let isHiding: Bool

    init(_ history: AuditedHistory, _ disclosure: Disclosure) {
        var lines: [String] = []
        var isHiding = false
        func add(_ counts: [Int], _ ring: Int, _ kind: Manifest.Kind, _ demand: Int) {
            let figures = FigureText(counts, ring: ring, disclosure, Words.texts)
            isHiding = isHiding || figures.isHiding
            let parts = (Array(1..<counts.count) + [0]).map { Choices.word($0, of: kind) + " " + figures.text($0) }
            lines.append(
                "  "
                    + words(
                        kind == .petition ? Words.key("choose.demand") : Words.key("choose.vote"),
                        ["number": "\(demand)", "figures": parts.joined(separator: words("choose.comma"))]))
        }
        let (tally, kind) = (history.petition.tally, history.petition.petition.manifest.kind)
        for (i, counts) in (tally.questions ?? []).enumerated() { add(counts, tally.ring, kind, i + 1) }
        for vote in history.ratifications {
            for question in vote.questions { add(question.counts, vote.tally.ring, .ratification, question.demand) }
        }
        (self.lines, self.isHiding) = (lines, isHiding)
    }

    func show() { for line in lines { Terminal.line(line) } }
}

extension Ratification.Question {
    /// From choice 0, as a tally has them.
    var counts: [Int] { [abstaining, accepting, rejecting] }
}

/// The figures as a table with bars.
struct TallyText {
    let disclosure: Disclosure

    func show(_ audited: AuditedPetition) {
        let (tally, quorum) = (audited.tally, Int(audited.petition.manifest.quorum))
        Terminal.line(words("tally.petition", ["id": audited.petition.id.hex]))
        figure(words("tally.cosignatures"), tally.cosignatures, of: tally.ring, words("tally.inRing"))
        figure(words("tally.participation"), tally.cosignatures, of: Int(tally.eligible), words("tally.people"))
        Terminal.line(
            head(words("tally.quorum")) + Terminal.bar(tally.cosignatures, of: quorum) + " "
                + words("tally.needed", ["count": "\(tally.cosignatures)", "needed": "\(quorum)"]))
        Terminal.line(head(words("tally.withdrawn")) + "\(tally.withdrawn)")
        Terminal.line(
            head(words("tally.state")) + (tally.closed ? words("petition.closed") : words("petition.open")))
        guard let questions = tally.questions, let spoiled = tally.spoiled else {
            let (released, needed) = (audited.petition.released[0].count, audited.petition.manifest.threshold)
            Terminal.line(
                head(words("tally.ballots"))
                    + words("tally.sealed", ["threshold": "\(needed)"], count: released))
            return names(audited)
        }
        Terminal.line(head(words("tally.spoiled")) + "\(spoiled)")
        for (i, counts) in questions.enumerated() { show(counts, i, audited) }
        if let vote = Ratification(audited.petition, tally, document: audited.document) {
            Terminal.line()
            for line in NegotiationText(disclosure: disclosure).lines(vote) { Terminal.line(line) }
        }
        names(audited)
    }

    private func show(_ counts: [Int], _ i: Int, _ audited: AuditedPetition) {
        let title = audited.document.map { Terminal.harmless($0.demands[i].title) } ?? words("tally.noWording")
        Terminal.line()
        Terminal.line(Terminal.bold(words("petition.demand", ["number": "\(i + 1)", "title": title])))
        let figures = FigureText(counts, ring: audited.tally.ring, disclosure, Words.texts)
        for choice in Array(1..<counts.count) + [0] {
            let word = Choices.word(choice, of: audited.petition.manifest.kind)
            Terminal.line(
                "   " + Columns.padded(word, 9) + " " + figures.terminalBar(choice) + " " + figures.text(choice))
        }
        if let note = figures.note(disclosure) {
            for line in Columns.wrap(note + " " + words("tally.seeAll"), min(Columns.width, 100) - 4) {
                Terminal.line("   " + line)
            }
        }
    }

    private func names(_ audited: AuditedPetition) {
        guard !audited.names.isEmpty else { return }
        Terminal.line()
        for claim in ConditionalNames(audited).claims { Terminal.line(Names.line(claim)) }
        Terminal.line(words("names.claims"))
    }

    private func head(_ text: String) -> String { Columns.padded(text, 14) }

    private func figure(_ title: String, _ part: Int, of whole: Int, _ what: String) {
        let values = ["count": "\(part)", "whole": "\(whole)", "what": what]
        Terminal.line(head(title) + Terminal.bar(part, of: whole) + " " + words("tally.of", values))
    }

    static func show(_ faults: [Fault]) {
        guard !faults.isEmpty else { return }
        for fault in faults {
            Terminal.line(Terminal.red(words("verify.fault")) + Terminal.harmless(FaultText.say(fault)))
        }
        Terminal.line(Terminal.red(words("verify.faults", count: faults.count)))
    }
}
