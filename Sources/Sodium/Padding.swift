/// ISO/IEC 7816-4 padding: 0x80, then zeros.
public enum Padding {
    /// Pads to exactly `length`. Nil if there is no room for the 0x80.
    public static func pad(_ bytes: [UInt8], to length: Int) -> [UInt8]? {
        guard bytes.count < length else { return nil }
        return bytes + [0x80] + [UInt8](repeating: 0, count: length - bytes.count - 1)
    }

    /// Removes the padding. Nil if there is no 0x80 that only zeros follow. It is meant for plaintexts that have been
    /// authenticated, so its running time reveals nothing.
    public static func unpad(_ bytes: [UInt8]) -> [UInt8]? {
        guard let end = bytes.lastIndex(where: { $0 != 0 }), bytes[end] == 0x80 else { return nil }
        return Array(bytes[..<end])
    }

    /// PADME(length) (Nikitin et al., PETS 2019): rounds a length up to one whose low bits are zero, so that it reveals
    /// only O(log log length) bits, at a cost of at most 12 %.
    public static func padme(_ length: Int) -> Int {
        guard length > 1 else { return max(length, 0) }
        let exponent = Int.bitWidth - 1 - length.leadingZeroBitCount
        let bits = Int.bitWidth - exponent.leadingZeroBitCount
        let low = exponent - bits
        guard low > 0 else { return length }
        let mask = (1 << low) - 1
        let (sum, overflow) = length.addingReportingOverflow(mask)
        return overflow ? length : sum & ~mask
    }
}
