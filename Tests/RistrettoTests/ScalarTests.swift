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

    @Test("Weights have 128 bits and are not zero")
    func weights() {
        var seen: Set<[UInt64]> = []
        for _ in 0..<50 {
            let words = PublicScalar.randomWeight().words
            #expect(words.0 & 1 == 1 && words.2 == 0 && words.3 == 0)
            seen.insert([words.0, words.1])
        }
        #expect(seen.count == 50)
        #expect(seen.contains { $0[1] >> 60 != 0 })
    }

    @Test("Tensor sums give what products one by one give", arguments: Arithmetic.available)
    func tensors(_ arithmetic: Arithmetic) {
        // More pairs than a block, a number of columns that is no multiple of eight, the largest scalars.
        let (count, rows, columns) = (TensorSum.block + 3, 2, 9)
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
}
