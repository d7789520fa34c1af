// Straus' method with masked look-ups: docs/security-argument.md, "The prover's time"

import CLanes
import Ristretto
import Sodium

/// Several sums over the same public points, each under its own secret scalars:  sum_k c_{r,k} P_k  for each row r.
///
/// Constant-time in the scalars: they are written in signed digits of base 16, all eight multiples of a point are read
/// for every digit, and masks choose among them. Doublings are shared by all points and done at the end. Everything
/// that depends on a scalar lives in guarded memory.
struct SecretSums: ~Copyable {
    private let rows: Int
    private let arithmetic: Arithmetic
    /// One sum for each row and digit; eight if lanes are used.
    private var sums: SecretBytes
    private var digits: SecretBytes

    private static let windows = SecretScalars.digits

    init(rows: Int, by arithmetic: Arithmetic) {
        (self.rows, self.arithmetic) = (rows, arithmetic)
        let count = rows * Self.windows
        digits = SecretBytes(zeros: 8 * count)
        switch arithmetic {
        case .portable:
            sums = SecretBytes(zeros: MemoryLayout<ExtendedPoint>.stride * count)
            sums.withUnsafeMutableBytes {
                $0.bindMemory(to: ExtendedPoint.self).update(repeating: .neutral)
            }
        case .lanes:
            sums = SecretBytes(zeros: 8 * Int(RR_SECRET_SUM_WORDS) * count)
            sums.withUnsafeMutableBytes { rr_lanes_secret_clear(count, $0.words) }
        }
    }

    /// Adds multiples of up to eight points.
    /// - Parameter place: the place in `scalars` of the scalar for a row and a point (from 0).
    mutating func add(
        _ points: ArraySlice<AffinePoint>, _ scalars: borrowing SecretScalars,
        at place: (_ row: Int, _ point: Int) -> Int
    ) {
        precondition(points.count <= 8)
        let rows = rows
        digits.withUnsafeMutableBytes { memory in
            let digits = memory.bindMemory(to: Int8.self)
            // Lanes without a point add nothing, because their digits are zero.
            if points.count < 8 { digits.update(repeating: 0) }
            guard let base = digits.baseAddress else { return }
            for row in 0..<rows {
                for point in 0..<points.count {
                    scalars.writeDigits(
                        of: place(row, point), to: base + 8 * Self.windows * row + point, stride: 8)
                }
            }
        }
        switch arithmetic {
        case .portable: addPortably(points)
        case .lanes: addInLanes(points)
        }
    }

