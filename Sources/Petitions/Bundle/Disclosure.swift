/// How much of a breakdown a report says. In a small ring a choice with one or two ballots, or with all of them, shows how
/// people voted whom everybody can name. The exact figures are in the log, for who recomputes them; a report need not be what
/// spreads them.
public struct Disclosure: Sendable, Hashable {
    public enum Figure: Sendable, Hashable {
        case exact(Int)
        case fewerThan(Int)
        /// The largest one, so that subtracting does not give what is hidden.
        case atLeast(Int)
        case withheld
    }

    /// Ballots from which a choice's figure is said; 0 says everything.
    public let minimum: Int
    /// Rings from this size on hide enough by themselves, unless everybody in them has answered.
    public static let comfortableRing = 30
    public static let standard = Disclosure(minimum: 3)

    public init(minimum: Int) { self.minimum = min(max(minimum, 0), 1000) }

    /// Whether anything of these counts is not said.
    public func hides(_ counts: [Int], ring: Int) -> Bool {
        guard minimum > 0, counts.count > 1 else { return false }
        let isSmall = ring < Self.comfortableRing || counts.reduce(0, +) >= ring
        return isSmall && counts.contains { $0 < minimum }
    }

    /// - Parameter counts: ballots for each choice of one question, abstaining first.
    public func figures(_ counts: [Int], ring: Int) -> [Figure] {
        guard hides(counts, ring: ring), let largest = counts.max(), let place = counts.firstIndex(of: largest) else {
            return counts.map { .exact($0) }
        }
        let total = counts.reduce(0, +)
        let hidden = counts.count { $0 < minimum }
        let shown = counts.indices.filter { $0 != place && counts[$0] >= minimum }.map { counts[$0] }
        let bound = total - shown.reduce(0, +) - hidden * (minimum - 1)
        // The largest must stand in front of the others however the hidden ballots fall; else where it stands, or that nothing
        // is hidden, would tell.
        guard largest >= minimum, bound >= minimum, shown.allSatisfy({ $0 < bound }),
            total > counts.count * (minimum - 1)
        else { return counts.map { _ in .withheld } }
        return counts.enumerated().map { i, count in
            if count < minimum { return .fewerThan(minimum) }
            return i == place ? .atLeast(bound) : .exact(count)
        }
    }
}
