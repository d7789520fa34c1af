/// The changes between two texts, word by word. A word is a run of letters and digits; in scripts without spaces
/// between words, each character is a word.
public struct WordDiff: Sendable, Equatable {
    /// Whether a piece of text stayed, was removed or was added.
    public enum Change: String, Sendable {
        case same, removed, added
    }

    /// A piece of text.
    public struct Segment: Sendable, Equatable {
        /// Whether it stayed, was removed or was added.
        public let change: Change
        /// The text.
        public let text: String

        /// A piece of text.
        public init(_ change: Change, _ text: String) { (self.change, self.text) = (change, text) }
    }

    /// In order; neighbouring segments differ in their change.
    public let segments: [Segment]

    /// Compares two texts.
    public init(from old: String, to new: String) {
        let (old, new) = (Self.words(old), Self.words(new))
        let difference = new.difference(from: old)
        let removed = Set(difference.removals.map(\.offset))
        let added = Set(difference.insertions.map(\.offset))
        var pieces: [(Change, String)] = []
        var (i, j) = (0, 0)
        while i < old.count || j < new.count {
            if removed.contains(i) {
                pieces.append((.removed, old[i]))
                i += 1
            } else if added.contains(j) {
                pieces.append((.added, new[j]))
                j += 1
            } else {
                pieces.append((.same, new[j]))
                (i, j) = (i + 1, j + 1)
            }
        }
        segments = Self.joined(pieces)
    }

    /// Puts removed words before added ones between two unchanged stretches; spaces alone between two changes become
    /// part of the changes.
    private static func joined(_ pieces: [(Change, String)]) -> [Segment] {
        var segments: [Segment] = []
        var (removed, added) = ("", "")
        func flush() {
            if !removed.isEmpty { segments.append(Segment(.removed, removed)) }
            if !added.isEmpty { segments.append(Segment(.added, added)) }
            (removed, added) = ("", "")
        }
        for (place, (change, text)) in pieces.enumerated() {
            switch change {
            case .removed: removed += text
            case .added: added += text
            case .same:
                let follows = place + 1 < pieces.count && pieces[place + 1].0 != .same
                if !(removed.isEmpty && added.isEmpty), follows, text.allSatisfy({ $0 == " " }) {
                    removed += text
                    added += text
                } else {
                    flush()
                    if let last = segments.last, last.change == .same {
                        segments[segments.count - 1] = Segment(.same, last.text + text)
                    } else {
                        segments.append(Segment(.same, text))
                    }
                }
            }
        }
        flush()
        return segments
    }

    static func words(_ text: String) -> [String] {
        var words: [String] = []
        var previous = Kind.single
        for character in text {
            let kind = Kind(character)
            if kind != .single, kind == previous, !words.isEmpty {
                words[words.count - 1].append(character)
            } else {
                words.append(String(character))
            }
            previous = kind
        }
        return words
    }

    private enum Kind {
        case word, space, single

        init(_ character: Character) {
            guard let first = character.unicodeScalars.first else {
                self = .single
                return
            }
            // Han, kana and the like have no spaces between words.
            let standsAlone = first.properties.isIdeographic || (0x3040...0x30ff).contains(first.value)
            self =
                character.isNewline || standsAlone
                ? .single
                : character.isLetter || character.isNumber || character == "'" || character == "’"
                    ? .word : character.isWhitespace ? .space : .single
        }
    }
}
