import CLanes

/// A matrix of scalars: a sum of tensor products of pairs of vectors. Entry (r, c) is the sum of left[r] * right[c]
/// over the pairs. It is computed on residues (`ResidueSystem`), and an entry is reconstructed modulo l when it is
/// asked for.
public struct TensorSum: Sendable {
    /// The length of the left vectors.
    public let rows: Int
    /// The length of the right vectors.
    public let columns: Int
    private let arithmetic: Arithmetic
    /// How many pairs have been added, and how many since the sums were reduced.
    private var pairs = 0
    private var unreduced = 0
    /// Ordered by half of the moduli, then by group of eight columns, then by row, then by modulus: the eight columns'
    /// sums.
    private var sums: [UInt64]

    /// How many pairs are processed at a time, so that their residues for eight columns and half of the moduli stay in
    /// a core's first cache.
    static let block = 32
    /// How many moduli are processed at a time, as in products.c; for each modulus, eight columns are a vector of 64
    /// bytes.
    private static let half = ResidueSystem.count / 2
    private static let vector = MemoryLayout<SIMD8<UInt64>>.size

    /// An empty sum of this shape.
    /// - Parameter columns: at least 1.
    public init(rows: Int, columns: Int, by arithmetic: Arithmetic = .fastest) {
        (self.rows, self.columns, self.arithmetic) = (rows, columns, arithmetic)
        sums = Array(repeating: 0, count: 8 * ResidueSystem.count * rows * Self.groups(columns))
    }

    private static func groups(_ count: Int) -> Int { (count + 7) / 8 }

    /// Adds the products of `count` pairs.
    /// - Parameters:
    ///   - left: `rows` scalars for each pair.
    ///   - right: `columns` scalars for each pair.
    public mutating func add(_ count: Int, left: [PublicScalar], right: [PublicScalar]) {
        precondition(left.count == count * rows && right.count == count * columns)
        pairs += count
        precondition(pairs <= ResidueSystem.maximalProducts)
        let groups = Self.groups(columns)
        var leftResidues = [UInt64](repeating: 0, count: ResidueSystem.count * Self.block * rows)
        var rightResidues = [UInt64](repeating: 0, count: 8 * ResidueSystem.count * Self.block * groups)
        for first in stride(from: 0, to: count, by: Self.block) {
            let here = min(Self.block, count - first)
            if unreduced + here > ResidueSystem.maximalUnreduced { reduce() }
            unreduced += here
            let (rows, half) = (rows, Self.half)
            // left[half][row][pair][modulus]; sizes have been checked, and the places follow from them.
            leftResidues.withUnsafeMutableBufferPointer { out in
                eachEight(left[first * rows..<(first + here) * rows], rows) { pair, group, eight, residues in
                    for h in 0..<2 {
                        for i in 0..<eight {
                            let place = out.baseAddress! + half &* (here &* (rows &* h &+ 8 &* group &+ i) &+ pair)
                            for j in 0..<half { place[j] = residues[8 &* (half &* h &+ j) &+ i] }
                        }
                    }
                }
            }
            // right[half][group][pair][modulus][column]
            rightResidues.withUnsafeMutableBufferPointer { out in
                eachEight(right[first * columns..<(first + here) * columns], columns) { pair, group, _, residues in
                    for h in 0..<2 {
                        let place = 8 &* half &* (here &* (groups &* h &+ group) &+ pair)
                        (out.baseAddress! + place).update(from: residues + 8 &* half &* h, count: 8 &* half)
                    }
                }
            }
            switch arithmetic {
            case .portable: addPortably(here, leftResidues, rightResidues)
            case .lanes: rr_lanes_add_products(leftResidues, rows, rightResidues, groups, here, &sums)
            }
        }
    }

