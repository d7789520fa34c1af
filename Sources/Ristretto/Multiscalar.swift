// Straus, "Addition chains of vectors", 1964; Pippenger, "On the evaluation of powers and monomials", SIAM J. Comput.
// 1980, in the bucket form of Bernstein, Doumen, Lange and Oosterwijk, INDOCRYPT 2012, section 4

import CLanes

/// Sums of multiples of public points, in variable time.
public enum Multiscalar {
    /// Four little-endian words of a number below 2^253, as scalars below l are.
    public typealias Words = (UInt64, UInt64, UInt64, UInt64)

    /// With fewer points than this, Straus' method is faster.
    static let fewest = 48

    /// sum scalars[i] * points[i].
    /// - Parameters:
    ///   - points: as many as there are scalars.
    ///   - cores: whether to use all cores.
    public static func sum(
        _ points: [AffinePoint], _ scalars: [Words], by arithmetic: Arithmetic = .fastest,
        onAllCores cores: Bool = false
    ) -> ExtendedPoint {
        precondition(points.count == scalars.count)
        guard points.count >= fewest else { return straus(points, scalars) }
        return Buckets(points, scalars, by: arithmetic, onAllCores: cores).sum()
    }

    // MARK: Few points

    /// Straus' method: shared doublings, a table of eight multiples for each point, signed digits of four bits.
    static func straus(_ points: [AffinePoint], _ scalars: [Words]) -> ExtendedPoint {
        var tables: [ExtendedPoint] = []
        tables.reserveCapacity(8 * points.count)
        for point in points {
            var multiple = ExtendedPoint(point)
            for _ in 0..<8 {
                tables.append(multiple)
                multiple = multiple + point
            }
        }
        let digits = scalars.map { SignedDigits.of($0, width: 4) }
        var sum = ExtendedPoint.neutral
        for window in (0..<SignedDigits.count(width: 4)).reversed() {
            sum = sum.doubled(times: 4)
            for i in points.indices {
                let digit = Int(digits[i][window])
                if digit > 0 { sum = sum + tables[8 * i + digit - 1] }
                if digit < 0 { sum = sum + (-tables[8 * i - digit - 1]) }
            }
        }
        return sum
    }
}

/// Numbers in digits of `width` bits, each from 1 - 2^(width-1) to 2^(width-1). A number must be below 2^(width *
/// count(width: width) - 1), or the last digit's carry would be lost. Every width takes numbers below 2^253; width 4
/// takes those below 2^255, such as clamped secrets of X25519.
enum SignedDigits {
    /// The number of digits, which have at least 254 bits together.
    static func count(width: Int) -> Int { 253 / width + 1 }

    static func of(_ words: Multiscalar.Words, width: Int) -> [Int16] {
        [Int16](unsafeUninitializedCapacity: count(width: width)) { buffer, filled in
            filled = count(width: width)
            write(words, width: width) { buffer[$0] = $1 }
        }
    }

    @inline(__always)
    static func write(_ words: Multiscalar.Words, width: Int, _ store: (Int, Int16) -> Void) {
        let mask = UInt64(1) << UInt64(width) - 1
        let half = Int(1) << (width - 1)
        var carry = 0
        for i in 0..<count(width: width) {
            let bit = i * width
            let (shift, low, high) = (UInt64(bit & 63), word(words, bit >> 6), word(words, bit >> 6 + 1))
            let bits = shift == 0 ? low : low >> shift | high << (64 - shift)
            let digit = Int(bits & mask) + carry
            carry = digit > half ? 1 : 0
            store(i, Int16(truncatingIfNeeded: digit - carry << width))
        }
        precondition(carry == 0, "a number is too large for its digits")
    }

    @inline(__always)
    private static func word(_ w: Multiscalar.Words, _ i: Int) -> UInt64 {
        switch i {
        case 0: w.0
        case 1: w.1
        case 2: w.2
        case 3: w.3
        default: 0
        }
    }
}

/// The bucket method: in each window, every point goes to the bucket of its digit; each bucket is summed, and the
/// buckets' sums are weighted by two running sums.
private struct Buckets {
    let points: [AffinePoint]
    let width: Int
    let windows: Int
    let arithmetic: Arithmetic
    let cores: Bool
    /// The digits, one window after another.
    let digits: [Int16]

