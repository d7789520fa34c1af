import CSodium

/// Why libsodium, or an encoding's rule, rejected something.
public enum SodiumError: Error, Equatable, Sendable {
    case notCanonicalScalar
    case notCanonicalElement
    case identityElement
    case weakPublicKey
    case badSignature
    case cannotOpen
    case notEnoughMemory
}

/// The library itself. Every entry into libsodium that needs its initialisation goes through `ready`.
enum Runtime {
    /// `sodium_init` must come before the first `sodium_malloc` and before the generator is used. No signature is
    /// judged before the library has shown that it follows this protocol's rule. These are fatal errors rather than
    /// preconditions, because an optimised program does not print a precondition's reason.
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
    /// `count` unpredictable bytes, for values that will be public (nonces, salts, ids). Use `SecretBytes.random` for
    /// secrets.
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

    /// A number below `bound`, without modulo bias; 0 if the bound is 0.
    public static func number(below bound: UInt32) -> UInt32 {
        _ = Runtime.ready
        return randombytes_uniform(bound)
    }
}
