/// The field modulo p = 2^255 - 19, in five limbs of 51 bits. No branch and no address depends on a limb, because the
/// prover uses it on secrets. A returned Bool may decide a branch only if the caller knows that it is public.
///
/// Limbs are not kept below 2^51. "Tight" elements, as products and `carried` return them, have every limb below 2^51 +
/// 2^15, in the kernels of CLanes too. "Loose" elements, as sums and differences of tight ones are, have every limb
/// below 2^54. Products take loose factors, and so does every other operation unless it says otherwise; 5 * 19 * 2^54 *
/// 2^54 stays below 2^115, so a carry fits a word.
@frozen
public struct FieldElement: Sendable {
    /// The lowest limb, of weight 1.
    public var l0: UInt64
    /// The limb of weight 2^51.
    public var l1: UInt64
    /// The limb of weight 2^102.
    public var l2: UInt64
    /// The limb of weight 2^153.
    public var l3: UInt64
    /// The limb of weight 2^204.
    public var l4: UInt64

    /// The limbs as they are, the lowest first.
    @inlinable @inline(__always)
    public init(_ l0: UInt64, _ l1: UInt64, _ l2: UInt64, _ l3: UInt64, _ l4: UInt64) {
        (self.l0, self.l1, self.l2, self.l3, self.l4) = (l0, l1, l2, l3, l4)
    }

    /// 0.
    public static let zero = FieldElement(0, 0, 0, 0, 0)
    /// 1.
    public static let one = FieldElement(1, 0, 0, 0, 0)

    @inlinable @inline(__always)
    static var mask: UInt64 { (1 << 51) - 1 }

    // MARK: Sums

    /// The limbs' bounds add up: a sum of up to seven tight elements is loose.
    @inlinable @inline(__always)
    public static func + (a: FieldElement, b: FieldElement) -> FieldElement {
        FieldElement(a.l0 &+ b.l0, a.l1 &+ b.l1, a.l2 &+ b.l2, a.l3 &+ b.l3, a.l4 &+ b.l4)
    }

    /// a - b + 4p, whose limbs are above 2^53 - 2^7, so b may be a sum of two tight elements. The result's limbs are
    /// below the sum of a's bound and 2^53: it is loose if a is a sum of up to three tight elements.
    @inlinable @inline(__always)
    public static func - (a: FieldElement, b: FieldElement) -> FieldElement {
        FieldElement(
            a.l0 &+ 0x1f_ffff_ffff_ffb4 &- b.l0, a.l1 &+ 0x1f_ffff_ffff_fffc &- b.l1,
            a.l2 &+ 0x1f_ffff_ffff_fffc &- b.l2, a.l3 &+ 0x1f_ffff_ffff_fffc &- b.l3,
            a.l4 &+ 0x1f_ffff_ffff_fffc &- b.l4)
    }

    /// a - b for a loose b, by adding 16p; the result is tight.
    @inlinable @inline(__always)
    public static func minusLoose(_ a: FieldElement, _ b: FieldElement) -> FieldElement {
        FieldElement(
            a.l0 &+ 0x7f_ffff_ffff_fed0 &- b.l0, a.l1 &+ 0x7f_ffff_ffff_fff0 &- b.l1,
            a.l2 &+ 0x7f_ffff_ffff_fff0 &- b.l2, a.l3 &+ 0x7f_ffff_ffff_fff0 &- b.l3,
            a.l4 &+ 0x7f_ffff_ffff_fff0 &- b.l4
        ).carried
    }

    /// 0 - a for a loose a; the result is tight.
    @inlinable @inline(__always)
    public static prefix func - (a: FieldElement) -> FieldElement { minusLoose(.zero, a) }

