/// The lines of a text. Every part of the program counts them alike, so that "line 4" is the same line everywhere.
public enum TextLines {
    /// Separated by line feeds and by whatever else Unicode ends a line with; CR LF is one end. A text that ends in
    /// one has an empty last line.
    public static func of(_ text: String) -> [String] {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.map(String.init)
    }

    /// How many lines a text has, at least 1.
    public static func count(_ text: String) -> Int { text.count { $0.isNewline } + 1 }
}
