// RFC 9496, section 4.3

import Sodium

extension AffinePoint {
    /// Decodes the canonical encoding of an element, including the identity's (section 4.3.1). Nil for anything else.
    public init?(decoding bytes: Bytes32) {
        guard let half = HalfDecoded(bytes), let point = half.finish(half.w7.powerP58) else { return nil }
        self = point
    }

    /// Decodes what is already known to be an element's encoding.
    public init(_ element: Element) {
        guard let point = AffinePoint(decoding: element.encoding) else {
            preconditionFailure("an element's encoding is canonical")
        }
        self = point
    }

    /// Decodes many encodings; nil for those that are not an element's.
    public static func decode(_ encodings: [Bytes32], by arithmetic: Arithmetic = .fastest) -> [AffinePoint?] {
        switch arithmetic {
        case .portable: HalfDecoded.finish(encodings.map { HalfDecoded($0) })
        case .lanes: Lanes.decode(encodings)
        }
    }
}

/// Decoding up to its one long power, which is then computed for two at a time.
private struct HalfDecoded {
    private let s: FieldElement
    private let u1: FieldElement
    private let u2: FieldElement
    private let v: FieldElement
    /// v u2^2, whose inverse root is needed; below, its third power and its seventh.
    private let w: FieldElement
    private let w3: FieldElement
    let w7: FieldElement

    /// Nil unless the bytes are a nonnegative number below p.
    init?(_ bytes: Bytes32) {
        let words = bytes.littleEndianWords
        s = FieldElement(words: words)
        guard words == s.words, words.0 & 1 == 0 else { return nil }
        let ss = s.squared
        u1 = FieldElement.one - ss
        u2 = FieldElement.one + ss
        let u2u2 = u2.squared
        v = FieldElement.minusLoose(-(FieldElement.d * u1.squared), u2u2)
        w = v * u2u2
        w3 = w.squared * w
        w7 = w3.squared * w
    }

    /// - Parameter power: w^7 to the power (p-5)/8.
    func finish(_ power: FieldElement) -> AffinePoint? {
        let (wasSquare, root) = FieldElement.root(of: .one, over: w, w3, power: power)
        let dx = root * u2
        let dy = root * dx * v
        let x = ((s + s) * dx).absolute
        let y = u1 * dy
        guard wasSquare, !(x * y).isNegative, !y.isZero else { return nil }
        return AffinePoint(x: x, y: y)
    }

    static func finish(_ halves: [HalfDecoded?]) -> [AffinePoint?] {
        var points = [AffinePoint?](repeating: nil, count: halves.count)
        let places = halves.indices.filter { halves[$0] != nil }
        for i in stride(from: 0, to: places.count, by: 2) {
            let (first, second) = (places[i], places[min(i + 1, places.count - 1)])
            guard let a = halves[first], let b = halves[second] else { continue }
            let power = FieldPair(a: a.w7, b: b.w7).powerP58
            points[first] = a.finish(power.a)
            points[second] = b.finish(power.b)
        }
        return points
    }
}

extension ExtendedPoint {
    /// The canonical encoding of the element that this represents (section 4.3.2). Computed without a branch: even if a
    /// sum is public, its coordinates may reveal how a prover's secret made it (Naccache, Smart and Stern, "Projective
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
