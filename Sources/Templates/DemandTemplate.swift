import Foundation
import Mustache
import Yams

/// What is wrong with a template, or with a value given for one of its parameters.
public enum TemplateError: Error, Equatable, Sendable, CustomStringConvertible {
    case noDirectory(String)
    case noSuchTemplate(String, language: String)
    case damaged(file: String, why: String)
    case unknownParameter(String, known: [String])
    case notANumber(parameter: String, value: String)
    case outOfBounds(parameter: String, value: String, bounds: String)
    case notAChoice(parameter: String, value: String, choices: [String])
    case empty(parameter: String)

    public var description: String {
        switch self {
        case .noDirectory(let path): "There are no templates in \(path)."
        case .noSuchTemplate(let name, let language): "There is no template \(name) in the language \(language)."
        case .damaged(let file, let why): "The template \(file) is damaged: \(why)."
        case .unknownParameter(let name, let known):
            "The template has no parameter \(name); it has \(known.isEmpty ? "none" : known.joined(separator: ", "))."
        case .notANumber(let parameter, let value): "\(parameter) must be a whole number, not \"\(value)\"."
        case .outOfBounds(let parameter, let value, let bounds): "\(parameter) must be \(bounds), not \(value)."
        case .notAChoice(let parameter, let value, let choices):
            "\(parameter) must be one of \(choices.joined(separator: ", ")), not \"\(value)\"."
        case .empty(let parameter): "\(parameter) must not be empty or longer than 200 characters."
        }
    }
}

/// A demand that can be filled in: YAML front matter, and Markdown with Mustache parameters.
public struct DemandTemplate: Sendable, Equatable {
    public struct Parameter: Sendable, Equatable {
        public enum Kind: Sendable, Equatable {
            case integer(ClosedRange<Int>)
            case text
            case choice([String])
        }

        public let name: String
        public let description: String
        public let kind: Kind
        public let defaultValue: String

        /// The values that are allowed, for people.
        public var bounds: String {
            switch kind {
            case .integer(let range): "from \(range.lowerBound) to \(range.upperBound)"
            case .text: "text"
            case .choice(let choices): choices.joined(separator: " | ")
            }
        }

        func check(_ value: String) throws(TemplateError) -> String {
            switch kind {
            case .integer(let range):
                guard let number = Int(value) else { throw .notANumber(parameter: name, value: value) }
                guard range.contains(number) else { throw .outOfBounds(parameter: name, value: value, bounds: bounds) }
                return String(number)
            case .text:
                guard !value.isEmpty, value.count <= 200 else { throw .empty(parameter: name) }
                return value
            case .choice(let choices):
                guard choices.contains(value) else {
                    throw .notAChoice(parameter: name, value: value, choices: choices)
                }
                return value
            }
        }
    }

    /// The same in every language.
    public let name: String
    public let language: String
    public let title: String
    public let summary: String
    public let parameters: [Parameter]
    /// Markdown with `{{parameter}}`.
    public let body: String

    private struct FrontMatter: Decodable {
        struct Parameter: Decodable {
            let name: String
            let description: String
            let type: String
            let `default`: String
            let minimum: Int?
            let maximum: Int?
            let choices: [String]?
        }
        let title: String
        let summary: String
        let parameters: [Parameter]
    }

    /// - Parameter file: the name used in errors.
    public init(parsing text: String, name: String, language: String, file: String) throws(TemplateError) {
        let marker = "---\n"
        // The end is looked for behind the beginning: the line feed of the first marker belongs to no second one.
        guard text.hasPrefix(marker),
            let start = text.index(text.startIndex, offsetBy: marker.count, limitedBy: text.endIndex),
            let end = text.range(of: "\n---\n", range: start..<text.endIndex)
        else {
            throw .damaged(file: file, why: "it does not start with front matter between two lines of ---")
        }
        let yaml = String(text[start..<end.lowerBound])
        let front: FrontMatter
        do { front = try YAMLDecoder().decode(FrontMatter.self, from: yaml) } catch {
            throw .damaged(file: file, why: "its front matter is not as templates have it")
        }
        (self.name, self.language, title, summary) = (name, language, front.title, front.summary)
        var parameters: [Parameter] = []
        for entry in front.parameters { parameters.append(try Self.parameter(entry, file)) }
        self.parameters = parameters
        body = String(text[end.upperBound...]).trimmingCharacters(in: .whitespacesAndNewlines)
        guard Set(parameters.map(\.name)).count == parameters.count else {
            throw .damaged(file: file, why: "a parameter stands twice")
        }
        _ = try render([:])
    }

