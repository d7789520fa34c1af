import Presentation
import ArgumentParser
import Client
import Foundation
import Templates

struct TemplateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "template", abstract: words("help.template"),
        subcommands: [List.self, Show.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.templateList"))

        @Option(help: help("pageLanguage"))
        var language = Words.language.rawValue

        @OptionGroup var output: OutputOptions

        private struct Entry: Encodable {
            let name: String
            let title: String
            let summary: String
        }

        func run() throws {
            let library = try TemplateLibrary(directory: TemplateLibrary.standardDirectory())
            let entries = library.templates.filter { $0.language == language }
                .map { Entry(name: $0.name, title: $0.title, summary: $0.summary) }
            if output.json { return try Terminal.json(["templates": entries]) }
            for entry in entries {
                Terminal.line(Terminal.bold(entry.name))
                Terminal.line("    " + words("template.entry", ["title": entry.title, "summary": entry.summary]))
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.templateShow"))

        @Argument(help: help("templateName"))
        var name: String

        @Option(help: help("pageLanguage"))
        var language = Words.language.rawValue

        @OptionGroup var values: TemplateValues
        @OptionGroup var output: OutputOptions

        private struct Facts: Encodable {
            struct Parameter: Encodable {
                let name: String
                let description: String
                let `default`: String
                let allowed: String
            }
            let name: String
            let language: String
            let title: String
            let text: String
            let parameters: [Parameter]
        }

        func run() throws {
            let library = try TemplateLibrary(directory: TemplateLibrary.standardDirectory())
            let template = try library.template(name, language: language)
            let (title, text) = try template.render(values.parsed())
            let facts = Facts(
                name: name, language: language, title: title, text: text,
                parameters: template.parameters.map {
                    .init(name: $0.name, description: $0.description, default: $0.defaultValue, allowed: $0.bounds)
                })
            if output.json { return try Terminal.json(facts) }
            try Terminal.paged {
                Terminal.line(Terminal.bold(title))
                Terminal.line()
                Terminal.line(text)
                Terminal.line()
                for parameter in template.parameters {
                    Terminal.line(
                        words(
                            "template.parameter",
                            [
                                "name": parameter.name, "value": parameter.defaultValue,
                                "description": parameter.description, "bounds": TemplateText.bounds(parameter.kind),
                            ]))
                }
            }
        }
    }
}

/// `--set name=value`, as often as needed.
struct TemplateValues: ParsableArguments {
    @Option(name: .customLong("set"), help: help("set", "name=value"))
    var assignments: [String] = []

    func parsed() throws -> [String: String] {
        var values: [String: String] = [:]
        for assignment in assignments {
            guard let equals = assignment.firstIndex(of: "="), equals != assignment.startIndex else {
                throw ValidationError(words("usage.set", ["text": assignment]))
            }
            let name = String(assignment[..<equals])
            let value: String
            do { value = try OutsideText.read(String(assignment[assignment.index(after: equals)...])) } catch {
                throw error.error(in: name)
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw ValidationError(words("usage.setTwice", ["name": name]))
            }
        }
        return values
    }
}
