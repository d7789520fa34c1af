// docs/protocol.md, section 4, "Workplace log"

import MembershipProofs
import Sodium

extension WorkplaceStatement {
    /// Founds a workplace with its log's first leaf.
    /// - Parameter service: the service's name: 1 to 255 characters of a-z 0-9 . : -
    public static func found(
        service: String, logKey: Bytes32, eligible: UInt32, seed: borrowing MemberSeed,
        ring: borrowing ProverSecret
    ) throws(RuleViolation) -> WorkplaceStatement {
        guard isServiceName(service) else { throw .serviceName }
        let keys = seed.publicKeys(ringKey: ring.publicKey)
        var writer = ByteWriter()
        writer.append(Random.bytes32())
        writer.append(logKey)
        writer.vector8(Array(service.utf8))
        writer.append(eligible)
        writer.append(keys.encoding)
        let id = ID<Workplace>(Domain.digest("workplace", writer.bytes))
        var statement = ByteWriter()
        statement.append(Kind.founded.rawValue)
        statement.append(writer.bytes)
        statement.append(seed.provePossession(ring, in: id))
        statement.append(seed.signingKey().sign(Authorship.preimage(statement.bytes)))
        return try WorkplaceStatement(decoding: statement.bytes)
    }

    /// Admits the holder of an invite.
    public static func admit(
        to workplace: ID<Workplace>, invite: borrowing Invite, seed: borrowing MemberSeed,
        ring: borrowing ProverSecret
    ) throws(RuleViolation) -> WorkplaceStatement {
        let keys = seed.publicKeys(ringKey: ring.publicKey)
        let inviteKey = invite.signingKey()
        var writer = ByteWriter()
        writer.append(Kind.memberAdmitted.rawValue)
        writer.append(workplace)
        writer.append(keys.encoding)
        writer.append(seed.provePossession(ring, in: workplace))
        writer.append(inviteKey.publicKey)
        writer.append(inviteKey.sign(admissionPreimage(workplace, keys)))
        writer.append(seed.signingKey().sign(Authorship.preimage(writer.bytes)))
        return try WorkplaceStatement(decoding: writer.bytes)
    }

    /// Replaces the member's ring key with a new one.
    public static func rotateRingKey(
        in workplace: ID<Workplace>, to ring: borrowing ProverSecret, seed: borrowing MemberSeed, sequence: UInt32
    ) throws(RuleViolation) -> WorkplaceStatement {
        try make(
            .ringKeyRotated(ring.publicKey, possession: seed.provePossession(ring, in: workplace)), in: workplace,
            sequence: sequence, by: seed.signingKey())
    }

    /// Makes any statement that ends with sequence, signer and signature.
    public static func make(
        _ body: Body, in workplace: ID<Workplace>, sequence: UInt32, by key: borrowing SigningKey
    ) throws(RuleViolation) -> WorkplaceStatement {
        var writer = ByteWriter()
        func start(_ kind: Kind) {
            writer.append(kind.rawValue)
            writer.append(workplace)
        }
        switch body {
        case .founded, .memberAdmitted: throw .unknownType
        case .invitesIssued(let invitations):
            start(.invitesIssued)
            guard let count = UInt16(exactly: invitations.count) else { throw .listLength }
            writer.append(count)
            for invitation in invitations {
                writer.append(invitation.key)
                writer.append(invitation.replaces ?? .zero)
            }
        case .invitesRevoked(let keys):
            start(.invitesRevoked)
            guard let count = UInt16(exactly: keys.count) else { throw .listLength }
            writer.append(count)
            for key in keys { writer.append(key) }
        case .memberRemoved(let member): start(.memberRemoved); writer.append(member)
        case .organiserAppointed(let member): start(.organiserAppointed); writer.append(member)
        case .organiserDismissed(let member): start(.organiserDismissed); writer.append(member)
        case .eligibleDeclared(let eligible): start(.eligibleDeclared); writer.append(eligible)
        case .groupKeyRotated(let epoch, let commitment):
            start(.groupKeyRotated)
            writer.append(epoch)
            writer.append(commitment)
        case .ringKeyRotated(let key, let possession):
            start(.ringKeyRotated)
            writer.append(key.encoding)
            writer.append(possession)
        case .petitionAnnounced(let petition, let rosterSize):
            start(.petitionAnnounced)
            writer.append(petition)
            writer.append(rosterSize)
        case .witnessesNamed(let quorum): start(.witnessesNamed); writer.append(quorum.encoding)
        case .relaysNamed(let naming): start(.relaysNamed); writer.append(naming.encoding)
        }
        return try WorkplaceStatement(decoding: Authorship.sign(writer, sequence: sequence, by: key))
    }
}
