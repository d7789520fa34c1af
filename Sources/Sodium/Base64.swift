import CSodium

/// Base64 in libsodium's constant-time code, so that it may carry secrets (an invite) as well.
public enum Base64 {
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

    /// Nil for anything that `encode` would not have produced: other characters, missing or surplus padding, unused
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
