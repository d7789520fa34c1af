import Presentation
import Client
import Foundation
import Petitions
import Sodium
import Yams

/// A record as a person fills it in: YAML with the demands as comments beside their numbers.
enum RecordForm {
    /// A form to be filled in.
    /// - Parameter isFirst: of a first delivery, which changes no wording.
    static func blank(
        _ what: PetitionStatement.Record.What, _ negotiation: Negotiation, date: String, isFirst: Bool,
        lost: Set<Bytes32> = []
    ) -> String {
        let newest = negotiation.entries.last { $0.record.what == .response }?.record.digest
        var lines = hint(what).map { "# " + $0 }
        lines += ["date: \(date)", "party: \"\"", "note: \"\""]
        guard !isFirst else { return lines.joined(separator: "\n") + "\n" }
        lines.append("demands:")
        for thread in negotiation.threads {
            lines.append(
                "  # \(words("petition.demand", ["number": "\(thread.number)", "title": Terminal.harmless(thread.title)]))"
            )
            lines.append("  - demand: \(thread.number)")
            switch what {
            case .response: lines += ["    answer: \"\"", "    text: \"\""]
            case .delivered: lines.append("    text: \"\"")
            case .agreement:
                let wording =
                    switch thread.status {
                    case .refused, .undelivered, .awaiting: ""
                    // What members have voted down is not agreed on.
                    case .countered: lost.contains(newest ?? .zero) ? "" : thread.theirs ?? ""
                    case .accepted: thread.ours
                    case .agreed: thread.agreed ?? ""
                    }
                lines += scalar(wording, "    text: ")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What is about to be recorded, in a few lines.
    static func summary(_ document: RecordDocument, _ negotiation: Negotiation) -> [String] {
        var lines = [
            Terminal.bold("\(document.date)  \(NegotiationWords.word(document.what, Words.texts))  ")
                + Terminal.harmless(document.party)
        ]
        for demand in document.demands {
            let title =
                negotiation.threads.indices.contains(demand.number - 1)
                ? negotiation.threads[demand.number - 1].title : ""
            let status = NegotiationWords.word(NegotiationWords.status(demand, in: document.what), Words.texts)
            let head = words("petition.demand", ["number": "\(demand.number)", "title": Terminal.harmless(title)])
            lines.append("  \(head)  \(status)")
        }
        return lines
    }

    private static func hint(_ what: PetitionStatement.Record.What) -> [String] {
        let text =
            switch what {
            case .delivered: words("form.delivered")
            case .response: words("form.response")
            case .agreement: words("form.agreement")
            }
        return text.components(separatedBy: "\n")
    }

    /// A block where the text allows it, so that it can be edited as text.
    private static func scalar(_ text: String, _ head: String) -> [String] {
        let isBlock =
            !text.isEmpty && text.first != " " && text.unicodeScalars.allSatisfy { $0 == "\n" || isPlain($0) }
        guard isBlock else { return [head + quoted(text)] }
        return [head + "|-"] + text.components(separatedBy: "\n").map { $0.isEmpty ? "" : "      " + $0 }
    }

    /// What YAML does not take for an end of line (NEL, U+2028 and U+2029 are), and no terminal for an order.
    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }

    /// YAML's double quotes, everything unusual escaped.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default:
                if isPlain(scalar) {
                    result.unicodeScalars.append(scalar)
                } else {
                    let hex = String(scalar.value, radix: 16)
                    result += "\\U" + String(repeating: "0", count: 8 - hex.count) + hex
                }
            }
        }
        return result + "\""
    }

    /// What was filled in. Demands without an answer and without a text are left out.
    static func read(
        _ form: String, _ what: PetitionStatement.Record.What, language: String
    ) throws -> RecordDocument {
        let form = try tidy(form)
        do { return try parse(form, what, language) } catch {
            // Chinese input methods write a full-width colon behind a key, and YAML then says something else of it.
            guard let line = wideColon(in: form) else { throw error }
            throw ClientError.invalid(.formColon, ["line": "\(line)"])
        }
    }

    /// The first line that begins with a key and a full-width colon, from 1.
    private static func wideColon(in form: String) -> Int? {
        let key = #/[ ]*(?:- )?(?:date|party|note|demands|demand|answer|text)[ ]*：.*/#
        let lines = form.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.firstIndex { $0.wholeMatch(of: key) != nil }.map { $0 + 1 }
    }

    private static func parse(
        _ form: String, _ what: PetitionStatement.Record.What, _ language: String
    ) throws -> RecordDocument {
        let root: Node?
        do { root = try compose(yaml: form) } catch {
            throw ClientError.invalid(.formYAML, ["why": TemplateText.say(yaml: error, in: form)])
        }
        guard let form = root?.mapping else { throw ClientError.invalid(.formShape) }
        try check(form, ["date", "party", "note", "demands"])
        var demands: [RecordDocument.Demand] = []
        for item in form["demands"]?.sequence ?? [] {
            guard let entry = item.mapping else { throw ClientError.invalid(.formShape) }
            try check(entry, ["demand", "answer", "text"])
            guard let number = entry["demand"]?.int else { throw ClientError.noSuch(.demand) }
            let (answer, text) = (try text(entry, "answer"), try text(entry, "text"))
            if answer.isEmpty, text.isEmpty { continue }
            let parsed = Self.answer(answer)
            guard (parsed == nil) == answer.isEmpty else {
                throw ClientError.invalid(.formAnswer, ["word": answer, "number": "\(number)"])
            }
            guard what != .response || parsed != nil else {
                throw ClientError.invalid(.formAnswer, ["word": "", "number": "\(number)"])
            }
            demands.append(.init(number: number, answer: parsed, text: text))
        }
        do {
            return try RecordDocument(
                what, language: language, date: try text(form, "date"), party: try text(form, "party"),
                note: try text(form, "note"), demands: demands)
        } catch let fault as RecordDocument.Fault {
            throw ClientError.invalid(.formRecord, ["why": why(fault)])
        }
    }

    /// The word of the form, or the one for it in the person's language.
    private static func answer(_ text: String) -> RecordDocument.Answer? {
        RecordDocument.Answer.allCases.first { answer in
            let status = NegotiationWords.status(.init(number: 1, answer: answer, text: ""), in: .response)
            return answer.rawValue == text || NegotiationWords.word(status, Words.texts) == text
        }
    }

    private static func why(_ fault: RecordDocument.Fault) -> String {
        switch fault {
        case .date: words("recordFault.date")
        case .demands: words("recordFault.demands")
        case .answer: words("recordFault.answer")
        case .text: words("recordFault.text")
        case .json, .members, .salt, .kind: words("recordFault.shape")
        }
    }

    /// That nothing new in a record has a character that does not show; between double quotes YAML writes any as a
    /// number. Wording that is on record already stays as it is, because a vote and an agreement repeat it letter by
    /// letter.
    /// - Throws: `ClientError.invalid(.hiddenForm)` with the line of the form that it is about.
    static func checkReadable(_ document: RecordDocument, _ negotiation: Negotiation) throws {
        let known = Set(negotiation.threads.flatMap { [$0.ours, $0.theirs, $0.agreed].compactMap(\.self) })
        let texts = document.demands.map { ("demand \($0.number)", $0.text) }.filter { !known.contains($0.1) }
        for (key, text) in [("party", document.party), ("note", document.note)] + texts {
            guard let hidden = ReadableText.firstHidden(in: text) else { continue }
            throw ClientError.invalid(.hiddenForm, ["key": key, "code": ReadableText.code(hidden.scalar)])
        }
    }

    /// A form as editors write it, refused if it has characters that let it read otherwise than it is.
    private static func tidy(_ form: String) throws -> String {
        let text: String
        do { text = try OutsideText.read(form) } catch { throw error.error(in: "form") }
        if let hidden = ReadableText.firstHidden(in: text) {
            throw ClientError.invalid(.hidden, ["line": "\(hidden.line)", "code": ReadableText.code(hidden.scalar)])
        }
        return text
    }

    private static func check(_ mapping: Node.Mapping, _ known: [String]) throws {
        for key in mapping.keys {
            guard let name = key.string, known.contains(name) else {
                throw ClientError.invalid(
                    .formKey, ["key": key.string ?? "?", "known": Words.list(known)])
            }
        }
    }

    private static func text(_ mapping: Node.Mapping, _ key: String) throws -> String {
        guard let node = mapping[key] else { return "" }
        guard let text = node.scalar?.string else { throw ClientError.invalid(.formYAML, ["why": key]) }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