    private static func parameter(_ entry: FrontMatter.Parameter, _ file: String) throws(TemplateError) -> Parameter {
        let kind: Parameter.Kind
        switch (entry.type, entry.minimum, entry.maximum, entry.choices) {
        case ("integer", let low?, let high?, nil) where low <= high: kind = .integer(low...high)
        case ("text", nil, nil, nil): kind = .text
        case ("choice", nil, nil, let choices?) where !choices.isEmpty: kind = .choice(choices)
        default: throw .damaged(file: file, why: "the parameter \(entry.name) has no sound type or bounds")
        }
        let parameter = Parameter(
            name: entry.name, description: entry.description, kind: kind, defaultValue: entry.default)
        do { _ = try parameter.check(entry.default) } catch {
            throw .damaged(file: file, why: "the default of \(entry.name) is outside its bounds")
        }
        return parameter
    }

    /// Fills the template in. What is not given has its default.
    /// - Throws: `TemplateError` for an unknown parameter or a value outside its bounds.
    public func render(_ values: [String: String]) throws(TemplateError) -> (title: String, text: String) {
        let known = parameters.map(\.name)
        if let unknown = values.keys.sorted().first(where: { !known.contains($0) }) {
            throw .unknownParameter(unknown, known: known)
        }
        var filled: [String: String] = [:]
        for parameter in parameters {
            filled[parameter.name] = try parameter.check(values[parameter.name] ?? parameter.defaultValue)
        }
        return (try fill(title, filled), try fill(body, filled))
    }

    private func fill(_ template: String, _ values: [String: String]) throws(TemplateError) -> String {
        for name in Self.references(in: template) where values[name] == nil {
            throw .damaged(file: "\(language)/\(name)", why: "it uses the parameter \(name), which it does not declare")
        }
        // Demands are Markdown, not HTML: nothing is to be escaped.
        do { return try MustacheTemplate(string: "{{% CONTENT_TYPE:TEXT}}" + template).render(values) } catch {
            throw .damaged(file: "\(language)/\(name)", why: "its Mustache does not parse")
        }
    }

    /// The parameters that a text uses, in order of appearance.
    public static func references(in text: String) -> [String] {
        text.matches(of: /\{\{([a-z_0-9]+)\}\}/).map { String($0.1) }
    }
}

/// The templates that come with the program: `demands/<language>/<name>.md`.
public struct TemplateLibrary: Sendable {
    public let templates: [DemandTemplate]

    /// - Parameter directory: the one that holds `demands`.
    public init(directory: String) throws(TemplateError) {
        let root = directory + "/demands"
        let files = FileManager.default
        guard let languages = try? files.contentsOfDirectory(atPath: root).sorted(), !languages.isEmpty else {
            throw .noDirectory(root)
        }
        var templates: [DemandTemplate] = []
        for language in languages {
            for file in ((try? files.contentsOfDirectory(atPath: root + "/" + language)) ?? []).sorted()
            where file.hasSuffix(".md") {
                let path = "\(root)/\(language)/\(file)"
                guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                    throw .damaged(file: path, why: "it is not UTF-8")
                }
                templates.append(
                    try DemandTemplate(parsing: text, name: String(file.dropLast(3)), language: language, file: path))
            }
        }
        self.templates = templates
    }

    public func template(_ name: String, language: String) throws(TemplateError) -> DemandTemplate {
        guard let template = templates.first(where: { $0.name == name && $0.language == language }) else {
            throw .noSuchTemplate(name, language: language)
        }
        return template
    }

    /// Where the program's own templates are: named by ROUNDROBIN_TEMPLATES, installed beside it, or in the checkout that it
    /// was built in.
    public static func standardDirectory() -> String {
        if let named = ProcessInfo.processInfo.environment["ROUNDROBIN_TEMPLATES"] { return named }
        let executable = URL(filePath: Bundle.main.executablePath ?? CommandLine.arguments[0]).resolvingSymlinksInPath()
        let installed = executable.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "share/roundrobin/templates").path
        if FileManager.default.fileExists(atPath: installed + "/demands") { return installed }
        var directory = executable.deletingLastPathComponent()
        for _ in 0..<6 {
            let candidate = directory.appending(path: "templates").path
            if FileManager.default.fileExists(atPath: candidate + "/demands") { return candidate }
            directory = directory.deletingLastPathComponent()
        }
        return installed
    }
}
