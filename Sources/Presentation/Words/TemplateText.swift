import Templates

/// What people are told about demand templates.
package enum TemplateText {
    package static func say(_ error: TemplateError) -> String {
        switch error {
        case .noDirectory(let path): words("template.noDirectory", ["path": path])
        case .noSuchTemplate(let name, let language):
            words("template.noSuch", ["name": name, "language": language])
        // Whoever changed the file reads this, in the words of whoever wrote the program.
        case .damaged(let file, let why): words("template.damaged", ["file": file, "why": why])
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
