import CSodium

/// Secret bytes in libsodium's guarded memory: locked where the system allows it, surrounded by guard pages, wiped
/// when the value ends. It cannot be copied, printed or compared in variable time.
public struct SecretBytes: ~Copyable, @unchecked Sendable {
    // Safe to send: the memory belongs to this value alone, and changing it takes exclusive access.
    private let memory: UnsafeMutableRawPointer
    public let count: Int

    /// Zeros. A machine without memory for a key cannot go on.
    public init(zeros count: Int) {
        _ = Runtime.ready
        guard let memory = sodium_malloc(max(count, 1)) else {
            fatalError("no memory for a secret")
        }
        sodium_memzero(memory, max(count, 1))
        self.memory = memory
        self.count = count
    }

    /// `count` bytes of the system's generator.
    public static func random(_ count: Int) -> SecretBytes {
        var secret = SecretBytes(zeros: count)
        secret.withUnsafeMutableBytes { randombytes_buf($0.baseAddress!, count) }
        return secret
    }

    public init(copying bytes: UnsafeRawBufferPointer) {
        self.init(zeros: bytes.count)
        if let base = bytes.baseAddress { memory.copyMemory(from: base, byteCount: bytes.count) }
    }

    /// Takes the bytes over and wipes where they came from.
    public init(moving bytes: inout [UInt8]) {
        self.init(zeros: bytes.count)
        bytes.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return }
            memory.copyMemory(from: base, byteCount: raw.count)
            sodium_memzero(base, raw.count)
        }
        bytes = []
    }

    /// Bytes that were a secret and are public now: a released seal key.
    public init(_ bytes: Bytes32) {
        self.init(zeros: 32)
        bytes.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress!, byteCount: 32) }
    }

    /// Public bytes followed by a secret.
    public init(_ prefix: [UInt8], _ secret: borrowing SecretBytes) {
        self.init(zeros: prefix.count + secret.count)
        prefix.withUnsafeBytes { if let base = $0.baseAddress { memory.copyMemory(from: base, byteCount: $0.count) } }
        secret.withUnsafeBytes { (memory + prefix.count).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    }

    deinit { sodium_free(memory) }

    public borrowing func withUnsafeBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: memory, count: count))
    }

    public mutating func withUnsafeMutableBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeMutableRawBufferPointer(start: memory, count: count))
    }

    /// A second holder of the same secret.
    public borrowing func duplicate() -> SecretBytes {
        withUnsafeBytes { SecretBytes(copying: $0) }
    }

    /// The bytes `range` as a secret of their own. Nil when they are not all there.
    public borrowing func slice(_ range: Range<Int>) -> SecretBytes? {
        guard range.lowerBound >= 0, range.upperBound <= count else { return nil }
        return withUnsafeBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// A copy in ordinary memory, for the one place that must hand it out (a released seal key, an invite's link).
    public borrowing func reveal() -> [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    /// Constant-time comparison.
    public static func equal(_ a: borrowing SecretBytes, _ b: borrowing SecretBytes) -> Bool {
        guard a.count == b.count else { return false }
        return a.withUnsafeBytes { left in
            b.withUnsafeBytes { right in sodium_memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0 }
        }
    }
}

/// What functions that have returned left of their secrets on this thread's stack, and in registers that were saved there.
public enum Stack {
    /// Wipes the next `count` bytes that a call would use (sodium_stackzero).
    public static func wipe(_ count: Int) { sodium_stackzero(count) }

    /// Wipes what proving and multiplying use: the deepest way below a secret was 11 KiB (`SecretSums` in lanes).
    public static func wipeAfterProver() { wipe(32_768) }
}

extension UnsafeRawBufferPointer {
    /// The buffer as libsodium takes it. Nil for an empty one, which only parameters that may be nil are given.
    var octets: UnsafePointer<UInt8>! { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}

extension UnsafeMutableRawBufferPointer {
    var octets: UnsafeMutablePointer<UInt8>! { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}
