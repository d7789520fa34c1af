import Sodium
import TestSupport
import Testing

@testable import Ristretto

@Suite("Points are decoded and encoded as libsodium does it, by every arithmetic")
struct PointTests {
    /// RFC 9496, Appendix A.3; the encodings of points of low order on the curve; p and numbers near it; the bits that
    /// libsodium ignores.
    static let hostile: [Bytes32] =
        GroupEncodings.bad
        + [
            "0000000000000000000000000000000000000000000000000000000000000080",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ].map { Bytes32(hex: $0)! }

    /// Whether libsodium, with a check of bit 255, accepts the encoding.
    private func isElement(_ bytes: Bytes32) -> Bool { (try? Element(decoding: bytes)) != nil }

    @Test("The same encodings are accepted, and come out again", arguments: Arithmetic.available)
    func decoding(_ arithmetic: Arithmetic) throws {
        var encodings = Self.hostile + [.zero, Element.generator.encoding]
        for _ in 0..<8 {
            let good = Element.generator(times: .random()).encoding
            encodings.append(good)
            encodings += good.bytes.flips().compactMap { Bytes32($0) }
        }
        encodings += (0..<40).map { _ in Random.bytes32() }
        var (accepted, refused) = (0, 0)
        for (bytes, point) in zip(encodings, AffinePoint.decode(encodings, by: arithmetic)) {
            #expect((point != nil) == isElement(bytes), "\(bytes.hex)")
            if let point {
                #expect(ExtendedPoint(point).encoding == bytes)
                accepted += 1
            } else {
                refused += 1
            }
        }
        #expect(accepted > 20 && refused > 100)
        for hostile in Self.hostile { #expect(!isElement(hostile), "\(hostile.hex)") }
        for count in [0, 1, 7, 8, 9, 15, 16, 17] {
            #expect(AffinePoint.decode(Array(encodings.suffix(count)), by: arithmetic).count == count)
        }
    }

    @Test("Sums, differences and doubles are libsodium's, the identity and a point's own opposite included")
    func additions() {
        let elements = [Element.identity, .generator, .generator(times: .random()), .generator(times: .random())]
        for a in elements {
            let p = ExtendedPoint(AffinePoint(a))
            #expect(p.doubled.encoding == (a + a).encoding)
            #expect(p.isIdentity == a.isIdentity)
            for b in elements {
                let q = AffinePoint(b)
                #expect((p + q).encoding == (a + b).encoding)
                #expect((p - q).encoding == (a - b).encoding)
                #expect((p + -q).encoding == (a - b).encoding)
                #expect((p + ExtendedPoint(q)).encoding == (a + b).encoding)
                #expect((p + -ExtendedPoint(q)).encoding == (a - b).encoding)
                #expect(ExtendedPoint.equal(p, ExtendedPoint(q)) == (a == b))
                #expect((p - q).isIdentity == (a == b))
            }
        }
        let points = elements.dropFirst().map { ExtendedPoint(AffinePoint($0)).doubled(times: 3) }
        for (affine, point) in zip(ExtendedPoint.affine(points), points) {
            #expect(ExtendedPoint(affine).encoding == point.encoding)
        }
        // Adding a point of order two, which the encoding ignores, does not change an element.
        let torsion = AffinePoint(x: .zero, y: -.one)
        #expect((ExtendedPoint(AffinePoint(.generator)) + torsion).encoding == Element.generator.encoding)
        #expect((ExtendedPoint.neutral + torsion).isIdentity)
    }
}
