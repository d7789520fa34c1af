// docs/protocol.md, section 4, "Petition log"

import MembershipProofs
import Sodium

/// A well-formed statement of a petition log. Whether it keeps the rules at its place is `PetitionLog`'s to say.
public struct PetitionStatement: Sendable {
    public enum Body: Sendable {
        case opened(Manifest, [Acceptance])
        case coSigned(CoSigned)
        case ringExtended(RingExtension)
        case closed(Closure)
        case sealKeyReleased(Release)
        case recorded(Record)
    }

    /// A trustee's consent to this very petition: 128 bytes.
    public struct Acceptance: Sendable, Hashable {
        static let length = 128

        public let signKey: Bytes32
        public let nonce: Bytes32
        let signature: [UInt8]

        /// Preimage("trustee", petition_id || uint8 i || nonce), trustees counted from 1.
        static func preimage(_ petition: ID<Petition>, trustee: UInt8, nonce: Bytes32) -> [UInt8] {
            Domain.preimage("trustee", petition.bytes.bytes + [trustee] + nonce.bytes)
        }

        public static func make(
            _ petition: ID<Petition>, trustee: UInt8, nonce: Bytes32, by key: borrowing SigningKey
        ) -> Acceptance {
            Acceptance(
                signKey: key.publicKey, nonce: nonce,
                signature: key.sign(preimage(petition, trustee: trustee, nonce: nonce)))
        }

        private init(signKey: Bytes32, nonce: Bytes32, signature: [UInt8]) {
            (self.signKey, self.nonce, self.signature) = (signKey, nonce, signature)
        }

        /// - Throws: `RuleViolation` unless exactly 128 bytes.
        public init(decoding bytes: [UInt8]) throws(RuleViolation) {
            var reader = ByteReader(bytes)
            try self.init(&reader)
            try reader.finish()
        }

        init(_ reader: inout ByteReader) throws(RuleViolation) {
            signKey = try reader.bytes32()
            nonce = try reader.bytes32()
            signature = try reader.take(64)
        }

        public var encoding: [UInt8] { signKey.bytes + nonce.bytes + signature }

        public func isValid(for petition: ID<Petition>, trustee: UInt8) -> Bool {
            Ed25519.verify(
                signature, of: Self.preimage(petition, trustee: trustee, nonce: nonce), by: signKey)
        }
    }

    /// A place in the workplace log.
    public struct RosterPoint: Sendable, Hashable {
        public let size: UInt64
        public let root: Bytes32

        public init(size: UInt64, root: Bytes32) { (self.size, self.root) = (size, root) }

        init(_ reader: inout ByteReader) throws(RuleViolation) {
            size = try reader.uint64()
            root = try reader.bytes32()
        }
    }

    public struct RingExtension: Sendable {
        public let epoch: UInt16
        public let roster: RosterPoint
        public let ringCount: UInt32
        public let ringDigest: Bytes32

        public init(epoch: UInt16, roster: RosterPoint, ringCount: UInt32, ringDigest: Bytes32) {
            (self.epoch, self.roster, self.ringCount, self.ringDigest) = (epoch, roster, ringCount, ringDigest)
        }
    }

    public struct Closure: Sendable {
        public enum Cause: Sendable {
            case organiser(RosterPoint)
            case deadline
        }

        /// This log's size and root that the closure covers.
        public let size: UInt64
        public let root: Bytes32
        public let cause: Cause
    }

    public struct Release: Sendable {
        public let set: UInt8
        /// Counted from 1.
        public let trustee: UInt8
        public let secret: Bytes32
    }

    public struct Record: Sendable {
        public enum What: UInt8, Sendable {
            case delivered = 1
            case response = 2
            case agreement = 3
        }

        public let what: What
        /// Digest("record", the document's bytes).
        public let digest: Bytes32
        public let roster: RosterPoint

        public init(what: What, digest: Bytes32, roster: RosterPoint) {
            (self.what, self.digest, self.roster) = (what, digest, roster)
        }
    }

    enum Kind: UInt8 {
        case opened = 32
        case coSigned, ringExtended, closed, sealKeyReleased, recorded
    }

    /// The exact bytes: the leaf.
    public let bytes: [UInt8]
    public let petition: ID<Petition>
    public let body: Body
    /// Nil for co-signatures, releases and the close by deadline.
    public let authorship: Authorship?

    /// - Throws: `RuleViolation` for any bytes that are not exactly one statement.
    public init(decoding bytes: [UInt8]) throws(RuleViolation) {
        guard bytes.count <= maximalStatementLength else { throw .tooLong }
        var reader = ByteReader(bytes)
        guard let kind = Kind(rawValue: try reader.uint8()) else { throw .unknownType }
        var signed = true
        switch kind {
        case .opened:
            let manifest = try Manifest(decoding: reader.vector16(0...65_535))
            petition = manifest.id
            var acceptances: [Acceptance] = []
            for _ in manifest.trustees { acceptances.append(try Acceptance(&reader)) }
            body = .opened(manifest, acceptances)
        case .coSigned:
            petition = try reader.id()
            body = .coSigned(try CoSigned(petition, &reader, statement: bytes))
            signed = false
        case .ringExtended:
            petition = try reader.id()
            body = .ringExtended(
                RingExtension(
                    epoch: try reader.uint16(), roster: try RosterPoint(&reader), ringCount: try reader.uint32(),
                    ringDigest: try reader.bytes32()))
        case .closed:
            petition = try reader.id()
            let closure = try Self.closure(&reader)
            if case .deadline = closure.cause { signed = false }
            body = .closed(closure)
        case .sealKeyReleased:
            petition = try reader.id()
            body = .sealKeyReleased(
                Release(set: try reader.uint8(), trustee: try reader.uint8(), secret: try reader.bytes32()))
            signed = false
        case .recorded:
            petition = try reader.id()
            guard let what = Record.What(rawValue: try reader.uint8()) else { throw .recordKind }
            body = .recorded(
                Record(what: what, digest: try reader.bytes32(), roster: try RosterPoint(&reader)))
        }
        authorship = signed ? try Authorship(&reader) : nil
        try reader.finish()
        self.bytes = bytes
    }

    private static func closure(_ reader: inout ByteReader) throws(RuleViolation) -> Closure {
        let (size, root) = (try reader.uint64(), try reader.bytes32())
        switch try reader.uint8() {
        case 1: return Closure(size: size, root: root, cause: .organiser(try RosterPoint(&reader)))
        case 2: return Closure(size: size, root: root, cause: .deadline)
        default: throw .close
        }
    }
}
