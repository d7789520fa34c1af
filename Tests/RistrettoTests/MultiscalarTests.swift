import Sodium
import Testing

@testable import Ristretto

@Suite("Sums of multiples are libsodium's, by every method and every arithmetic")
struct MultiscalarTests {
    private func expected(_ elements: [Element], _ scalars: [Scalar]) -> Element {
        zip(elements, scalars).reduce(.identity) { $0 + $1.1 * $1.0 }
    }

    private func check(_ elements: [Element], _ scalars: [Scalar], _ arithmetic: Arithmetic) {
        let points = elements.map { AffinePoint($0) }
        let words = scalars.map { PublicScalar($0).words }
        let sum = expected(elements, scalars)
        #expect(Multiscalar.sum(points, words, by: arithmetic).encoding == sum.encoding)
        #expect(Multiscalar.sum(points, words, by: arithmetic, onAllCores: true).encoding == sum.encoding)
    }

    @Test("Random terms, few and many", arguments: Arithmetic.available)
    func random(_ arithmetic: Arithmetic) {
        for count in [0, 1, 2, Multiscalar.fewest - 1, Multiscalar.fewest, 100] {
            check(
                (0..<count).map { _ in .generator(times: .random()) }, (0..<count).map { _ in .random() }, arithmetic)
        }
    }

    @Test(
        "Edges: zero, one, -1, powers of two; the identity, opposites, one point again and again",
        arguments: Arithmetic.available)
    func edges(_ arithmetic: Arithmetic) {
        let point = Element.generator(times: .random())
        let many = Multiscalar.fewest + 5
        var scalars: [Scalar] = [.zero, .one, -.one, Scalar(8), Scalar(1 << 63)]
        while scalars.count < many { scalars.append(scalars[scalars.count - 1] + scalars[scalars.count - 1]) }
        for count in [5, many] {
            let some = Array(scalars[..<count])
            check(Array(repeating: point, count: count), some, arithmetic)
            check(Array(repeating: .identity, count: count), some, arithmetic)
            check((0..<count).map { $0 % 2 == 0 ? point : .identity - point }, some, arithmetic)
            // All points in one bucket of each window.
            check(Array(repeating: point, count: count), Array(repeating: .random(), count: count), arithmetic)
            check(Array(repeating: point, count: count), Array(repeating: .zero, count: count), arithmetic)
        }
    }

    @Test("A table of multiples gives the same sums", arguments: Arithmetic.available, [1, 7, 65])
    func tables(_ arithmetic: Arithmetic, _ count: Int) {
        let elements = (0..<count).map { $0 % 9 == 8 ? Element.identity : .generator(times: .random()) }
        let table = MultiplesTable(elements.map { AffinePoint($0) })
        #expect(table.count == count)
        for scalars in [
            (0..<count).map { _ in Scalar.random() }, Array(repeating: .zero, count: count),
            Array(repeating: -.one, count: count),
        ] {
            let sum = table.sum(scalars.map { PublicScalar($0).words }, by: arithmetic)
            #expect(sum.encoding == expected(elements, scalars).encoding)
        }
    }

    @Test("Signed digits give the number back, for every width", arguments: 4...15)
    func digits(_ width: Int) {
        let scalars: [Scalar] = [.zero, .one, -.one, -Scalar(2), .random(), .random()]
        for scalar in scalars {
            let words = PublicScalar(scalar).words
            var value = PublicScalar.zero
            for digit in SignedDigits.of(words, width: width).reversed() {
                #expect(abs(Int(digit)) <= 1 << (width - 1))
                value = value * PublicScalar(1 << UInt64(width))
                value += digit < 0 ? -PublicScalar(UInt64(-Int(digit))) : PublicScalar(UInt64(digit))
            }
            #expect(value.scalar == scalar)
        }
    }

    @Test("The largest number that a width's digits hold loses no carry", arguments: 4...15)
    func largest(_ width: Int) {
        let bits = min(width * SignedDigits.count(width: width) - 1, 256)
        #expect(bits >= 253)
        let top = UInt64.max >> UInt64(256 - bits)
        for lowest in [UInt64.max, 0] {
            let words = (lowest, UInt64.max, UInt64.max, top)
            var value = PublicScalar.zero
            for digit in SignedDigits.of(words, width: width).reversed() {
                #expect((1 - 1 << (width - 1)...1 << (width - 1)).contains(Int(digit)))
                value = value * PublicScalar(1 << UInt64(width))
                value += digit < 0 ? -PublicScalar(UInt64(-Int(digit))) : PublicScalar(UInt64(digit))
            }
            #expect(value == PublicScalar(words: words))
        }
        // Clamped secrets of X25519 have 255 bits, and are written with width 4.
        if width == 4 { #expect(bits >= 255) }
    }
}
