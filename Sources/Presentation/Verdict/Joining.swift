import Templates

/// Things put next to each other, with the marks that the language has for it. No other code joins texts for people.
extension Messages {
    /// `Ana, Bo, Cyd`
    /// - Parameter most: of more than these it is said that there are others.
    package func list(_ things: some Sequence<String>, atMost most: Int = .max) -> String {
        let all = Array(things)
        return all.prefix(most).joined(separator: self("list.separator")) + (all.count > most ? self("list.more") : "")
    }

    /// Statements in one sentence, or lists with commas of their own: `open; your receipt is verified`
    package func clauses(_ parts: some Sequence<String>) -> String { parts.joined(separator: self("list.clause")) }

    /// Sentences that follow each other; empty ones are left out.
    package func sentences(_ sentences: [String]) -> String {
        sentences.filter { !$0.isEmpty }.joined(separator: self("list.sentence"))
    }

    /// Something, and what belongs to it: `Ana: member 2`
    package func pair(_ first: String, _ second: String) -> String {
        self("list.pair", ["first": first, "second": second])
    }
}

/// The same in the person's language.
extension Words {
    package static func list(_ things: some Sequence<String>, atMost most: Int = .max) -> String {
        texts.list(things, atMost: most)
    }
    package static func clauses(_ parts: some Sequence<String>) -> String { texts.clauses(parts) }
    package static func sentences(_ sentences: [String]) -> String { texts.sentences(sentences) }
    package static func pair(_ first: String, _ second: String) -> String { texts.pair(first, second) }
}