    /// The same element with tight limbs, for limbs below 2^61: 19 times the carry of the highest is then below 2^15.
    @inlinable @inline(__always)
    public var carried: FieldElement {
        FieldElement(
            (l0 & Self.mask) &+ 19 &* (l4 >> 51), (l1 & Self.mask) &+ (l0 >> 51), (l2 & Self.mask) &+ (l1 >> 51),
            (l3 & Self.mask) &+ (l2 >> 51), (l4 & Self.mask) &+ (l3 >> 51))
    }

    // MARK: Products

    /// The product of loose factors; it is tight.
    @inlinable @inline(__always)
    public static func * (a: FieldElement, b: FieldElement) -> FieldElement {
        #if arch(wasm32)
            narrowProduct(a, b)
        #else
            wideProduct(a, b)
        #endif
    }

    /// The square of a loose element; it is tight.
    @inlinable @inline(__always)
    public var squared: FieldElement {
        #if arch(wasm32)
            Self.narrowSquare(self)
        #else
            Self.wideSquare(self)
        #endif
    }

    @inlinable @inline(__always)
    static func wide(_ a: UInt64, _ b: UInt64) -> UInt128 {
        UInt128(truncatingIfNeeded: a) &* UInt128(truncatingIfNeeded: b)
    }

    @inlinable @inline(__always)
    static func wideProduct(_ a: FieldElement, _ b: FieldElement) -> FieldElement {
        let (b1, b2, b3, b4) = (19 &* b.l1, 19 &* b.l2, 19 &* b.l3, 19 &* b.l4)
        let c0 = wide(a.l0, b.l0) &+ wide(a.l1, b4) &+ wide(a.l2, b3) &+ wide(a.l3, b2) &+ wide(a.l4, b1)
        let c1 = wide(a.l0, b.l1) &+ wide(a.l1, b.l0) &+ wide(a.l2, b4) &+ wide(a.l3, b3) &+ wide(a.l4, b2)
        let c2 = wide(a.l0, b.l2) &+ wide(a.l1, b.l1) &+ wide(a.l2, b.l0) &+ wide(a.l3, b4) &+ wide(a.l4, b3)
        let c3 = wide(a.l0, b.l3) &+ wide(a.l1, b.l2) &+ wide(a.l2, b.l1) &+ wide(a.l3, b.l0) &+ wide(a.l4, b4)
        let c4 = wide(a.l0, b.l4) &+ wide(a.l1, b.l3) &+ wide(a.l2, b.l2) &+ wide(a.l3, b.l1) &+ wide(a.l4, b.l0)
        return reduce(c0, c1, c2, c3, c4)
    }

    @inlinable @inline(__always)
    static func wideSquare(_ a: FieldElement) -> FieldElement {
        let (d0, d1, d2) = (2 &* a.l0, 2 &* a.l1, 2 &* a.l2)
        let (m3, m4) = (19 &* a.l3, 19 &* a.l4)
        let c0 = wide(a.l0, a.l0) &+ wide(d1, m4) &+ wide(d2, m3)
        let c1 = wide(d0, a.l1) &+ wide(d2, m4) &+ wide(a.l3, m3)
        let c2 = wide(d0, a.l2) &+ wide(a.l1, a.l1) &+ wide(2 &* a.l3, m4)
        let c3 = wide(d0, a.l3) &+ wide(d1, a.l2) &+ wide(a.l4, m4)
        let c4 = wide(d0, a.l4) &+ wide(d1, a.l3) &+ wide(a.l2, a.l2)
        return reduce(c0, c1, c2, c3, c4)
    }

    @inlinable @inline(__always)
    static func reduce(_ c0: UInt128, _ c1: UInt128, _ c2: UInt128, _ c3: UInt128, _ c4: UInt128) -> FieldElement {
        let d1 = c1 &+ (c0 >> 51)
        let d2 = c2 &+ (d1 >> 51)
        let d3 = c3 &+ (d2 >> 51)
        let d4 = c4 &+ (d3 >> 51)
        let l0 = (UInt64(truncatingIfNeeded: c0) & mask) &+ 19 &* UInt64(truncatingIfNeeded: d4 >> 51)
        return FieldElement(
            l0 & mask, (UInt64(truncatingIfNeeded: d1) & mask) &+ (l0 >> 51), UInt64(truncatingIfNeeded: d2) & mask,
            UInt64(truncatingIfNeeded: d3) & mask, UInt64(truncatingIfNeeded: d4) & mask)
    }

