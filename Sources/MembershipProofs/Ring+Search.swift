// docs/protocol.md, section 5

import CLanes
import Sodium

extension Ring {
    /// The index of a key; nil if it is not in the ring. The index is a signer's secret: every key is compared, the
    /// index is picked by masks, and only the fact whether there is one decides a branch.
    public func index(of key: Element) -> UInt32? {
        let (index, found) = search(for: key)
        return published(found) == 0 ? nil : index
    }

    /// The index, and all ones if there is one.
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
            // Keeps the last place if a key occurs twice.
            index = index & ~mask | UInt32(truncatingIfNeeded: k) & mask
            found |= mask
        }
        return (index, found)
    }
}
