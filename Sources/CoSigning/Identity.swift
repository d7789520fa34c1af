// docs/protocol.md, section 2

import MembershipProofs
import Petitions
import Sodium

/// A ring key's secret, boxed so that arrays can hold it.
public final class RingSecret: Sendable {
    /// The key itself, in guarded memory.
    public let secret: ProverSecret
    /// The public key by which it is found.
    public let publicKey: Element

    /// Takes the secret over and computes its public key.
    public init(_ secret: consuming ProverSecret) {
        publicKey = secret.publicKey
        self.secret = secret
    }
}

/// A member's secrets. All of them live in guarded memory and are wiped with it. Only one task at a time may use an
/// identity.
public final class Identity {
    private static let version: UInt8 = 1
    /// The number of ring keys is stored in one byte.
    static let mostRingKeys = 255

    /// The sign key and the box key are derived from it.
    public let seed: MemberSeed
    /// Oldest first; never empty.
    public private(set) var ringKeys: [RingSecret]
    /// The workplace's group keys, by epoch.
    public var groupKeys: GroupKeyRing
    /// The public Ed25519 key by which the workplace knows this member.
    public let signKey: Bytes32
    /// The public X25519 key for which group keys are wrapped.
    public let boxKey: Bytes32

    /// Generates new secrets, with one ring key and no group keys.
    public init() {
        seed = MemberSeed()
        ringKeys = [RingSecret(.generate())]
        groupKeys = GroupKeyRing()
        (signKey, boxKey) = (seed.signingKey().publicKey, seed.boxKey().publicKey)
    }

    /// Decodes version || seed[32] || uint8 n || ring key[32] each || group keys.
    /// - Throws: `CoSigningError.identityDamaged`.
    public init(stored bytes: borrowing SecretBytes) throws(CoSigningError) {
        let (version, count) = bytes.withUnsafeBytes { $0.count >= 34 ? ($0[0], Int($0[33])) : (0, 0) }
        guard version == Self.version, count > 0, let seedBytes = bytes.slice(1..<33),
            let seed = MemberSeed(stored: seedBytes), bytes.count >= 34 + 32 * count,
            let rest = bytes.slice(34 + 32 * count..<bytes.count), let groupKeys = GroupKeyRing(packed: rest)
        else { throw .identityDamaged }
        var ringKeys: [RingSecret] = []
        for i in 0..<count {
            guard let stored = bytes.slice(34 + 32 * i..<66 + 32 * i), let secret = ProverSecret(stored: stored) else {
                throw .identityDamaged
            }
            ringKeys.append(RingSecret(secret))
        }
        (signKey, boxKey) = (seed.signingKey().publicKey, seed.boxKey().publicKey)
        self.seed = seed
        self.ringKeys = ringKeys
        self.groupKeys = groupKeys
    }

    /// The encoding that `init(stored:)` reads, in guarded memory.
    public func stored() -> SecretBytes {
        var bytes = SecretBytes([Self.version], seed.stored())
        bytes = Self.join(bytes, SecretBytes(zeros: 0), [UInt8(ringKeys.count)])
        for key in ringKeys { bytes = Self.join(bytes, key.secret.stored(), []) }
        return Self.join(bytes, groupKeys.packed(), [])
    }

    private static func join(
        _ a: borrowing SecretBytes, _ b: borrowing SecretBytes, _ tail: [UInt8]
    ) -> SecretBytes {
        var joined = SecretBytes(zeros: a.count + b.count + tail.count)
        let split = a.count
        let end = a.count + b.count
        a.withUnsafeBytes { a in
            b.withUnsafeBytes { b in
                joined.withUnsafeMutableBytes { target in
                    target.copyBytes(from: a)
                    UnsafeMutableRawBufferPointer(rebasing: target[split...]).copyBytes(from: b)
                    UnsafeMutableRawBufferPointer(rebasing: target[end...]).copyBytes(from: tail)
                }
            }
        }
        return joined
    }

    /// The newest key, which a rotation announces.
    public var newestRingKey: RingSecret { ringKeys[ringKeys.count - 1] }

    /// The secret of our newest ring key that is in this ring. Compares every key of the ring with every one of ours.
    public func ringKey(in ring: Ring) -> RingSecret? {
        var found: RingSecret?
        for own in ringKeys where ring.index(of: own.publicKey) != nil { found = own }
        return found
    }

    /// The secret of this public key, if it is one of ours.
    public func ringKey(_ publicKey: Element) -> RingSecret? { ringKeys.last { $0.publicKey == publicKey } }

    /// Adds a key as the newest. At most 255 fit.
    /// - Throws: `CoSigningError.tooManyRingKeys`.
    public func addRingKey(_ key: RingSecret) throws(CoSigningError) {
        guard ringKeys.count < Self.mostRingKeys else { throw .tooManyRingKeys }
        ringKeys.append(key)
    }

    /// Erases all other ring keys from guarded memory; the caller overwrites the stored identity with the result.
    public func keepRingKeys(_ keep: (Element) -> Bool) {
        let kept = ringKeys.filter { keep($0.publicKey) }
        // A stored identity needs at least one key: if none is left, add a fresh one that is in no ring.
        ringKeys = kept.isEmpty ? [RingSecret(.generate())] : kept
    }
}
