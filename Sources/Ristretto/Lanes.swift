import CLanes
import Sodium

/// Calls the eight-lane kernels. Nothing else here may be used unless `areThere`.
enum Lanes {
    static let areThere: Bool = {
        // The kernels' assumptions about Swift's types, and the other way round.
        precondition(MemoryLayout<AffinePoint>.stride == 8 * Int(RR_AFFINE_WORDS))
        precondition(MemoryLayout<PublicScalar>.stride == 32 && MemoryLayout<Bytes32>.stride == 32)
        precondition(ResidueSystem.count == Int(RR_MODULI))
        return rr_lanes_are_there() == 1
    }()

    /// Like `AffinePoint.init(decoding:)`, for many.
    static func decode(_ encodings: [Bytes32]) -> [AffinePoint?] {
        var valid = [UInt8](repeating: 0, count: encodings.count)
        var points = [AffinePoint](repeating: .neutral, count: encodings.count)
        encodings.withUnsafeBytes { bytes in
            points.withUnsafeMutableBytes { points in
                rr_lanes_decode(
                    bytes.assumingMemoryBound(to: UInt8.self).baseAddress, encodings.count,
                    points.assumingMemoryBound(to: UInt64.self).baseAddress, &valid)
            }
        }
        return zip(points, valid).map { $1 == 1 ? $0 : nil }
    }

    /// The weighted sum of one window's buckets.
    static func sum(_ points: UnsafeBufferPointer<AffinePoint>, _ sorted: SortedEntries) -> ExtendedPoint {
        let count = sorted.buckets
        // First the buckets' sums, then two sums for each of eight runs.
        let (affine, extended) = (Int(RR_AFFINE_WORDS), Int(RR_EXTENDED_WORDS))
        return withUnsafeTemporaryAllocation(byteCount: 8 * extended * (count + 16), alignment: 64) { memory in
            let words = memory.bindMemory(to: UInt64.self)
            guard let sums = words.baseAddress, let base = points.baseAddress else { return .neutral }
            let (plain, weighted) = (sums + extended * count, sums + extended * (count + 8))
            base.withMemoryRebound(to: UInt64.self, capacity: affine * points.count) {
                rr_lanes_sum_buckets($0, sorted.entries, sorted.starts, sorted.byLength, count, sums)
            }
            rr_lanes_weigh_buckets(sums, count, plain, weighted)
            // Run r starts at bucket r * count / 8, so its plain sum counts that many times more.
            var (running, offset, total) = (ExtendedPoint.neutral, ExtendedPoint.neutral, ExtendedPoint.neutral)
            for run in (0..<8).reversed() {
                total = total + ExtendedPoint(words: weighted + extended * run)
                if run > 0 {
                    running = running + ExtendedPoint(words: plain + extended * run)
                    offset = offset + running
                }
            }
            return total + offset.doubled(times: (count / 8).trailingZeroBitCount)
        }
    }
}

extension ExtendedPoint {
    /// Reads the kernels' layout.
    public init(words w: UnsafePointer<UInt64>) {
        func element(_ i: Int) -> FieldElement { FieldElement(w[i], w[i + 1], w[i + 2], w[i + 3], w[i + 4]) }
        self.init(X: element(0), Y: element(5), Z: element(10), T: element(15))
    }
}

extension SortedEntries {
    /// The buckets, longest first, so that eight neighbours are about equally long.
    var byLength: [UInt32] {
        // Counting sort; buckets longer than the last place share it.
        let places = 256
        func place(_ b: Int) -> Int { places - 1 - min(Int(starts[b + 1] - starts[b]), places - 1) }
        var ends = [Int](repeating: 0, count: places)
        for b in 0..<buckets { ends[place(b)] += 1 }
        var next = 0
        for i in 0..<places { (ends[i], next) = (next, next + ends[i]) }
        return [UInt32](unsafeUninitializedCapacity: buckets) { buffer, filled in
            filled = buckets
            for b in 0..<buckets {
                buffer[ends[place(b)]] = UInt32(b)
                ends[place(b)] += 1
            }
        }
    }
}
