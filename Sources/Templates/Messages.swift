/// The languages that the program speaks. Texts are in the files of `templates/messages/<language>/`.
public enum Language: String, CaseIterable, Sendable {
    case english = "en"
    case chinese = "zh-Hans"

    /// The one of the two languages that this is not.
    public var other: Language { self == .english ? .chinese : .english }
}

/// The texts of one language: keys with dots, and `{name}` as a placeholder for a value.
public struct Messages: Sendable {
    /// The language of the texts.
    public let language: Language
    let texts: [String: String]

    /// Without any texts: every key is shown as it is.
    public static func none(_ language: Language) -> Messages { Messages(language, texts: [:]) }

    /// Texts that were loaded by somebody else, by key.
    package init(_ language: Language, texts: [String: String]) { (self.language, self.texts) = (language, texts) }

    /// The text of a key with its placeholders; nil if there is none.
    package func pattern(_ key: String) -> String? { texts[key] }

    /// All keys that have a text.
    public var keys: Set<String> { Set(texts.keys) }

    /// The text of a key with its values filled in; the key itself if there is no such text.
    /// - Parameter count: chooses `key.one` for 1 and `key.other` for other numbers, if the language has both, and
    ///   fills in `{count}`.
    public func callAsFunction(_ key: String, _ values: [String: String] = [:], count: Int? = nil) -> String {
        var values = values
        var chosen = texts[key]
        if let count {
            values["count"] = String(count)
            chosen = texts[key + (count == 1 ? ".one" : ".other")] ?? texts[key + ".other"] ?? chosen
        }
        guard let chosen else {
            return ([key] + values.sorted { $0.key < $1.key }.map { $0.value }).joined(separator: " ")
        }
        return Self.fill(chosen, values, language)
    }

    /// Fills in all values in one pass, so that a value which looks like a placeholder stays as it is. In Chinese a space
    /// comes between a Han character and a value that begins or ends with a Latin letter or a digit.
    static func fill(_ text: String, _ values: [String: String], _ language: Language = .english) -> String {
        var result = ""
        var rest = parts(of: text, values)[...]
        func isApart(_ left: Character?, _ right: Character?) -> Bool {
            guard language == .chinese, let left, let right else { return false }
            return isHan(left) && isLatin(right) || isLatin(left) && isHan(right)
        }
        // A page puts others' words between these.
        func isIsolate(_ character: Character) -> Bool { character == "\u{2068}" || character == "\u{2069}" }
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            let name = String(rest[rest.index(after: open)..<close])
            result += rest[..<open]
            let value = values[name] ?? String(rest[open...close])
            rest = rest[rest.index(after: close)...]
            if isApart(result.last, value.first { !isIsolate($0) }) { result += " " }
            result += value
            if isApart(value.last { !isIsolate($0) }, rest.first) { result += " " }
        }
        return result + rest
    }

    private static func isLatin(_ character: Character) -> Bool {
        switch character.asciiValue {
        case .some(UInt8(ascii: "0")...UInt8(ascii: "9")), .some(UInt8(ascii: "A")...UInt8(ascii: "Z")),
            .some(UInt8(ascii: "a")...UInt8(ascii: "z")):
            true
        default: false
        }
    }

    private static func isHan(_ character: Character) -> Bool {
        character.unicodeScalars.first.map { (0x3400...0x9fff).contains($0.value) } ?? false
    }

    /// The text without the parts that have nothing to say: `<<a|text>>` is left out if the value of `a` is 0, and
    /// `<<a/b|text>>` if those of `a` and `b` are equal.
    private static func parts(of text: String, _ values: [String: String]) -> String {
        var result = ""
        var rest = text[...]
        while let open = place(of: "<<", in: rest), let bar = rest[open...].firstIndex(of: "|"),
            let close = place(of: ">>", in: rest[bar...])
        {
            let named = rest[rest.index(open, offsetBy: 2)..<bar].split(separator: "/").map { values[String($0)] ?? "" }
            let isEmpty = named.count == 2 ? named[0] == named[1] : named.first == "0"
            result += rest[..<open]
            if !isEmpty { result += rest[rest.index(after: bar)..<close] }
            rest = rest[rest.index(close, offsetBy: 2)...]
        }
        return result + rest
    }

    private static func place(of mark: String, in text: Substring) -> Substring.Index? {
        var rest = text
        while let place = rest.firstIndex(of: mark[mark.startIndex]) {
            if rest[place...].hasPrefix(mark) { return place }
            rest = rest[rest.index(after: place)...]
        }
        return nil
    }
}
