import Petitions
import Templates

/// The figures of one question in words: the same on terminals, in reports and in letters.
package struct FigureText {
    package let counts: [Int]
    package let figures: [Disclosure.Figure]
    /// Whether a figure is not said as it is.
    package let isHiding: Bool
    package let texts: Messages

    /// - Parameters:
    ///   - counts: ballots for each choice, abstaining first.
    ///   - ring: keys in the ring.
    package init(_ counts: [Int], ring: Int, _ disclosure: Disclosure, _ texts: Messages) {
        (self.counts, self.texts) = (counts, texts)
        figures = disclosure.figures(counts, ring: ring)
        isHiding = disclosure.hides(counts, ring: ring)
    }

    /// All ballots that were counted.
    package var whole: Int { counts.reduce(0, +) }

    /// With the whole beside it: `10 of 13`.
    package func text(_ choice: Int) -> String {
        switch figures[choice] {
        case .exact(let count) where count > 0 && count == whole:
            texts("tally.everyone", ["whole": "\(whole)"], count: count)
        case .exact(let count): texts("tally.figure", ["count": "\(count)", "whole": "\(whole)"])
        case .atLeast(let bound, _): texts("tally.atLeastOf", ["count": "\(bound)", "whole": "\(whole)"])
        case .fewerThan, .withheld: short(choice)
        }
    }

    /// The number alone, where the whole stands nearby.
    package func short(_ choice: Int) -> String {
        switch figures[choice] {
        case .exact(let count): "\(count)"
        case .fewerThan(let limit): texts("tally.fewerThan", ["count": "\(limit)"])
        case .atLeast(let bound, _): texts("tally.atLeast", ["count": "\(bound)"])
        case .withheld: texts("tally.withheld")
        }
    }

    /// What a bar fills, and how far it may reach; nil for what is not said.
    package func bar(_ choice: Int) -> (filled: Int, reach: Int?)? {
        switch figures[choice] {
        case .exact(let count): (count, nil)
        case .fewerThan(let limit): (0, min(limit - 1, whole))
        case .atLeast(let bound, let most): (bound, most)
        case .withheld: nil
        }
    }

    /// A bar for the terminal: what is known is full, how far it may reach is hatched.
    package func terminalBar(_ choice: Int, width: Int = 24) -> String {
        guard let (filled, reach) = bar(choice) else { return String(repeating: "·", count: width) }
        guard let reach, whole > 0 else { return Terminal.bar(filled, of: whole, width: width) }
        func cells(_ part: Int) -> Int { min(width, (part * width + whole / 2) / whole) }
        let (full, open) = (cells(filled), max(cells(reach), cells(filled) + 1))
        return String(repeating: "█", count: full) + String(repeating: "▒", count: min(open, width) - full)
            + String(repeating: "░", count: max(0, width - open))
    }

    /// Why something is not said; nil when everything is.
    package func note(_ disclosure: Disclosure) -> String? {
        isHiding ? texts("tally.hidden", ["minimum": "\(disclosure.minimum)"]) : nil
    }
}
