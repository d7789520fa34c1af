// RFC 9496, section 4.4; Montgomery, "Modular multiplication without trial division", Math. Comp. 1985

import Sodium

/// A public scalar modulo l, fast and in variable time. Held as x * 2^256 mod l (Montgomery's form) in four words.
@frozen
public struct PublicScalar: Sendable, Equatable {
    public var w0: UInt64
    public var w1: UInt64
    public var w2: UInt64
    public var w3: UInt64

    @inlinable @inline(__always)
    init(montgomery w0: UInt64, _ w1: UInt64, _ w2: UInt64, _ w3: UInt64) {
        (self.w0, self.w1, self.w2, self.w3) = (w0, w1, w2, w3)
    }

    public static let zero = PublicScalar(montgomery: 0, 0, 0, 0)
    public static let one = PublicScalar(1)

    // l = 2^252 + 27742317777372353535851937790883648493, its third word being zero.
    @inlinable @inline(__always) static var l0: UInt64 { 0x5812_631a_5cf5_d3ed }
    @inlinable @inline(__always) static var l1: UInt64 { 0x14de_f9de_a2f7_9cd6 }
    @inlinable @inline(__always) static var l3: UInt64 { 0x1000_0000_0000_0000 }
    /// -1/l modulo 2^64.
    @inlinable @inline(__always) static var negatedInverse: UInt64 { 0xd2b5_1da3_1254_7e1b }
    /// 2^512 mod l.
    @usableFromInline static let square = PublicScalar(
        montgomery: 0xa406_11e3_449c_0f01, 0xd00e_1ba7_6885_9347, 0xceec_73d2_17f5_be65, 0x0399_411b_7c30_9a3d)

    public init(_ value: UInt64) { self.init(words: (value, 0, 0, 0)) }

    public init(_ scalar: Scalar) { self.init(words: scalar.encoding.littleEndianWords) }

