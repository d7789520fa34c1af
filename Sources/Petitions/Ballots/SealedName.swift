// docs/protocol.md, section 6, "Names on a condition"

import MembershipProofs
import Ristretto
import Sodium

/// The opened name that a co-signer added on a condition: a claim by that roster member.
public struct ReleasedName: Hashable, Sendable {
    /// The member's index in the newest ring.
    public let member: Int
    /// The name as they wrote it, of 1 to 240 bytes.
    public let name: String
}

/// Names are sealed as ballots are, but to the keys of their level.
public enum SealedName {
    /// Length of every name's padded plaintext, in bytes.
    static let padded = 512
    /// Length of a name, in bytes of UTF-8.
    public static let nameLengths = 1...240
    private static let context: StaticString = "rrnaming"

    /// Digest("sealed-name", petition_id || tag || uint32 sequence || sealed_name). It is bound to its co-signature, so
    /// that nobody can void another's name by posting the same digest first.
    public static func digest(
        of sealed: [UInt8], petition: ID<Petition>, tag: LinkingTag, sequence: UInt32
    ) -> Bytes32 {
        Domain.digest("sealed-name", Ballot.associatedData(petition, tag, sequence), sealed)
    }

    private static func associatedData(
        _ petition: ID<Petition>, _ tag: LinkingTag, _ sequence: UInt32, _ level: UInt8
    ) -> [UInt8] {
        Ballot.associatedData(petition, tag, sequence) + [level]
    }

    /// Seals a name, with its proof, to a level's keys.
    /// - Throws: `RuleViolation` if the name has a wrong length, or the ring does not have the secret's key.
    public static func seal(
        _ name: String, level: UInt8, for petition: ID<Petition>, _ manifest: Manifest, ring: Ring, ringEpoch: UInt16,
        sequence: UInt32, by secret: borrowing ProverSecret
    ) throws(RuleViolation) -> [UInt8] {
        guard level > 0, let keys = manifest.keySet(Int(level)) else { throw .level }
        let bytes = Array(name.utf8)
        guard nameLengths.contains(bytes.count), let index = ring.index(of: secret.publicKey) else { throw .ring }
        let scope = Scope(petition.bytes)
        var writer = ByteWriter()
        writer.append(UInt8(1))
        writer.append(ringEpoch)
        writer.append(index)
        writer.vector8(bytes)
        writer.append(NameProof.prove(secret, scope: scope, name: bytes))
        guard let plaintext = Padding.pad(writer.bytes, to: padded) else { throw .padding }
        let data = associatedData(petition, secret.tag(in: scope), sequence, level)
        do {
            return try SealedPayload.seal(
                plaintext, seed: .random(32), to: keys, threshold: manifest.threshold, associatedData: data,
                context: context)
        } catch { throw .trustees }
    }

    /// A sealed name together with the standing co-signature that it belongs to.
    struct Due: Sendable {
        let sealed: [UInt8]
        let tag: LinkingTag
        let standing: PetitionLog.Standing
    }

    /// Opens names on all cores and returns the valid ones, in no particular order. An invalid one is discarded, which
    /// is not a fault.
    static func open(_ due: [Due], in log: PetitionLog) -> [ReleasedName] {
        let scope = Scope(log.id.bytes)
        return Dictionary(grouping: due, by: { $0.standing.level }).flatMap { level, due -> [ReleasedName] in
            guard let keys = log.manifest.keySet(Int(level)) else { return [] }
            let fitting = due.filter { $0.sealed.count == log.manifest.sealedNameLength }
            let payloads = fitting.map {
                SealedPayload.Sealed(
                    bytes: $0.sealed, associatedData: associatedData(log.id, $0.tag, $0.standing.sequence, level))
            }
            let opened = SealedPayload.open(
                payloads, with: log.released[Int(level)], keys: keys, threshold: log.manifest.threshold,
                context: context)
            return Cores.map(Array(zip(fitting, opened))[...], strip: 64) { due, padded in
                padded.flatMap { read($0, of: due.tag, scope, in: log) }
            }.compactMap { $0 }
        }
    }

    private static func read(
        _ padded: [UInt8], of tag: LinkingTag, _ scope: Scope, in log: PetitionLog
    ) -> ReleasedName? {
        guard let plaintext = Padding.unpad(padded) else { return nil }
        var reader = ByteReader(plaintext)
        guard let version = try? reader.uint8(), version == 1, let epoch = try? reader.uint16(),
            let index = try? reader.uint32(), let name = try? reader.vector8(nameLengths),
            let proof = try? reader.take(NameProof.length), reader.isAtEnd,
            let text = String(validating: name, as: UTF8.self), let ring = log.ring(epoch: Int(epoch)),
            let place = Int(exactly: index), ring.keys.indices.contains(place),
            NameProof.verify(proof, key: ring.keys[place], tag: tag, scope: scope, name: name)
        else { return nil }
        // Rings grow only at the end, so an index in any epoch is also the index in the newest.
        return ReleasedName(member: place, name: text)
    }
}
