import Client
import Foundation
import Petitions
import Sodium
import Templates

/// The figures as a table with bars.
package struct TallyText {
    let disclosure: Disclosure

    package init(disclosure: Disclosure) {
        self.disclosure = disclosure
    }

    package func show(_ audited: AuditedPetition) {
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
        for line in SignersText(audited.petition, in: audited.workplace).lines { Terminal.line(head("") + line) }
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
        for claim in ConditionalNames(audited).claims { Terminal.line(Self.line(claim)) }
        Terminal.line(words("names.claims"))
    }

    /// Who says that they co-signed, and what the directory calls them if it differs.
    package static func line(_ claim: ConditionalNames.Claim) -> String {
        let text = words(
            "names.claim", ["person": Words.name(claim.person), "name": Terminal.harmless(claim.name)])
        guard let listed = claim.listedAs else { return text }
        return text + "  " + Terminal.red("! " + words("names.listedAs", ["listed": Terminal.harmless(listed)]))
    }

    private func head(_ text: String) -> String { Columns.padded(text, 14) }

    private func figure(_ title: String, _ part: Int, of whole: Int, _ what: String) {
        let values = ["count": "\(part)", "whole": "\(whole)", "what": what]
        Terminal.line(head(title) + Terminal.bar(part, of: whole) + " " + words("tally.of", values))
    }

    package static func show(_ faults: [Fault]) {
        guard !faults.isEmpty else { return }
        for fault in faults {
            Terminal.line(Terminal.red(words("verify.fault")) + Terminal.harmless(FaultText.say(fault)))
        }
        Terminal.line(Terminal.red(words("verify.faults", count: faults.count)))
    }
}
