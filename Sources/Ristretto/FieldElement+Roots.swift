// RFC 9496, sections 3.1 and 4.2

extension FieldElement {
    /// d of the curve -x^2 + y^2 = 1 + d x^2 y^2.
    public static let d = FieldElement(
        0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff)
    /// 2d.
    public static let twoD = (d + d).canonical
    /// SQRT_M1: the even square root of -1.
    public static let rootOfMinusOne = FieldElement(
        0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d)
    /// INVSQRT_A_MINUS_D: 1 / sqrt(-1 - d), the even root.
    static let inverseRootAMinusD = FieldElement(
        0x0fdaa805d40ea, 0x2eb482e57d339, 0x007610274bc58, 0x6510b613dc8ff, 0x786c8905cfaff)

    /// SQRT_RATIO_M1(u, v): whether u/v is a square, and the even root of u/v or of SQRT_M1 * u/v. Without a branch.
    public static func rootOfRatio(_ u: FieldElement, _ v: FieldElement) -> (wasSquare: Bool, root: FieldElement) {
        let v3 = v.squared * v
        return root(of: u, over: v, v3, power: (u * v3.squared * v).powerP58)
    }

    /// The same, given v^3 and (u v^7)^((p-5)/8).
    static func root(
        of u: FieldElement, over v: FieldElement, _ v3: FieldElement, power: FieldElement
    ) -> (wasSquare: Bool, root: FieldElement) {
        var root = u * v3 * power
        let check = v * root.squared
        let isRoot = minusLoose(check, u).zeroMask
        let isMinusRoot = (check + u).zeroMask
        let isMinusRootTimesI = (check + u * rootOfMinusOne).zeroMask
        root = root.replaced(by: root * rootOfMinusOne, where: isMinusRoot | isMinusRootTimesI)
        return (isRoot | isMinusRoot != 0, root.absolute)
    }

    /// 1 / each, with one inversion (Montgomery's trick). None may be zero.
    static func invert(_ elements: inout [FieldElement]) {
        guard !elements.isEmpty else { return }
        var products = [FieldElement.one]
        products.reserveCapacity(elements.count)
        for element in elements.dropLast() { products.append(products[products.count - 1] * element) }
        var inverse = (products[products.count - 1] * elements[elements.count - 1]).inverse
        for i in elements.indices.reversed() {
            let element = elements[i]
            elements[i] = inverse * products[i]
            inverse = inverse * element
        }
    }
}

/// Values that can be raised to the two powers that inversion and square roots need.
protocol FieldPowers {
    static func * (a: Self, b: Self) -> Self
    func squared(times n: Int) -> Self
}

extension FieldPowers {
    /// self^(2^250 - 1) and self^11: the start of both powers (the addition chain of the reference implementation).
    @inline(__always)
    private var start: (p250: Self, p11: Self) {
        let t0 = squared(times: 1)
        let t1 = self * t0.squared(times: 2)
        let p11 = t0 * t1
        let p5 = t1 * p11.squared(times: 1)
        let p10 = p5.squared(times: 5) * p5
        let p20 = p10.squared(times: 10) * p10
        let p40 = p20.squared(times: 20) * p20
        let p50 = p40.squared(times: 10) * p10
        let p100 = p50.squared(times: 50) * p50
        let p200 = p100.squared(times: 100) * p100
        return (p200.squared(times: 50) * p50, p11)
    }

    /// 1 / self; 0 for 0.
    @inline(__always)
    var inverted: Self {
        let (p250, p11) = start
        return p250.squared(times: 5) * p11
    }

    /// self^((p-5)/8).
    @inline(__always)
    var raisedP58: Self { start.p250.squared(times: 2) * self }
}

extension FieldElement: FieldPowers {
    /// 1 / self; 0 for 0.
    public var inverse: FieldElement { inverted }
    var powerP58: FieldElement { raisedP58 }
}

/// Two elements whose powers are computed side by side, because a processor that does one squaring after another keeps
/// waiting for itself.
struct FieldPair: FieldPowers {
    var a: FieldElement
    var b: FieldElement

    static func * (x: FieldPair, y: FieldPair) -> FieldPair { FieldPair(a: x.a * y.a, b: x.b * y.b) }

    func squared(times n: Int) -> FieldPair {
        var power = self
        for _ in 0..<n { power = FieldPair(a: power.a.squared, b: power.b.squared) }
        return power
    }

    var powerP58: FieldPair { raisedP58 }
}
