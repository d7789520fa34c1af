// docs/protocol.md, section 1; RFC 8446 section 3

import Sodium

/// Reads structures in the TLS presentation language. Everything that is left over, too long or too short is an error.
struct ByteReader {
    private let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func take(_ count: Int) throws(RuleViolation) -> [UInt8] {
        guard count <= bytes.count - offset else { throw .encoding }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    mutating func uint8() throws(RuleViolation) -> UInt8 { try UInt8(integer(1)) }
    mutating func uint16() throws(RuleViolation) -> UInt16 { try UInt16(integer(2)) }
    mutating func uint32() throws(RuleViolation) -> UInt32 { try UInt32(integer(4)) }
    mutating func uint64() throws(RuleViolation) -> UInt64 { try integer(8) }

    private mutating func integer(_ width: Int) throws(RuleViolation) -> UInt64 {
        try take(width).reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func bytes32() throws(RuleViolation) -> Bytes32 {
        guard let value = Bytes32(try take(32)) else { throw .encoding }
        return value
    }

    mutating func id<Subject>() throws(RuleViolation) -> ID<Subject> { ID(try bytes32()) }

    /// A vector whose length takes one byte.
    mutating func vector8(_ allowed: ClosedRange<Int>) throws(RuleViolation) -> [UInt8] {
        try vector(Int(uint8()), allowed)
    }

    mutating func vector16(_ allowed: ClosedRange<Int>) throws(RuleViolation) -> [UInt8] {
        try vector(Int(uint16()), allowed)
    }

    mutating func vector24(_ allowed: ClosedRange<Int>) throws(RuleViolation) -> [UInt8] {
        try vector(Int(integer(3)), allowed)
    }

    private mutating func vector(_ count: Int, _ allowed: ClosedRange<Int>) throws(RuleViolation) -> [UInt8] {
        guard allowed.contains(count) else { throw .encoding }
        return try take(count)
    }

    /// The bytes read so far from `start`.
    func consumed(from start: Int = 0) -> [UInt8] { Array(bytes[start..<offset]) }

    var isAtEnd: Bool { offset == bytes.count }
    var remaining: Int { bytes.count - offset }

    func finish() throws(RuleViolation) {
        guard isAtEnd else { throw .trailingBytes }
    }
}

/// Writes the same structures.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    init() {}

    mutating func append(_ value: UInt8) { bytes.append(value) }
    mutating func append(_ value: UInt16) { integer(UInt64(value), 2) }
    mutating func append(_ value: UInt32) { integer(UInt64(value), 4) }
    mutating func append(_ value: UInt64) { integer(value, 8) }
    mutating func append(_ value: [UInt8]) { bytes += value }
    mutating func append(_ value: Bytes32) { bytes += value.bytes }
    mutating func append<Subject>(_ id: ID<Subject>) { bytes += id.bytes.bytes }

    private mutating func integer(_ value: UInt64, _ width: Int) {
        for i in (0..<width).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(i)))) }
    }

    mutating func vector8(_ value: [UInt8]) {
        precondition(value.count < 1 << 8)
        integer(UInt64(value.count), 1)
        bytes += value
    }

    mutating func vector16(_ value: [UInt8]) {
        precondition(value.count < 1 << 16)
        integer(UInt64(value.count), 2)
        bytes += value
    }

    mutating func vector24(_ value: [UInt8]) {
        precondition(value.count < 1 << 24)
        integer(UInt64(value.count), 3)
        bytes += value
    }
}