    /// From any 256-bit number, modulo l.
    @inlinable
    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self = PublicScalar(montgomery: words.0, words.1, words.2, words.3) * Self.square
    }

    /// The number itself, below l, in four little-endian words.
    @inlinable
    public var words: (UInt64, UInt64, UInt64, UInt64) {
        var t = WideSum()
        (t.t0, t.t1, t.t2, t.t3) = (w0, w1, w2, w3)
        let reduced = t.montgomeryReduced
        return (reduced.w0, reduced.w1, reduced.w2, reduced.w3)
    }

    public var scalar: Scalar {
        guard let scalar = try? Scalar(decoding: Bytes32(littleEndianWords: words)) else {
            preconditionFailure("words are below l")
        }
        return scalar
    }

    @inlinable
    public static func + (a: PublicScalar, b: PublicScalar) -> PublicScalar {
        var carry: UInt64 = 0
        let s0 = add(a.w0, b.w0, &carry)
        let s1 = add(a.w1, b.w1, &carry)
        let s2 = add(a.w2, b.w2, &carry)
        let s3 = add(a.w3, b.w3, &carry)
        return PublicScalar(montgomery: s0, s1, s2, s3).lessOrder
    }

    @inlinable
    public static func - (a: PublicScalar, b: PublicScalar) -> PublicScalar {
        var borrow: UInt64 = 0
        let d0 = subtract(a.w0, b.w0, &borrow)
        let d1 = subtract(a.w1, b.w1, &borrow)
        let d2 = subtract(a.w2, b.w2, &borrow)
        let d3 = subtract(a.w3, b.w3, &borrow)
        // Adds l when the difference is negative.
        let mask = 0 &- borrow
        var carry: UInt64 = 0
        let s0 = add(d0, l0 & mask, &carry)
        let s1 = add(d1, l1 & mask, &carry)
        let s2 = add(d2, 0, &carry)
        let s3 = add(d3, l3 & mask, &carry)
        return PublicScalar(montgomery: s0, s1, s2, s3)
    }

    @inlinable
    public static prefix func - (a: PublicScalar) -> PublicScalar { zero - a }

    @inlinable
    public static func * (a: PublicScalar, b: PublicScalar) -> PublicScalar {
        // A word of a at a time, and a word off the bottom; in between the number stays below 2^257.
        var t: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
        multiplyStep(a.w0, b, &t)
        multiplyStep(a.w1, b, &t)
        multiplyStep(a.w2, b, &t)
        multiplyStep(a.w3, b, &t)
        return PublicScalar(montgomery: t.0, t.1, t.2, t.3).lessOrder
    }

    /// t = (t + a b + q l) / 2^64, where q makes the lowest word vanish.
    @inlinable @inline(__always)
    static func multiplyStep(_ a: UInt64, _ b: PublicScalar, _ t: inout (UInt64, UInt64, UInt64, UInt64, UInt64)) {
        @inline(__always)
        func wide(_ x: UInt64, _ y: UInt64) -> UInt128 {
            UInt128(truncatingIfNeeded: x) &* UInt128(truncatingIfNeeded: y)
        }
        @inline(__always)
        func low(_ x: UInt128) -> UInt64 { UInt64(truncatingIfNeeded: x) }
        @inline(__always)
        func word(_ x: UInt64) -> UInt128 { UInt128(truncatingIfNeeded: x) }
        let s0 = word(t.0) &+ wide(a, b.w0)
        let s1 = word(t.1) &+ wide(a, b.w1) &+ (s0 >> 64)
        let s2 = word(t.2) &+ wide(a, b.w2) &+ (s1 >> 64)
        let s3 = word(t.3) &+ wide(a, b.w3) &+ (s2 >> 64)
        let s4 = word(t.4) &+ (s3 >> 64)
        let q = low(s0) &* negatedInverse
        let r0 = word(low(s0)) &+ wide(q, l0)
        let r1 = word(low(s1)) &+ wide(q, l1) &+ (r0 >> 64)
        let r2 = word(low(s2)) &+ (r1 >> 64)
        let r3 = word(low(s3)) &+ (word(q) << 60) &+ (r2 >> 64)
        let r4 = s4 &+ (r3 >> 64)
        t = (low(r1), low(r2), low(r3), low(r4), low(r4 >> 64))
    }

    @inlinable public static func += (a: inout PublicScalar, b: PublicScalar) { a = a + b }
    @inlinable public static func -= (a: inout PublicScalar, b: PublicScalar) { a = a - b }

    /// Minus l, unless that is negative.
    @inlinable
    var lessOrder: PublicScalar {
        var borrow: UInt64 = 0
        let d0 = Self.subtract(w0, Self.l0, &borrow)
        let d1 = Self.subtract(w1, Self.l1, &borrow)
        let d2 = Self.subtract(w2, 0, &borrow)
        let d3 = Self.subtract(w3, Self.l3, &borrow)
        return borrow == 1 ? self : PublicScalar(montgomery: d0, d1, d2, d3)
    }

    @inlinable @inline(__always)
    static func add(_ a: UInt64, _ b: UInt64, _ carry: inout UInt64) -> UInt64 {
        let sum = UInt128(truncatingIfNeeded: a) &+ UInt128(truncatingIfNeeded: b) &+ UInt128(truncatingIfNeeded: carry)
        carry = UInt64(truncatingIfNeeded: sum >> 64)
        return UInt64(truncatingIfNeeded: sum)
    }

    @inlinable @inline(__always)
    static func subtract(_ a: UInt64, _ b: UInt64, _ borrow: inout UInt64) -> UInt64 {
        let (d, first) = a.subtractingReportingOverflow(b)
        let (e, second) = d.subtractingReportingOverflow(borrow)
        borrow = first || second ? 1 : 0
        return e
    }

    /// A fresh weight: 128 bits from the system's generator.
    public static func randomWeight() -> PublicScalar {
        let bytes = Random.bytes32().littleEndianWords
        return PublicScalar(words: (bytes.0, bytes.1, 0, 0))
    }
}

/// A sum of products of scalars that is not reduced until it is asked for: nine words, room for 2^64 products.
@frozen
public struct WideSum: Sendable {
    @usableFromInline var t0: UInt64 = 0
    @usableFromInline var t1: UInt64 = 0
    @usableFromInline var t2: UInt64 = 0
    @usableFromInline var t3: UInt64 = 0
    @usableFromInline var t4: UInt64 = 0
    @usableFromInline var t5: UInt64 = 0
    @usableFromInline var t6: UInt64 = 0
    @usableFromInline var t7: UInt64 = 0
    @usableFromInline var t8: UInt64 = 0

    @inlinable
    public init() {}

    /// t + a * b + carry, the high half going to the carry.
    @inlinable @inline(__always)
    static func multiply(_ a: UInt64, _ b: UInt64, _ t: inout UInt64, _ carry: inout UInt64) {
        let sum =
            UInt128(truncatingIfNeeded: a) &* UInt128(truncatingIfNeeded: b) &+ UInt128(truncatingIfNeeded: t)
            &+ UInt128(truncatingIfNeeded: carry)
        t = UInt64(truncatingIfNeeded: sum)
        carry = UInt64(truncatingIfNeeded: sum >> 64)
    }

    @inlinable @inline(__always)
    static func carry(_ t: inout UInt64, _ carry: inout UInt64) { t = PublicScalar.add(t, 0, &carry) }

