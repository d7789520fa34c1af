// docs/protocol.md, section 7

import Sodium

/// The group keys that a member holds, by epoch, in one piece of guarded memory: { uint32 epoch; opaque key[32] } each.
public struct GroupKeyRing: ~Copyable, Sendable {
    private static let entry = 36
    private var memory: SecretBytes
    /// The epochs of the keys, in the order in which the keys were added.
    public private(set) var epochs: [UInt32]

    /// A ring without keys.
    public init() {
        memory = SecretBytes(zeros: 0)
        epochs = []
    }

    /// Nil if the bytes are not whole entries of distinct epochs.
    public init?(packed: borrowing SecretBytes) {
        guard packed.count % Self.entry == 0 else { return nil }
        let epochs = packed.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: Self.entry).map { start in
                (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[start + $1]) }
            }
        }
        guard Set(epochs).count == epochs.count else { return nil }
        self.epochs = epochs
        memory = packed.duplicate()
    }

    /// The entries, one after another, in guarded memory.
    public borrowing func packed() -> SecretBytes { memory.duplicate() }

    /// A copy of this epoch's key; nil if it is not here.
    public borrowing func key(epoch: UInt32) -> GroupKey? {
        guard let place = epochs.firstIndex(of: epoch),
            let key = memory.slice(place * Self.entry + 4..<(place + 1) * Self.entry)
        else { return nil }
        return GroupKey(epoch: epoch, stored: key)
    }

    /// Adds a key, unless its epoch has one already.
    public mutating func insert(_ key: borrowing GroupKey) {
        guard !epochs.contains(key.epoch) else { return }
        let head = SecretBytes([UInt8](), memory)
        var grown = SecretBytes(zeros: epochs.count * Self.entry + Self.entry)
        let offset = epochs.count * Self.entry
        let epoch = key.epoch
        head.withUnsafeBytes { source in
            key.key.withUnsafeBytes { secret in
                grown.withUnsafeMutableBytes { target in
                    target.copyBytes(from: source)
                    for i in 0..<4 { target[offset + i] = UInt8(truncatingIfNeeded: epoch >> UInt32(24 - 8 * i)) }
                    UnsafeMutableRawBufferPointer(rebasing: target[(offset + 4)...]).copyBytes(from: secret)
                }
            }
        }
        memory = grown
        epochs.append(key.epoch)
    }

    /// Erases the keys for which `keep` returns false.
    public mutating func keep(_ keep: (borrowing GroupKey) -> Bool) {
        var kept = GroupKeyRing()
        for epoch in epochs {
            guard let key = key(epoch: epoch), keep(key) else { continue }
            kept.insert(key)
        }
        self = kept
    }

    /// The highest epoch; nil if there are no keys.
    public var newest: UInt32? { epochs.max() }
}
