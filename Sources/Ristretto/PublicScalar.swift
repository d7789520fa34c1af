// RFC 9496, section 4.4; Montgomery, "Modular multiplication without trial division", Math. Comp. 1985

import Sodium

/// A public scalar modulo l, fast and in variable time. It is held as x * 2^256 mod l (Montgomery's form) in four
/// words.
@frozen
public struct PublicScalar: Sendable, Equatable {
    /// The lowest word of Montgomery's form.
    public var w0: UInt64
    /// The word of weight 2^64.
    public var w1: UInt64
    /// The word of weight 2^128.
    public var w2: UInt64
    /// The word of weight 2^192.
    public var w3: UInt64

    @inlinable @inline(__always)
    init(montgomery w0: UInt64, _ w1: UInt64, _ w2: UInt64, _ w3: UInt64) {
        (self.w0, self.w1, self.w2, self.w3) = (w0, w1, w2, w3)
    }

    /// 0.
    public static let zero = PublicScalar(montgomery: 0, 0, 0, 0)
    /// 1.
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

    /// A small number as a scalar.
    public init(_ value: UInt64) { self.init(words: (value, 0, 0, 0)) }

    /// The same scalar in Montgomery's form.
    public init(_ scalar: Scalar) { self.init(words: scalar.encoding.littleEndianWords) }

    /// Reads any 256-bit number and reduces it modulo l.
    @inlinable
    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self = PublicScalar(montgomery: words.0, words.1, words.2, words.3) * Self.square
    }

    /// The number itself, below l, in four little-endian words.
    @inlinable
    public var words: (UInt64, UInt64, UInt64, UInt64) {
        let reduced = WideSum(self).montgomeryReduced
        return (reduced.w0, reduced.w1, reduced.w2, reduced.w3)
    }

    /// The same scalar as libsodium takes it.
    public var scalar: Scalar {
        guard let scalar = try? Scalar(decoding: Bytes32(littleEndianWords: words)) else {
            preconditionFailure("words are below l")
        }
        return scalar
    }

    /// The sum modulo l.
    @inlinable
    public static func + (a: PublicScalar, b: PublicScalar) -> PublicScalar {
        var carry: UInt64 = 0
        let s0 = add(a.w0, b.w0, &carry)
        let s1 = add(a.w1, b.w1, &carry)
        let s2 = add(a.w2, b.w2, &carry)
        let s3 = add(a.w3, b.w3, &carry)
        return PublicScalar(montgomery: s0, s1, s2, s3).lessOrder
    }

    /// The difference modulo l.
    @inlinable
    public static func - (a: PublicScalar, b: PublicScalar) -> PublicScalar {
        var borrow: UInt64 = 0
        let d0 = subtract(a.w0, b.w0, &borrow)
        let d1 = subtract(a.w1, b.w1, &borrow)
        let d2 = subtract(a.w2, b.w2, &borrow)
        let d3 = subtract(a.w3, b.w3, &borrow)
        // Adds l if the difference is negative.
        let mask = 0 &- borrow
        var carry: UInt64 = 0
        let s0 = add(d0, l0 & mask, &carry)
        let s1 = add(d1, l1 & mask, &carry)
        let s2 = add(d2, 0, &carry)
        let s3 = add(d3, l3 & mask, &carry)
        return PublicScalar(montgomery: s0, s1, s2, s3)
    }

    /// The negative modulo l.
    @inlinable
    public static prefix func - (a: PublicScalar) -> PublicScalar { zero - a }

    /// The product modulo l.
    @inlinable
    public static func * (a: PublicScalar, b: PublicScalar) -> PublicScalar {
        // Takes one word of a at a time, and drops one word at the bottom; in between, the number stays below 2^257.
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

    /// Adds modulo l.
    @inlinable public static func += (a: inout PublicScalar, b: PublicScalar) { a = a + b }
    /// Subtracts modulo l.
    @inlinable public static func -= (a: inout PublicScalar, b: PublicScalar) { a = a - b }

    /// Subtracts l, unless the result would be negative.
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

    /// A fresh weight of 128 bits from the system's generator.
    public static func randomWeight() -> PublicScalar {
        let bytes = Random.bytes32().littleEndianWords
        return PublicScalar(words: (bytes.0, bytes.1, 0, 0))
    }
}

/// A number of five words, which is reduced modulo l only on request.
@usableFromInline
struct WideSum: Sendable {
    @usableFromInline var t: (UInt64, UInt64, UInt64, UInt64, UInt64)

    @usableFromInline @inline(__always)
    init(_ scalar: PublicScalar) { t = (scalar.w0, scalar.w1, scalar.w2, scalar.w3, 0) }

    /// s0 + 2^64 s1 + 2^128 s2 + 2^192 s3, below 2^320.
    @inline(__always)
    init(_ s0: UInt128, _ s1: UInt128, _ s2: UInt128, _ s3: UInt128) {
        let u1 = s1 &+ (s0 >> 64)
        let u2 = s2 &+ (u1 >> 64)
        let u3 = s3 &+ (u2 >> 64)
        func low(_ x: UInt128) -> UInt64 { UInt64(truncatingIfNeeded: x) }
        t = (low(s0), low(u1), low(u2), low(u3), low(u3 >> 64))
    }

    /// The number / 2^256 mod l.
    @usableFromInline
    var montgomeryReduced: PublicScalar {
        var t = t
        for _ in 0..<4 { PublicScalar.multiplyStep(0, .zero, &t) }
        return PublicScalar(montgomery: t.0, t.1, t.2, t.3).lessOrder
    }
}