    /// Adds a * b.
    @inlinable @inline(__always)
    public mutating func add(_ a: PublicScalar, times b: PublicScalar) {
        var c: UInt64 = 0
        Self.multiply(a.w0, b.w0, &t0, &c)
        Self.multiply(a.w0, b.w1, &t1, &c)
        Self.multiply(a.w0, b.w2, &t2, &c)
        Self.multiply(a.w0, b.w3, &t3, &c)
        var p4 = c
        c = 0
        Self.multiply(a.w1, b.w0, &t1, &c)
        Self.multiply(a.w1, b.w1, &t2, &c)
        Self.multiply(a.w1, b.w2, &t3, &c)
        Self.multiply(a.w1, b.w3, &p4, &c)
        var p5 = c
        c = 0
        Self.multiply(a.w2, b.w0, &t2, &c)
        Self.multiply(a.w2, b.w1, &t3, &c)
        Self.multiply(a.w2, b.w2, &p4, &c)
        Self.multiply(a.w2, b.w3, &p5, &c)
        var p6 = c
        c = 0
        Self.multiply(a.w3, b.w0, &t3, &c)
        Self.multiply(a.w3, b.w1, &p4, &c)
        Self.multiply(a.w3, b.w2, &p5, &c)
        Self.multiply(a.w3, b.w3, &p6, &c)
        let p7 = c
        c = 0
        t4 = PublicScalar.add(t4, p4, &c)
        t5 = PublicScalar.add(t5, p5, &c)
        t6 = PublicScalar.add(t6, p6, &c)
        t7 = PublicScalar.add(t7, p7, &c)
        t8 = t8 &+ c
    }

    /// s0 + 2^64 s1 + 2^128 s2 + 2^192 s3.
    @usableFromInline @inline(__always)
    init(_ s0: UInt128, _ s1: UInt128, _ s2: UInt128, _ s3: UInt128) {
        self.init()
        let u1 = s1 &+ (s0 >> 64)
        let u2 = s2 &+ (u1 >> 64)
        let u3 = s3 &+ (u2 >> 64)
        (t0, t1) = (UInt64(truncatingIfNeeded: s0), UInt64(truncatingIfNeeded: u1))
        (t2, t3) = (UInt64(truncatingIfNeeded: u2), UInt64(truncatingIfNeeded: u3))
        t4 = UInt64(truncatingIfNeeded: u3 >> 64)
    }

    /// Adds a scalar's four words times one word.
    @inlinable @inline(__always)
    mutating func add(_ a: PublicScalar, times b: UInt64) {
        var c: UInt64 = 0
        Self.multiply(a.w0, b, &t0, &c)
        Self.multiply(a.w1, b, &t1, &c)
        Self.multiply(a.w2, b, &t2, &c)
        Self.multiply(a.w3, b, &t3, &c)
        t4 = t4 &+ c
    }

    /// One word off the bottom: (t + q l) / 2^64, where q makes the lowest word vanish.
    @inlinable @inline(__always)
    static func step(
        _ t0: UInt64, _ t1: inout UInt64, _ t2: inout UInt64, _ t3: inout UInt64, _ carry: inout UInt64
    ) {
        let q = t0 &* PublicScalar.negatedInverse
        var (c, lowest) = (UInt64(0), t0)
        multiply(q, PublicScalar.l0, &lowest, &c)
        multiply(q, PublicScalar.l1, &t1, &c)
        self.carry(&t2, &c)
        multiply(q, PublicScalar.l3, &t3, &c)
        carry = c
    }

    /// The sum divided by 2^256, modulo l and below 2^321: words 4 to 8 of what Montgomery's four steps leave.
    @inlinable @inline(__always)
    var shifted: WideSum {
        var t = self
        var carry: UInt64 = 0
        var (c4, c5, c6, c7) = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        Self.step(t.t0, &t.t1, &t.t2, &t.t3, &c4)
        Self.step(t.t1, &t.t2, &t.t3, &t.t4, &c5)
        // What the first step carried belongs to word 4.
        t.t4 = PublicScalar.add(t.t4, c4, &carry)
        c5 = c5 &+ carry
        carry = 0
        Self.step(t.t2, &t.t3, &t.t4, &t.t5, &c6)
        t.t5 = PublicScalar.add(t.t5, c5, &carry)
        c6 = c6 &+ carry
        carry = 0
        Self.step(t.t3, &t.t4, &t.t5, &t.t6, &c7)
        t.t6 = PublicScalar.add(t.t6, c6, &carry)
        t.t7 = PublicScalar.add(t.t7, c7, &carry)
        t.t8 = t.t8 &+ carry
        var result = WideSum()
        (result.t0, result.t1, result.t2, result.t3, result.t4) = (t.t4, t.t5, t.t6, t.t7, t.t8)
        return result
    }

    /// The sum / 2^256 mod l, for a sum below 2^256 l.
    @inlinable
    var montgomeryReduced: PublicScalar {
        let t = shifted
        return PublicScalar(montgomery: t.t0, t.t1, t.t2, t.t3).lessOrder
    }

}
