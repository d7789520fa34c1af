// docs/protocol.md, section 2

import MembershipProofs
import Sodium

/// A member's public keys: 96 bytes.
public struct MemberKeys: Hashable, Sendable {
    public let ringKey: Element
    /// Ed25519.
    public let signKey: Bytes32
    /// X25519.
    public let boxKey: Bytes32

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

    public var encoding: [UInt8] { ringKey.encoding.bytes + signKey.bytes + boxKey.bytes }

    var all: [Bytes32] { [ringKey.encoding, signKey, boxKey] }

    /// Digest("possession", workplace_id || sign_key || box_key).
    static func possessionContext(_ workplace: ID<Workplace>, signKey: Bytes32, boxKey: Bytes32) -> Bytes32 {
        Domain.digest("possession", workplace.bytes.bytes, signKey.bytes, boxKey.bytes)
    }

    /// The claim that the proof shows possession of the ring key, bound to the other two.
    func possession(_ proof: [UInt8], in workplace: ID<Workplace>) -> Possession.Claim {
        Possession.Claim(
            proof, of: ringKey, context: Self.possessionContext(workplace, signKey: signKey, boxKey: boxKey))
    }
}

/// The secret from which a member's lasting keys are derived: what is backed up. The ring key is never derived from it.
public struct MemberSeed: ~Copyable, Sendable {
    private let seed: SecretBytes
    private static let context: StaticString = "rrmember"

    public init() { seed = .random(32) }

    /// Nil unless 32 bytes.
    public init?(stored bytes: consuming SecretBytes) {
        guard bytes.count == 32 else { return nil }
        seed = bytes
    }

    public borrowing func stored() -> SecretBytes { seed.duplicate() }

    /// For signed requests and statements.
    public borrowing func signingKey() -> SigningKey {
        SigningKey(seed: KDF.derive(seed, id: 1, context: Self.context))
    }

    /// For what is sealed to the member.
    public borrowing func boxKey() -> BoxKeyPair { BoxKeyPair(seed: KDF.derive(seed, id: 2, context: Self.context)) }

    /// The seal key pair of key set `set` (0 ballots, 1... the name levels) under a trustee nonce, which serves one
    /// petition only.
    public borrowing func sealKey(nonce: Bytes32, set: UInt8) -> BoxKeyPair {
        let root = KDF.derive(seed, id: 3, context: Self.context)
        return BoxKeyPair(seed: BLAKE2b.keyed(nonce.bytes + [set], key: root, length: 32))
    }

    /// MemberKeys with a ring key of the caller's.
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