    /// Calls `body` for each pair and each group of eight scalars of its vector, with their residues: for each modulus,
    /// those of the eight.
    private func eachEight(
        _ scalars: ArraySlice<PublicScalar>, _ length: Int,
        _ body: (_ pair: Int, _ group: Int, _ count: Int, UnsafeMutablePointer<UInt64>) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 8 * ResidueSystem.count) { residues in
            scalars.withUnsafeBufferPointer { scalars in
                guard let to = residues.baseAddress else { return }
                for start in stride(from: 0, to: scalars.count, by: length) {
                    for group in 0..<Self.groups(length) {
                        let count = min(8, length - 8 * group)
                        let eight = UnsafeBufferPointer(
                            rebasing: scalars[start + 8 * group..<start + 8 * group + count])
                        switch arithmetic {
                        case .portable: ResidueSystem.write(eight, to: to)
                        case .lanes:
                            eight.withMemoryRebound(to: UInt64.self) {
                                rr_lanes_residues(
                                    $0.baseAddress, count, ResidueSystem.powers, ResidueSystem.deficits, to)
                            }
                        }
                        body(start / length, group, count, to)
                    }
                }
            }
        }
    }

    private mutating func addPortably(_ count: Int, _ left: [UInt64], _ right: [UInt64]) {
        let (rows, groups, half, vector) = (rows, Self.groups(columns), Self.half, Self.vector)
        sums.withUnsafeMutableBytes { sums in
            left.withUnsafeBufferPointer { left in
                right.withUnsafeBytes { right in
                    guard let sums = sums.baseAddress, let left = left.baseAddress, let right = right.baseAddress else {
                        return
                    }
                    for h in 0..<2 {
                        for group in 0..<groups {
                            let columns = right + vector * half * count * (groups * h + group)
                            for r in 0..<rows {
                                Self.add(
                                    left + half * count * (rows * h + r), columns, count,
                                    to: sums + vector * half * (rows * (groups * h + group) + r))
                            }
                        }
                    }
                }
            }
        }
    }

    /// Adds one row times eight columns, for half of the moduli. `add` has checked the sizes, so nothing here
    /// overflows.
    private static func add(
        _ own: UnsafePointer<UInt64>, _ columns: UnsafeRawPointer, _ count: Int, to sums: UnsafeMutableRawPointer
    ) {
        // The masks show that 32 bits suffice, and vector units multiply 32 bits at once.
        let mask = SIMD8<UInt64>(repeating: 0xffff_ffff)
        for j in 0..<half {
            var sum = sums.loadUnaligned(fromByteOffset: vector &* j, as: SIMD8<UInt64>.self)
            var (factor, eight) = (own + j, columns + (vector &* j))
            for _ in 0..<count {
                let columns = eight.loadUnaligned(as: SIMD8<UInt64>.self)
                sum &+= (columns & mask) &* (SIMD8(repeating: factor.pointee) & mask)
                factor += half
                eight += vector &* half
            }
            sums.storeBytes(of: sum, toByteOffset: vector &* j, as: SIMD8<UInt64>.self)
        }
    }

    private mutating func reduce() {
        for i in sums.indices {
            let modulus = i / 8 % Self.half + (i < sums.count / 2 ? 0 : Self.half)
            let c = ResidueSystem.deficits[modulus]
            sums[i] = ResidueSystem.fold(ResidueSystem.foldOnce(sums[i], c), c)
        }
        unreduced = 0
    }

    /// Adds another sum of the same shape.
    public mutating func add(_ other: TensorSum) {
        precondition(rows == other.rows && columns == other.columns)
        pairs += other.pairs
        precondition(pairs <= ResidueSystem.maximalProducts)
        var other = other
        reduce()
        other.reduce()
        for i in sums.indices { sums[i] &+= other.sums[i] }
        unreduced = 1
    }

    /// One entry modulo l.
    public func entry(_ row: Int, _ column: Int) -> Multiscalar.Words {
        let (half, groups) = (Self.half, Self.groups(columns))
        let number = ResidueSystem.number { j in
            let place = rows * (groups * (j / half) + column / 8) + row
            return sums[8 * (half * place + j % half) + column % 8]
        }
        return (number.w0, number.w1, number.w2, number.w3)
    }
}
