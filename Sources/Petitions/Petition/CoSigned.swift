// docs/protocol.md, sections 4 and 5

import MembershipProofs
import Ristretto
import Sodium
import TransparencyLog

/// A co-signature or withdrawal as it stands in the log: well-formed, but not yet checked.
public struct CoSigned: Sendable {
    /// The effect of the statement.
    public enum Action: UInt8, Sendable {
        /// Signs, or replaces the tag's co-signature.
        case sign = 1
        /// Withdraws the tag's co-signature.
        case withdraw = 2
    }

    /// The petition that it is for.
    public let petition: ID<Petition>
    /// The ring that its proof is for, by epoch.
    public let ringEpoch: UInt16
    /// Whether it signs or withdraws.
    public let action: Action
    /// How many statements under this tag were accepted before it.
    public let sequence: UInt32
    /// The tag that links all statements of one ring key.
    public let tag: LinkingTag
    /// The level at which its name opens, from 1; 0 without a name.
    public let level: UInt8
    /// The digest of its sealed name; zeros without a name.
    public let nameDigest: Bytes32
    /// Empty in a withdrawal.
    public let sealedBallot: [UInt8]
    let proof: [UInt8]
    /// Digest("cosignature", the statement up to and including sealed_ballot), which the proof signs.
    let message: Bytes32
    /// The exact bytes of the leaf.
    public let bytes: [UInt8]

    init(_ petition: ID<Petition>, _ reader: inout ByteReader, statement: [UInt8]) throws(RuleViolation) {
        self.petition = petition
        ringEpoch = try reader.uint16()
        guard let action = Action(rawValue: try reader.uint8()) else { throw .actionOrRingEpoch }
        self.action = action
        sequence = try reader.uint32()
        let tag = try reader.bytes32()
        do { self.tag = try LinkingTag(decoding: tag) } catch { throw .tag }
        level = try reader.uint8()
        nameDigest = try reader.bytes32()
        sealedBallot = try reader.vector16(0...65_535)
        message = Domain.digest("cosignature", reader.consumed())
        proof = try reader.vector16(0...65_535)
        bytes = statement
        // A name is announced by both its level and its digest, or not at all; a withdrawal carries none.
        guard (level == 0) == nameDigest.isZero else { throw .nameDigest }
        if action == .withdraw {
            guard level == 0 else { throw .level }
            guard sealedBallot.isEmpty else { throw .ballotLength }
        }
    }

    /// Makes a co-signature or a withdrawal. Everything in it comes from the arguments and from fresh randomness.
    public static func make(
        _ action: Action, petition: ID<Petition>, ring: Ring, ringEpoch: UInt16, sequence: UInt32,
        sealedBallot: [UInt8], name: (level: UInt8, sealed: [UInt8])? = nil, by secret: borrowing ProverSecret
    ) throws(RuleViolation) -> PetitionStatement {
        let scope = Scope(petition.bytes)
        let tag = secret.tag(in: scope)
        var writer = ByteWriter()
        writer.append(PetitionStatement.Kind.coSigned.rawValue)
        writer.append(petition)
        writer.append(ringEpoch)
        writer.append(action.rawValue)
        writer.append(sequence)
        writer.append(tag.encoding)
        writer.append(name?.level ?? 0)
        writer.append(
            name.map { SealedName.digest(of: $0.sealed, petition: petition, tag: tag, sequence: sequence) } ?? .zero)
        guard sealedBallot.count <= 65_535 else { throw .ballotLength }
        writer.vector16(sealedBallot)
        let message = Domain.digest("cosignature", writer.bytes)
        do {
            writer.vector16(try Prover.prove(secret, ring: ring, scope: scope, message: message).proof.encoding)
        } catch { throw .ring }
        return try PetitionStatement(decoding: writer.bytes)
    }
}

/// Evidence that a co-signature's proof is valid for one ring of its petition. Only `PetitionLog.prove` makes one.
public struct ProvenCoSignature: Sendable {
    /// The co-signature that was proven.
    public let coSigned: CoSigned
    let ringDigest: Bytes32
    let leafHash: Bytes32

    fileprivate init(_ coSigned: CoSigned, ringDigest: Bytes32, leafHash: Bytes32) {
        (self.coSigned, self.ringDigest, self.leafHash) = (coSigned, ringDigest, leafHash)
    }
}

extension PetitionLog {
    /// Checks the proofs of a batch against the newest ring. The verdicts are in the batch's order.
    public func prove(_ batch: [CoSigned]) -> [Result<ProvenCoSignature, RuleViolation>] {
        let ring = ring
        var verdicts = [Result<ProvenCoSignature, RuleViolation>](repeating: .failure(.proof), count: batch.count)
        let read = Cores.map(batch[...], strip: 64) { coSigned in
            // A proof is for a scope, and the scope is this petition.
            let proof = coSigned.petition == id ? try? Proof(decoding: coSigned.proof, for: ring) : nil
            return (
                claim: proof.map { Claim(tag: coSigned.tag, message: coSigned.message, proof: $0) },
                leafHash: MerkleTree.leafHash(coSigned.bytes)
            )
        }
        let places = read.indices.filter { read[$0].claim != nil }
        let verifier = Verifier(ring: ring, scope: Scope(id.bytes))
        for (i, holds) in zip(places, verifier.verify(read.compactMap { $0.claim })) where holds {
            verdicts[i] = .success(
                ProvenCoSignature(batch[i], ringDigest: ring.digest, leafHash: read[i].leafHash))
        }
        return verdicts
    }
}
