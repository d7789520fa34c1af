import Foundation
import Yams

/// The languages that the program speaks. Texts are in the files of `templates/messages/<language>/`.
public enum Language: String, CaseIterable, Sendable {
    case english = "en"
    case chinese = "zh-Hans"

    /// Parses a tag such as `en`, `zh-Hans` or `zh_CN.UTF-8`; nil for a language that the program does not speak.
    public init?(tag: String) {
        let primary = tag.lowercased().prefix { $0.isLetter }
        switch primary {
        case "en": self = .english
        case "zh": self = .chinese
        default: return nil
        }
    }

    /// The language by the rule of POSIX: the first of LC_ALL, LC_MESSAGES and LANG that is set. English if the program
    /// does not speak it.
    public static func preferred(in environment: [String: String]) -> Language {
        let named = ["LC_ALL", "LC_MESSAGES", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty }
        return named.flatMap { Language(tag: $0) } ?? .english
    }

    /// The language that an Accept-Language header (RFC 9110, section 12.5.4) prefers.
    public static func accepted(by header: String?) -> Language {
        let wishes = (header ?? "").split(separator: ",").prefix(32).compactMap { entry -> (Language, Double)? in
            let parts = entry.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
            guard let tag = parts.first, let language = Language(tag: tag) else { return nil }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
            return weight > 0 ? (language, weight) : nil
        }
        // Among equals the first, since browsers list them in order of preference.
        let strongest = wishes.map(\.1).max()
        return wishes.first { $0.1 == strongest }?.0 ?? .english
    }

    /// The one of the two languages that this is not.
    public var other: Language { self == .english ? .chinese : .english }
}

/// The texts of one language: keys with dots, and `{name}` as a placeholder for a value.
public struct Messages: Sendable {
    /// The language of the texts.
    public let language: Language
    private let texts: [String: String]

    /// Loads the texts of a language.
    /// - Parameter directory: the one that contains `messages`.
    public init(_ language: Language, directory: String) throws(TemplateError) {
        let folder = "\(directory)/messages/\(language.rawValue)"
        let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
            $0.hasSuffix(".yaml")
        }
        guard !files.isEmpty else { throw .noDirectory(folder) }
        var texts: [String: String] = [:]
        for file in files.sorted() {
            guard let data = FileManager.default.contents(atPath: folder + "/" + file),
                let tree = try? Yams.load(yaml: String(decoding: data, as: UTF8.self))
            else { throw .damaged(file: file, why: "it is no YAML") }
            guard Self.flatten(tree, "", &texts) else {
                throw .damaged(file: file, why: "a text is neither text nor a group, or stands twice")
            }
        }
        (self.language, self.texts) = (language, texts)
    }

    /// Without any texts: every key is shown as it is.
    public static func none(_ language: Language) -> Messages { Messages(language: language, texts: [:]) }

    private init(language: Language, texts: [String: String]) { (self.language, self.texts) = (language, texts) }

    private static func flatten(_ node: Any, _ prefix: String, _ texts: inout [String: String]) -> Bool {
        switch node {
        case let text as String: return texts.updateValue(text, forKey: prefix) == nil
        case let group as [String: Any]:
            for (name, child) in group {
                guard flatten(child, prefix.isEmpty ? name : prefix + "." + name, &texts) else { return false }
            }
        default: return false
        }
        return true
    }

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
        guard let chosen else { return ([key] + values.sorted { $0.key < $1.key }.map(\.value)).joined(separator: " ") }
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
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            let name = String(rest[rest.index(after: open)..<close])
            result += rest[..<open]
            let value = values[name] ?? String(rest[open...close])
            rest = rest[rest.index(after: close)...]
            if isApart(result.last, value.first) { result += " " }
            result += value
            if isApart(value.last, rest.first) { result += " " }
        }
        return result + rest
    }

    private static func isLatin(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber)
    }

    private static func isHan(_ character: Character) -> Bool {
        character.unicodeScalars.first.map { (0x3400...0x9fff).contains($0.value) } ?? false
    }

    /// The text without the parts that have nothing to say: `<<a|text>>` is left out if the value of `a` is 0, and
    /// `<<a/b|text>>` if those of `a` and `b` are equal.
    private static func parts(of text: String, _ values: [String: String]) -> String {
        var result = ""
        var rest = text[...]
        while let open = rest.range(of: "<<"), let bar = rest[open.upperBound...].firstIndex(of: "|"),
            let close = rest[bar...].range(of: ">>")
        {
            let named = rest[open.upperBound..<bar].split(separator: "/").map { values[String($0)] ?? "" }
            let isEmpty = named.count == 2 ? named[0] == named[1] : named.first == "0"
            result += rest[..<open.lowerBound]
            if !isEmpty { result += rest[rest.index(after: bar)..<close.lowerBound] }
            rest = rest[close.upperBound...]
        }
        return result + rest
    }

    /// The names of a text's placeholders, for comparing languages.
    public func places(in key: String) -> Set<String> {
        Set((texts[key] ?? "").matches(of: /\{([a-z_]+)\}/).map { String($0.1) })
    }

    /// The texts of a group, by the rest of their key, as page templates use them.
    public func group(_ prefix: String) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: texts.filter { $0.key.hasPrefix(prefix + ".") }.map {
                (String($0.key.dropFirst(prefix.count + 1)), $0.value)
            })
    }
}
