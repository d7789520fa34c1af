/// Equations that are checked together, as one weighted sum.
enum Batch {
    /// Reports the places in a range whose equations hold. A sum that does not hold is split in two, again and again,
    /// until each bad equation stands alone. If one half holds, the other is known not to.
    /// - Parameters:
    ///   - known: whether all of them hold; nil if that is not known yet.
    ///   - holds: whether the sum over some places is the identity. It must use fresh weights each time it is called.
    static func isolate(
        _ places: Range<Int>, known: Bool? = nil, _ holds: (Range<Int>) -> Bool, report: (Int) -> Void
    ) {
        isolate(places, known, holds, report)
    }

    private static func isolate(
        _ places: Range<Int>, _ known: Bool?, _ holds: (Range<Int>) -> Bool, _ report: (Int) -> Void
    ) {
        guard !places.isEmpty else { return }
        if known ?? holds(places) { return places.forEach(report) }
        guard places.count > 1 else { return }
        let middle = places.lowerBound + places.count / 2
        let first = holds(places.lowerBound..<middle)
        isolate(places.lowerBound..<middle, first, holds, report)
        isolate(middle..<places.upperBound, first ? false : nil, holds, report)
    }
}
