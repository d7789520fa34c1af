// RFC 9496, section 4.3

import Sodium

extension AffinePoint {
    /// Decodes the canonical encoding of an element, the identity's included (section 4.3.1). Nil for everything else.
    public init?(decoding bytes: Bytes32) {
        let words = bytes.littleEndianWords
        let s = FieldElement(words: words)
        // Canonical: below p, bit 255 clear; and not negative.
        guard words == s.words, words.0 & 1 == 0 else { return nil }
        let ss = s.squared
        let u1 = FieldElement.one - ss
        let u2 = FieldElement.one + ss
        let u2u2 = u2.squared
        let v = FieldElement.minusLoose(-(FieldElement.d * u1.squared), u2u2)
        let (wasSquare, root) = FieldElement.rootOfRatio(.one, v * u2u2)
        let dx = root * u2
        let dy = root * dx * v
        let x = ((s + s) * dx).absolute
        let y = u1 * dy
        guard wasSquare, !(x * y).isNegative, !y.isZero else { return nil }
        self.init(x: x, y: y)
    }

    /// Decodes what is already known to be an element.
    public init(_ element: Element) {
        guard let point = AffinePoint(decoding: element.encoding) else {
            preconditionFailure("an element's encoding is canonical")
        }
        self = point
    }

    /// Decodes many; nil in the place of what is no element.
    public static func decode(_ encodings: [Bytes32], by arithmetic: Arithmetic = .fastest) -> [AffinePoint?] {
        switch arithmetic {
        case .portable: encodings.map { AffinePoint(decoding: $0) }
        case .lanes: Lanes.decode(encodings)
        }
    }
}

extension ExtendedPoint {
    /// The canonical encoding of the element that this stands for (section 4.3.2). Without a branch: how a sum's
    /// coordinates came about may be a prover's secret, though the sum is not (Naccache, Smart and Stern, "Projective
    /// coordinates leak", EUROCRYPT 2004).
    public var encoding: Bytes32 {
        let u1 = (Z + Y) * (Z - Y)
        let u2 = X * Y
        let (_, root) = FieldElement.rootOfRatio(.one, u1 * u2.squared)
        let (den1, den2) = (root * u1, root * u2)
        let zInverse = den1 * den2 * T
        let rotate = (T * zInverse).negativeMask
        let x = X.replaced(by: Y * FieldElement.rootOfMinusOne, where: rotate)
        let rotated = Y.replaced(by: X * FieldElement.rootOfMinusOne, where: rotate)
        let denominator = den2.replaced(by: den1 * FieldElement.inverseRootAMinusD, where: rotate)
        let y = rotated.negated(where: (x * zInverse).negativeMask)
        let s = (denominator * FieldElement.minusLoose(Z, y)).absolute
        return Bytes32(littleEndianWords: s.words)
    }
}
