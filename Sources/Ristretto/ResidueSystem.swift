// Garner, "The residue number system", IRE Transactions on Electronic Computers, 1959; the quotient by a fraction after
// Shenoy and Kumaresan, IEEE Transactions on Computers, 1989

/// Integers below the product of twenty moduli just under 2^26, as their residues. A product of two scalars is then twenty
/// small products that do not carry into one another, and a sum of thousands of them fits sixty-four bits each.
enum ResidueSystem {
    static let count = 20
    /// Products of scalars that a sum may have: their sum stays below a third of the moduli's product.
    static let maximalProducts = 1 << 14
    /// Products of residues that fit a word.
    static let maximalUnreduced = 1 << 12

    /// What each modulus lacks to 2^26: the smallest numbers that make them coprime to one another.
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

    /// 2^(26 i) modulo each modulus, for the ten limbs of a scalar: at 20 i + j.
    static let powers: [UInt64] = (0..<10).flatMap { i in
        moduli.map { q in (0..<i).reduce(1) { power, _ in (power << 26) % q } }
    }

    /// The same number modulo 2^26 - c, seventeen bits shorter as long as it has more than 30.
    @inline(__always)
    static func foldOnce(_ x: UInt64, _ c: UInt64) -> UInt64 { (x >> 26) &* c &+ (x & (1 << 26 - 1)) }

    /// A number below 2^58 modulo 2^26 - c, up to one modulus too much: below 2^26.
    @inline(__always)
    static func fold(_ x: UInt64, _ c: UInt64) -> UInt64 { foldOnce(foldOnce(foldOnce(x, c), c), c) }

    @inline(__always)
    private static func wide(_ a: UInt64, _ b: UInt64) -> UInt128 {
        UInt128(truncatingIfNeeded: a) &* UInt128(truncatingIfNeeded: b)
    }

    /// By Euclid's algorithm.
    private static func inverse(of a: UInt64, modulo q: UInt64) -> UInt64 {
        var (r, next, s, following) = (Int64(q), Int64(a), Int64(0), Int64(1))
        while next != 0 {
            let quotient = r / next
            (r, next) = (next, r - quotient * next)
            (s, following) = (following, s - quotient * following)
        }
        return UInt64(s < 0 ? s + Int64(q) : s)
    }

    /// What it takes to put a number together from its residues.
    private struct Part {
        let deficit: UInt64
        let modulus: UInt64
        let reciprocal: Double
        /// The inverse of the other moduli's product.
        let inverse: UInt64
        /// The other moduli's product modulo l, divided by 2^256, so that `montgomeryReduced` takes both factors' 2^256 out
        /// of a sum of products.
        let weight: PublicScalar
    }

    private static let parts: [Part] = moduli.map { q in
        let others = moduli.filter { $0 != q }
        return Part(
            deficit: 1 << 26 - q, modulus: q, reciprocal: 1 / Double(q),
            inverse: inverse(of: others.reduce(1) { $0 * $1 % q }, modulo: q),
            weight: weight(others.reduce(.one) { $0 * PublicScalar($1) }))
    }

    /// Minus the product of all, likewise.
    private static let wrap = weight(-moduli.reduce(.one) { $0 * PublicScalar($1) })

    private static func weight(_ scalar: PublicScalar) -> PublicScalar {
        let words = scalar.words
        return PublicScalar(montgomery: words.0, words.1, words.2, words.3).dividedByMontgomery
    }

    /// The number with these residues, each of up to 64 bits, if it is below a third of the moduli's product: modulo l, without
    /// the two factors of 2^256 that products of scalars in Montgomery's form have.
    @inline(__always)
    static func number(_ residue: (Int) -> UInt64) -> PublicScalar {
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
        // The number is the sum of t times the others' product, less the product of all as often as it goes in. The rest is
        // below a third, so a rounding error cannot reach the next whole number.
        let times = UInt64(quotient + 0x1p-10)
        s0 &+= wide(wrap.w0, times)
        s1 &+= wide(wrap.w1, times)
        s2 &+= wide(wrap.w2, times)
        s3 &+= wide(wrap.w3, times)
        return WideSum(s0, s1, s2, s3).montgomeryReduced
    }
}

extension ResidueSystem {
    /// The residues of up to eight scalars in Montgomery's form: for each modulus the eight.
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
            // The masks say that 32 bits suffice, which vector units multiply at once.
            @inline(__always)
            func term(_ limb: SIMD8<UInt64>, _ place: Int) -> SIMD8<UInt64> {
                (limb & low) &* (SIMD8(repeating: powers[place]) & low)
            }
            for j in 0..<count {
                var sum = term(l0, j) &+ term(l1, 20 &+ j) &+ term(l2, 40 &+ j) &+ term(l3, 60 &+ j)
                sum &+= term(l4, 80 &+ j) &+ term(l5, 100 &+ j) &+ term(l6, 120 &+ j)
                sum &+= term(l7, 140 &+ j) &+ term(l8, 160 &+ j) &+ term(l9, 180 &+ j)
                let c = SIMD8<UInt64>(repeating: deficits[j]) & low
                for _ in 0..<3 { sum = (sum &>> 26 & low) &* c &+ (sum & mask) }
                UnsafeMutableRawPointer(residues + 8 * j).storeBytes(of: sum, as: SIMD8<UInt64>.self)
            }
        }
    }
}

extension PublicScalar {
    /// The four words as a number, divided by 2^256 modulo l.
    fileprivate var dividedByMontgomery: PublicScalar {
        WideSum(self).montgomeryReduced
    }
}
