import CSodium

/// A row of secret scalars in guarded memory, which are changed in place. Every operation is constant-time in the
/// values; the positions are public. The arithmetic is libsodium's; `setEqual`, the masks of `add(when:)` and
/// `writeDigits` are our own, and Tests/ConstantTime watches them. One allocation serves a whole proof.
public struct SecretScalars: ~Copyable, Sendable {
    private var memory: SecretBytes
    /// Number of scalars.
    public let count: Int

    /// A row of zeros.
    public init(count: Int) {
        memory = SecretBytes(zeros: 32 * count)
        self.count = count
    }

    /// One random, nonzero scalar: a ring key.
    public static func randomNonZero() -> SecretScalars {
        var row = SecretScalars(count: 1)
        row.memory.withUnsafeMutableBytes { crypto_core_ristretto255_scalar_random($0.octets) }
        return row
    }

    /// One scalar from 32 stored bytes. Nil unless it is reduced and nonzero.
    public init?(storedKey bytes: borrowing SecretBytes) {
        guard bytes.count == 32 else { return nil }
        // A number is reduced if reducing it changes nothing. This is constant-time, unlike a comparison with l.
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

    /// The stored form of a single scalar: 32 bytes.
    public borrowing func stored() -> SecretBytes { memory.duplicate() }

    /// All scalars where they are, 32 bytes each.
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

    /// self[i] = value.
    public mutating func set(_ i: Int, _ value: Scalar) {
        precondition(i >= 0 && i < count)
        edit { base in value.encoding.withPointer { (base + 32 * i).update(from: $0, count: 32) } }
    }

    /// self[i] = other[j].
    public mutating func copy(_ i: Int, from other: borrowing SecretScalars, _ j: Int) {
        precondition(i >= 0 && i < count)
        other.at(j) { source in edit { ($0 + 32 * i).update(from: source, count: 32) } }
    }

    /// self[i] = self[j].
    public mutating func move(_ i: Int, _ j: Int) {
        precondition(min(i, j) >= 0 && max(i, j) < count)
        edit { ($0 + 32 * i).update(from: $0 + 32 * j, count: 32) }
    }

    /// self[i] = 1 if a == b, else 0, without a branch on either.
    public mutating func setEqual(_ i: Int, _ a: UInt32, _ b: UInt32) {
        precondition(i >= 0 && i < count)
        let difference = UInt64(a ^ b)
        let equal = UInt8(truncatingIfNeeded: (difference &- 1) >> 63)
        edit { base in
            (base + 32 * i).update(repeating: 0, count: 32)
            base[32 * i] = equal
        }
    }

    /// self[i] = the 64 bytes of `wide`, little-endian, modulo l.
    public mutating func reduce(_ i: Int, _ wide: borrowing SecretBytes) {
        precondition(i >= 0 && i < count && wide.count == 64)
        wide.withUnsafeBytes { wide in edit { crypto_core_ristretto255_scalar_reduce($0 + 32 * i, wide.octets) } }
    }

    /// self[i] = self[a] + self[b].
    public mutating func add(_ i: Int, _ a: Int, _ b: Int) { combine(i, a, b, crypto_core_ristretto255_scalar_add) }
    /// self[i] = self[a] - self[b].
    public mutating func subtract(_ i: Int, _ a: Int, _ b: Int) {
        combine(i, a, b, crypto_core_ristretto255_scalar_sub)
    }
    /// self[i] = self[a] * self[b].
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

    /// self[i] * element. libsodium's return value says whether the result is the identity; it is ignored, because a
    /// branch on it would reveal which coefficients are zero.
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

    /// The number of digits of a scalar in base 16, each from -8 to 7.
    public static let digits = 64

    /// Writes self[i] in signed digits of base 16, the lowest first, to the places 0, `stride`, 2 * `stride`, ... of
    /// `target`. No branch and no address depends on the scalar.
    public borrowing func writeDigits(of i: Int, to target: UnsafeMutablePointer<Int8>, stride: Int) {
        at(i) { bytes in
            var carry: Int8 = 0
            for place in 0..<Self.digits {
                let nibble = Int8(bitPattern: bytes[place >> 1] >> UInt8(4 * (place & 1)) & 15) &+ carry
                // Digits from 8 on borrow sixteen from the next; the last digit is at most 2, so it never borrows.
                carry = (nibble &+ 8) >> 4
                target[place * stride] = nibble &- (carry << 4)
            }
        }
    }

    /// self[i] += self[a] if self[bit] is one; self[bit] must be zero or one. There is no branch on it.
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
