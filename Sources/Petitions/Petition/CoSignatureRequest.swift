// docs/protocol.md, section 7, "How a co-signature is sent"

/// What is posted to co-sign: the statement, and the sealed name when there is one.
///
///     struct { opaque statement<1..2^16-1>; opaque sealed_name<0..2^16-1>; } CoSignatureRequest;
public struct CoSignatureRequest: Sendable, Hashable {
    public static let maximalLength = 2 * (2 + maximalStatementLength)

    public let statement: [UInt8]
    public let sealedName: [UInt8]?

    public init(statement: [UInt8], sealedName: [UInt8]?) {
        (self.statement, self.sealedName) = (statement, sealedName)
    }

    public init(decoding bytes: [UInt8]) throws(RuleViolation) {
        var reader = ByteReader(bytes)
        statement = try reader.vector16(1...65_535)
        let name = try reader.vector16(0...65_535)
        sealedName = name.isEmpty ? nil : name
        try reader.finish()
    }

    public var encoding: [UInt8] {
        var writer = ByteWriter()
        writer.vector16(statement)
        writer.vector16(sealedName ?? [])
        return writer.bytes
    }
}