    private mutating func addInLanes(_ points: ArraySlice<AffinePoint>) {
        let padded = points + Array(repeating: .neutral, count: 8 - points.count)
        let count = rows * Self.windows
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Int(RR_SECRET_TABLE_WORDS)) { table in
            padded.withUnsafeBytes {
                rr_lanes_secret_table($0.assumingMemoryBound(to: UInt64.self).baseAddress, table.baseAddress)
            }
            digits.withUnsafeBytes { digits in
                sums.withUnsafeMutableBytes {
                    rr_lanes_secret_add(
                        table.baseAddress, digits.assumingMemoryBound(to: Int8.self).baseAddress, count, $0.words)
                }
            }
        }
    }

    private mutating func addPortably(_ points: ArraySlice<AffinePoint>) {
        var multiples: [ExtendedPoint] = []
        for point in points {
            var multiple = ExtendedPoint(point)
            for _ in 0..<8 {
                multiples.append(multiple)
                multiple = multiple + point
            }
        }
        let (table, count) = (ExtendedPoint.affine(multiples), rows * Self.windows)
        table.withUnsafeBufferPointer { table in
            digits.withUnsafeBytes { digits in
                sums.withUnsafeMutableBytes { memory in
                    let sums = memory.assumingMemoryBound(to: ExtendedPoint.self)
                    for point in 0..<points.count {
                        let multiples = UnsafeBufferPointer(rebasing: table[8 * point..<8 * point + 8])
                        for i in 0..<count {
                            let digit = Int8(bitPattern: digits[8 * i + point])
                            sums[i] = sums[i] + Self.choose(digit, of: multiples)
                        }
                    }
                }
            }
        }
    }

    /// The multiple for a digit from -8 to 7, chosen after every multiple has been read; it would be right for 8 too.
    @inline(__always)
    private static func choose(_ digit: Int8, of multiples: UnsafeBufferPointer<AffinePoint>) -> AffinePoint {
        let wide = Int64(digit)
        let sign = UInt64(bitPattern: wide >> 63)
        let place = (UInt64(bitPattern: wide) ^ sign) &- sign
        // A point's sixteen words are two vectors.
        let stride = MemoryLayout<AffinePoint>.stride
        precondition(stride == 2 * MemoryLayout<SIMD8<UInt64>>.size)
        var (low, high) = (SIMD8<UInt64>(), SIMD8<UInt64>())
        let memory = UnsafeRawBufferPointer(multiples)
        for e in 0..<8 {
            // All ones if the place is e + 1: only then is the difference zero, and one less negative.
            let bits = UInt64(bitPattern: Int64(bitPattern: (place ^ UInt64(e + 1)) &- 1) >> 63)
            let mask = SIMD8<UInt64>(repeating: bits)
            low |= memory.loadUnaligned(fromByteOffset: stride * e, as: SIMD8<UInt64>.self) & mask
            high |= memory.loadUnaligned(fromByteOffset: stride * e + stride / 2, as: SIMD8<UInt64>.self) & mask
        }
        // Place 0 selects the neutral element.
        let none = (place &- 1) >> 63
        let chosen = AffinePoint(
            sum: FieldElement(low[0] | none, low[1], low[2], low[3], low[4]),
            difference: FieldElement(low[5] | none, low[6], low[7], high[0], high[1]),
            product: FieldElement(high[2], high[3], high[4], high[5], high[6]))
        let minus = FieldElement.zero - chosen.product
        return AffinePoint(
            sum: chosen.sum.choosing(chosen.difference, sign), difference: chosen.difference.choosing(chosen.sum, sign),
            product: chosen.product.choosing(minus, sign))
    }

    /// The sums by row, as public elements. They are encoded without a branch, and then decoded by libsodium with
    /// branches, because every `Element` must have been decoded. The branches reveal only what the encoding does, and
    /// the proof carries that.
    consuming func finish() -> [Element] {
        var encodings: [Bytes32] = []
        for row in 0..<rows {
            encodings.append((arithmetic == .portable ? finishPortably(row) : finishInLanes(row)).encoding)
        }
        return encodings.map { encoding in
            guard let element = try? Element(decoding: published(encoding)) else {
                preconditionFailure("a sum of points has a canonical encoding")
            }
            return element
        }
    }

    private borrowing func finishPortably(_ row: Int) -> ExtendedPoint {
        sums.withUnsafeBytes { memory in
            let sums = memory.assumingMemoryBound(to: ExtendedPoint.self)
            var sum = sums[row * Self.windows + Self.windows - 1]
            for window in (0..<Self.windows - 1).reversed() {
                sum = sum.doubled(times: 4) + sums[row * Self.windows + window]
            }
            return sum
        }
    }

    private borrowing func finishInLanes(_ row: Int) -> ExtendedPoint {
        var lanes = SecretBytes(zeros: 8 * 8 * Int(RR_EXTENDED_WORDS))
        return sums.withUnsafeBytes { sums in
            lanes.withUnsafeMutableBytes { lanes in
                let first = Int(RR_SECRET_SUM_WORDS) * Self.windows * row
                rr_lanes_secret_finish(sums.words + first, Self.windows, lanes.words)
                var sum = ExtendedPoint(words: lanes.words)
                for lane in 1..<8 { sum = sum + ExtendedPoint(words: lanes.words + Int(RR_EXTENDED_WORDS) * lane) }
                return sum
            }
        }
    }
}

extension FieldElement {
    @inline(__always)
    fileprivate func choosing(_ other: FieldElement, _ mask: UInt64) -> FieldElement {
        FieldElement(
            l0 ^ (mask & (l0 ^ other.l0)), l1 ^ (mask & (l1 ^ other.l1)), l2 ^ (mask & (l2 ^ other.l2)),
            l3 ^ (mask & (l3 ^ other.l3)), l4 ^ (mask & (l4 ^ other.l4)))
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate var words: UnsafeMutablePointer<UInt64>! { baseAddress?.assumingMemoryBound(to: UInt64.self) }
}

extension UnsafeRawBufferPointer {
    fileprivate var words: UnsafePointer<UInt64>! { baseAddress?.assumingMemoryBound(to: UInt64.self) }
}
