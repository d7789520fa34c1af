// docs/protocol.md, section 1; RFC 8446 section 3

import Sodium

/// Reads structures in the TLS presentation language. Missing bytes, bytes left over, and vectors of a length out of
/// range are errors.
package struct ByteReader {
    private let bytes: [UInt8]
    package private(set) var offset = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package mutating func take(_ count: Int) throws(RuleViolation) -> [UInt8] {
        guard count <= bytes.count - offset else { throw .encoding }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    package mutating func uint8() throws(RuleViolation) -> UInt8 { try UInt8(integer(1)) }
    package mutating func uint16() throws(RuleViolation) -> UInt16 { try UInt16(integer(2)) }
    package mutating func uint32() throws(RuleViolation) -> UInt32 { try UInt32(integer(4)) }
    package mutating func uint64() throws(RuleViolation) -> UInt64 { try integer(8) }

    private mutating func integer(_ width: Int) throws(RuleViolation) -> UInt64 {
        try take(width).reduce(0) { $0 << 8 | UInt64($1) }
    }

    package mutating func bytes32() throws(RuleViolation) -> Bytes32 {
        guard let value = Bytes32(try take(32)) else { throw .encoding }
        return value
    }

    package mutating func id<Subject>() throws(RuleViolation) -> ID<Subject> { ID(try bytes32()) }

    /// Reads a vector with a length field of one byte.
    package mutating func vector8(_ allowed: ClosedRange<Int>) throws(RuleViolation) -> [UInt8] {
        try vector(Int(uint8()), allowed)
    }

    package mutating func vector16(_ allowed: ClosedRange<Int>) throws(RuleViolation) -> [UInt8] {
        try vector(Int(uint16()), allowed)
    }

    package mutating func vector24(_ allowed: ClosedRange<Int>) throws(RuleViolation) -> [UInt8] {
        try vector(Int(clamping: integer(3)), allowed)
    }

    /// Reads a vector with a length field of four bytes; any length is allowed for which there are bytes.
    package mutating func vector32() throws(RuleViolation) -> [UInt8] {
        // An Int may have only 32 bits.
        guard let count = Int(exactly: try uint32()) else { throw .encoding }
        return try take(count)
    }

    private mutating func vector(_ count: Int, _ allowed: ClosedRange<Int>) throws(RuleViolation) -> [UInt8] {
        guard allowed.contains(count) else { throw .encoding }
        return try take(count)
    }

    /// The bytes read from `start` until now.
    package func consumed(from start: Int = 0) -> [UInt8] { Array(bytes[start..<offset]) }

    package var isAtEnd: Bool { offset == bytes.count }

    package func finish() throws(RuleViolation) {
        guard isAtEnd else { throw .trailingBytes }
    }
}

/// Writes the same structures.
package struct ByteWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func append(_ value: UInt8) { bytes.append(value) }
    package mutating func append(_ value: UInt16) { integer(UInt64(value), 2) }
    package mutating func append(_ value: UInt32) { integer(UInt64(value), 4) }
    package mutating func append(_ value: UInt64) { integer(value, 8) }
    package mutating func append(_ value: [UInt8]) { bytes += value }
    package mutating func append(_ value: Bytes32) { bytes += value.bytes }
    package mutating func append<Subject>(_ id: ID<Subject>) { bytes += id.bytes.bytes }

    private mutating func integer(_ value: UInt64, _ width: Int) {
        for i in (0..<width).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(i)))) }
    }

    package mutating func vector8(_ value: [UInt8]) {
        precondition(value.count < 1 << 8)
        integer(UInt64(value.count), 1)
        bytes += value
    }

    package mutating func vector16(_ value: [UInt8]) {
        precondition(value.count < 1 << 16)
        integer(UInt64(value.count), 2)
        bytes += value
    }

    package mutating func vector24(_ value: [UInt8]) {
        precondition(value.count < 1 << 24)
        integer(UInt64(value.count), 3)
        bytes += value
    }

    package mutating func vector32(_ value: [UInt8]) {
        append(UInt32(value.count))
        bytes += value
    }
}