    init(
        _ points: [AffinePoint], _ scalars: [Multiscalar.Words], by arithmetic: Arithmetic, onAllCores cores: Bool
    ) {
        self.points = points
        self.arithmetic = arithmetic
        self.cores = cores
        let count = points.count
        let width = Self.bestWidth(for: count)
        self.width = width
        let windows = SignedDigits.count(width: width)
        self.windows = windows
        digits = [Int16](unsafeUninitializedCapacity: windows * count) { buffer, filled in
            filled = windows * count
            let (out, strip) = (OwnPlaces(buffer), 1024)
            Cores.each((count + strip - 1) / strip, onAll: cores) { part in
                for i in part * strip..<min((part + 1) * strip, count) {
                    SignedDigits.write(scalars[i], width: width) { out.buffer[$0 * count + i] = $1 }
                }
            }
        }
    }

    /// The width with the fewest additions: for each window, one for every point and about two and a half for every
    /// bucket.
    static func bestWidth(for count: Int) -> Int {
        (4...15).min {
            func cost(_ width: Int) -> Int { SignedDigits.count(width: width) * (2 * count + 5 << (width - 1)) }
            return cost($0) < cost($1)
        } ?? 4
    }

    func sum() -> ExtendedPoint {
        var sums = [ExtendedPoint](repeating: .neutral, count: windows)
        sums.withUnsafeMutableBufferPointer { buffer in
            let out = OwnPlaces(buffer)
            // Each call writes only its own place.
            Cores.each(windows, onAll: cores) { out.buffer[$0] = sum(ofWindow: $0) }
        }
        return sums.dropLast().reversed().reduce(sums[windows - 1]) { $0.doubled(times: width) + $1 }
    }

    private func sum(ofWindow window: Int) -> ExtendedPoint {
        let sorted = digits.withUnsafeBufferPointer {
            SortedEntries(UnsafeBufferPointer(rebasing: $0[window * points.count..<(window + 1) * points.count]), width)
        }
        return points.withUnsafeBufferPointer { sorted.sum(of: $0, by: arithmetic) }
    }
}

/// The points of one window sorted by bucket: bucket b holds the digits b + 1 and -(b + 1).
struct SortedEntries {
    let buckets: Int
    /// Where each bucket starts; the last entry is where the last bucket ends.
    let starts: [UInt32]
    /// Twice the point's place, plus one if the point is to be subtracted.
    let entries: [UInt32]

    init(_ digits: UnsafeBufferPointer<Int16>, _ width: Int) {
        let buckets = 1 << (width - 1)
        self.buckets = buckets
        var ends = [UInt32](repeating: 0, count: buckets + 1)
        for digit in digits { ends[Int(digit.magnitude)] &+= 1 }
        // Zeros are left out: the entries begin with bucket 0.
        ends[0] = 0
        for b in 1...buckets { ends[b] &+= ends[b - 1] }
        starts = ends
        let count = Int(ends[buckets])
        entries = [UInt32](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = count
            for (i, digit) in digits.enumerated() where digit != 0 {
                let bucket = Int(digit.magnitude) - 1
                buffer[Int(ends[bucket])] = UInt32(truncatingIfNeeded: i) << 1 | (digit < 0 ? 1 : 0)
                ends[bucket] &+= 1
            }
        }
    }
}

extension SortedEntries {
    /// Each bucket's sum times its digit, added up.
    func sum(of points: UnsafeBufferPointer<AffinePoint>, by arithmetic: Arithmetic) -> ExtendedPoint {
        switch arithmetic {
        case .portable: portableSum(of: points)
        case .lanes: Lanes.sum(points, self)
        }
    }

    private func portableSum(of points: UnsafeBufferPointer<AffinePoint>) -> ExtendedPoint {
        var (running, total) = (ExtendedPoint.neutral, ExtendedPoint.neutral)
        for bucket in (0..<buckets).reversed() {
            let range = Int(starts[bucket])..<Int(starts[bucket + 1])
            for i in range {
                let entry = entries[i]
                if i + 2 < entries.count, let base = points.baseAddress {
                    rr_prefetch(base + Int(entries[i + 2] >> 1))
                }
                let point = points[Int(entry >> 1)]
                running = entry & 1 == 0 ? running + point : running - point
            }
            total = total + running
        }
        return total
    }
}
