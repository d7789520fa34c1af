import CSodium

/// A row of secret scalars in guarded memory, worked on in place. Every operation is constant-time in the values; the
/// positions are public. Arithmetic is libsodium's; `setEqual`, the masks of `add(when:)` and `writeDigits` are our own, and
/// Tests/ConstantTime watches them. One allocation serves a whole proof.
public struct SecretScalars: ~Copyable, Sendable {
    private var memory: SecretBytes
    public let count: Int

    /// Zeros.
    public init(count: Int) {
        memory = SecretBytes(zeros: 32 * count)
        self.count = count
    }

    /// One random scalar that is not zero: a ring key.
    public static func randomNonZero() -> SecretScalars {
        var row = SecretScalars(count: 1)
        row.memory.withUnsafeMutableBytes { crypto_core_ristretto255_scalar_random($0.octets) }
        return row
    }

    /// One scalar from 32 stored bytes. Nil unless it is reduced and not zero.
    public init?(storedKey bytes: borrowing SecretBytes) {
        guard bytes.count == 32 else { return nil }
        // Reduced means: reducing changes nothing. Constant-time, unlike a comparison with l.
        var wide = SecretBytes(zeros: 96)
        let valid = bytes.withUnsafeBytes { source in
            wide.withUnsafeMutableBytes { wide in
                wide.copyMemory(from: source)
                guard let base = wide.octets, let bytes = source.octets else { return false }
                crypto_core_ristretto255_scalar_reduce(base + 64, base)
                return sodium_memcmp(base + 64, bytes, 32) == 0 && sodium_is_zero(bytes, 32) == 0
            }
        }
        guard valid else { return nil }
        memory = bytes.duplicate()
        count = 1
    }

    /// The stored form of one scalar: 32 bytes.
    public borrowing func stored() -> SecretBytes { memory.duplicate() }

    /// All of them where they lie, 32 bytes each.
    package borrowing func withUnsafeBytes<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try memory.withUnsafeBytes(body)
    }

    private mutating func edit(_ body: (UnsafeMutablePointer<UInt8>) -> Void) {
        memory.withUnsafeMutableBytes { body($0.octets) }
    }

    private borrowing func at<R>(_ i: Int, _ body: (UnsafePointer<UInt8>) -> R) -> R {
        precondition(i >= 0 && i < count)
        return memory.withUnsafeBytes { body($0.octets + 32 * i) }
    }

    public mutating func set(_ i: Int, _ value: Scalar) {
        precondition(i >= 0 && i < count)
        edit { base in value.encoding.withPointer { (base + 32 * i).update(from: $0, count: 32) } }
    }

    public mutating func copy(_ i: Int, from other: borrowing SecretScalars, _ j: Int) {
        precondition(i >= 0 && i < count)
        other.at(j) { source in edit { ($0 + 32 * i).update(from: source, count: 32) } }
    }

    /// self[i] = self[j].
    public mutating func move(_ i: Int, _ j: Int) {
        precondition(min(i, j) >= 0 && max(i, j) < count)
        edit { ($0 + 32 * i).update(from: $0 + 32 * j, count: 32) }
    }

    /// self[i] = 1 when a == b, else 0, without a branch on either.
    public mutating func setEqual(_ i: Int, _ a: UInt32, _ b: UInt32) {
        precondition(i >= 0 && i < count)
        let difference = UInt64(a ^ b)
        let equal = UInt8(truncatingIfNeeded: (difference &- 1) >> 63)
        edit { base in
            (base + 32 * i).update(repeating: 0, count: 32)
            base[32 * i] = equal
        }
    }

    /// self[i] = 64 bytes of `wide`, from `offset`, modulo l.
    public mutating func reduce(_ i: Int, _ wide: borrowing SecretBytes) {
        precondition(i >= 0 && i < count && wide.count == 64)
        wide.withUnsafeBytes { wide in edit { crypto_core_ristretto255_scalar_reduce($0 + 32 * i, wide.octets) } }
    }

    public mutating func add(_ i: Int, _ a: Int, _ b: Int) { combine(i, a, b, crypto_core_ristretto255_scalar_add) }
    public mutating func subtract(_ i: Int, _ a: Int, _ b: Int) {
        combine(i, a, b, crypto_core_ristretto255_scalar_sub)
    }
    public mutating func multiply(_ i: Int, _ a: Int, _ b: Int) {
        combine(i, a, b, crypto_core_ristretto255_scalar_mul)
    }

    private mutating func combine(
        _ i: Int, _ a: Int, _ b: Int,
        _ operation: (UnsafeMutablePointer<UInt8>, UnsafePointer<UInt8>, UnsafePointer<UInt8>) -> Void
    ) {
        precondition(min(i, a, b) >= 0 && max(i, a, b) < count)
        edit { operation($0 + 32 * i, $0 + 32 * a, $0 + 32 * b) }
    }

    /// self[i] * element. The answer of libsodium, which tells whether the result is the identity, is not looked at:
    /// branching on it would tell which coefficients are zero.
    public borrowing func multiply(_ element: Element, by i: Int) -> Element {
        at(i) { n in
            Element(
                unchecked: Bytes32 { out in
                    element.encoding.withPointer { p in _ = crypto_scalarmult_ristretto255(out.baseAddress!, n, p) }
                })
        }
    }

    /// self[i] * G.
    public borrowing func multiplyGenerator(by i: Int) -> Element {
        at(i) { n in Element(unchecked: Bytes32 { out in _ = crypto_scalarmult_ristretto255_base(out.baseAddress!, n) })
        }
    }

    /// The digits of a scalar in base 16: sixty-four from -8 to 7.
    public static let digits = 64

    /// Writes self[i] in signed digits of base 16, the lowest first, to the places 0, `stride`, 2 * `stride`, ... of
    /// `target`. Without a branch or an address that depends on the scalar.
    public borrowing func writeDigits(of i: Int, to target: UnsafeMutablePointer<Int8>, stride: Int) {
        at(i) { bytes in
            var carry: Int8 = 0
            for place in 0..<Self.digits {
                let nibble = Int8(bitPattern: bytes[place >> 1] >> UInt8(4 * (place & 1)) & 15) &+ carry
                // Digits from 8 on borrow sixteen from the next; the last one has nothing to borrow, being at most 2.
                carry = (nibble &+ 8) >> 4
                target[place * stride] = nibble &- (carry << 4)
            }
        }
    }

    /// self[i] += self[a] when self[bit] is one, for self[bit] zero or one, without a branch on it.
    public mutating func add(_ i: Int, _ a: Int, when bit: Int, scratch: Int) {
        precondition(min(i, a, bit, scratch) >= 0 && max(i, a, bit, scratch) < count)
        edit { base in
            let mask = 0 &- base[32 * bit]
            for byte in 0..<32 { base[32 * scratch + byte] = base[32 * a + byte] & mask }
            crypto_core_ristretto255_scalar_add(base + 32 * i, base + 32 * i, base + 32 * scratch)
        }
    }

    /// self[i] as a public value, for the responses that a proof carries.
    public borrowing func reveal(_ i: Int) -> Scalar {
        at(i) { source in Scalar(unchecked: Bytes32 { $0.baseAddress!.update(from: source, count: 32) }) }
    }
}
