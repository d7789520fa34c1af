// docs/protocol.md, section 5

import CLanes
import Sodium

extension Ring {
    /// The place of a key; nil when it is not in the ring. Which place it is, is a signer's secret: every key is compared,
    /// the place is picked by masks, and only whether there is one is branched on.
    public func index(of key: Element) -> UInt32? {
        let (index, found) = search(for: key)
        return published(found) == 0 ? nil : index
    }

    /// The place, and all ones when there is one.
    private func search(for key: Element) -> (index: UInt32, found: UInt32) {
        let wanted = key.encoding.littleEndianWords
        var (index, found): (UInt32, UInt32) = (0, 0)
        for (k, candidate) in keys.enumerated() {
            let words = candidate.encoding.littleEndianWords
            let difference =
                (words.0 ^ wanted.0) | (words.1 ^ wanted.1) | (words.2 ^ wanted.2) | (words.3 ^ wanted.3)
            // Bit 63 of (x | -x) is set unless x is zero.
            let isOther = rr_opaque((difference | (0 &- difference)) >> 63)
            let mask = UInt32(truncatingIfNeeded: isOther) &- 1
            // The last place, were a key there twice.
            index = index & ~mask | UInt32(truncatingIfNeeded: k) & mask
            found |= mask
        }
        return (index, found)
    }
}
