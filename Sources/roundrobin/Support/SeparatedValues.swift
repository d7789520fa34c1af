/// A table as spreadsheets write it: RFC 4180, with the separators of every country, and each row with the line on
/// which it begins. What could make two rows into one is a fault and not a guess.
struct SeparatedValues {
    struct Cell: Equatable {
        let text: String
        /// Whether a line of a cell over several lines has a separator in it, as another row would.
        let hidesRow: Bool
    }

    struct Row {
        /// From 1, as an editor counts lines.
        let line: Int
        let cells: [Cell]

        var isBlank: Bool { cells.allSatisfy { $0.text.allSatisfy(\.isWhitespace) } }
    }

    enum Fault: Error, Equatable {
        /// A quotation mark opens a cell on this line and none closes it, or something follows the one that closes it.
        case quote(line: Int)
    }

    let rows: [Row]
    /// Those that part cells.
    let separators: Set<Character>

    /// - Parameter text: with lines that end in LF.
    init(_ text: String) throws(Fault) {
        var rest = Substring(text)
        var line = 1
        while let first = rest.first, first == "\n" {
            rest.removeFirst()
            line += 1
        }
        var declared: Character?
        let firstLine = rest.prefix { $0 != "\n" }
        // The line by which Excel is told the separator.
        let plain = firstLine.filter { $0 != "\"" }
        if plain.count == 5, plain.lowercased().hasPrefix("sep="), let last = plain.last {
            declared = last
            rest = rest.dropFirst(firstLine.count + 1)
            line += 1
        }
        separators = declared.map { [$0] } ?? Self.separators(of: rest)
        var reader = Reader(characters: Array(rest), line: line, separators: separators)
        var rows: [Row] = []
        while let row = try reader.row() {
            if !row.isBlank { rows.append(row) }
        }
        self.rows = rows
    }

    /// By the heading, the first line that is not empty. What a Chinese keyboard types for a comma or a semicolon
    /// parts cells if the heading has it.
    private static func separators(of text: Substring) -> Set<Character> {
        let heading =
            text.split(separator: "\n", omittingEmptySubsequences: true)
            .first { !$0.allSatisfy(\.isWhitespace) } ?? ""
        let kinds: [[Character]] = [["\t"], [";", "；"], [",", "，"]]
        func count(_ kind: [Character]) -> Int { heading.count { kind.contains($0) } }
        guard let kind = kinds.max(by: { count($0) < count($1) }), count(kind) > 0 else { return [","] }
        return Set(kind.prefix(1) + kind.dropFirst().filter { heading.contains($0) })
    }

    private struct Reader {
        let characters: [Character]
        var line: Int
        let separators: Set<Character>
        var place = 0

        private var next: Character? { place < characters.count ? characters[place] : nil }

        mutating func row() throws(Fault) -> Row? {
            guard next != nil else { return nil }
            let first = line
            var cells: [Cell] = []
            while true {
                cells.append(try cell())
                guard let end = next else { break }
                place += 1
                if end == "\n" {
                    line += 1
                    break
                }
            }
            return Row(line: first, cells: cells)
        }

        /// Up to the separator or the line's end, which stays.
        private mutating func cell() throws(Fault) -> Cell {
            let start = place
            while let character = next, character != "\n", character.isWhitespace, !separators.contains(character) {
                place += 1
            }
            if next == "\"" { return try quoted() }
            place = start
            var text = ""
            while let character = next, character != "\n", !separators.contains(character) {
                text.append(character)
                place += 1
            }
            return Cell(text: text, hidesRow: false)
        }

        private mutating func quoted() throws(Fault) -> Cell {
            let opened = line
            var (text, breaks, parts) = ("", 0, 0)
            place += 1
            while true {
                guard let character = next else { throw .quote(line: opened) }
                place += 1
                if character == "\"" {
                    guard next == "\"" else { break }
                    place += 1
                } else if character == "\n" {
                    line += 1
                    breaks += 1
                } else if separators.contains(character) {
                    parts += 1
                }
                text.append(character)
            }
            while let character = next, character != "\n", !separators.contains(character) {
                guard character.isWhitespace else { throw .quote(line: opened) }
                place += 1
            }
            return Cell(text: text, hidesRow: breaks > 0 && parts > 0)
        }
    }
}
