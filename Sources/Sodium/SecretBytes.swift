import CSodium

/// Secret bytes in libsodium's guarded memory: locked if the system allows it, surrounded by guard pages, and wiped
/// when the value's life ends. They cannot be copied, printed or compared in variable time.
public struct SecretBytes: ~Copyable, @unchecked Sendable {
    // Safe to send: the memory belongs to this value alone, and changing it requires exclusive access.
    private let memory: UnsafeMutableRawPointer
    /// Number of bytes.
    public let count: Int

    /// Zeros. Traps if the machine has no memory for them: it cannot go on without a key.
    public init(zeros count: Int) {
        _ = Runtime.ready
        guard let memory = sodium_malloc(max(count, 1)) else {
            fatalError("no memory for a secret")
        }
        sodium_memzero(memory, max(count, 1))
        self.memory = memory
        self.count = count
    }

    /// `count` bytes from the system's generator.
    public static func random(_ count: Int) -> SecretBytes {
        var secret = SecretBytes(zeros: count)
        secret.withUnsafeMutableBytes { randombytes_buf($0.baseAddress!, count) }
        return secret
    }

    /// A copy of the bytes; the caller wipes the original.
    public init(copying bytes: UnsafeRawBufferPointer) {
        self.init(zeros: bytes.count)
        if let base = bytes.baseAddress { memory.copyMemory(from: base, byteCount: bytes.count) }
    }

    /// Takes over the bytes, and wipes the array that they come from.
    public init(moving bytes: inout [UInt8]) {
        self.init(zeros: bytes.count)
        bytes.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return }
            memory.copyMemory(from: base, byteCount: raw.count)
            sodium_memzero(base, raw.count)
        }
        bytes = []
    }

    /// Bytes that were a secret and are public now, such as a released seal key.
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

    /// Reads the bytes where they are; the pointer is valid during the call only.
    public borrowing func withUnsafeBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeRawBufferPointer(start: memory, count: count))
    }

    /// Changes the bytes where they are; the pointer is valid during the call only.
    public mutating func withUnsafeMutableBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeMutableRawBufferPointer(start: memory, count: count))
    }

    /// A second copy of the secret, in guarded memory of its own.
    public borrowing func duplicate() -> SecretBytes {
        withUnsafeBytes { SecretBytes(copying: $0) }
    }

    /// A copy of the bytes in `range`, in guarded memory of its own. Nil if the range goes beyond the end.
    public borrowing func slice(_ range: Range<Int>) -> SecretBytes? {
        guard range.lowerBound >= 0, range.upperBound <= count else { return nil }
        return withUnsafeBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// A copy in ordinary memory, for the few places that must hand a secret out (a released seal key, an invite's
    /// link).
    public borrowing func reveal() -> [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    /// Compares in constant time.
    public static func equal(_ a: borrowing SecretBytes, _ b: borrowing SecretBytes) -> Bool {
        guard a.count == b.count else { return false }
        return a.withUnsafeBytes { left in
            b.withUnsafeBytes { right in sodium_memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0 }
        }
    }
}

/// Wipes secrets that functions which have returned left on this thread's stack, and in registers that were saved
/// there.
public enum Stack {
    /// Wipes the next `count` bytes that a call would use (sodium_stackzero).
    public static func wipe(_ count: Int) { sodium_stackzero(count) }

    /// Wipes what proving and multiplying use. The deepest measured use of the stack below a secret was 11 KiB
    /// (`SecretSums` in lanes).
    public static func wipeAfterProver() { wipe(32_768) }
}

extension UnsafeRawBufferPointer {
    /// The buffer in the form that libsodium takes. Nil if it is empty; it is then passed only to parameters that may
    /// be nil.
    var octets: UnsafePointer<UInt8>! { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}

extension UnsafeMutableRawBufferPointer {
    var octets: UnsafeMutablePointer<UInt8>! { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}