    /// self^(2^n).
    @inlinable
    public func squared(times n: Int) -> FieldElement {
        var power = self
        for _ in 0..<n { power = power.squared }
        return power
    }

    // MARK: Canonical form

    /// The limbs of the only representative below p, for tight or loose limbs.
    @inlinable
    public var canonical: FieldElement {
        var a = carried.carried
        // Now below 2p. q = 1 if the number is at least p: then adding 19 overflows 2^255.
        var q = (a.l0 &+ 19) >> 51
        q = (a.l1 &+ q) >> 51
        q = (a.l2 &+ q) >> 51
        q = (a.l3 &+ q) >> 51
        q = (a.l4 &+ q) >> 51
        a.l0 &+= 19 &* q
        a.l1 &+= a.l0 >> 51
        a.l2 &+= a.l1 >> 51
        a.l3 &+= a.l2 >> 51
        a.l4 &+= a.l3 >> 51
        return FieldElement(
            a.l0 & Self.mask, a.l1 & Self.mask, a.l2 & Self.mask, a.l3 & Self.mask, a.l4 & Self.mask)
    }

    /// Whether this is 0 modulo p.
    @inlinable
    public var isZero: Bool { zeroMask != 0 }

    /// The lowest bit of the canonical form; RFC 9496 section 3.1 calls an element negative if it is set.
    @inlinable
    public var isNegative: Bool { negativeMask != 0 }

    /// Whether two loose elements are the same modulo p.
    @inlinable
    public static func equal(_ a: FieldElement, _ b: FieldElement) -> Bool { minusLoose(a, b).isZero }

    // MARK: Choices without branches

    /// All ones for zero, otherwise no bit.
    @inlinable
    var zeroMask: UInt64 {
        let c = canonical
        let bits = c.l0 | c.l1 | c.l2 | c.l3 | c.l4
        return 0 &- ((~bits & (bits &- 1)) >> 63)
    }

    /// All ones for a negative element, otherwise no bit.
    @inlinable
    var negativeMask: UInt64 { 0 &- (canonical.l0 & 1) }

    /// `other` if the mask is all ones, self if it is zero.
    @inlinable @inline(__always)
    func replaced(by other: FieldElement, where mask: UInt64) -> FieldElement {
        FieldElement(
            l0 ^ (mask & (l0 ^ other.l0)), l1 ^ (mask & (l1 ^ other.l1)), l2 ^ (mask & (l2 ^ other.l2)),
            l3 ^ (mask & (l3 ^ other.l3)), l4 ^ (mask & (l4 ^ other.l4)))
    }

    @inlinable
    func negated(where mask: UInt64) -> FieldElement { replaced(by: -self, where: mask) }

    /// Whichever of the element and its negative is not negative.
    @inlinable
    public var absolute: FieldElement { negated(where: negativeMask) }

    /// Reads four little-endian words; bit 255 is ignored.
    @inlinable
    public init(words w: (UInt64, UInt64, UInt64, UInt64)) {
        self.init(
            w.0 & Self.mask, (w.0 >> 51 | w.1 << 13) & Self.mask, (w.1 >> 38 | w.2 << 26) & Self.mask,
            (w.2 >> 25 | w.3 << 39) & Self.mask, w.3 >> 12 & Self.mask)
    }

    /// Four little-endian words of the canonical form.
    @inlinable
    public var words: (UInt64, UInt64, UInt64, UInt64) {
        let c = canonical
        return (c.l0 | c.l1 << 51, c.l1 >> 13 | c.l2 << 38, c.l2 >> 26 | c.l3 << 25, c.l3 >> 39 | c.l4 << 12)
    }
}
