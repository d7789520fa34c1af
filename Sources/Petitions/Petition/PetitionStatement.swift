// docs/protocol.md, section 4, "Petition log"

import MembershipProofs
import Sodium

/// A well-formed statement of a petition's log. Whether it keeps the rules at its place is for `PetitionLog` to decide.
public struct PetitionStatement: Sendable {
    /// The statement's type and contents.
    public enum Body: Sendable {
        /// Opens the petition, with its trustees' consent.
        case opened(Manifest, [Acceptance])
        /// Co-signs or withdraws.
        case coSigned(CoSigned)
        /// Adds keys to the ring.
        case ringExtended(RingExtension)
        /// Ends the co-signing.
        case closed(Closure)
        /// Publishes a trustee's secret.
        case sealKeyReleased(Release)
        /// Records a step of the negotiation.
        case recorded(Record)
    }

    /// A trustee's consent to this particular petition, in 128 bytes.
    public struct Acceptance: Sendable, Hashable {
        static let length = 128

        /// The trustee's sign key.
        public let signKey: Bytes32
        /// The nonce from which the trustee derives the petition's seal keys.
        public let nonce: Bytes32
        let signature: [UInt8]

        /// Preimage("trustee", petition_id || uint8 i || nonce), with trustees counted from 1.
        static func preimage(_ petition: ID<Petition>, trustee: UInt8, nonce: Bytes32) -> [UInt8] {
            Domain.preimage("trustee", petition.bytes.bytes + [trustee] + nonce.bytes)
        }

        /// Consents to a petition as the trustee of this number.
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

        /// Decodes an acceptance, without verifying its signature.
        /// - Throws: `RuleViolation` unless `bytes` has exactly 128.
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

        /// The consent's 128 bytes.
        public var encoding: [UInt8] { signKey.bytes + nonce.bytes + signature }

        /// Whether its signer signed it for this petition and this trustee's number, from 1.
        public func isValid(for petition: ID<Petition>, trustee: UInt8) -> Bool {
            Ed25519.verify(
                signature, of: Self.preimage(petition, trustee: trustee, nonce: nonce), by: signKey)
        }
    }

    /// A place in the workplace's log.
    public struct RosterPoint: Sendable, Hashable {
        /// Number of leaves.
        public let size: UInt64
        /// The root at that size.
        public let root: Bytes32

        /// Checks nothing; `PetitionLog` does.
        public init(size: UInt64, root: Bytes32) { (self.size, self.root) = (size, root) }

        init(_ reader: inout ByteReader) throws(RuleViolation) {
            size = try reader.uint64()
            root = try reader.bytes32()
        }
    }

    /// A new ring epoch, with members who were admitted since the last.
    public struct RingExtension: Sendable {
        /// The new epoch's number.
        public let epoch: UInt16
        /// The roster from which the new ring is made.
        public let roster: RosterPoint
        /// The number of keys in the new ring.
        public let ringCount: UInt32
        /// The new ring's digest.
        public let ringDigest: Bytes32

        /// Checks nothing; `PetitionLog` does.
        public init(epoch: UInt16, roster: RosterPoint, ringCount: UInt32, ringDigest: Bytes32) {
            (self.epoch, self.roster, self.ringCount, self.ringDigest) = (epoch, roster, ringCount, ringDigest)
        }
    }

    /// The end of co-signing.
    public struct Closure: Sendable {
        /// The cause of a closure.
        public enum Cause: Sendable {
            /// An organiser of this roster.
            case organiser(RosterPoint)
            /// The deadline has passed.
            case deadline
        }

        /// The size of this log that the closure covers.
        public let size: UInt64
        /// This log's root at that size.
        public let root: Bytes32
        /// The cause: an organiser or the deadline.
        public let cause: Cause
    }

    /// A trustee's secret, made public.
    public struct Release: Sendable {
        /// The key set: 0 for the ballots, 1... for the levels.
        public let set: UInt8
        /// The trustee's number, from 1.
        public let trustee: UInt8
        /// The X25519 secret of the trustee's key in that set.
        public let secret: Bytes32
    }

    /// A step of the negotiation, whose document is stored elsewhere.
    public struct Record: Sendable {
        /// The kind of step.
        public enum What: UInt8, Sendable {
            /// The petition was delivered to the employer.
            case delivered = 1
            /// The employer responded.
            case response = 2
            /// Both sides agreed.
            case agreement = 3
        }

        /// The kind of step.
        public let what: What
        /// Digest("record", the document's bytes).
        public let digest: Bytes32
        /// The roster in which the signer is an organiser.
        public let roster: RosterPoint

        /// Checks nothing; `PetitionLog` does.
        public init(what: What, digest: Bytes32, roster: RosterPoint) {
            (self.what, self.digest, self.roster) = (what, digest, roster)
        }
    }

    enum Kind: UInt8 {
        case opened = 32
        case coSigned, ringExtended, closed, sealKeyReleased, recorded
    }

    /// The exact bytes of the leaf.
    public let bytes: [UInt8]
    /// The petition that it is for.
    public let petition: ID<Petition>
    /// Its type and contents.
    public let body: Body
    /// Nil in co-signatures, releases and the closure by the deadline.
    public let authorship: Authorship?

    /// Decodes a statement, without checking the rules of its log.
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
