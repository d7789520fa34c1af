/// Commands that people copy from a page or a terminal into theirs.
enum Shell {
    /// A text as one word of a POSIX shell: in single quotes, unless every character of it means itself.
    static func quoted(_ text: String) -> String {
        let plain = text.unicodeScalars.allSatisfy { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "/", "-", "+", ":", "@", "%", ",": true
            // Letters of other scripts mean themselves too.
            default: scalar.value > 0x7f && scalar.properties.isAlphabetic
            }
        }
        // A leading - would be an option.
        if plain, !text.isEmpty, !text.hasPrefix("-") { return text }
        let word = "'" + text.replacing("'", with: "'\\''") + "'"
        return text.hasPrefix("-") ? "./" + word : word
    }
}
