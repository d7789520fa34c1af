import CLanes

/// A matrix of scalars: the sum over pairs of vectors of their tensor products, entry (r, c) being the sum of
/// left[r] * right[c]. Nothing is reduced modulo l before the entries are asked for, which is what makes a product cost a
/// multiplication and nothing more.
public struct TensorSum: Sendable {
    public let rows: Int
    public let columns: Int
    private var sums: Sums

    private enum Sums: Sendable {
        case portable([WideSum])
        /// As `rr_lanes_add_products` keeps them.
        case lanes([UInt64])
    }

    /// How many pairs are added at a time, so that they stay in a core's own cache; the lanes' limbs have room for 256.
    public static let block = 64

    /// - Parameter columns: at least 1.
    public init(rows: Int, columns: Int, by arithmetic: Arithmetic = .fastest) {
        (self.rows, self.columns) = (rows, columns)
        switch arithmetic {
        case .portable: sums = .portable(Array(repeating: WideSum(), count: rows * columns))
        case .lanes: sums = .lanes(Array(repeating: 0, count: 80 * rows * Self.groups(columns)))
        }
    }

    private static func groups(_ columns: Int) -> Int { (columns + 7) / 8 }

    /// Adds the products of `count` pairs.
    /// - Parameters:
    ///   - left: `rows` scalars for each pair.
    ///   - right: `columns` scalars for each pair.
    public mutating func add(_ count: Int, left: [PublicScalar], right: [PublicScalar]) {
        precondition(left.count == count * rows && right.count == count * columns)
        for first in stride(from: 0, to: count, by: Self.block) {
            let pairs = first..<min(first + Self.block, count)
            switch sums {
            case .portable(var entries):
                sums = .portable([])
                addPortably(pairs, left, right, to: &entries)
                sums = .portable(entries)
            case .lanes(var entries):
                sums = .lanes([])
                addInLanes(pairs, left, right, to: &entries)
                sums = .lanes(entries)
            }
        }
    }

    private func addPortably(
        _ pairs: Range<Int>, _ left: [PublicScalar], _ right: [PublicScalar], to entries: inout [WideSum]
    ) {
        // Turned, so that the sum in hand stays in registers while the pairs go by.
        let (rowMajor, columnMajor) = (Self.turned(left, pairs, rows), Self.turned(right, pairs, columns))
        let count = pairs.count
        entries.withUnsafeMutableBufferPointer { entries in
            rowMajor.withUnsafeBufferPointer { rowMajor in
                columnMajor.withUnsafeBufferPointer { columnMajor in
                    for c in 0..<columns {
                        for r in 0..<rows {
                            var sum = entries[r * columns + c]
                            for b in 0..<count { sum.add(rowMajor[r * count + b], times: columnMajor[c * count + b]) }
                            entries[r * columns + c] = sum
                        }
                    }
                }
            }
        }
    }

    private static func turned(_ vectors: [PublicScalar], _ pairs: Range<Int>, _ length: Int) -> [PublicScalar] {
        [PublicScalar](unsafeUninitializedCapacity: pairs.count * length) { buffer, filled in
            filled = pairs.count * length
            for (b, pair) in pairs.enumerated() {
                for i in 0..<length { buffer[i * pairs.count + b] = vectors[pair * length + i] }
            }
        }
    }

    private func addInLanes(
        _ pairs: Range<Int>, _ left: [PublicScalar], _ right: [PublicScalar], to entries: inout [UInt64]
    ) {
        let (count, groups) = (pairs.count, Self.groups(columns))
        var rowLimbs = [UInt64](repeating: 0, count: 5 * count * rows)
        var columnLimbs = [UInt64](repeating: 0, count: 40 * count * groups)
        for (b, pair) in pairs.enumerated() {
            for r in 0..<rows {
                left[pair * rows + r].writeLimbs { rowLimbs[5 * (count * r + b) + $0] = $1 }
            }
            for c in 0..<columns {
                let place = 40 * (count * (c / 8) + b) + c % 8
                right[pair * columns + c].writeLimbs { columnLimbs[place + 8 * $0] = $1 }
            }
        }
        rr_lanes_add_products(rowLimbs, rows, columnLimbs, groups, count, count, &entries)
    }

    /// Adds another sum of the same shape.
    public mutating func add(_ other: TensorSum) {
        switch (sums, other.sums) {
        case (.portable(var mine), .portable(let others)):
            sums = .portable([])
            for i in mine.indices { mine[i].add(others[i]) }
            sums = .portable(mine)
        case (.lanes(var mine), .lanes(let others)):
            sums = .lanes([])
            // Limbs are below 2^52, but for the last, which has room.
            for i in mine.indices { mine[i] &+= others[i] }
            sums = .lanes(mine)
        default: preconditionFailure("sums by different arithmetic")
        }
    }

    /// The entry modulo l.
    public func entry(_ row: Int, _ column: Int) -> Multiscalar.Words {
        switch sums {
        case .portable(let entries): return entries[row * columns + column].words
        case .lanes(let entries):
            let place = 80 * (Self.groups(columns) * row + column / 8) + column % 8
            return WideSum(limbs: { entries[place + 8 * $0] }).words
        }
    }
}

extension PublicScalar {
    /// Montgomery's form in five limbs of 52 bits.
    @inline(__always)
    fileprivate func writeLimbs(_ store: (Int, UInt64) -> Void) {
        let mask: UInt64 = 1 << 52 - 1
        store(0, w0 & mask)
        store(1, (w0 >> 52 | w1 << 12) & mask)
        store(2, (w1 >> 40 | w2 << 24) & mask)
        store(3, (w2 >> 28 | w3 << 36) & mask)
        store(4, w3 >> 16)
    }
}

extension WideSum {
    /// From ten limbs of base 2^52, each of up to 64 bits.
    fileprivate init(limbs: (Int) -> UInt64) {
        self.init()
        var bits: UInt128 = 0
        var (have, next) = (0, 0)
        func word() -> UInt64 {
            while have < 64, next < 10 {
                bits &+= UInt128(limbs(next)) << UInt128(have)
                have += 52
                next += 1
            }
            defer {
                bits >>= 64
                have -= 64
            }
            return UInt64(truncatingIfNeeded: bits)
        }
        (t0, t1, t2, t3) = (word(), word(), word(), word())
        (t4, t5, t6, t7) = (word(), word(), word(), word())
        t8 = word()
    }

    @usableFromInline
    mutating func add(_ other: WideSum) {
        var carry: UInt64 = 0
        t0 = PublicScalar.add(t0, other.t0, &carry)
        t1 = PublicScalar.add(t1, other.t1, &carry)
        t2 = PublicScalar.add(t2, other.t2, &carry)
        t3 = PublicScalar.add(t3, other.t3, &carry)
        t4 = PublicScalar.add(t4, other.t4, &carry)
        t5 = PublicScalar.add(t5, other.t5, &carry)
        t6 = PublicScalar.add(t6, other.t6, &carry)
        t7 = PublicScalar.add(t7, other.t7, &carry)
        t8 = t8 &+ other.t8 &+ carry
    }
}
