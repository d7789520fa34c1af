/// Commands as somebody can paste them into a shell, whatever a file or a person is called.
package enum ShellQuoting {
    /// One word for a POSIX shell: as it is where nothing in it means anything to a shell, else between single quotes.
    package static func word(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.unicodeScalars.allSatisfy { scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".", "/", ":", "@", "%", "+", "=", ",": true
                // Letters of other scripts mean themselves too.
                default: scalar.value > 0x7f && scalar.properties.isAlphabetic
                }
            }
        return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }

    /// A file's name: with - in front it would be an option.
    package static func file(_ name: String) -> String { name.hasPrefix("-") ? "./" + word(name) : word(name) }

    /// A whole command on one line. What would move a terminal's cursor is left out: a file can be called anything.
    package static func command(_ words: [String]) -> String {
        words.map { word(Terminal.harmless($0)) }.joined(separator: " ")
    }
}
