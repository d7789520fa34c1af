import ScalarClasses

/// Makes other people's text fit to stand next to our own words, on pages and on terminals. A title, a name or an
/// employer's offer must not be able to reverse a line, to hide part of itself, or to print a line of its own.
public enum Harmless {
    /// A text as one line. Each character that could deceive becomes U+FFFD, so that the reader sees that it was there.
    public static func line(_ text: String) -> String {
        guard !text.unicodeScalars.allSatisfy(isHarmless) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isHarmless($0) ? $0 : "\u{fffd}" }))
    }

    /// A text with its line breaks, each as a line feed.
    public static func lines(_ text: String) -> String {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.map { line(String($0)) }.joined(separator: "\n")
    }

    /// Whether a character shows as what it is, and changes nothing around it.
    public static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Joiners shape letters and emoji; variation selectors choose a glyph (U+180B to U+180F are the Mongolian
        // ones).
        case 0x200c, 0x200d, 0xfe00...0xfe0f, 0xe0100...0xe01ef, 0x180b...0x180d, 0x180f: return true
        default: break
        }
        // Every other format character only deceives; bidi controls are among them.
        if scalar.isControl || scalar.isFormat || scalar.isLineOrParagraphSeparator || scalar.isPrivateUse {
            return false
        }
        // Fillers and joiners are letters or marks by category, but have no shape.
        return !scalar.isDefaultIgnorable
    }
}
