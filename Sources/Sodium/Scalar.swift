import CSodium

/// A public scalar modulo l, the order of ristretto255 (RFC 9496): 32 bytes, little-endian, reduced.
@frozen
public struct Scalar: Hashable, Sendable {
    /// The number below l, little-endian.
    public let encoding: Bytes32

    init(unchecked encoding: Bytes32) { self.encoding = encoding }

    /// 0.
    public static let zero = Scalar(unchecked: .zero)
    /// 1.
    public static let one = Scalar(1)

    /// l = 2^252 + 27742317777372353535851937790883648493, in little-endian words.
    private static var order: (UInt64, UInt64, UInt64, UInt64) {
        (0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000)
    }

    /// A small number as a scalar.
    public init(_ value: UInt64) {
        encoding = Bytes32 { buffer in
            for i in 0..<8 { buffer[i] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(i))) }
        }
    }

    /// Decodes a number below l.
    /// - Throws: `SodiumError.notCanonicalScalar` if the number is not below l; libsodium would not notice.
    public init(decoding bytes: Bytes32) throws(SodiumError) {
        let (w, l) = (bytes.littleEndianWords, Self.order)
        let reduced =
            if w.3 != l.3 { w.3 < l.3 } else if w.2 != l.2 { w.2 < l.2 } else if w.1 != l.1 { w.1 < l.1 } else {
                w.0 < l.0
            }
        guard reduced else { throw .notCanonicalScalar }
        encoding = bytes
    }

    /// Reduces a little-endian number of 64 bytes modulo l.
    public init(reducing wide: [UInt8]) {
        precondition(wide.count == 64)
        encoding = Bytes32 { crypto_core_ristretto255_scalar_reduce($0.baseAddress!, wide) }
    }

    /// A fresh scalar from the system's generator, for blinding in public computations.
    public static func random() -> Scalar { Scalar(reducing: Random.bytes(64)) }

    /// The sum modulo l.
    public static func + (a: Scalar, b: Scalar) -> Scalar { combine(a, b, crypto_core_ristretto255_scalar_add) }
    /// The difference modulo l.
    public static func - (a: Scalar, b: Scalar) -> Scalar { combine(a, b, crypto_core_ristretto255_scalar_sub) }
    /// The product modulo l.
    public static func * (a: Scalar, b: Scalar) -> Scalar { combine(a, b, crypto_core_ristretto255_scalar_mul) }
    /// The negative modulo l.
    public static prefix func - (a: Scalar) -> Scalar { zero - a }

    private static func combine(
        _ a: Scalar, _ b: Scalar,
        _ operation: (UnsafeMutablePointer<UInt8>, UnsafePointer<UInt8>, UnsafePointer<UInt8>) -> Void
    ) -> Scalar {
        Scalar(
            unchecked: Bytes32 { out in
                a.encoding.withPointer { a in b.encoding.withPointer { b in operation(out.baseAddress!, a, b) } }
            })
    }
}
