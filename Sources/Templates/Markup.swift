/// A sentence as HTML, with what others have written in it. A page template takes it in three braces.
public struct Markup: Sendable {
    public let html: String

    /// A text of others alone, with a direction of its own.
    public init(of text: String) { html = "<bdi>\(Self.escaped(text))</bdi>" }

    /// Words of ours, with nothing in them that others have written.
    public init(ours text: String) { html = Self.escaped(text) }

    fileprivate init(html: String) { self.html = html }

    /// Harmless, and without a character that HTML reads.
    static func escaped(_ text: String) -> String {
        var html = ""
        for scalar in PageTemplates.plain(Harmless.lines(text)).unicodeScalars {
            switch scalar {
            case "&": html += "&amp;"
            case "<": html += "&lt;"
            case ">": html += "&gt;"
            case "\"": html += "&quot;"
            case "'": html += "&#39;"
            default: html.unicodeScalars.append(scalar)
            }
        }
        return html
    }
}

extension Messages {
    /// A sentence in which every one of `others` keeps its direction and its characters to itself.
    /// - Parameters:
    ///   - values: numbers and words of ours.
    ///   - others: what somebody else has written.
    public func markup(
        _ key: String, _ values: [String: String] = [:], others: [String: String], count: Int? = nil
    ) -> Markup {
        // In one pass: a value that looks like a place for another stays as it is.
        let ours = values.mapValues(Markup.escaped)
        let theirs = others.mapValues { Markup(of: $0).html }
        return Markup(html: self(key, ours.merging(theirs) { $1 }, count: count))
    }
}
