/// Thirty-two public bytes held in place: a key, a digest, an id. They are compared in variable time, so never use them
/// for a secret.
@frozen
public struct Bytes32: Hashable, Sendable {
    @usableFromInline var a: UInt64
    @usableFromInline var b: UInt64
    @usableFromInline var c: UInt64
    @usableFromInline var d: UInt64

    /// 32 zeros.
    public static let zero = Bytes32()

    init() { (a, b, c, d) = (0, 0, 0, 0) }

    /// Passes `fill` a zeroed buffer of 32 bytes, and holds what it writes.
    public init(filling fill: (UnsafeMutableBufferPointer<UInt8>) -> Void) {
        self.init()
        withUnsafeMutableBytes(of: &self) { raw in
            raw.withMemoryRebound(to: UInt8.self) { fill($0) }
        }
    }

    /// Nil unless there are exactly 32 bytes.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        self = Self.array(bytes)[0]
    }

    /// Splits bytes into groups of thirty-two; an incomplete group at the end is dropped.
    public static func array(_ bytes: some Collection<UInt8>) -> [Bytes32] {
        let parts: [Bytes32]? = bytes.withContiguousStorageIfAvailable { buffer in
            let raw = UnsafeRawBufferPointer(buffer)
            return (0..<raw.count / 32).map { raw.loadUnaligned(fromByteOffset: 32 * $0, as: Bytes32.self) }
        }
        return parts ?? array(Array(bytes))
    }

    /// Nil unless the text is 64 lowercase hexadecimal digits.
    public init?(hex: some StringProtocol) {
        guard let bytes = Hex.decode(hex) else { return nil }
        self.init(bytes)
    }

    /// The bytes where they are; the pointer is valid during the call only.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try Swift.withUnsafeBytes(of: self, body)
    }

    func withPointer<R, E: Error>(_ body: (UnsafePointer<UInt8>) throws(E) -> R) throws(E) -> R {
        try withUnsafeBytes { (bytes) throws(E) in
            try body(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// Four little-endian words, the lowest first.
    @inlinable
    public var littleEndianWords: (UInt64, UInt64, UInt64, UInt64) {
        (UInt64(littleEndian: a), UInt64(littleEndian: b), UInt64(littleEndian: c), UInt64(littleEndian: d))
    }

    /// From four little-endian words, the lowest first.
    @inlinable
    public init(littleEndianWords w: (UInt64, UInt64, UInt64, UInt64)) {
        (a, b, c, d) = (w.0.littleEndian, w.1.littleEndian, w.2.littleEndian, w.3.littleEndian)
    }

    /// A copy of the 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
    /// 64 lowercase hexadecimal digits.
    public var hex: String { Hex.encode(bytes) }
    /// Whether all bytes are zero. Variable time.
    public var isZero: Bool { a | b | c | d == 0 }
    /// The byte at the highest index, which holds the top bits in little-endian encodings.
    public var lastByte: UInt8 { withUnsafeBytes { $0[31] } }
}

/// Lowercase hexadecimal.
public enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Two lowercase digits for each byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil unless the text is an even number of lowercase hexadecimal digits.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let utf8 = Array(text.utf8)
        guard utf8.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count / 2)
        for i in stride(from: 0, to: utf8.count, by: 2) {
            guard let high = value(utf8[i]), let low = value(utf8[i + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
