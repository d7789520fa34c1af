import Foundation
import Yams

extension Language {
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
}

extension Messages {
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
            guard let data = FileManager.default.contents(atPath: folder + "/" + file) else {
                throw .damaged(file: file, .texts)
            }
            let text = String(decoding: data, as: UTF8.self)
            let tree: Any?
            do { tree = try Yams.load(yaml: text) } catch {
                throw .damaged(file: file, .yaml(YAMLFault(error, in: text)))
            }
            guard let tree, Self.flatten(tree, "", &texts) else { throw .damaged(file: file, .texts) }
        }
        (self.language, self.texts) = (language, texts)
    }

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
