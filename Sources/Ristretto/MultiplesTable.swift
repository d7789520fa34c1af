// Brickell, Gordon, McCurley and Wilson, "Fast exponentiation with precomputation", EUROCRYPT 1992

/// Multiples of points that are used again and again: each point times 2^(12 w), for every window w of a scalar. All
/// digits of all scalars then share one set of buckets, and there are no doublings. 22 times 128 bytes for each point.
public struct MultiplesTable: Sendable {
    /// The number of points from which the table was made.
    public let count: Int
    /// One window after another.
    private let multiples: [AffinePoint]

    private static let width = 12

    /// Costs about 250 doublings for each point, on all cores.
    public init(_ points: [AffinePoint]) {
        let (count, windows) = (points.count, SignedDigits.count(width: Self.width))
        self.count = count
        let strip = 64
        let parts = Cores.map(Array(0..<(count + strip - 1) / strip)[...], strip: 1) { part in
            var powers = points[part * strip..<min((part + 1) * strip, count)].map { ExtendedPoint($0) }
            var all: [ExtendedPoint] = []
            for _ in 0..<windows {
                all += powers
                powers = powers.map { $0.doubled(times: Self.width) }
            }
            return ExtendedPoint.affine(all)
        }
        var multiples = [AffinePoint](repeating: .neutral, count: windows * count)
        for (part, points) in parts.enumerated() {
            let here = points.count / windows
            for (i, point) in points.enumerated() { multiples[i / here * count + part * strip + i % here] = point }
        }
        self.multiples = multiples
    }

    /// sum scalars[i] * points[i], in variable time.
    /// - Parameter scalars: as many as there are points; a number below 2^253 each.
    public func sum(_ scalars: [Multiscalar.Words], by arithmetic: Arithmetic = .fastest) -> ExtendedPoint {
        precondition(scalars.count == count)
        let digits = [Int16](unsafeUninitializedCapacity: multiples.count) { buffer, filled in
            filled = multiples.count
            for (i, words) in scalars.enumerated() {
                SignedDigits.write(words, width: Self.width) { buffer[$0 * count + i] = $1 }
            }
        }
        let sorted = digits.withUnsafeBufferPointer { SortedEntries($0, Self.width) }
        return multiples.withUnsafeBufferPointer { sorted.sum(of: $0, by: arithmetic) }
    }
}
