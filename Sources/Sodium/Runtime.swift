import CSodium

/// What libsodium or an encoding refused.
public enum SodiumError: Error, Equatable, Sendable {
    case wrongLength(expected: Int, found: Int)
    case notCanonicalScalar
    case notCanonicalElement
    case identityElement
    case weakPublicKey
    case badSignature
    case cannotOpen
    case badPadding
    case notEnoughMemory
    case notBase64
    case notHex
}

/// The library itself: every entry into libsodium that needs its set-up goes through `ready`.
enum Runtime {
    /// `sodium_init` must come before the first `sodium_malloc` and before the generator is used. No signature is judged
    /// before the library has shown that it judges by this protocol's rule. These are fatal errors, not preconditions,
    /// because an optimised program keeps the reason of a precondition to itself.
    static let ready: Void = {
        guard sodium_init() >= 0 else { fatalError("libsodium cannot be initialised on this machine") }
        guard SignatureRule.isKeptByLibrary else {
            fatalError(
                "this libsodium verifies Ed25519 signatures by another rule (with the cofactor) than Round Robin's; "
                    + "use version 1.0.18 to 1.0.22")
        }
    }()
}

/// The system's random generator.
public enum Random {
    /// `count` unpredictable bytes. For values that will be public (nonces, salts, ids); secrets are made by
    /// `SecretBytes.random`.
    public static func bytes(_ count: Int) -> [UInt8] {
        _ = Runtime.ready
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            if let base = buffer.baseAddress { randombytes_buf(base, count) }
            filled = count
        }
    }

    /// 32 unpredictable bytes.
    public static func bytes32() -> Bytes32 {
        Bytes32 { buffer in
            _ = Runtime.ready
            randombytes_buf(buffer.baseAddress!, 32)
        }
    }

    /// A number below `bound`, without modulo bias. 0 when the bound is 0.
    public static func number(below bound: UInt32) -> UInt32 {
        _ = Runtime.ready
        return randombytes_uniform(bound)
    }
}
