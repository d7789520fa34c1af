/// Splits a text into lines. Every part of the program uses this, so that "line 4" is the same line everywhere.
public enum TextLines {
    /// Lines are separated by line feeds and by every other line break of Unicode; CR LF is one break. A text that ends
    /// with a break has an empty last line.
    public static func of(_ text: String) -> [String] {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.map(String.init)
    }

    /// How many lines a text has, at least 1.
    public static func count(_ text: String) -> Int { text.count { $0.isNewline } + 1 }
}
