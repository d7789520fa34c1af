/// A sentence as HTML that may contain other people's text. A page template inserts it with three braces.
public struct Markup: Sendable {
    /// The HTML, with everything escaped.
    public private(set) var html: String

    /// Other people's text alone, with its own direction.
    public init(of text: String) { html = "<bdi>\(Self.escaped(text))</bdi>" }

    /// Our own words, without anything that others have written.
    public init(ours text: String) { html = Self.escaped(text) }

    /// Other people's text of several lines. The lines of a list hang behind their numbers or signs; all characters stay.
    public init(listIn text: String) {
        let item = /^\s*([0-9]{1,3}[.)、]|[-*•·]|[(（][0-9a-z一二三四五六七八九十]{1,3}[)）])\s*/
        html = Harmless.lines(text).split(omittingEmptySubsequences: false) { $0.isNewline }.map { line -> String in
            let escaped = Self.escaped(String(line))
            guard line.firstMatch(of: item) != nil else { return escaped + "\n" }
            return "<span class=\"item\">\(escaped)\n</span>"
        }.joined()
        while html.hasSuffix("\n") { html.removeLast() }
    }

    /// A line of our own in words; a line of the page is not broken within those that are whole.
    public init(words: [String], whole: (String) -> Bool) {
        html = words.map { word in
            whole(word) ? "<span class=\"whole\">\(Self.escaped(word))</span>" : Self.escaped(word)
        }.joined(separator: " ")
    }

    fileprivate init(html: String) { self.html = html }

    /// The text without harmful characters, and with HTML's special characters escaped.
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
    /// A sentence in which every one of `others` has its own direction, and cannot affect its surroundings.
    /// - Parameters:
    ///   - values: numbers, and words of our own.
    ///   - others: text that somebody else wrote.
    public func markup(
        _ key: String, _ values: [String: String] = [:], others: [String: String], count: Int? = nil
    ) -> Markup {
        // In one pass: a value that looks like a placeholder stays as it is.
        let ours = values.mapValues(Markup.escaped)
        let theirs = others.mapValues { Markup(of: $0).html }
        return Markup(html: self(key, ours.merging(theirs) { $1 }, count: count))
    }
}
