// docs/protocol.md, section 4, "Petition log"

import Sodium

extension PetitionStatement {
    /// Opens a petition: its first leaf.
    /// - Parameter acceptances: one for each trustee, in the order of the manifest's keys.
    public static func open(
        _ manifest: Manifest, acceptances: [Acceptance], sequence: UInt32, by key: borrowing SigningKey
    ) throws(RuleViolation) -> PetitionStatement {
        var writer = ByteWriter()
        writer.append(Kind.opened.rawValue)
        writer.vector16(manifest.encoding)
        for acceptance in acceptances { writer.append(acceptance.encoding) }
        return try PetitionStatement(decoding: Authorship.sign(writer, sequence: sequence, by: key))
    }

    /// Extends the ring by members who were admitted since.
    public static func extendRing(
        of petition: ID<Petition>, _ step: RingExtension, sequence: UInt32, by key: borrowing SigningKey
    ) throws(RuleViolation) -> PetitionStatement {
        var writer = start(.ringExtended, petition)
        writer.append(step.epoch)
        writer.append(step.roster)
        writer.append(step.ringCount)
        writer.append(step.ringDigest)
        return try PetitionStatement(decoding: Authorship.sign(writer, sequence: sequence, by: key))
    }

    /// Closes a petition by an organiser's decision.
    /// - Parameters:
    ///   - size: of the petition's log, up to which it counts.
    ///   - root: of the petition's log at that size.
    public static func close(
        _ petition: ID<Petition>, size: UInt64, root: Bytes32, roster: RosterPoint, sequence: UInt32,
        by key: borrowing SigningKey
    ) throws(RuleViolation) -> PetitionStatement {
        var writer = start(.closed, petition)
        writer.append(size)
        writer.append(root)
        writer.append(UInt8(1))
        writer.append(roster)
        return try PetitionStatement(decoding: Authorship.sign(writer, sequence: sequence, by: key))
    }

    /// Closes a petition because its deadline has passed. Nobody signs this statement.
    public static func closeByDeadline(
        _ petition: ID<Petition>, size: UInt64, root: Bytes32
    ) throws(RuleViolation) -> PetitionStatement {
        var writer = start(.closed, petition)
        writer.append(size)
        writer.append(root)
        writer.append(UInt8(2))
        return try PetitionStatement(decoding: writer.bytes)
    }

    /// Publishes a trustee's secret of one key set.
    /// - Parameters:
    ///   - set: 0 for the ballots, 1... for the levels.
    ///   - trustee: from 1.
    public static func release(
        _ petition: ID<Petition>, set: UInt8, trustee: UInt8, secret: Bytes32
    ) throws(RuleViolation) -> PetitionStatement {
        var writer = start(.sealKeyReleased, petition)
        writer.append(set)
        writer.append(trustee)
        writer.append(secret)
        return try PetitionStatement(decoding: writer.bytes)
    }

    /// Records a delivery, a response or an agreement.
    public static func record(
        _ record: Record, in petition: ID<Petition>, sequence: UInt32, by key: borrowing SigningKey
    ) throws(RuleViolation) -> PetitionStatement {
        var writer = start(.recorded, petition)
        writer.append(record.what.rawValue)
        writer.append(record.digest)
        writer.append(record.roster)
        return try PetitionStatement(decoding: Authorship.sign(writer, sequence: sequence, by: key))
    }

    private static func start(_ kind: Kind, _ petition: ID<Petition>) -> ByteWriter {
        var writer = ByteWriter()
        writer.append(kind.rawValue)
        writer.append(petition)
        return writer
    }
}

extension ByteWriter {
    fileprivate mutating func append(_ point: PetitionStatement.RosterPoint) {
        append(point.size)
        append(point.root)
    }
}
