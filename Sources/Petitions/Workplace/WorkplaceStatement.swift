// docs/protocol.md, section 4, "Workplace log"

import MembershipProofs
import Sodium
import TransparencyLog

/// A well-formed statement of a workplace's log. Whether it keeps the rules at its place is for `WorkplaceLog` to
/// decide.
public struct WorkplaceStatement: Sendable {
    /// The statement's type and contents.
    public enum Body: Sendable {
        /// Founds the workplace.
        case founded(Founding)
        /// Issues invites.
        case invitesIssued([Invitation])
        /// Revokes open invites, by their keys.
        case invitesRevoked([Bytes32])
        /// Admits the holder of an invite.
        case memberAdmitted(Admission)
        /// Removes a member, by their sign key.
        case memberRemoved(Bytes32)
        /// Makes a member an organiser.
        case organiserAppointed(Bytes32)
        /// Ends a member's office of organiser.
        case organiserDismissed(Bytes32)
        /// Declares how many people the workplace has.
        case eligibleDeclared(UInt32)
        /// Commits to the group key of a new epoch.
        case groupKeyRotated(epoch: UInt32, commitment: Bytes32)
        /// Replaces the signer's ring key; the proof of possession has 64 bytes.
        case ringKeyRotated(Element, possession: [UInt8])
        /// `rosterSize` is the size of this log at which the members make the petition's ring.
        case petitionAnnounced(ID<Petition>, rosterSize: UInt64)
        /// Names the witnesses that every reader requires.
        case witnessesNamed(WitnessQuorum)
        /// Names the relays to the service.
        case relaysNamed(RelayNaming)
    }

    /// The beginning of a workplace.
    public struct Founding: Sendable {
        /// Random, so that ids do not repeat.
        public let nonce: Bytes32
        /// The Ed25519 key that signs the checkpoints of all the workplace's logs.
        public let logKey: Bytes32
        /// The service's name, with which the names of its logs begin.
        public let service: String
        /// How many people the workplace has.
        public let eligible: UInt32
        /// The founder's public keys.
        public let keys: MemberKeys
        let possession: [UInt8]
    }

    /// An invite as the log sees it.
    public struct Invitation: Sendable, Hashable {
        /// The invite's public key.
        public let key: Bytes32
        /// The sign key of the former member who is the same person as the newcomer; nil for a new person.
        public let replaces: Bytes32?

        /// Checks nothing; `WorkplaceLog` does.
        public init(key: Bytes32, replaces: Bytes32?) { (self.key, self.replaces) = (key, replaces) }
    }

    /// The entry of a new member.
    public struct Admission: Sendable {
        /// The new member's public keys.
        public let keys: MemberKeys
        let possession: [UInt8]
        /// The public key of the invite that is used up.
        public let inviteKey: Bytes32
        let inviteSignature: [UInt8]
    }

    /// The exact bytes of the leaf.
    public let bytes: [UInt8]
    /// The workplace that it is for.
    public let workplace: ID<Workplace>
    /// Its type and contents.
    public let body: Body
    /// Nil in the founding and in admissions.
    public let authorship: Authorship?

    /// The types, by their first byte.
    enum Kind: UInt8 {
        case founded = 1
        case invitesIssued, invitesRevoked, memberAdmitted, memberRemoved, organiserAppointed, organiserDismissed
        case eligibleDeclared, groupKeyRotated, ringKeyRotated, petitionAnnounced, witnessesNamed, relaysNamed
    }

    static let listLengths: ClosedRange<UInt16> = 1...1000
    /// Length of a service's name, in bytes.
    static let serviceLengths = 1...255

    /// Decodes a statement, without checking the rules of its log.
    /// - Throws: `RuleViolation` for any bytes that are not exactly one statement.
    public init(decoding bytes: [UInt8]) throws(RuleViolation) {
        guard bytes.count <= maximalStatementLength else { throw .tooLong }
        var reader = ByteReader(bytes)
        guard let kind = Kind(rawValue: try reader.uint8()) else { throw .unknownType }
        if kind == .founded {
            (workplace, body) = try Self.founding(&reader)
            authorship = nil
        } else {
            workplace = try reader.id()
            body = try Self.body(kind, &reader)
            if kind == .memberAdmitted {
                authorship = nil
                _ = try reader.take(64)  // member_signature, over everything before it
            } else {
                authorship = try Authorship(&reader)
            }
        }
        try reader.finish()
        self.bytes = bytes
    }

