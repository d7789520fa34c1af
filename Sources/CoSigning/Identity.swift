// docs/protocol.md, section 2

import MembershipProofs
import Petitions
import Sodium

/// A ring key's secret, in a box that arrays can hold.
public final class RingSecret: Sendable {
    public let secret: ProverSecret
    /// What it is known by.
    public let publicKey: Element

    public init(_ secret: consuming ProverSecret) {
        publicKey = secret.publicKey
        self.secret = secret
    }
}

/// A member's secrets. Everything in it lives in guarded memory and is wiped with it. Used by one task at a time.
public final class Identity {
    private static let version: UInt8 = 1
    /// The count of ring keys takes one byte.
    static let mostRingKeys = 255

    public let seed: MemberSeed
    /// Oldest first.
    public private(set) var ringKeys: [RingSecret]
    public var groupKeys: GroupKeyRing
    public let signKey: Bytes32
    public let boxKey: Bytes32

    public init() {
        seed = MemberSeed()
        ringKeys = [RingSecret(.generate())]
        groupKeys = GroupKeyRing()
        (signKey, boxKey) = (seed.signingKey().publicKey, seed.boxKey().publicKey)
    }

    /// version || seed[32] || uint8 n || ring key[32] each || group keys.
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

    /// The key made last: what a rotation announces.
    public var newestRingKey: RingSecret { ringKeys[ringKeys.count - 1] }

    /// The secret of whichever of our ring keys stands in this ring. Looks at every key of the ring for every one of ours.
    public func ringKey(in ring: Ring) -> RingSecret? {
        var found: RingSecret?
        for own in ringKeys where ring.index(of: own.publicKey) != nil { found = own }
        return found
    }

    public func ringKey(_ publicKey: Element) -> RingSecret? { ringKeys.last { $0.publicKey == publicKey } }

    /// - Throws: `CoSigningError.tooManyRingKeys`.
    public func addRingKey(_ key: RingSecret) throws(CoSigningError) {
        guard ringKeys.count < Self.mostRingKeys else { throw .tooManyRingKeys }
        ringKeys.append(key)
    }

    /// Erases the others from guarded memory; the caller writes what is left over what was stored.
    public func keepRingKeys(_ keep: (Element) -> Bool) {
        let kept = ringKeys.filter { keep($0.publicKey) }
        // A stored identity has one at least: with none left, a fresh one that no ring has.
        ringKeys = kept.isEmpty ? [RingSecret(.generate())] : kept
    }
}
