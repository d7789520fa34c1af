// Garner, "The residue number system", IRE Transactions on Electronic Computers, 1959; the quotient by a fraction after
// Shenoy and Kumaresan, IEEE Transactions on Computers, 1989

/// Integers below the product of twenty moduli just under 2^26, held as their residues. A product of two scalars is
/// then twenty small products without carries between them, and a sum of thousands of products fits 64 bits for each.
enum ResidueSystem {
    /// RR_MODULI; `Lanes` checks that they agree.
    static let count = 20
    /// How many products of scalars a sum may have: it then stays below a third of the moduli's product.
    static let maximalProducts = 1 << 14
    /// How many products of residues fit a word.
    static let maximalUnreduced = 1 << 12

    /// The difference of each modulus from 2^26: the smallest numbers that make the moduli pairwise coprime.
    static let deficits: [UInt64] = {
        func divisor(_ a: UInt64, _ b: UInt64) -> UInt64 { b == 0 ? a : divisor(b, a % b) }
        var deficits: [UInt64] = []
        var next: UInt64 = 1
        while deficits.count < count {
            if deficits.allSatisfy({ divisor(1 << 26 - $0, 1 << 26 - next) == 1 }) { deficits.append(next) }
            next += 2
        }
        return deficits
    }()

    static let moduli: [UInt64] = deficits.map { 1 << 26 - $0 }

    /// 2^(26 i) modulo each modulus, for the ten limbs of a scalar: at count * i + j.
    static let powers: [UInt64] = (0..<10).flatMap { i in
        moduli.map { q in (0..<i).reduce(1) { power, _ in (power << 26) % q } }
    }

    /// An equal number modulo 2^26 - c, seventeen bits shorter as long as it has more than 30.
    @inline(__always)
    static func foldOnce(_ x: UInt64, _ c: UInt64) -> UInt64 { (x >> 26) &* c &+ (x & (1 << 26 - 1)) }

    /// Reduces a number below 2^58 modulo 2^26 - c. The result is below 2^26, and may be one modulus too large.
    @inline(__always)
    static func fold(_ x: UInt64, _ c: UInt64) -> UInt64 { foldOnce(foldOnce(foldOnce(x, c), c), c) }

    @inline(__always)
    private static func wide(_ a: UInt64, _ b: UInt64) -> UInt128 {
        UInt128(truncatingIfNeeded: a) &* UInt128(truncatingIfNeeded: b)
    }

    /// The inverse by Euclid's algorithm.
    private static func inverse(of a: UInt64, modulo q: UInt64) -> UInt64 {
        var (r, next, s, following) = (Int64(q), Int64(a), Int64(0), Int64(1))
        while next != 0 {
            let quotient = r / next
            (r, next) = (next, r - quotient * next)
            (s, following) = (following, s - quotient * following)
        }
        return UInt64(s < 0 ? s + Int64(q) : s)
    }

    /// The constants of one modulus for reconstructing a number from its residues.
    private struct Part {
        let deficit: UInt64
        let modulus: UInt64
        let reciprocal: Double
        /// The inverse of the other moduli's product.
        let inverse: UInt64
        let weight: PlainScalar
    }

    // With R = 2^256, M the product of all moduli and M_j that of all but the j-th: scalars come as xR and yR, so the
    // sum whose residues are known is N = R^2 sum xy. The remainders t_j give N = sum t_j M_j - k M for an integer k,
    // and with the weights W_j = M_j / R and W = M / R, all modulo l, the wanted sum xy = N / R^2 is (sum t_j W_j - k
    // W) / R.

    private static let parts: [Part] = moduli.map { q in
        let others = moduli.filter { $0 != q }
        return Part(
            deficit: 1 << 26 - q, modulus: q, reciprocal: 1 / Double(q),
            inverse: inverse(of: others.reduce(1) { $0 * $1 % q }, modulo: q),
            weight: .overMontgomery(others.reduce(.one) { $0 * PublicScalar($1) }))
    }

    /// -M / R.
    private static let wrap = PlainScalar.overMontgomery(-moduli.reduce(.one) { $0 * PublicScalar($1) })