    private static func founding(_ reader: inout ByteReader) throws(RuleViolation) -> (ID<Workplace>, Body) {
        let nonce = try reader.bytes32()
        let logKey = try reader.bytes32()
        let name = try reader.vector8(serviceLengths)
        guard name.allSatisfy(isServiceCharacter) else { throw .serviceName }
        let eligible = try reader.uint32()
        let keys = try MemberKeys(&reader)
        let id = ID<Workplace>(Domain.digest("workplace", reader.consumed(from: 1)))
        let possession = try reader.take(Possession.length)
        _ = try reader.take(64)  // signature, over everything before it
        let founding = Founding(
            nonce: nonce, logKey: logKey, service: String(decoding: name, as: UTF8.self), eligible: eligible,
            keys: keys, possession: possession)
        return (id, .founded(founding))
    }

    private static func isServiceCharacter(_ c: UInt8) -> Bool {
        switch c {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
            UInt8(ascii: ":"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// Whether a service may have this name.
    public static func isServiceName(_ name: String) -> Bool {
        serviceLengths.contains(name.utf8.count) && name.utf8.allSatisfy(isServiceCharacter)
    }

    private static func body(_ kind: Kind, _ reader: inout ByteReader) throws(RuleViolation) -> Body {
        switch kind {
        case .founded: throw .unknownType
        case .invitesIssued:
            return .invitesIssued(
                try list(&reader) { (reader) throws(RuleViolation) in
                    let key = try reader.bytes32()
                    let replaces = try reader.bytes32()
                    return Invitation(key: key, replaces: replaces.isZero ? nil : replaces)
                })
        case .invitesRevoked:
            return .invitesRevoked(try list(&reader) { (reader) throws(RuleViolation) in try reader.bytes32() })
        case .memberAdmitted:
            return .memberAdmitted(
                Admission(
                    keys: try MemberKeys(&reader), possession: try reader.take(Possession.length),
                    inviteKey: try reader.bytes32(), inviteSignature: try reader.take(64)))
        case .memberRemoved: return .memberRemoved(try reader.bytes32())
        case .organiserAppointed: return .organiserAppointed(try reader.bytes32())
        case .organiserDismissed: return .organiserDismissed(try reader.bytes32())
        case .eligibleDeclared: return .eligibleDeclared(try reader.uint32())
        case .groupKeyRotated:
            return .groupKeyRotated(epoch: try reader.uint32(), commitment: try reader.bytes32())
        case .ringKeyRotated:
            let key = try reader.bytes32()
            let element: Element
            do { element = try Element(decodingNonIdentity: key) } catch { throw .key }
            return .ringKeyRotated(element, possession: try reader.take(Possession.length))
        case .petitionAnnounced:
            return .petitionAnnounced(try reader.id(), rosterSize: try reader.uint64())
        case .witnessesNamed: return .witnessesNamed(try WitnessQuorum(&reader))
        case .relaysNamed: return .relaysNamed(try RelayNaming(&reader))
        }
    }

    private static func list<Item>(
        _ reader: inout ByteReader, _ item: (inout ByteReader) throws(RuleViolation) -> Item
    ) throws(RuleViolation) -> [Item] {
        let count = try reader.uint16()
        guard listLengths.contains(count) else { throw .listLength }
        var items: [Item] = []
        for _ in 0..<count { items.append(try item(&reader)) }
        return items
    }

    /// Verifies the signature in the last 64 bytes.
    func verifyLastSignature(by key: Bytes32) throws(RuleViolation) {
        guard Ed25519.verify(bytes.suffix(64), of: Authorship.preimage(bytes.dropLast(64)), by: key) else {
            throw .signature
        }
    }

    /// Preimage("admission", workplace_id, MemberKeys).
    static func admissionPreimage(_ workplace: ID<Workplace>, _ keys: MemberKeys) -> [UInt8] {
        Domain.preimage("admission", workplace.bytes.bytes + keys.encoding)
    }
}
