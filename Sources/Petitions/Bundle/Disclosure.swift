/// How much of a breakdown a text for people says. In a small ring a choice of one or two people among others shows how
/// somebody voted whom everybody can name: such figures are hidden, and whatever would give them away. What everybody
/// chose is said as it is. The exact figures are in the log, for whoever recomputes them.
public struct Disclosure: Sendable, Hashable {
    public enum Figure: Sendable, Hashable {
        case exact(Int)
        case fewerThan(Int)
        /// The largest one, so that subtracting does not give what is hidden. `most` is what it can be at most.
        case atLeast(Int, most: Int)
        case withheld
    }

    /// Ballots from which a choice's figure is said; 0 says everything.
    public let minimum: Int
    /// Rings from this size on hide enough by themselves, unless everybody in them has answered.
    public static let comfortableRing = 30
    public static let standard = Disclosure(minimum: 3)
    public static let exact = Disclosure(minimum: 0)

    public init(minimum: Int) { self.minimum = min(max(minimum, 0), 1000) }

    /// Whether all ballots of a question made the same choice.
    public static func isUnanimous(_ counts: [Int]) -> Bool { counts.count { $0 > 0 } == 1 }

    /// Whether anything of these counts is not said: a choice was made by some, by fewer than the minimum, and not by all.
    public func hides(_ counts: [Int], ring: Int) -> Bool {
        guard minimum > 0, !Self.isUnanimous(counts) else { return false }
        let isSmall = ring < Self.comfortableRing || counts.reduce(0, +) >= ring
        return isSmall && counts.contains { $0 > 0 && $0 < minimum }
    }

    /// - Parameter counts: ballots for each choice of one question, abstaining first.
    public func figures(_ counts: [Int], ring: Int) -> [Figure] {
        guard hides(counts, ring: ring), let largest = counts.max(), let place = counts.firstIndex(of: largest) else {
            return counts.map { .exact($0) }
        }
        let total = counts.reduce(0, +)
        // With one choice hidden those without any ballot are too: else the total would give it away.
        let hidden = counts.count { $0 < minimum }
        let shown = counts.indices.filter { $0 != place && counts[$0] >= minimum }.map { counts[$0] }
        let bound = total - shown.reduce(0, +) - hidden * (minimum - 1)
        // The largest must stand in front of the others however the hidden ballots fall, else where it stands would tell.
        // One hidden choice has some ballots, and must leave open how many.
        guard largest >= minimum, bound >= minimum, shown.allSatisfy({ $0 < bound }), hidden > 1 || minimum > 2 else {
            return counts.map { _ in .withheld }
        }
        return counts.enumerated().map { i, count in
            if count < minimum { return .fewerThan(minimum) }
            return i == place ? .atLeast(bound, most: total - shown.reduce(0, +) - 1) : .exact(count)
        }
    }
}
