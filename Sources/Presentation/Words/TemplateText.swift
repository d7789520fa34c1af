import Templates

/// What people are told about demand templates.
package enum TemplateText {
    package static func say(_ error: TemplateError) -> String {
        switch error {
        case .noDirectory(let path): words("template.noDirectory", ["path": path])
        case .noSuchTemplate(let name, let language):
            words("template.noSuch", ["name": name, "language": language])
        case .damaged(let file, let damage): words("template.damaged", ["file": file, "why": say(damage)])
        case .unknownParameter(let name, let known):
            known.isEmpty
                ? words("template.noParameters", ["name": name])
                : words("template.unknownParameter", ["name": name, "known": Words.list(known)])
        case .notANumber(let parameter, let value):
            words("template.notANumber", ["parameter": parameter, "value": value])
        case .outOfBounds(let parameter, let value, let range):
            words("template.outOfBounds", ["parameter": parameter, "value": value, "bounds": bounds(.integer(range))])
        case .notAChoice(let parameter, let value, let choices):
            words("template.notAChoice", ["parameter": parameter, "value": value, "bounds": bounds(.choice(choices))])
        case .empty(let parameter): words("template.empty", ["parameter": parameter])
        }
    }

    private static func say(_ damage: TemplateError.Damage) -> String {
        switch damage {
        case .encoding: words("templateFault.encoding")
        case .noFrontMatter: words("templateFault.noFrontMatter")
        case .frontMatter: words("templateFault.frontMatter")
        case .yaml(let fault): say(fault)
        case .parameterTwice: words("templateFault.parameterTwice")
        case .parameterKind(let name): words("templateFault.parameterKind", ["name": name])
        case .parameterDefault(let name): words("templateFault.parameterDefault", ["name": name])
        case .undeclared(let name): words("templateFault.undeclared", ["name": name])
        case .mustache: words("templateFault.mustache")
        case .texts: words("templateFault.texts")
        case .page: words("templateFault.page")
        case .releases: words("templateFault.releases")
        }
    }

    /// What is wrong with YAML, wherever a person has written some.
    /// - Parameter error: the library's.
    package static func say(yaml error: any Error, in text: String) -> String { say(YAMLFault(error, in: text)) }

    package static func say(_ fault: YAMLFault) -> String {
        switch fault {
        case .tab(let line): words("yamlFault.tab", ["line": "\(line)"])
        case .quote(let line): words("yamlFault.quote", ["line": "\(line)"])
        case .twice(let key): words("yamlFault.twice", ["key": Terminal.harmless(key)])
        case .line(let line): words("yamlFault.line", ["line": "\(line)"])
        case .somewhere: words("yamlFault.somewhere")
        }
    }

    /// The values that a parameter can have.
    package static func bounds(_ kind: DemandTemplate.Parameter.Kind) -> String {
        switch kind {
        case .integer(let range):
            words("template.range", ["from": "\(range.lowerBound)", "to": "\(range.upperBound)"])
        case .text: words("template.text")
        case .choice(let choices): Words.list(choices)
        }
    }
}
