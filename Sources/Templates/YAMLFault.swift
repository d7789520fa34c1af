import Yams

/// What is wrong with a YAML text, as far as people need it: what the library says of it is English.
public enum YAMLFault: Error, Equatable, Sendable {
    /// A tab stands where only spaces may indent.
    case tab(line: Int)
    /// Nothing closes the quotation mark that opens here.
    case quote(line: Int)
    /// A key stands twice in one group.
    case twice(key: String)
    /// The text is no YAML from here on.
    case line(Int)
    /// The text is no YAML, and the library does not say where.
    case somewhere

    /// - Parameter error: the library's.
    public init(_ error: any Error, in text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // The end of a text stands in a line of its own, where nobody would look.
        let last = lines.lastIndex { !$0.allSatisfy(\.isWhitespace) } ?? 0
        func within(_ line: Int) -> Int { min(max(line, 1), last + 1) }
        switch error {
        case YamlError.duplicatedKeysInMapping(let keys, _): self = .twice(key: keys.first ?? "")
        case YamlError.scanner(let context, let problem, let mark, _):
            let line = within(mark.line)
            if lines[line - 1].prefix(while: \.isWhitespace).contains("\t") {
                self = .tab(line: line)
            } else if let context, context.text.contains("quoted"), problem.contains("end of stream") {
                self = .quote(line: within(context.mark.line))
            } else {
                self = .line(line)
            }
        case YamlError.parser(_, _, let mark, _), YamlError.composer(_, _, let mark, _): self = .line(within(mark.line))
        case DecodingError.dataCorrupted(let context): self.init(context.underlyingError ?? YamlError.no, in: text)
        default: self = .somewhere
        }
    }

    /// The same in a text before which other lines stand.
    func moved(by lines: Int) -> YAMLFault {
        switch self {
        case .tab(let line): .tab(line: line + lines)
        case .quote(let line): .quote(line: line + lines)
        case .line(let line): .line(line + lines)
        case .twice, .somewhere: self
        }
    }
}