    /// The number with these residues, of up to 64 bits each; it must be below a third of the moduli's product. The
    /// result is modulo l, without the two factors of 2^256 that products of scalars in Montgomery's form have.
    @inline(__always)
    static func number(_ residue: (Int) -> UInt64) -> PlainScalar {
        var (s0, s1, s2, s3) = (UInt128(0), UInt128(0), UInt128(0), UInt128(0))
        var quotient = 0.0
        parts.withUnsafeBufferPointer { parts in
            for j in 0..<count {
                let part = parts[j]
                // From 64 bits to fewer than 30, so that the product with the inverse has fewer than 58.
                let small = foldOnce(foldOnce(residue(j), part.deficit), part.deficit)
                var t = fold(small &* part.inverse, part.deficit)
                if t >= part.modulus { t &-= part.modulus }
                quotient += Double(t) * part.reciprocal
                s0 &+= wide(part.weight.w0, t)
                s1 &+= wide(part.weight.w1, t)
                s2 &+= wide(part.weight.w2, t)
                s3 &+= wide(part.weight.w3, t)
            }
        }
        // The number is the sum of t times the other moduli's product, minus some multiple of the product of all. The
        // remainder is below a third, so a rounding error cannot reach the next integer.
        let times = UInt64(quotient + 0x1p-10)
        s0 &+= wide(wrap.w0, times)
        s1 &+= wide(wrap.w1, times)
        s2 &+= wide(wrap.w2, times)
        s3 &+= wide(wrap.w3, times)
        return PlainScalar(WideSum(s0, s1, s2, s3).montgomeryReduced)
    }
}

extension ResidueSystem {
    /// The residues of up to eight scalars in Montgomery's form: for each modulus, those of the eight scalars.
    static func write(_ scalars: UnsafeBufferPointer<PublicScalar>, to residues: UnsafeMutablePointer<UInt64>) {
        var (w0, w1, w2, w3) = (SIMD8<UInt64>(), SIMD8<UInt64>(), SIMD8<UInt64>(), SIMD8<UInt64>())
        for (i, scalar) in scalars.enumerated() {
            (w0[i], w1[i], w2[i], w3[i]) = (scalar.w0, scalar.w1, scalar.w2, scalar.w3)
        }
        let mask = SIMD8<UInt64>(repeating: 1 << 26 - 1)
        let low = SIMD8<UInt64>(repeating: 0xffff_ffff)
        let (l0, l1, l2) = (w0 & mask, w0 &>> 26 & mask, (w0 &>> 52 | w1 &<< 12) & mask)
        let (l3, l4, l5) = (w1 &>> 14 & mask, (w1 &>> 40 | w2 &<< 24) & mask, w2 &>> 2 & mask)
        let (l6, l7, l8, l9) = (w2 &>> 28 & mask, (w2 &>> 54 | w3 &<< 10) & mask, w3 &>> 16 & mask, w3 &>> 42)
        powers.withUnsafeBufferPointer { powers in
            // The masks show that 32 bits suffice, and vector units multiply 32 bits at once.
            @inline(__always)
            func term(_ limb: SIMD8<UInt64>, _ place: Int) -> SIMD8<UInt64> {
                (limb & low) &* (SIMD8(repeating: powers[place]) & low)
            }
            for j in 0..<count {
                var sum = term(l0, j) &+ term(l1, count &+ j) &+ term(l2, 2 &* count &+ j)
                sum &+= term(l3, 3 &* count &+ j) &+ term(l4, 4 &* count &+ j) &+ term(l5, 5 &* count &+ j)
                sum &+= term(l6, 6 &* count &+ j) &+ term(l7, 7 &* count &+ j)
                sum &+= term(l8, 8 &* count &+ j) &+ term(l9, 9 &* count &+ j)
                let c = SIMD8<UInt64>(repeating: deficits[j]) & low
                for _ in 0..<3 { sum = (sum &>> 26 & low) &* c &+ (sum & mask) }
                UnsafeMutableRawPointer(residues + 8 * j).storeBytes(of: sum, as: SIMD8<UInt64>.self)
            }
        }
    }
}

/// A plain number below l in four words, not in Montgomery's form, although both types have four words.
struct PlainScalar {
    let w0: UInt64
    let w1: UInt64
    let w2: UInt64
    let w3: UInt64

    /// Takes the result of `montgomeryReduced` as it is.
    @inline(__always)
    fileprivate init(_ reduced: PublicScalar) {
        (w0, w1, w2, w3) = (reduced.w0, reduced.w1, reduced.w2, reduced.w3)
    }

    /// A scalar / 2^256 modulo l. Montgomery's form of x is x 2^256: reduced once it is x, and reduced again x / 2^256.
    fileprivate static func overMontgomery(_ scalar: PublicScalar) -> PlainScalar {
        PlainScalar(WideSum(WideSum(scalar).montgomeryReduced).montgomeryReduced)
    }
}
