import CSodium

/// Base64 by libsodium's constant-time code, so that it can also be used for secrets (an invite).
public enum Base64 {
    /// The alphabet and the padding.
    public enum Variant: Sendable {
        /// RFC 4648 section 4, padded.
        case standard
        /// RFC 4648 section 5, without padding.
        case urlUnpadded

        var code: Int32 {
            switch self {
            case .standard: sodium_base64_VARIANT_ORIGINAL
            case .urlUnpadded: sodium_base64_VARIANT_URLSAFE_NO_PADDING
            }
        }
    }

    /// Encodes any bytes.
    public static func encode(_ bytes: [UInt8], _ variant: Variant = .standard) -> String {
        let size = sodium_base64_encoded_len(bytes.count, variant.code)
        let text = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            buffer.withMemoryRebound(to: CChar.self) { chars in
                _ = sodium_bin2base64(chars.baseAddress!, size, bytes, bytes.count, variant.code)
            }
            filled = size - 1  // without the terminating zero
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Like `decode(_:)` for RFC 4648 section 4, but only for text that is not secret: in variable time, and many times
    /// as fast.
    public static func decode(published text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        guard let last = text.last else { return [] }
        let padding = last != UInt8(ascii: "=") ? 0 : text[text.endIndex - 2] == UInt8(ascii: "=") ? 2 : 1
        var bad: UInt32 = 0
        let bytes = text.withUnsafeBufferPointer { text in
            values.withUnsafeBufferPointer { values in
                [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { out, filled in
                    func value(_ i: Int) -> UInt32 { UInt32(values[Int(text[i])]) }
                    for group in 0..<text.count / 4 {
                        let isLast = group == text.count / 4 - 1
                        let third = isLast && padding == 2 ? 0 : value(4 * group + 2)
                        let fourth = isLast && padding > 0 ? 0 : value(4 * group + 3)
                        let (first, second) = (value(4 * group), value(4 * group + 1))
                        bad |= (first | second | third | fourth) & 0x80
                        let bits = first << 18 | second << 12 | third << 6 | fourth
                        // Bits that do not belong to any byte must be zero.
                        if isLast { bad |= bits & (1 << UInt32(8 * padding) - 1) }
                        out[3 * group] = UInt8(truncatingIfNeeded: bits >> 16)
                        out[3 * group + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                        out[3 * group + 2] = UInt8(truncatingIfNeeded: bits)
                    }
                    filled = text.count / 4 * 3 - padding
                }
            }
        }
        return bad == 0 ? bytes : nil
    }

    /// The value of each character; 0x80 for characters outside the alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0x80, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (i, character) in alphabet.utf8.enumerated() { values[Int(character)] = UInt8(i) }
        return values
    }()

    /// Nil for anything that `encode` would not have produced: other characters, missing or surplus padding, or unused
    /// bits that are not zero (RFC 4648 section 3.5).
    public static func decode(_ text: some StringProtocol, _ variant: Variant = .standard) -> [UInt8]? {
        let source = Array(text.utf8)
        let capacity = source.count / 4 * 3 + 3
        var length = 0
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, filled in
            source.withUnsafeBytes { raw in
                let chars = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
                var end: UnsafePointer<CChar>?
                let code =
                    source.isEmpty
                    ? 0
                    : sodium_base642bin(
                        buffer.baseAddress!, capacity, chars, source.count, nil, &length, &end, variant.code)
                failed = code != 0 || (end.map { $0 - chars! } ?? 0) != source.count
            }
            filled = failed ? 0 : length
        }
        guard !failed, Array(encode(bytes, variant).utf8) == source else { return nil }
        return bytes
    }
}
