/// How much of a breakdown a text for people discloses. In a small ring, a choice with only one or two ballots reveals
/// how people voted whom everybody can identify. Such figures are hidden, and so is whatever would give them away. A
/// choice that everybody made is disclosed. The exact figures are in the log, for anyone who recomputes them.
public struct Disclosure: Sendable, Hashable {
    /// A choice's figure as it is disclosed.
    public enum Figure: Sendable, Hashable {
        /// Exactly this many.
        case exact(Int)
        /// Fewer than this many, perhaps none.
        case fewerThan(Int)
        /// Used for the largest figure, so that subtraction does not give what is hidden. `most` is an upper bound.
        case atLeast(Int, most: Int)
        /// Nothing is said.
        case withheld
    }

    /// Figures below this number of ballots are hidden; 0 discloses everything.
    public let minimum: Int
    /// Rings of at least this size hide people well enough by themselves, unless everybody in them has answered.
    public static let comfortableRing = 30
    /// Hides figures below 3.
    public static let standard = Disclosure(minimum: 3)
    /// Discloses everything.
    public static let exact = Disclosure(minimum: 0)

    /// Hides figures below `minimum`.
    /// - Parameter minimum: clamped to 0...1000.
    public init(minimum: Int) { self.minimum = min(max(minimum, 0), 1000) }

    /// Whether all ballots of a question made the same choice.
    public static func isUnanimous(_ counts: [Int]) -> Bool { counts.count { $0 > 0 } == 1 }

    /// Whether any of these counts is hidden: a choice was made by fewer than the minimum, but by somebody, and not by
    /// all.
    public func hides(_ counts: [Int], ring: Int) -> Bool {
        guard minimum > 0, !Self.isUnanimous(counts) else { return false }
        let isSmall = ring < Self.comfortableRing || counts.reduce(0, +) >= ring
        return isSmall && counts.contains { $0 > 0 && $0 < minimum }
    }

    /// The figures to disclose for one question; `.withheld` for all if nothing can be said safely.
    /// - Parameter counts: ballots for each choice of one question, abstaining first.
    public func figures(_ counts: [Int], ring: Int) -> [Figure] {
        guard hides(counts, ring: ring), let largest = counts.max(), let place = counts.firstIndex(of: largest) else {
            return counts.map { .exact($0) }
        }
        let total = counts.reduce(0, +)
        // If one choice is hidden, choices without ballots are hidden too; otherwise the total would give it away.
        let hidden = counts.count { $0 < minimum }
        let shown = counts.indices.filter { $0 != place && counts[$0] >= minimum }.map { counts[$0] }
        let bound = total - shown.reduce(0, +) - hidden * (minimum - 1)
        // The largest must exceed the others however the hidden ballots are distributed, or its place would reveal
        // something. A single hidden choice has some ballots, and their number must stay open.
        guard largest >= minimum, bound >= minimum, shown.allSatisfy({ $0 < bound }), hidden > 1 || minimum > 2 else {
            return counts.map { _ in .withheld }
        }
        return counts.enumerated().map { i, count in
            if count < minimum { return .fewerThan(minimum) }
            return i == place ? .atLeast(bound, most: total - shown.reduce(0, +) - 1) : .exact(count)
        }
    }
}
