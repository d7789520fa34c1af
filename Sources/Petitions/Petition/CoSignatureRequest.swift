// docs/protocol.md, section 7, "Requests"

import MembershipProofs

/// The request body that co-signs: the statement, the sealed name if there is one, and zeros. The zeros give every
/// request under a ring the same length, whatever is in it.
///
///     struct { opaque statement<1..2^16-1>; opaque sealed_name<0..2^16-1>;
///              opaque zeros<0..2^16-1>; } CoSignatureRequest;
public struct CoSignatureRequest: Sendable, Hashable {
    /// The greatest length of the encoding, in bytes.
    public static let maximalLength = 3 * (2 + maximalStatementLength)

    /// The statement's exact bytes.
    public let statement: [UInt8]
    /// The sealed name; nil for none.
    public let sealedName: [UInt8]?
    private let zeros: Int

    /// A request with these contents.
    /// - Parameter length: of the whole encoding, in bytes. If the contents alone are as long or longer, no zeros are
    ///   added.
    public init(statement: [UInt8], sealedName: [UInt8]?, length: Int = 0) {
        (self.statement, self.sealedName) = (statement, sealedName)
        zeros = min(max(0, length - 6 - statement.count - (sealedName?.count ?? 0)), 65_535)
    }

    /// Decodes a request.
    /// - Throws: `RuleViolation` for any bytes that are not exactly one request.
    public init(decoding bytes: [UInt8]) throws(RuleViolation) {
        var reader = ByteReader(bytes)
        statement = try reader.vector16(1...65_535)
        let name = try reader.vector16(0...65_535)
        sealedName = name.isEmpty ? nil : name
        let padding = try reader.vector16(0...65_535)
        guard padding.allSatisfy({ $0 == 0 }) else { throw .encoding }
        zeros = padding.count
        try reader.finish()
    }

    /// The request's body.
    public var encoding: [UInt8] {
        var writer = ByteWriter()
        writer.vector16(statement)
        writer.vector16(sealedName ?? [])
        writer.vector16([UInt8](repeating: 0, count: zeros))
        return writer.bytes
    }
}

extension PetitionLog {
    /// Length of every request to co-sign under the newest ring, in bytes: that of the longest possible one, a
    /// co-signature with a name if the petition has levels.
    public var requestLength: Int {
        // Type, petition, epoch, action, sequence, tag, level, name digest; ballot and proof with their lengths.
        let statement = 1 + 32 + 2 + 1 + 4 + 32 + 1 + 32 + 2 + manifest.sealedBallotLength + 2 + Proof.length(for: ring)
        return 6 + statement + (manifest.levels.isEmpty ? 0 : manifest.sealedNameLength)
    }
}
