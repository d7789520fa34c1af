import Client
import Petitions
import Templates

/// The figures of a petition and of the votes about it, under one rule: what `report` and `letter` would say.
package struct Outcome {
    private let lines: [String]
    /// Whether the rule hides any of them.
    package let isHiding: Bool

    package init(_ history: AuditedHistory, _ disclosure: Disclosure) {
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
                        ["number": "\(demand)", "figures": Words.clauses(parts)]))
        }
        let (tally, kind) = (history.petition.tally, history.petition.petition.manifest.kind)
        for (i, counts) in (tally.questions ?? []).enumerated() { add(counts, tally.ring, kind, i + 1) }
        for vote in history.ratifications {
            for question in vote.questions { add(question.counts, vote.tally.ring, .ratification, question.demand) }
        }
        (self.lines, self.isHiding) = (lines, isHiding)
    }

    package func show() { for line in lines { Terminal.line(line) } }
}
