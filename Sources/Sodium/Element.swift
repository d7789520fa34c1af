import CSodium

/// An element of ristretto255 (RFC 9496) as its canonical 32-byte encoding. It may be the identity; for a key, a tag or
/// a base, decode with `init(decodingNonIdentity:)`.
@frozen
public struct Element: Hashable, Sendable {
    /// The canonical encoding.
    public let encoding: Bytes32

    init(unchecked encoding: Bytes32) { self.encoding = encoding }

    /// The group's identity, which is encoded as zeros.
    public static let identity = Element(unchecked: .zero)
    /// G, the group's generator.
    public static let generator = Element.generator(times: .one)

    /// Decodes a canonical encoding.
    /// - Throws: `SodiumError.notCanonicalElement`. libsodium 1.0.18 ignores bit 255, which would give every element a
    ///   second encoding (and every member a second tag), so that bit is checked here first.
    public init(decoding bytes: Bytes32) throws(SodiumError) {
        _ = Runtime.ready
        guard bytes.lastByte & 0x80 == 0,
            bytes.withPointer({ crypto_core_ristretto255_is_valid_point($0) }) == 1
        else { throw .notCanonicalElement }
        encoding = bytes
    }

    /// Decodes an element that must not be the identity.
    /// - Throws: also `SodiumError.identityElement`.
    public init(decodingNonIdentity bytes: Bytes32) throws(SodiumError) {
        try self.init(decoding: bytes)
        if isIdentity { throw .identityElement }
    }

    /// Whether this is the identity.
    public var isIdentity: Bool { encoding.isZero }

    /// The sum of two elements.
    public static func + (a: Element, b: Element) -> Element { combine(a, b, crypto_core_ristretto255_add) }
    /// The difference of two elements.
    public static func - (a: Element, b: Element) -> Element { combine(a, b, crypto_core_ristretto255_sub) }

    /// crypto_scalarmult_ristretto255 returns -1 if the result is the identity, after it has written its encoding
    /// (zeros). For a valid element that is not a failure.
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
