import ArgumentParser
import Foundation
import Ristretto
import Sodium

struct Basics: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "basics",
        abstract:
            "The operations that everything is made of, and libsodium's beside them: how fast this machine is just now."
    )

    func run() throws {
        let elements = (0..<16_384).map { _ in Element.generator(times: .random()) }
        let encodings = elements.map(\.encoding)
        let points = AffinePoint.decode(encodings).compactMap(\.self)
        let words = elements.map { _ in PublicScalar(Scalar.random()).words }
        var product = FieldElement.d
        let multiplication = median(1_000_000) { for _ in 0..<1_000_000 { product = product * FieldElement.twoD } }
        print(
            "field multiplication, portable     \(multiplication.text)   (\(product.isZero ? "wrong" : "checked in the tests"))"
        )
        let scalar = Scalar.random()
        print(
            "libsodium scalarmult_ristretto255  \(median(500) { for i in 0..<500 { use(scalar * elements[i]) } }.text)")
        print(
            "libsodium is_valid_point           \(median(500) { for i in 0..<500 { use(try? Element(decoding: encodings[i])) } }.text)"
        )
        for arithmetic in Arithmetic.available {
            print(
                "decode a point, \(arithmetic)",
                median(16_384) { use(AffinePoint.decode(encodings, by: arithmetic)) }.text, separator: "\t")
            for count in [1024, 16_384] {
                let (some, scalars) = (Array(points.prefix(count)), Array(words.prefix(count)))
                let time = median(count) { use(Multiscalar.sum(some, scalars, by: arithmetic)) }
                print("a point of a sum of \(count), \(arithmetic)", time.text, separator: "\t")
            }
            let (rows, columns, pairs) = (64, 256, 256)
            let left = (0..<pairs * rows).map { PublicScalar(words: words[$0]) }
            let right = (0..<pairs * columns).map { PublicScalar(words: words[$0 % words.count]) }
            let time = median(pairs * rows * columns) {
                var sum = TensorSum(rows: rows, columns: columns, by: arithmetic)
                sum.add(pairs, left: left, right: right)
                use(sum)
            }
            print("a product of two scalars, summed, \(arithmetic)", time.text, separator: "\t")
        }
    }

    @inline(never)
    private func use<T>(_ value: T) {}

    /// Nanoseconds for each of `count`.
    private func median(_ count: Int, _ body: () -> Void) -> Double {
        (0..<5).map { _ in
            let start = ContinuousClock.now
            body()
            return (ContinuousClock.now - start).nanoseconds / Double(count)
        }.sorted()[2]
    }
}
