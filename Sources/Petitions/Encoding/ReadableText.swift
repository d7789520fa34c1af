/// What a reader sees of a text. A character that does not show, or that turns the direction of reading, lets one text
/// read as another: "within 41 days" as "within 14 days", or one name as somebody else's.
public enum ReadableText {
    /// Whether a scalar shows as itself. Line feeds and tabs do; joiners (U+200C, U+200D) and the selectors that emoji
    /// and Han variants take are needed for spelling. Every other character that has no shape of its own does not.
    public static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "\n" || scalar == "\t" { return true }
        let properties = scalar.properties
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: return false
        case .format: return scalar.value == 0x200c || scalar.value == 0x200d
        default:
            // Fillers of Hangul and the like are letters that nobody sees; the blank of Braille is a symbol.
            if scalar.value == 0x2800 { return false }
            return !properties.isDefaultIgnorableCodePoint
                || properties.isVariationSelector
                    && !properties.isNoncharacterCodePoint
        }
    }

    /// The first scalar that does not show as itself, with its line from 1; nil for a text that reads as it is written.
    public static func firstHidden(in text: String) -> (line: Int, scalar: Unicode.Scalar)? {
        var line = 1
        for scalar in text.unicodeScalars {
            if !isPlain(scalar) { return (line, scalar) }
            if scalar == "\n" { line += 1 }
        }
        return nil
    }

    /// The first scalar of a name, a title or another text of one line that does not belong there: line breaks and
    /// tabs do not.
    public static func firstHidden(inLine text: String) -> Unicode.Scalar? {
        text.unicodeScalars.first { !isPlain($0) || $0 == "\n" || $0 == "\t" }
    }

    /// `U+202E`, as people find it in tables.
    public static func code(_ scalar: Unicode.Scalar) -> String {
        let hex = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
    }
}
