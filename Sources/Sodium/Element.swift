import CSodium

/// An element of ristretto255 (RFC 9496) as its canonical 32-byte encoding. It may be the identity; where a key, a tag
/// or a base is meant, decode with `init(decodingNonIdentity:)`.
@frozen
public struct Element: Hashable, Sendable {
    public let encoding: Bytes32

    init(unchecked encoding: Bytes32) { self.encoding = encoding }

    public static let identity = Element(unchecked: .zero)
    public static let generator = Element.generator(times: .one)

    /// - Throws: `SodiumError.notCanonicalElement`. libsodium 1.0.18 ignores bit 255, which would give every element a
    ///   second encoding (and every member a second tag), so that bit is checked here first.
    public init(decoding bytes: Bytes32) throws(SodiumError) {
        _ = Runtime.ready
        guard bytes.lastByte & 0x80 == 0,
            bytes.withPointer({ crypto_core_ristretto255_is_valid_point($0) }) == 1
        else { throw .notCanonicalElement }
        encoding = bytes
    }

    /// - Throws: also `SodiumError.identityElement`.
    public init(decodingNonIdentity bytes: Bytes32) throws(SodiumError) {
        try self.init(decoding: bytes)
        if isIdentity { throw .identityElement }
    }

    public var isIdentity: Bool { encoding.isZero }

    public static func + (a: Element, b: Element) -> Element { combine(a, b, crypto_core_ristretto255_add) }
    public static func - (a: Element, b: Element) -> Element { combine(a, b, crypto_core_ristretto255_sub) }

    /// crypto_scalarmult_ristretto255 answers -1 when the result is the identity, and has then written its encoding
    /// (zeros): with a valid element that answer is no failure.
    public static func * (scalar: Scalar, element: Element) -> Element {
        Element(
            unchecked: Bytes32 { out in
                scalar.encoding.withPointer { n in
                    element.encoding.withPointer { p in _ = crypto_scalarmult_ristretto255(out.baseAddress!, n, p) }
                }
            })
    }

    /// scalar * G.
    public static func generator(times scalar: Scalar) -> Element {
        Element(
            unchecked: Bytes32 { out in
                _ = Runtime.ready
                scalar.encoding.withPointer { _ = crypto_scalarmult_ristretto255_base(out.baseAddress!, $0) }
            })
    }

    private static func combine(
        _ a: Element, _ b: Element,
        _ operation: (UnsafeMutablePointer<UInt8>, UnsafePointer<UInt8>, UnsafePointer<UInt8>) -> Int32
    ) -> Element {
        Element(
            unchecked: Bytes32 { out in
                a.encoding.withPointer { a in b.encoding.withPointer { b in _ = operation(out.baseAddress!, a, b) } }
            })
    }
}
