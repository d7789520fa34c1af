import MembershipProofs
import Petitions
import Sodium

/// A ring key's secret, in a box that arrays can hold.
final class RingSecret: Sendable {
    let secret: ProverSecret

    init(_ secret: consuming ProverSecret) { self.secret = secret }
}

/// A member's secrets. Everything in it lives in guarded memory and is wiped with it.
final class Identity {
    private static let version: UInt8 = 1

    let seed: MemberSeed
    /// Oldest first; the last is the one that new rings carry.
    private(set) var ringKeys: [RingSecret]
    var groupKeys: GroupKeyRing

    init() {
        seed = MemberSeed()
        ringKeys = [RingSecret(.generate())]
        groupKeys = GroupKeyRing()
    }

    /// version || seed[32] || uint8 n || ring key[32] each || group keys.
    init(stored bytes: borrowing SecretBytes) throws(ClientError) {
        let (version, count) = bytes.withUnsafeBytes { $0.count >= 34 ? ($0[0], Int($0[33])) : (0, 0) }
        guard version == Self.version, count > 0, let seedBytes = bytes.slice(1..<33),
            let seed = MemberSeed(stored: seedBytes), bytes.count >= 34 + 32 * count,
            let rest = bytes.slice(34 + 32 * count..<bytes.count), let groupKeys = GroupKeyRing(packed: rest)
        else { throw .keystoreDamaged("identity") }
        var ringKeys: [RingSecret] = []
        for i in 0..<count {
            guard let stored = bytes.slice(34 + 32 * i..<66 + 32 * i), let secret = ProverSecret(stored: stored) else {
                throw .keystoreDamaged("identity")
            }
            ringKeys.append(RingSecret(secret))
        }
        self.seed = seed
        self.ringKeys = ringKeys
        self.groupKeys = groupKeys
    }

    func stored() -> SecretBytes {
        var bytes = SecretBytes([Self.version], seed.stored())
        bytes = Self.join(
            bytes, SecretBytes(copying: UnsafeRawBufferPointer(start: nil, count: 0)), [UInt8(ringKeys.count)])
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

    var newestRingKey: RingSecret { ringKeys[ringKeys.count - 1] }

    /// The secret of whichever of our ring keys stands in this ring.
    func ringKey(in ring: Ring) -> RingSecret? {
        // Compares with the whole ring by masks, so that nothing tells the place.
        ringKeys.last { ring.index(of: $0.secret.publicKey) != nil }
    }

    /// The count of ring keys takes one byte.
    static let maximalRingKeys = 255

    func addRingKey(_ key: RingSecret) throws(ClientError) {
        guard ringKeys.count < Self.maximalRingKeys else {
            throw .invalid("tooManyRingKeys")
        }
        ringKeys.append(key)
    }

    func keepRingKeys(_ keep: (RingSecret) -> Bool) { ringKeys = ringKeys.filter(keep) }

    var signKey: Bytes32 { seed.signingKey().publicKey }
    var boxKey: Bytes32 { seed.boxKey().publicKey }
}
