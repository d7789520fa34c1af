/// What others have written, made fit to stand beside words of ours: on pages and on terminals. A title, a name or an
/// employer's offer must not be able to turn a line round, to hide part of itself, or to print a line of its own.
public enum Harmless {
    /// A text as one line. Each character that could deceive becomes U+FFFD, so that the reader sees that there was one.
    public static func line(_ text: String) -> String {
        guard !text.unicodeScalars.allSatisfy(isHarmless) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isHarmless($0) ? $0 : "\u{fffd}" }))
    }

    /// A text with its line breaks, each a line feed.
    public static func lines(_ text: String) -> String {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.map { line(String($0)) }.joined(separator: "\n")
    }

    /// Whether a character is seen as what it is, and changes nothing around it.
    public static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Joiners shape letters and emoji; variation selectors choose a glyph (U+180B to U+180F are Mongolian's).
        case 0x200c, 0x200d, 0xfe00...0xfe0f, 0xe0100...0xe01ef, 0x180b...0x180d, 0x180f: return true
        default: break
        }
        switch scalar.properties.generalCategory {
        // Every other format character only deceives, bidi controls among them.
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: return false
        // Fillers and joiners that are letters or marks by category and have no shape.
        default: return !scalar.properties.isDefaultIgnorableCodePoint
        }
    }
}
