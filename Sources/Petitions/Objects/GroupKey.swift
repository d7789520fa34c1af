// docs/protocol.md, section 7

import Sodium

/// One epoch of a workplace's group key: 32 secret bytes that its members share.
public struct GroupKey: ~Copyable, Sendable {
    /// Counted from 0; a new key begins a new epoch.
    public let epoch: UInt32
    let key: SecretBytes

    /// A random key for a new epoch.
    public static func generate(epoch: UInt32) -> GroupKey { GroupKey(epoch: epoch, key: .random(32)) }

    /// Nil unless `stored` has 32 bytes.
    public init?(epoch: UInt32, stored key: consuming SecretBytes) {
        guard key.count == 32 else { return nil }
        self.init(epoch: epoch, key: key)
    }

    private init(epoch: UInt32, key: consuming SecretBytes) {
        self.epoch = epoch
        self.key = key
    }

    /// The key's 32 bytes, in guarded memory.
    public borrowing func stored() -> SecretBytes { key.duplicate() }
    /// A copy in guarded memory of its own.
    public borrowing func duplicate() -> GroupKey { GroupKey(epoch: epoch, key: key.duplicate()) }

    /// Digest("group-key", uint32 epoch || key), as GroupKeyRotated carries it.
    public var commitment: Bytes32 { Domain.digest("group-key", Self.bytes(of: epoch), secret: key) }

    private static func bytes(of epoch: UInt32) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(epoch)
        return writer.bytes
    }

    /// Digest("group-key-wrap", workplace_id || uint32 epoch || member box_key).
    static func wrapPrefix(_ workplace: ID<Workplace>, epoch: UInt32, boxKey: Bytes32) -> Bytes32 {
        Domain.digest("group-key-wrap", workplace.bytes.bytes, bytes(of: epoch), boxKey.bytes)
    }

    /// Length of a wrapped key, in bytes.
    public static let wrapLength = 64 + SealedBox.overhead

    /// Wraps the key for one member, in 112 bytes.
    /// - Throws: `SodiumError` if `boxKey` is not a valid key.
    public borrowing func wrap(for boxKey: Bytes32, in workplace: ID<Workplace>) throws(SodiumError) -> [UInt8] {
        let prefix = Self.wrapPrefix(workplace, epoch: epoch, boxKey: boxKey)
        return try SealedBox.seal(SecretBytes(prefix.bytes, key), to: boxKey)
    }

    /// Opens a wrap.
    /// - Throws: `RuleViolation.commitment` unless the wrap is for this member and epoch, and holds the key that the
    ///   log committed to.
    public static func unwrap(
        _ wrap: [UInt8], epoch: UInt32, commitment: Bytes32, by pair: borrowing BoxKeyPair, in workplace: ID<Workplace>
    ) throws(RuleViolation) -> GroupKey {
        let opened: SecretBytes
        do { opened = try pair.open(wrap) } catch { throw .commitment }
        let prefix = wrapPrefix(workplace, epoch: epoch, boxKey: pair.publicKey)
        guard opened.count == 64, let head = opened.slice(0..<32), let key = opened.slice(32..<64),
            SecretBytes.equal(head, SecretBytes(prefix))
        else { throw .commitment }
        let groupKey = GroupKey(epoch: epoch, key: key)
        guard groupKey.commitment == commitment else { throw .commitment }
        return groupKey
    }
}
