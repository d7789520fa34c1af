import CSodium

/// Argon2id (RFC 9106) by libsodium's crypto_pwhash, with one lane.
public struct PasswordHash: Equatable, Sendable {
    /// The number of passes over the memory.
    public let passes: UInt64
    /// The amount of memory, in bytes.
    public let memory: UInt64
    /// 16 bytes.
    public let salt: [UInt8]

    /// Bounds for parameters that come from a file, so that a hostile file cannot take the machine's memory.
    public static let passesAllowed: ClosedRange<UInt64> = 1...16
    /// In bytes.
    public static let memoryAllowed: ClosedRange<UInt64> = 8192...(1 << 30)

    /// Nil if a parameter is outside its bounds, or the salt does not have 16 bytes.
    public init?(passes: UInt64, memory: UInt64, salt: [UInt8]) {
        guard Self.passesAllowed.contains(passes), Self.memoryAllowed.contains(memory), salt.count == 16 else {
            return nil
        }
        self.init(checkedPasses: passes, memory: memory, salt: salt)
    }

    private init(checkedPasses passes: UInt64, memory: UInt64, salt: [UInt8]) {
        (self.passes, self.memory, self.salt) = (passes, memory, salt)
    }

    /// RFC 9106 section 4's second recommended option, for machines that cannot spare 2 GiB: 3 passes over 64 MiB.
    public static func recommended() -> PasswordHash {
        PasswordHash(checkedPasses: 3, memory: 64 << 20, salt: Random.bytes(16))
    }

    /// Derives a key of 32 bytes.
    /// - Throws: `SodiumError.notEnoughMemory`.
    public func key(for passphrase: borrowing SecretBytes) throws(SodiumError) -> SecretBytes {
        var out = SecretBytes(zeros: 32)
        let code = passphrase.withUnsafeBytes { passphrase in
            out.withUnsafeMutableBytes { out in
                passphrase.withMemoryRebound(to: CChar.self) { text in
                    crypto_pwhash(
                        out.octets, 32, text.baseAddress!, UInt64(text.count), salt, passes, Int(clamping: memory),
                        crypto_pwhash_ALG_ARGON2ID13)
                }
            }
        }
        guard code == 0 else { throw .notEnoughMemory }
        return out
    }
}
