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
        let (tally, quorum) = (audited.tally, audited.petition.manifest.quorum)
        Terminal.line(words("tally.petition", ["id": audited.petition.id.hex]))
        let count = tally.cosignatures
        let needed = words("tally.needed", ["count": "\(count)", "needed": "\(quorum)"])
        let rows = [
            figure(words("tally.cosignatures"), count, of: UInt32(clamping: tally.ring), words("tally.inRing")),
            figure(words("tally.participation"), count, of: tally.eligible, words("tally.people")),
            Terminal.BarRow(count, of: Int(clamping: quorum)) { [self] in
                head(words("tally.quorum")) + $0 + " " + needed
            },
        ]
        for line in Terminal.barred(rows) { Terminal.line(line) }
        for line in Everybody(audited).lines(Words.texts) { Terminal.line(Terminal.bold(line)) }
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
        if spoiled > 0 { Terminal.line(head(words("tally.spoiled")) + "\(spoiled)") }
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
        let labels = counts.indices.map { Choices.word($0, of: audited.petition.manifest.kind) }
        let width = max(9, labels.map(Columns.cells).max() ?? 0)
        let rows = (Array(1..<counts.count) + [0]).map { choice in
            Terminal.BarRow(bar: { figures.terminalBar(choice, width: $0) }) {
                "   " + Columns.padded(labels[choice], width) + " " + $0 + " " + figures.text(choice)
            }
        }
        for line in Terminal.barred(rows) { Terminal.line(line) }
        if let note = figures.note(disclosure) {
            for line in Columns.wrap(Words.sentences([note, words("tally.seeAll")]), min(Columns.width, 100) - 4) {
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

    /// A label in a column as wide as the widest of them.
    private func head(_ text: String) -> String { Columns.padded(text, Self.column) }

    private static let column: Int = {
        let labels = [
            words("tally.cosignatures"), words("tally.participation"), words("tally.quorum"), words("tally.withdrawn"),
            words("tally.state"), words("tally.ballots"), words("tally.spoiled"),
        ]
        return max(14, (labels.map(Columns.cells).max() ?? 0) + 1)
    }()

    private func figure(_ title: String, _ part: Int, of whole: UInt32, _ what: String) -> Terminal.BarRow {
        let text = words("tally.of", ["count": "\(part)", "whole": "\(whole)", "what": what])
        return Terminal.BarRow(part, of: Int(clamping: whole)) { [self] in head(title) + $0 + " " + text }
    }
}
