import Testing

@testable import Ristretto

@Suite("The field modulo 2^255 - 19")
struct FieldTests {
    /// Elements at every boundary: around 0, p and 2^255, and with limbs as large as "loose" allows.
    static let edges: [FieldElement] = {
        let loose: UInt64 = 1 << 54 - 1
        let tight: UInt64 = 1 << 51 + 1 << 15 - 1
        let mask: UInt64 = 1 << 51 - 1
        return [
            .zero, .one, FieldElement(mask - 18, mask, mask, mask, mask),
            FieldElement(mask - 19, mask, mask, mask, mask),
            FieldElement(mask - 17, mask, mask, mask, mask), FieldElement(mask, mask, mask, mask, mask),
            FieldElement(tight, tight, tight, tight, tight), FieldElement(loose, loose, loose, loose, loose),
            FieldElement(loose, 0, 0, 0, 0), FieldElement(0, 0, 0, 0, loose), .d, .rootOfMinusOne,
        ]
    }()

    static func random() -> FieldElement {
        FieldElement(
            .random(in: 0..<1 << 52), .random(in: 0..<1 << 52), .random(in: 0..<1 << 52), .random(in: 0..<1 << 52),
            .random(in: 0..<1 << 52))
    }

    /// The product by doublings and sums alone: slow, and unlike the code under test.
    private func slowProduct(_ a: FieldElement, _ b: FieldElement) -> FieldElement {
        var product = FieldElement.zero
        let bits = b.words
        for word in [bits.3, bits.2, bits.1, bits.0] {
            for bit in (0..<64).reversed() {
                product = (product + product).carried
                if word >> UInt64(bit) & 1 == 1 { product = (product + a.carried).carried }
            }
        }
        return product
    }

    @Test("Products, squares and differences agree with sums, at the edges and at random")
    func products() {
        let elements = Self.edges + (0..<8).map { _ in Self.random() }
        for a in elements {
            #expect(FieldElement.equal(a.squared, a * a))
            #expect(FieldElement.equal(-a, FieldElement.zero - a.carried))
            #expect((a.carried + -a).isZero)
            for b in elements {
                #expect(FieldElement.equal(a * b, slowProduct(a, b)))
                #expect(FieldElement.equal(FieldElement.minusLoose(a.carried, b) + b.carried, a))
            }
        }
    }

    @Test("Products by halves of limbs are the others', limbs at every bound included")
    func narrow() {
        let tight: UInt64 = 1 << 51 + 1 << 15
        // Each limb at the boundaries of its halves, alone and together with all others.
        let limbs: [UInt64] = [0, 1, 1 << 26 - 1, 1 << 26, 1 << 51 - 1, 1 << 51, tight - 1, 1 << 53, 1 << 54 - 1]
        var elements = Self.edges
        for limb in limbs {
            elements.append(FieldElement(limb, limb, limb, limb, limb))
            elements.append(FieldElement(limb, 0, 0, 0, 0))
            elements.append(FieldElement(0, 0, 0, 0, limb))
            elements.append(FieldElement(0, limb, 0, 1 << 54 - 1, 0))
        }
        func loose() -> FieldElement {
            func limb() -> UInt64 { limbs.randomElement()! &+ .random(in: 0..<1 << 25) & (1 << 54 - 1) }
            return FieldElement(limb(), limb(), limb(), limb(), limb())
        }
        func isTight(_ a: FieldElement) -> Bool { [a.l0, a.l1, a.l2, a.l3, a.l4].allSatisfy { $0 < tight } }
        elements += (0..<40).map { _ in loose() } + (0..<20).map { _ in Self.random() }
        for a in elements {
            let square = FieldElement.narrowSquare(a)
            #expect(square.words == FieldElement.wideSquare(a).words && isTight(square))
            for b in elements {
                let product = FieldElement.narrowProduct(a, b)
                #expect(product.words == FieldElement.wideProduct(a, b).words && isTight(product))
            }
        }
    }

    @Test("The canonical form is below p, and the same for all representations of an element")
    func canonical() {
        let mask: UInt64 = 1 << 51 - 1
        let p = FieldElement(mask - 18, mask, mask, mask, mask)
        #expect(p.isZero)
        #expect(FieldElement(mask - 17, mask, mask, mask, mask).words == (1, 0, 0, 0))
        #expect(FieldElement(mask, mask, mask, mask, mask).words == (18, 0, 0, 0))
        for a in Self.edges + (0..<50).map({ _ in Self.random() }) {
            #expect(FieldElement(words: a.words).words == a.words)
            #expect((a.carried + p).words == a.words)
            #expect(a.words.3 >> 63 == 0)
            #expect(a.isNegative == (a.words.0 & 1 == 1))
        }
    }

    @Test("Inverses invert, roots are roots, and what is no square is told apart")
    func roots() {
        var squares = 0
        for a in (0..<20).map({ _ in Self.random() }) {
            #expect(FieldElement.equal(a * a.inverse, .one))
            let b = Self.random()
            let (isSquare, root) = FieldElement.rootOfRatio(a, b)
            let expected = isSquare ? a : a * FieldElement.rootOfMinusOne
            #expect(FieldElement.equal(root.squared * b, expected))
            #expect(!root.isNegative)
            squares += isSquare ? 1 : 0
            #expect(FieldElement.rootOfRatio(a.squared, b.squared).wasSquare)
        }
        #expect((1..<20).contains(squares))
        #expect(FieldElement.rootOfRatio(.zero, .one).wasSquare)
        #expect(!FieldElement.rootOfRatio(.one, .zero).wasSquare)
        #expect(FieldElement.zero.inverse.isZero)
        var some = (0..<9).map { _ in Self.random() }
        let before = some
        FieldElement.invert(&some)
        for (a, b) in zip(some, before) { #expect(FieldElement.equal(a * b, .one)) }
    }
}
