import Foundation
import Sodium
import Templates

/// Puts the page that runs in a browser into one file: the module, the texts, the style and the scripts. Its policy names
/// the one script and the one style by their hashes, and lets the page load nothing.
///
///     web-page MODULE.gz SOURCES OUTPUT
///
/// SOURCES is the root of the repository. The same inputs give the same bytes.
@main
struct WebPage {
    struct Failed: Error, CustomStringConvertible { let description: String }

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4 else { throw Failed(description: "web-page MODULE.gz SOURCES OUTPUT") }
        let module = try Data(contentsOf: URL(filePath: arguments[1]))
        let page = try WebPage(sources: arguments[2]).page(module)
        try Data(page.utf8).write(to: URL(filePath: arguments[3]), options: .atomic)
    }

    let sources: String

    func file(_ path: String) throws -> String { try String(contentsOfFile: sources + "/" + path, encoding: .utf8) }

    func page(_ module: Data) throws -> String {
        let (style, script) = (try file("web/page.css"), try file("web/page.js"))
        let languages = try Language.allCases.map { try Messages($0, directory: sources + "/templates") }
        let policy =
            "default-src 'none'; script-src '\(hash(script))' 'wasm-unsafe-eval'; style-src '\(hash(style))'; "
            + "worker-src blob:; base-uri 'none'; form-action 'none'"
        let parts = [
            "policy": policy, "style": style, "script": script, "worker": try file("web/worker.js"),
            "module": module.base64EncodedString(), "texts": try json(texts(languages)),
        ]
        return try fill(try file("web/page.html"), parts, languages)
    }

    /// The hash by which a policy names an inline element (CSP 3, section 2.3.1).
    func hash(_ text: String) -> String {
        "sha256-" + Data(SHA256.hash(Array(text.utf8)).bytes).base64EncodedString()
    }

    /// `@name@` stands for a part, and `@key@` for a sentence in every language, each in an element that says which it is.
    func fill(_ template: String, _ parts: [String: String], _ languages: [Messages]) throws -> String {
        var page = ""
        var rest = template[...]
        while let match = rest.firstMatch(of: #/@([a-z]+(?:\.[A-Za-z.]+)?)@/#) {
            page += rest[..<match.range.lowerBound]
            let name = String(match.1)
            if let part = parts[name] {
                page += part
            } else {
                for texts in languages {
                    guard texts.keys.contains(name) else { throw Failed(description: "no text \(name)") }
                    page += "<span lang=\"\(texts.language.rawValue)\">\(escaped(texts(name)))</span>"
                }
            }
            rest = rest[match.range.upperBound...]
        }
        return page + rest
    }

    func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    // MARK: Texts

    /// Groups of which the code makes keys from the cases of a type.
    static let groups = [
        "rule.", "promise.", "promiseWeak.", "invalid.bundle", "invalid.otherP", "invalid.mistyped",
        "invalid.evidenceWeak",
    ]

    /// What the module and the script may ask for, by language and key.
    func texts(_ languages: [Messages]) throws -> [String: [String: String]] {
        var asked = try wanted(
            in: try swift("Sources/Presentation/Verdict") + swift("Sources/Web") + ["web/page.js"],
            call: #/[^A-Za-z](?:words|texts|key|self)\(\s*"([A-Za-z]+\.[A-Za-z.]*[A-Za-z])"/#)
        // Of what only reports and letters say, no page says anything.
        asked = asked.filter { !$0.hasPrefix("letter.") && !$0.hasPrefix("report.") }
        var all: [String: [String: String]] = [:]
        for texts in languages {
            var own: [String: String] = [:]
            for key in texts.keys {
                let plain = key.replacing(#/\.(one|other)$/#, with: "")
                if asked.contains(plain) || Self.groups.contains(where: { key.hasPrefix($0) }) {
                    own[key] = texts.pattern(key)
                }
            }
            for key in asked where own[key] == nil && own[key + ".other"] == nil {
                throw Failed(description: "no text \(key)")
            }
            // The same advice for a reader who has a switch and no command.
            own["tally.seeAll"] = texts("web.seeAll")
            all[texts.language.rawValue] = own
        }
        return all
    }

    func swift(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: sources + "/" + folder).sorted()
            .filter { $0.hasSuffix(".swift") }.map { folder + "/" + $0 }
    }

    func wanted(in files: [String], call: Regex<(Substring, Substring)>) throws -> Set<String> {
        try files.reduce(into: []) { keys, path in
            for match in try file(path).matches(of: call) { keys.insert(String(match.1)) }
        }
    }

    /// JSON that may stand in an HTML element: nothing in it can end the element.
    func json(_ value: [String: [String: String]]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self).replacing("<", with: "\\u003c")
    }
}
