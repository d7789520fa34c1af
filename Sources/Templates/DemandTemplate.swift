import Foundation
import Mustache
import Yams

/// Why a template, or a value given for one of its parameters, is rejected.
public enum TemplateError: Error, Equatable, Sendable, CustomStringConvertible {
    case noDirectory(String)
    case noSuchTemplate(String, language: String)
    case damaged(file: String, Damage)
    case unknownParameter(String, known: [String])
    case notANumber(parameter: String, value: String)
    case outOfBounds(parameter: String, value: String, range: ClosedRange<Int>)
    case notAChoice(parameter: String, value: String, choices: [String])
    case empty(parameter: String)

    /// What is wrong with a file of the templates.
    public enum Damage: Equatable, Sendable {
        /// It is not UTF-8.
        case encoding
        /// It does not begin with front matter between two lines of `---`.
        case noFrontMatter
        /// Its front matter lacks something that templates have, or has it in another form.
        case frontMatter
        case yaml(YAMLFault)
        case parameterTwice
        /// This parameter has no type that there is, or no bounds that fit it.
        case parameterKind(String)
        /// This parameter's default is outside its bounds.
        case parameterDefault(String)
        /// It uses this parameter, which it does not declare.
        case undeclared(String)
        case mustache
        /// A text of the program's is neither text nor a group, or stands twice.
        case texts
        /// It is not the page that `make web` makes.
        case page
        /// A line of the list of releases is no digest with a version after it.
        case releases
    }

    /// The error in English.
    public var description: String {
        switch self {
        case .noDirectory(let path): "There are no templates in \(path)."
        case .noSuchTemplate(let name, let language): "There is no template \(name) in the language \(language)."
        case .damaged(let file, let damage): "The template \(file) is damaged: \(damage)."
        case .unknownParameter(let name, let known):
            "The template has no parameter \(name); it has \(known.isEmpty ? "none" : known.joined(separator: ", "))."
        case .notANumber(let parameter, let value): "\(parameter) must be a whole number, not \"\(value)\"."
        case .outOfBounds(let parameter, let value, let range):
            "\(parameter) must be from \(range.lowerBound) to \(range.upperBound), not \(value)."
        case .notAChoice(let parameter, let value, let choices):
            "\(parameter) must be one of \(choices.joined(separator: ", ")), not \"\(value)\"."
        case .empty(let parameter): "\(parameter) must not be empty or longer than 200 characters."
        }
    }
}

/// A demand with blanks: YAML front matter, and Markdown with Mustache parameters.
public struct DemandTemplate: Sendable, Equatable {
    /// A blank that the writer fills in.
    public struct Parameter: Sendable, Equatable {
        /// A kind of value.
        public enum Kind: Sendable, Equatable {
            case integer(ClosedRange<Int>)
            case text
            case choice([String])
        }

        /// The name between braces in the body.
        public let name: String
        /// Its purpose, in the template's language.
        public let description: String
        /// The allowed values.
        public let kind: Kind
        /// The value if none is given.
        public let defaultValue: String

        /// The allowed values, described for people.
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
                guard range.contains(number) else { throw .outOfBounds(parameter: name, value: value, range: range) }
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

    /// The template's name, the same in every language.
    public let name: String
    /// The language tag.
    public let language: String
    /// The demand's title, which may contain parameters.
    public let title: String
    /// A short description for lists.
    public let summary: String
    /// In the order of the front matter.
    public let parameters: [Parameter]
    /// The wording: Markdown with `{{parameter}}`.
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

    /// Parses a template file.
    /// - Parameter file: the file's name for errors.
    public init(parsing text: String, name: String, language: String, file: String) throws(TemplateError) {
        let marker = "---\n"
        // The end marker is searched for after the first marker, whose line feed must not count as the start of a
        // second one.
        guard text.hasPrefix(marker),
            let start = text.index(text.startIndex, offsetBy: marker.count, limitedBy: text.endIndex),
            let end = text.range(of: "\n---\n", range: start..<text.endIndex)
        else {
            throw .damaged(file: file, .noFrontMatter)
        }
        let yaml = String(text[start..<end.lowerBound])
        let front: FrontMatter
        do { front = try YAMLDecoder().decode(FrontMatter.self, from: yaml) } catch {
            let fault = YAMLFault(error, in: yaml)
            // The line of --- stands before it.
            throw .damaged(file: file, fault == .somewhere ? .frontMatter : .yaml(fault.moved(by: 1)))
        }
        (self.name, self.language, title, summary) = (name, language, front.title, front.summary)
        var parameters: [Parameter] = []
        for entry in front.parameters { parameters.append(try Self.parameter(entry, file)) }
        self.parameters = parameters
        body = String(text[end.upperBound...]).trimmingCharacters(in: .whitespacesAndNewlines)
        guard Set(parameters.map(\.name)).count == parameters.count else {
            throw .damaged(file: file, .parameterTwice)
        }
        _ = try render([:])
    }

    private static func parameter(_ entry: FrontMatter.Parameter, _ file: String) throws(TemplateError) -> Parameter {
        let kind: Parameter.Kind
        switch (entry.type, entry.minimum, entry.maximum, entry.choices) {
        case ("integer", let low?, let high?, nil) where low <= high: kind = .integer(low...high)
        case ("text", nil, nil, nil): kind = .text
        case ("choice", nil, nil, let choices?) where !choices.isEmpty: kind = .choice(choices)
        default: throw .damaged(file: file, .parameterKind(entry.name))
        }
        let parameter = Parameter(
            name: entry.name, description: entry.description, kind: kind, defaultValue: entry.default)
        do { _ = try parameter.check(entry.default) } catch {
            throw .damaged(file: file, .parameterDefault(entry.name))
        }
        return parameter
    }

    /// Fills in the template. Parameters without a value get their default.
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
        if let reference = Self.references(in: template).first(where: { values[$0] == nil }) {
            throw .damaged(file: "\(language)/\(name)", .undeclared(reference))
        }
        // Demands are Markdown, not HTML, so nothing is escaped.
        do { return try MustacheTemplate(string: "{{% CONTENT_TYPE:TEXT}}" + template).render(values) } catch {
            throw .damaged(file: "\(language)/\(name)", .mustache)
        }
    }

    /// The parameters that a text uses, in order of appearance.
    public static func references(in text: String) -> [String] {
        text.matches(of: /\{\{([a-z_0-9]+)\}\}/).map { String($0.1) }
    }
}

/// The demand templates that come with the program: `demands/<language>/<name>.md`.
public struct TemplateLibrary: Sendable {
    /// All templates, in all languages.
    public let templates: [DemandTemplate]

    /// Loads all templates.
    /// - Parameter directory: the one that contains `demands`.
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
                    throw .damaged(file: path, .encoding)
                }
                templates.append(
                    try DemandTemplate(parsing: text, name: String(file.dropLast(3)), language: language, file: path))
            }
        }
        self.templates = templates
    }

    /// The template of this name in a language.
    /// - Throws: `TemplateError.noSuchTemplate`.
    public func template(_ name: String, language: String) throws(TemplateError) -> DemandTemplate {
        guard let template = templates.first(where: { $0.name == name && $0.language == language }) else {
            throw .noSuchTemplate(name, language: language)
        }
        return template
    }

    /// The directory of the program's templates: the one that ROUNDROBIN_TEMPLATES names, the one installed with the
    /// program, or the one in the checkout in which it was built.
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
