/// Commands as somebody can paste them into a shell, whatever a file or a person is called.
enum ShellQuoting {
    /// One word for a POSIX shell: as it is where nothing in it means anything to a shell, else between single quotes.
    static func word(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "_-./:@%+=,".utf8.contains(byte)
                }
            }
        return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }

    /// A whole command on one line. What would move a terminal's cursor is left out: a file can be called anything.
    static func command(_ words: [String]) -> String {
        words.map { word(Terminal.harmless($0)) }.joined(separator: " ")
    }
}
