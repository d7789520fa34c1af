// RFC 9496, section 4; Hisil, Wong, Carter and Dawson, "Twisted Edwards curves revisited", ASIACRYPT 2008

// Nothing here branches on a coordinate, except functions that return a Bool: the prover's sums of points are secret.

/// A decoded point in the form that additions need: (y + x, y - x, 2dxy), all tight. It has sixteen words, so one fills
/// two cache lines, and eight can be transposed into lanes.
@frozen
public struct AffinePoint: Sendable {
    /// y + x.
    public var sum: FieldElement
    /// y - x.
    public var difference: FieldElement
    /// 2dxy.
    public var product: FieldElement
    @usableFromInline var padding: UInt64 = 0

    /// The neutral element of the curve.
    public static let neutral = AffinePoint(sum: .one, difference: .one, product: .zero)

    /// The three values must be tight.
    @inlinable @inline(__always)
    public init(sum: FieldElement, difference: FieldElement, product: FieldElement) {
        (self.sum, self.difference, self.product) = (sum, difference, product)
    }

    /// The coordinates must be tight.
    @inlinable
    public init(x: FieldElement, y: FieldElement) {
        self.init(sum: (y + x).carried, difference: (y - x).carried, product: x * y * FieldElement.twoD)
    }

    /// The point's negative.
    @inlinable
    public static prefix func - (a: AffinePoint) -> AffinePoint {
        AffinePoint(sum: a.difference, difference: a.sum, product: -a.product)
    }
}

/// A point as (X : Y : Z : T) with x = X/Z, y = Y/Z, xy = T/Z, all tight.
@frozen
public struct ExtendedPoint: Sendable {
    /// xZ.
    public var X: FieldElement
    /// yZ.
    public var Y: FieldElement
    /// The common denominator.
    public var Z: FieldElement
    /// xyZ.
    public var T: FieldElement

    /// The neutral element of the curve.
    public static let neutral = ExtendedPoint(X: .zero, Y: .one, Z: .one, T: .zero)

    /// The coordinates must be tight.
    @inlinable @inline(__always)
    public init(X: FieldElement, Y: FieldElement, Z: FieldElement, T: FieldElement) {
        (self.X, self.Y, self.Z, self.T) = (X, Y, Z, T)
    }

    /// The same point with Z = 4.
    @inlinable
    public init(_ point: AffinePoint) {
        // 2x and 2y over 2, which avoids halving.
        let x = (point.sum - point.difference).carried
        let y = (point.sum + point.difference).carried
        let two = FieldElement(2, 0, 0, 0, 0)
        self.init(X: x * two, Y: y * two, Z: FieldElement(4, 0, 0, 0, 0), T: x * y)
    }

    /// The four products at the end of every addition: E = B - A, F = D - C, G = D + C, H = B + A. All four may be
    /// loose. In limbs, with t for a tight bound (2^51 + 2^15) and 2^53 for what a difference adds: A, B, C are
    /// products, so t; D is 2t, being twice a Z or twice a product; E is t + 2^53, F is 2t + 2^53, G is 3t, H is 2t;
    /// all are below 2^54. Subtrahends are t everywhere. In `doubled`, H is 2t and subtracted, and G is t + 2^53 and
    /// subtracted by `minusLoose`.
    @inlinable @inline(__always)
    init(E: FieldElement, F: FieldElement, G: FieldElement, H: FieldElement) {
        self.init(X: E * F, Y: G * H, Z: F * G, T: E * H)
    }

    /// The sum, by the formulas of Hisil et al.; complete, so any two points may be added.
    @inlinable @inline(__always)
    public static func + (p: ExtendedPoint, q: AffinePoint) -> ExtendedPoint {
        let (A, B, C) = ((p.Y - p.X) * q.difference, (p.Y + p.X) * q.sum, p.T * q.product)
        let D = p.Z + p.Z
        return ExtendedPoint(E: B - A, F: D - C, G: D + C, H: B + A)
    }

    /// The difference.
    @inlinable @inline(__always)
    public static func - (p: ExtendedPoint, q: AffinePoint) -> ExtendedPoint {
        let (A, B, C) = ((p.Y - p.X) * q.sum, (p.Y + p.X) * q.difference, p.T * q.product)
        let D = p.Z + p.Z
        return ExtendedPoint(E: B - A, F: D + C, G: D - C, H: B + A)
    }

    /// The sum of any two points.
    @inlinable
    public static func + (p: ExtendedPoint, q: ExtendedPoint) -> ExtendedPoint {
        let (A, B) = ((p.Y - p.X) * (q.Y - q.X), (p.Y + p.X) * (q.Y + q.X))
        let C = p.T * q.T * FieldElement.twoD
        let ZZ = p.Z * q.Z
        let D = ZZ + ZZ
        return ExtendedPoint(E: B - A, F: D - C, G: D + C, H: B + A)
    }

    /// The point's negative.
    @inlinable
    public static prefix func - (p: ExtendedPoint) -> ExtendedPoint {
        ExtendedPoint(X: -p.X, Y: p.Y, Z: p.Z, T: -p.T)
    }

    /// Twice the point.
    @inlinable
    public var doubled: ExtendedPoint {
        let (XX, YY, ZZ) = (X.squared, Y.squared, Z.squared)
        let H = YY + XX
        let G = YY - XX
        return ExtendedPoint(
            E: (X + Y).squared - H, F: FieldElement.minusLoose(ZZ + ZZ, G), G: G, H: H)
    }

    /// 2^n times the point.
    @inlinable
    public func doubled(times n: Int) -> ExtendedPoint {
        var point = self
        for _ in 0..<n { point = point.doubled }
        return point
    }

    /// Whether this represents ristretto255's identity: the coset of the neutral element.
    public var isIdentity: Bool { X.isZero || Y.isZero }

    /// Whether both represent the same element of ristretto255 (RFC 9496, section 4.5).
    public static func equal(_ p: ExtendedPoint, _ q: ExtendedPoint) -> Bool {
        FieldElement.equal(p.X * q.Y, p.Y * q.X) || FieldElement.equal(p.Y * q.Y, p.X * q.X)
    }

    /// The same points with Z = 1, by one inversion for all.
    public static func affine(_ points: [ExtendedPoint]) -> [AffinePoint] {
        var inverses = points.map { $0.Z }
        FieldElement.invert(&inverses)
        return zip(points, inverses).map { AffinePoint(x: $0.X * $1, y: $0.Y * $1) }
    }
}
