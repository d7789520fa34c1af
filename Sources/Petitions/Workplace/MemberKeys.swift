// docs/protocol.md, section 2

import MembershipProofs
import Sodium

/// A member's public keys, in 96 bytes.
public struct MemberKeys: Hashable, Sendable {
    /// The ristretto255 key of co-signatures.
    public let ringKey: Element
    /// The Ed25519 key of statements and signed requests.
    public let signKey: Bytes32
    /// The X25519 key for which group keys are wrapped.
    public let boxKey: Bytes32

    /// Checks nothing.
    public init(ringKey: Element, signKey: Bytes32, boxKey: Bytes32) {
        (self.ringKey, self.signKey, self.boxKey) = (ringKey, signKey, boxKey)
    }

    init(_ reader: inout ByteReader) throws(RuleViolation) {
        let ringKey = try reader.bytes32()
        do { self.ringKey = try Element(decodingNonIdentity: ringKey) } catch { throw .key }
        signKey = try reader.bytes32()
        boxKey = try reader.bytes32()
        do { try SealedBox.checkPublicKey(boxKey) } catch { throw .key }
    }

    /// The three keys, one after another.
    public var encoding: [UInt8] { ringKey.encoding.bytes + signKey.bytes + boxKey.bytes }

    var all: [Bytes32] { [ringKey.encoding, signKey, boxKey] }

    /// Digest("possession", workplace_id || sign_key || box_key).
    static func possessionContext(_ workplace: ID<Workplace>, signKey: Bytes32, boxKey: Bytes32) -> Bytes32 {
        Domain.digest("possession", workplace.bytes.bytes, signKey.bytes, boxKey.bytes)
    }

    /// The claim that the proof shows possession of the ring key, in connection with the other two keys.
    func possession(_ proof: [UInt8], in workplace: ID<Workplace>) -> Possession.Claim {
        Possession.Claim(
            proof, of: ringKey, context: Self.possessionContext(workplace, signKey: signKey, boxKey: boxKey))
    }
}

/// The secret from which a member's lasting keys are derived, and which is backed up. The ring key is never derived
/// from it.
public struct MemberSeed: ~Copyable, Sendable {
    private let seed: SecretBytes
    private static let context: StaticString = "rrmember"

    /// 32 random bytes.
    public init() { seed = .random(32) }

    /// Nil unless `bytes` has 32.
    public init?(stored bytes: consuming SecretBytes) {
        guard bytes.count == 32 else { return nil }
        seed = bytes
    }

    /// The seed's 32 bytes, in guarded memory.
    public borrowing func stored() -> SecretBytes { seed.duplicate() }

    /// Signs requests and statements.
    public borrowing func signingKey() -> SigningKey {
        SigningKey(seed: KDF.derive(seed, id: 1, context: Self.context))
    }

    /// Opens boxes that are sealed to the member.
    public borrowing func boxKey() -> BoxKeyPair { BoxKeyPair(seed: KDF.derive(seed, id: 2, context: Self.context)) }

    /// The seal key pair of a key set (0 for the ballots, 1... for the levels of names) under a trustee's nonce, which
    /// serves only one petition.
    public borrowing func sealKey(nonce: Bytes32, set: UInt8) -> BoxKeyPair {
        let root = KDF.derive(seed, id: 3, context: Self.context)
        return BoxKeyPair(seed: BLAKE2b.keyed(nonce.bytes + [set], key: root, length: 32))
    }

    /// The member's public keys, with a ring key that the caller supplies.
    public borrowing func publicKeys(ringKey: Element) -> MemberKeys {
        MemberKeys(ringKey: ringKey, signKey: signingKey().publicKey, boxKey: boxKey().publicKey)
    }

    /// A proof of possession of the ring key, bound to this member's other keys in this workplace: 64 bytes.
    public borrowing func provePossession(_ ring: borrowing ProverSecret, in workplace: ID<Workplace>) -> [UInt8] {
        Possession.prove(
            ring,
            context: MemberKeys.possessionContext(
                workplace, signKey: signingKey().publicKey, boxKey: boxKey().publicKey))
    }
}
