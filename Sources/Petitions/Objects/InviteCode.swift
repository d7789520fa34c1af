// docs/protocol.md, section 4, "Invites"

import Sodium

/// seed[16] || pin[16] || check[3], in 56 characters of Crockford's base32, which a person can type.
struct InviteCode: ~Copyable {
    static let seedLength = 16
    static let pinLength = 16
    private static let checkLength = 3
    /// 35 bytes are exactly 56 characters of five bits.
    static let characters = 56
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    let seed: SecretBytes
    let pin: [UInt8]

    init(seed: consuming SecretBytes, pin: [UInt8]) {
        self.seed = seed
        self.pin = pin
    }

    /// The first 3 bytes of Digest("invite-check", seed || pin).
    private static func check(_ seed: borrowing SecretBytes, _ pin: [UInt8]) -> [UInt8] {
        Array(Domain.digest("invite-check", [], secret: seed, pin).bytes.prefix(checkLength))
    }

    /// Ignores case, hyphens and white space; reads O as 0, and I and L as 1.
    /// - Throws: `RuleViolation.inviteTyping`.
    init(parsing text: ArraySlice<UInt8>) throws(RuleViolation) {
        var bytes: [UInt8] = []
        var (bits, buffer, count) = (0, UInt32(0), 0)
        for character in text where !Self.isIgnored(character) {
            guard let value = Self.value(character), count < Self.characters else { throw .inviteTyping }
            count += 1
            buffer = buffer << 5 | UInt32(value)
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        guard count == Self.characters else { throw .inviteTyping }
        let pin = Array(bytes[Self.seedLength..<Self.seedLength + Self.pinLength])
        let check = Array(bytes[(Self.seedLength + Self.pinLength)...])
        var secret = Array(bytes[..<Self.seedLength])
        let seed = SecretBytes(moving: &secret)
        guard Self.check(seed, pin) == check else { throw .inviteTyping }
        self.init(seed: seed, pin: pin)
    }

    private static func isIgnored(_ character: UInt8) -> Bool {
        character == UInt8(ascii: "-") || character == 0x20 || (0x09...0x0d).contains(character)
    }

    /// Compares with every letter of the alphabet, so that no memory is accessed at a place that depends on the code.
    private static func value(_ character: UInt8) -> UInt8? {
        let upper = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(character) ? character & 0xdf : character
        let letter: UInt8 =
            switch upper {
            case UInt8(ascii: "O"): UInt8(ascii: "0")
            case UInt8(ascii: "I"), UInt8(ascii: "L"): UInt8(ascii: "1")
            default: upper
            }
        var found: UInt8 = 0xff
        for (value, candidate) in alphabet.enumerated() {
            let differs = candidate ^ letter
            // All ones if they are equal.
            let mask = UInt8(truncatingIfNeeded: (UInt16(differs) &- 1) >> 8)
            found = found & ~mask | UInt8(value) & mask
        }
        return found == 0xff ? nil : found
    }

    /// In groups of four with hyphens.
    borrowing func text() -> String {
        let bytes = seed.reveal() + pin + Self.check(seed, pin)
        var code: [UInt8] = []
        var (bits, buffer) = (0, UInt32(0))
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                if code.count % 5 == 4 { code.append(UInt8(ascii: "-")) }
                code.append(Self.alphabet[Int(truncatingIfNeeded: buffer >> UInt32(bits)) & 31])
            }
        }
        return String(decoding: code, as: UTF8.self)
    }
}
