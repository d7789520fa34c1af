import Foundation
import Mustache

/// HTML pages: the Mustache files of `templates/pages`, with the texts of a language. Every value is made harmless and
/// escaped, except in three braces: those are for HTML of our own, and for `Markup`.
public struct PageTemplates: Sendable {
    private let library: MustacheLibrary
    private let names: Set<String>
    /// The style sheet that every page contains.
    public let style: String

    /// Loads all page templates.
    /// - Parameter directory: the one that contains `pages`.
    public init(directory: String) throws(TemplateError) {
        let folder = directory + "/pages"
        let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        guard let style = FileManager.default.contents(atPath: folder + "/style.css") else {
            throw .noDirectory(folder)
        }
        var templates: [String: MustacheTemplate] = [:]
        for file in files where file.hasSuffix(".mustache") {
            guard let data = FileManager.default.contents(atPath: folder + "/" + file),
                let template = try? MustacheTemplate(string: String(decoding: data, as: UTF8.self))
            else { throw .damaged(file: file, .mustache) }
            templates[String(file.dropLast(9))] = template
        }
        library = MustacheLibrary(templates: templates)
        names = Set(templates.keys)
        self.style = String(decoding: style, as: UTF8.self)
    }

    /// Renders a page in a language. The template sees the texts of the group that has its name as `t`, those of the
    /// group `page` as `page`, the language as `lang`, and the style sheet as `style`.
    /// - Parameter view: a structure, or a dictionary, whose names are the template's. Nil is what is not there.
    /// - Throws: `TemplateError.noSuchTemplate`.
    public func render(_ name: String, _ view: Any, texts: Messages) throws(TemplateError) -> String {
        guard names.contains(name) else { throw .noSuchTemplate(name, language: texts.language.rawValue) }
        let frame: [String: Any] = [
            "t": texts.tree(name), "page": texts.tree("page"), "lang": texts.language.rawValue, "style": style,
        ]
        let values = Self.plain(view) as? [String: Any] ?? [:]
        let all = values.merging(frame.mapValues { Self.plain($0) ?? "" }) { value, _ in value }
        return library.render(all, withTemplate: name) ?? ""
    }

    /// Every value of a page passes through here. Mustache escapes by Characters, and a quote or bracket with a
    /// combining mark is a different Character from the bare one, so those are taken apart first.
    /// - Returns: nil for nil.
    private static func plain(_ value: Any) -> Any? {
        switch value {
        case let text as String: return plain(Harmless.lines(text))
        case let markup as Markup: return markup.html
        case is Bool, is Int: return value
        case let list as [Any]: return list.compactMap(plain)
        case let group as [String: Any]: return group.compactMapValues(plain)
        default: break
        }
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .optional { return mirror.children.first.flatMap { plain($0.value) } }
        return Dictionary(
            mirror.children.compactMap { child in
                child.label.flatMap { label in plain(child.value).map { (label, $0) } }
            },
            uniquingKeysWith: { first, _ in first })
    }

    /// Makes every special scalar a Character of its own, by removing what had joined it: a mark after it, or a letter
    /// of those that join what follows (Unicode Standard Annex 29, GB9b).
    static func plain(_ text: String) -> String {
        let special: Set<Unicode.Scalar> = ["<", ">", "&", "\"", "'"]
        func isJoined(_ character: Character) -> Bool {
            character.unicodeScalars.count > 1 && character.unicodeScalars.contains { special.contains($0) }
        }
        var plain = text
        while plain.contains(where: isJoined) {
            plain = plain.reduce(into: "") { result, character in
                let scalars = character.unicodeScalars
                result +=
                    isJoined(character)
                    ? String(String.UnicodeScalarView(scalars.filter(special.contains))) : String(character)
            }
        }
        return plain
    }
}

extension Messages {
    /// The texts of a group, nested as in the file.
    public func tree(_ prefix: String) -> [String: Any] {
        var tree: [String: Any] = [:]
        for (key, text) in group(prefix) {
            Self.insert(text, at: key.split(separator: ".").map(String.init)[...], &tree)
        }
        return tree
    }

    private static func insert(_ text: String, at path: ArraySlice<String>, _ tree: inout [String: Any]) {
        guard let first = path.first else { return }
        if path.count == 1 {
            tree[first] = text
        } else {
            var child = tree[first] as? [String: Any] ?? [:]
            insert(text, at: path.dropFirst(), &child)
            tree[first] = child
        }
    }
}
