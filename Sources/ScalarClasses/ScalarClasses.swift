/// The few properties of Unicode scalars that this project asks for. The standard library has them too, in tables of 55 KB,
/// which are much for a page in a browser. A test compares each property with the standard library's for every scalar.
extension Unicode.Scalar {
    /// General category Cc: control.
    public var isControl: Bool { value < 0x20 || (0x7f...0x9f).contains(value) }

    /// General category Cf: format.
    public var isFormat: Bool { Self.format.has(value) }

    /// General category Zs: space separator.
    public var isSpaceSeparator: Bool { Self.spaces.has(value) }

    /// General categories Zl and Zp: line separator and paragraph separator.
    public var isLineOrParagraphSeparator: Bool { value == 0x2028 || value == 0x2029 }

    /// General category Co: private use.
    public var isPrivateUse: Bool {
        (0xe000...0xf8ff).contains(value) || value >= 0xf0000 && value & 0xffff < 0xfffe
    }

    /// Property White_Space.
    public var isWhiteSpace: Bool {
        isSpaceSeparator || isLineOrParagraphSeparator || (0x9...0xd).contains(value) || value == 0x85
    }

    /// Property Default_Ignorable_Code_Point: it is not shown if no glyph is there for it.
    public var isDefaultIgnorable: Bool { Self.ignorable.has(value) }

    /// Property Variation_Selector.
    public var isVariationSelector: Bool {
        switch value {
        case 0x180b...0x180d, 0x180f, 0xfe00...0xfe0f, 0xe0100...0xe01ef: true
        default: false
        }
    }

    private static let format: [ClosedRange<UInt32>] = [
        0xad...0xad, 0x600...0x605, 0x61c...0x61c, 0x6dd...0x6dd, 0x70f...0x70f, 0x890...0x891, 0x8e2...0x8e2,
        0x180e...0x180e, 0x200b...0x200f, 0x202a...0x202e, 0x2060...0x2064, 0x2066...0x206f, 0xfeff...0xfeff,
        0xfff9...0xfffb, 0x110bd...0x110bd, 0x110cd...0x110cd, 0x13430...0x1343f, 0x1bca0...0x1bca3, 0x1d173...0x1d17a,
        0xe0001...0xe0001, 0xe0020...0xe007f,
    ]
    private static let spaces: [ClosedRange<UInt32>] = [
        0x20...0x20, 0xa0...0xa0, 0x1680...0x1680, 0x2000...0x200a, 0x202f...0x202f, 0x205f...0x205f, 0x3000...0x3000,
    ]
    private static let ignorable: [ClosedRange<UInt32>] = [
        0xad...0xad, 0x34f...0x34f, 0x61c...0x61c, 0x115f...0x1160, 0x17b4...0x17b5, 0x180b...0x180f, 0x200b...0x200f,
        0x202a...0x202e, 0x2060...0x206f, 0x3164...0x3164, 0xfe00...0xfe0f, 0xfeff...0xfeff, 0xffa0...0xffa0,
        0xfff0...0xfff8, 0x1bca0...0x1bca3, 0x1d173...0x1d17a, 0xe0000...0xe0fff,
    ]
}

extension [ClosedRange<UInt32>] {
    fileprivate func has(_ value: UInt32) -> Bool { contains { $0.contains(value) } }
}
