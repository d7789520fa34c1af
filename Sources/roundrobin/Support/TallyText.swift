import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium

/// `--hide-below`.
struct DisclosureOptions: ParsableArguments {
    @Option(help: help("hideBelow", "ballots"))
    var hideBelow = Disclosure.standard.minimum

    mutating func validate() throws {
        guard (0...1000).contains(hideBelow) else { throw ValidationError(words("usage.hideBelow")) }
    }

    var disclosure: Disclosure { Disclosure(minimum: hideBelow) }
}

/// The figures as a table with bars.
struct TallyText {
    let disclosure: Disclosure

    func show(_ audited: AuditedPetition) {
        let tally = audited.tally
        Terminal.line(words("tally.petition", ["id": audited.petition.id.hex]))
        figure(words("tally.cosignatures"), tally.cosignatures, of: tally.ring, words("tally.inRing"))
        figure(words("tally.participation"), tally.cosignatures, of: Int(tally.eligible), words("tally.people"))
        figure(
            words("tally.quorum"), tally.cosignatures, of: Int(audited.petition.manifest.quorum), words("tally.needed"))
        Terminal.line(head(words("tally.withdrawn")) + "\(tally.withdrawn)")
        Terminal.line(
            head(words("tally.state")) + (tally.closed ? words("petition.closed") : words("petition.open")))
        guard let questions = tally.questions, let spoiled = tally.spoiled else {
            let (released, needed) = (audited.petition.released[0].count, audited.petition.manifest.threshold)
            Terminal.line(
                head(words("tally.ballots"))
                    + words("tally.sealed", ["released": "\(released)", "threshold": "\(needed)"]))
            return names(audited)
        }
        Terminal.line(head(words("tally.spoiled")) + "\(spoiled)")
        for (i, counts) in questions.enumerated() { show(counts, i, audited) }
        if questions.contains(where: { disclosure.hides($0, ring: tally.ring) }) {
            Terminal.line()
            Terminal.line(words("tally.hidden", ["minimum": "\(disclosure.minimum)"]))
        }
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
        let figures = disclosure.figures(counts, ring: audited.tally.ring)
        for choice in Array(1..<counts.count) + [0] {
            let word = Choices.word(choice, of: audited.petition.manifest.kind)
            Terminal.line(
                "   " + Columns.padded(word, 9) + " " + Self.bar(figures[choice], of: audited.tally.cosignatures) + " "
                    + Self.text(figures[choice]))
        }
    }

    private static func bar(_ figure: Disclosure.Figure, of whole: Int) -> String {
        switch figure {
        case .exact(let count), .atLeast(let count): Terminal.bar(count, of: whole)
        // No bar at all: an empty one would say none.
        case .fewerThan, .withheld: String(repeating: "·", count: 24)
        }
    }

    static func text(_ figure: Disclosure.Figure) -> String {
        switch figure {
        case .exact(let count): "\(count)"
        case .fewerThan(let limit): words("tally.fewerThan", ["count": "\(limit)"])
        case .atLeast(let bound): words("tally.atLeast", ["count": "\(bound)"])
        case .withheld: words("tally.withheld")
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
            Terminal.line(Terminal.red(words("verify.fault")) + Terminal.harmless(ErrorWords.say(fault)))
        }
        Terminal.line(Terminal.red(words("verify.faults", count: faults.count)))
    }
}
