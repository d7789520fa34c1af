import ScalarClasses

/// Checks that a text reads as it is written. A character that does not show, or that changes the direction of reading,
/// lets one text read as another: "within 41 days" as "within 14 days", or one name as somebody else's.
public enum ReadableText {
    /// Whether a scalar shows as itself. Line feeds and tabs do. So do joiners (U+200C, U+200D) and the variation
    /// selectors of emoji and Han characters, which spelling needs. No other character without a shape of its own does.
    public static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "\n" || scalar == "\t" { return true }
        if scalar.isControl || scalar.isLineOrParagraphSeparator || scalar.isPrivateUse { return false }
        if scalar.isFormat { return scalar.value == 0x200c || scalar.value == 0x200d }
        // Fillers of Hangul and the like are letters that nobody can see; the Braille blank is a symbol.
        if scalar.value == 0x2800 { return false }
        return !scalar.isDefaultIgnorable || scalar.isVariationSelector
    }

    /// The first scalar that does not show as itself, with its line, from 1; nil if the text reads as it is written.
    public static func firstHidden(in text: String) -> (line: Int, scalar: Unicode.Scalar)? {
        var line = 1
        for scalar in text.unicodeScalars {
            if !isPlain(scalar) { return (line, scalar) }
            if scalar == "\n" { line += 1 }
        }
        return nil
    }

    /// The first scalar that does not belong in a name, a title or another text of one line; here line breaks and tabs
    /// do not belong either.
    public static func firstHidden(inLine text: String) -> Unicode.Scalar? {
        text.unicodeScalars.first { !isPlain($0) || $0 == "\n" || $0 == "\t" }
    }

    /// The code as tables list it: `U+202E`.
    public static func code(_ scalar: Unicode.Scalar) -> String {
        let hex = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
    }
}
