import Sodium
import Testing

@testable import Ristretto

@Suite("Public scalars are libsodium's")
struct ScalarTests {
    static let scalars: [Scalar] = [.zero, .one, -.one, Scalar(2), -Scalar(2)] + (0..<12).map { _ in .random() }

    @Test("Sums, differences and products")
    func arithmetic() {
        for a in Self.scalars {
            let x = PublicScalar(a)
            #expect(x.scalar == a)
            #expect((-x).scalar == -a)
            for b in Self.scalars {
                let y = PublicScalar(b)
                #expect((x + y).scalar == a + b)
                #expect((x - y).scalar == a - b)
                #expect((x * y).scalar == a * b)
            }
        }
        #expect(
            PublicScalar(words: (.max, .max, .max, .max)).scalar == PublicScalar(words: (.max, .max, .max, .max)).scalar
        )
        #expect(PublicScalar(words: (0xed, 0, 0, 0)).scalar == Scalar(0xed))
    }

    @Test("Any 256-bit number is taken modulo l")
    func reduction() {
        // 2^256 - 1 = (2^128 - 1)(2^128 + 1)
        let big = Scalar(.max) * Scalar(.max) + Scalar(.max) + Scalar(.max)
        #expect(PublicScalar(words: (.max, .max, .max, .max)).scalar == big * (big + Scalar(2)))
    }

    @Test("Weights have 128 bits and differ")
    func weights() {
        var seen: Set<[UInt64]> = []
        for _ in 0..<50 {
            let words = PublicScalar.randomWeight().words
            #expect(words.2 == 0 && words.3 == 0)
            seen.insert([words.0, words.1])
        }
        #expect(seen.count == 50)
        // Each of the 128 bits is set in some weight and clear in another.
        for word in 0..<2 {
            #expect(seen.reduce(0) { $0 | $1[word] } == .max && seen.reduce(.max) { $0 & $1[word] } == 0)
        }
    }

    @Test("Tensor sums give what products one by one give", arguments: Arithmetic.available)
    func tensors(_ arithmetic: Arithmetic) {
        // More pairs than a block, a number of columns that is not a multiple of eight, and the largest scalars.
        let (count, rows, columns) = (2 * TensorSum.block + 3, 3, 9)
        let left = (0..<count * rows).map { $0 % 3 == 0 ? -PublicScalar.one : PublicScalar(.random()) }
        let right = (0..<count * columns).map { $0 % 3 == 0 ? -PublicScalar.one : PublicScalar(.random()) }
        var sum = TensorSum(rows: rows, columns: columns, by: arithmetic)
        sum.add(count, left: left, right: right)
        var twice = sum
        twice.add(sum)
        var again = twice
        again.add(count, left: left, right: right)
        for r in 0..<rows {
            for c in 0..<columns {
                var expected = PublicScalar.zero
                for b in 0..<count { expected += left[b * rows + r] * right[b * columns + c] }
                #expect(sum.entry(r, c) == expected.words)
                #expect(twice.entry(r, c) == (expected + expected).words)
                #expect(again.entry(r, c) == (expected + expected + expected).words)
            }
        }
    }

    @Test("The moduli are coprime, and have room for the sums that are made")
    func moduli() {
        func divisor(_ a: UInt64, _ b: UInt64) -> UInt64 { b == 0 ? a : divisor(b, a % b) }
        let moduli = ResidueSystem.moduli
        #expect(moduli.count == ResidueSystem.count)
        for (i, q) in moduli.enumerated() {
            #expect(q < 1 << 26 && q > 1 << 26 - 1 << 9)
            #expect(moduli[..<i].allSatisfy { divisor($0, q) == 1 })
        }
        // Products are below l^2 < 2^504.1; the greatest allowed number of them stays below a third of the moduli's
        // product.
        let bits = moduli.reduce(0.0) { $0 + Double(26) + (Double($1) / 0x1p26 - 1) * 1.4427 }
        #expect(504.1 + 14 < bits - 1.585)
        // Residues are below 2^26, so their products are below 2^52, and the greatest allowed number of them fits a
        // word.
        #expect(
            UInt64(ResidueSystem.maximalUnreduced).multipliedReportingOverflow(by: (1 << 26 - 1) * (1 << 26 - 1))
                .overflow == false)
        for c in ResidueSystem.deficits {
            for x in [0, 1 << 26 - c, 1 << 26 - 1, 1 << 26, 1 << 58 - 1, 1 << 52 - 1] as [UInt64] {
                #expect(ResidueSystem.fold(x, c) < 1 << 26)
                #expect(ResidueSystem.fold(x, c) % (1 << 26 - c) == x % (1 << 26 - c))
            }
        }
    }

    @Test(
        "Sums of the most products that are allowed, of the largest scalars, come out right",
        arguments: Arithmetic.available)
    func largestSums(_ arithmetic: Arithmetic) {
        // Montgomery's form of these is l - 1, 1 and 0.
        let largest = PublicScalar(montgomery: PublicScalar.l0 - 1, PublicScalar.l1, 0, PublicScalar.l3)
        let scalars = [largest, PublicScalar(montgomery: 1, 0, 0, 0), .zero]
        var sum = TensorSum(rows: 3, columns: 3, by: arithmetic)
        let count = 1 << 10
        let many = (0..<count).flatMap { _ in scalars }
        for _ in 0..<ResidueSystem.maximalProducts / count { sum.add(count, left: many, right: many) }
        let factor = PublicScalar(UInt64(ResidueSystem.maximalProducts))
        for r in 0..<3 {
            for c in 0..<3 { #expect(sum.entry(r, c) == (factor * scalars[r] * scalars[c]).words) }
        }
    }
}
