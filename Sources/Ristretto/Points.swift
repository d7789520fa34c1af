// RFC 9496, section 4; Hisil, Wong, Carter and Dawson, "Twisted Edwards curves revisited", ASIACRYPT 2008

// Nothing here branches on a coordinate but what returns a Bool: the prover adds points up whose sums are secret.

/// A decoded point as additions take it: (y + x, y - x, 2dxy), all tight. Sixteen words, so that one is two cache lines
/// and eight of them can be turned into lanes.
@frozen
public struct AffinePoint: Sendable {
    public var sum: FieldElement
    public var difference: FieldElement
    public var product: FieldElement
    @usableFromInline var padding: UInt64 = 0

    /// The neutral element of the curve.
    public static let neutral = AffinePoint(sum: .one, difference: .one, product: .zero)

    @inlinable @inline(__always)
    public init(sum: FieldElement, difference: FieldElement, product: FieldElement) {
        (self.sum, self.difference, self.product) = (sum, difference, product)
    }

    /// - Parameters: tight.
    @inlinable
    public init(x: FieldElement, y: FieldElement) {
        self.init(sum: (y + x).carried, difference: (y - x).carried, product: x * y * FieldElement.twoD)
    }

    @inlinable
    public static prefix func - (a: AffinePoint) -> AffinePoint {
        AffinePoint(sum: a.difference, difference: a.sum, product: -a.product)
    }
}

/// A point as (X : Y : Z : T) with x = X/Z, y = Y/Z, xy = T/Z, all tight.
@frozen
public struct ExtendedPoint: Sendable {
    public var X: FieldElement
    public var Y: FieldElement
    public var Z: FieldElement
    public var T: FieldElement

    public static let neutral = ExtendedPoint(X: .zero, Y: .one, Z: .one, T: .zero)

    @inlinable @inline(__always)
    public init(X: FieldElement, Y: FieldElement, Z: FieldElement, T: FieldElement) {
        (self.X, self.Y, self.Z, self.T) = (X, Y, Z, T)
    }

    @inlinable
    public init(_ point: AffinePoint) {
        // 2x and 2y over 2, which spares the halving.
        let x = (point.sum - point.difference).carried
        let y = (point.sum + point.difference).carried
        let two = FieldElement(2, 0, 0, 0, 0)
        self.init(X: x * two, Y: y * two, Z: FieldElement(4, 0, 0, 0, 0), T: x * y)
    }

    /// The four products behind every addition: E = B - A, F = D - C, G = D + C, H = B + A. All four may be loose. In limbs,
    /// with t for a tight bound (2^51 + 2^15) and 2^53 for what a difference adds: A, B, C are products, so t; D is 2t, being
    /// twice a Z or twice a product; E is t + 2^53, F is 2t + 2^53, G is 3t, H is 2t; all are below 2^54. What is subtracted
    /// is t everywhere. In `doubled` H is 2t and subtracted, G is t + 2^53 and subtracted by `minusLoose`.
    @inlinable @inline(__always)
    init(E: FieldElement, F: FieldElement, G: FieldElement, H: FieldElement) {
        self.init(X: E * F, Y: G * H, Z: F * G, T: E * H)
    }

    @inlinable @inline(__always)
    public static func + (p: ExtendedPoint, q: AffinePoint) -> ExtendedPoint {
        let (A, B, C) = ((p.Y - p.X) * q.difference, (p.Y + p.X) * q.sum, p.T * q.product)
        let D = p.Z + p.Z
        return ExtendedPoint(E: B - A, F: D - C, G: D + C, H: B + A)
    }

    @inlinable @inline(__always)
    public static func - (p: ExtendedPoint, q: AffinePoint) -> ExtendedPoint {
        let (A, B, C) = ((p.Y - p.X) * q.sum, (p.Y + p.X) * q.difference, p.T * q.product)
        let D = p.Z + p.Z
        return ExtendedPoint(E: B - A, F: D + C, G: D - C, H: B + A)
    }

    @inlinable
    public static func + (p: ExtendedPoint, q: ExtendedPoint) -> ExtendedPoint {
        let (A, B) = ((p.Y - p.X) * (q.Y - q.X), (p.Y + p.X) * (q.Y + q.X))
        let C = p.T * q.T * FieldElement.twoD
        let ZZ = p.Z * q.Z
        let D = ZZ + ZZ
        return ExtendedPoint(E: B - A, F: D - C, G: D + C, H: B + A)
    }

    @inlinable
    public static prefix func - (p: ExtendedPoint) -> ExtendedPoint {
        ExtendedPoint(X: -p.X, Y: p.Y, Z: p.Z, T: -p.T)
    }

    @inlinable
    public var doubled: ExtendedPoint {
        let (XX, YY, ZZ) = (X.squared, Y.squared, Z.squared)
        let H = YY + XX
        let G = YY - XX
        return ExtendedPoint(
            E: (X + Y).squared - H, F: FieldElement.minusLoose(ZZ + ZZ, G), G: G, H: H)
    }

    @inlinable
    public func doubled(times n: Int) -> ExtendedPoint {
        var point = self
        for _ in 0..<n { point = point.doubled }
        return point
    }

    /// Whether this stands for ristretto255's identity: the coset of the neutral element.
    public var isIdentity: Bool { X.isZero || Y.isZero }

    /// Whether both stand for the same element of ristretto255 (RFC 9496, section 4.5).
    public static func equal(_ p: ExtendedPoint, _ q: ExtendedPoint) -> Bool {
        FieldElement.equal(p.X * q.Y, p.Y * q.X) || FieldElement.equal(p.Y * q.Y, p.X * q.X)
    }

    /// All of them with Z = 1, by one inversion.
    public static func affine(_ points: [ExtendedPoint]) -> [AffinePoint] {
        var inverses = points.map { $0.Z }
        FieldElement.invert(&inverses)
        return zip(points, inverses).map { AffinePoint(x: $0.X * $1, y: $0.Y * $1) }
    }
}
