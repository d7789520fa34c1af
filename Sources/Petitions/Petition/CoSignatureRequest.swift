// docs/protocol.md, section 7, "Requests"

import MembershipProofs

/// What is posted to co-sign: the statement, the sealed name when there is one, and zeros, so that every request of a petition
/// has one length, whatever is in it.
///
///     struct { opaque statement<1..2^16-1>; opaque sealed_name<0..2^16-1>; opaque zeros<0..2^16-1>; } CoSignatureRequest;
public struct CoSignatureRequest: Sendable, Hashable {
    public static let maximalLength = 3 * (2 + maximalStatementLength)

    public let statement: [UInt8]
    public let sealedName: [UInt8]?
    private let zeros: Int

    /// - Parameter length: of the whole encoding; shorter than it must be means without zeros.
    public init(statement: [UInt8], sealedName: [UInt8]?, length: Int = 0) {
        (self.statement, self.sealedName) = (statement, sealedName)
        zeros = min(max(0, length - 6 - statement.count - (sealedName?.count ?? 0)), 65_535)
    }

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

    public var encoding: [UInt8] {
        var writer = ByteWriter()
        writer.vector16(statement)
        writer.vector16(sealedName ?? [])
        writer.vector16([UInt8](repeating: 0, count: zeros))
        return writer.bytes
    }
}

extension PetitionLog {
    /// Bytes of every request to co-sign under the newest ring: as many as the longest, a co-signature with a name where the
    /// petition has levels for one.
    public var requestLength: Int {
        // Type, petition, epoch, action, sequence, tag, level, name digest; ballot and proof with their lengths.
        let statement = 1 + 32 + 2 + 1 + 4 + 32 + 1 + 32 + 2 + manifest.sealedBallotLength + 2 + Proof.length(for: ring)
        return 6 + statement + (manifest.levels.isEmpty ? 0 : manifest.sealedNameLength)
    }
}
