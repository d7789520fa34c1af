/// Products for machines whose widest multiplication gives 64 bits (WebAssembly), and on which one of 128 bits is a
/// function call. Compiled everywhere, so that the tests can compare them with the others; the operators use them on
/// wasm32 only.
///
/// Each limb is split into its 26 low bits and the rest: a = E + 2^26 O, both with five limbs 2^51 apart. Then
///
///     a b = E E' + 2^26 ((E + O)(E' + O') - E E' - O O') + 2^52 O O'        (Karatsuba and Ofman, 1962)
///
/// is three products of five limbs each, modulo 2^255 - 19. 2^52 is twice one limb further.
///
/// For loose factors (below 2^54), E is below 2^26, O below 2^28 and E + O below 2^28.4. A limb of a product is at most
/// one product and four times 19 products: 77 * 2^56.8, below 2^63.1. The contribution of O O' is largest at the lowest
/// limb, 2 * 19 * 5 * 2^56, below 2^63.6; with E E' it stays below 2^63.7, so nothing here overflows. The tests use
/// loose factors at the bound.
extension FieldElement {
    @inlinable @inline(__always)
    static func narrowProduct(_ a: FieldElement, _ b: FieldElement) -> FieldElement {
        let (x, y) = (Halves(a), Halves(b))
        return joined(
            even: convolution(x.even, y.even), odd: convolution(x.odd, y.odd),
            sums: convolution(plainSum(x.even, x.odd), plainSum(y.even, y.odd)))
    }

    @inlinable @inline(__always)
    static func narrowSquare(_ a: FieldElement) -> FieldElement {
        let x = Halves(a)
        return joined(
            even: selfConvolution(x.even), odd: selfConvolution(x.odd),
            sums: selfConvolution(plainSum(x.even, x.odd)))
    }

    /// The low 26 bits of each limb, and the rest.
    @usableFromInline
    struct Halves {
        @usableFromInline let even: FieldElement
        @usableFromInline let odd: FieldElement

        @inlinable @inline(__always)
        init(_ a: FieldElement) {
            let low: UInt64 = 1 << 26 - 1
            even = FieldElement(a.l0 & low, a.l1 & low, a.l2 & low, a.l3 & low, a.l4 & low)
            odd = FieldElement(a.l0 >> 26, a.l1 >> 26, a.l2 >> 26, a.l3 >> 26, a.l4 >> 26)
        }
    }

    /// Adds limb by limb: the operands are five numbers, not an element.
    @inlinable @inline(__always)
    static func plainSum(_ a: FieldElement, _ b: FieldElement) -> FieldElement { a + b }

    /// Multiplies five small numbers by five others; what goes beyond the fifth place wraps around to the first, times
    /// 19.
    @inlinable @inline(__always)
    static func convolution(_ a: FieldElement, _ b: FieldElement) -> FieldElement {
        let (n1, n2, n3, n4) = (19 &* b.l1, 19 &* b.l2, 19 &* b.l3, 19 &* b.l4)
        return FieldElement(
            a.l0 &* b.l0 &+ a.l1 &* n4 &+ a.l2 &* n3 &+ a.l3 &* n2 &+ a.l4 &* n1,
            a.l0 &* b.l1 &+ a.l1 &* b.l0 &+ a.l2 &* n4 &+ a.l3 &* n3 &+ a.l4 &* n2,
            a.l0 &* b.l2 &+ a.l1 &* b.l1 &+ a.l2 &* b.l0 &+ a.l3 &* n4 &+ a.l4 &* n3,
            a.l0 &* b.l3 &+ a.l1 &* b.l2 &+ a.l2 &* b.l1 &+ a.l3 &* b.l0 &+ a.l4 &* n4,
            a.l0 &* b.l4 &+ a.l1 &* b.l3 &+ a.l2 &* b.l2 &+ a.l3 &* b.l1 &+ a.l4 &* b.l0)
    }

    @inlinable @inline(__always)
    static func selfConvolution(_ a: FieldElement) -> FieldElement {
        let (d0, d1, d2) = (2 &* a.l0, 2 &* a.l1, 2 &* a.l2)
        let (n3, n4) = (19 &* a.l3, 19 &* a.l4)
        return FieldElement(
            a.l0 &* a.l0 &+ d1 &* n4 &+ d2 &* n3, d0 &* a.l1 &+ d2 &* n4 &+ a.l3 &* n3,
            d0 &* a.l2 &+ a.l1 &* a.l1 &+ 2 &* a.l3 &* n4, d0 &* a.l3 &+ d1 &* a.l2 &+ a.l4 &* n4,
            d0 &* a.l4 &+ d1 &* a.l3 &+ a.l2 &* a.l2)
    }

    /// Combines the three products, and carries from the lowest half limb to the highest, and from there to the lowest.
    @inlinable @inline(__always)
    static func joined(even E: FieldElement, odd O: FieldElement, sums S: FieldElement) -> FieldElement {
        let (low, high): (UInt64, UInt64) = (1 << 26 - 1, 1 << 25 - 1)
        let e0 = E.l0 &+ 38 &* O.l4
        let o0 = S.l0 &- E.l0 &- O.l0 &+ (e0 >> 26)
        let e1 = E.l1 &+ 2 &* O.l0 &+ (o0 >> 25)
        let o1 = S.l1 &- E.l1 &- O.l1 &+ (e1 >> 26)
        let e2 = E.l2 &+ 2 &* O.l1 &+ (o1 >> 25)
        let o2 = S.l2 &- E.l2 &- O.l2 &+ (e2 >> 26)
        let e3 = E.l3 &+ 2 &* O.l2 &+ (o2 >> 25)
        let o3 = S.l3 &- E.l3 &- O.l3 &+ (e3 >> 26)
        let e4 = E.l4 &+ 2 &* O.l3 &+ (o3 >> 25)
        let o4 = S.l4 &- E.l4 &- O.l4 &+ (e4 >> 26)
        let l0 = (e0 & low) &+ (o0 & high) << 26 &+ 19 &* (o4 >> 25)
        return FieldElement(
            l0 & mask, ((e1 & low) | (o1 & high) << 26) &+ (l0 >> 51), (e2 & low) | (o2 & high) << 26,
            (e3 & low) | (o3 & high) << 26, (e4 & low) | (o4 & high) << 26)
    }
}
