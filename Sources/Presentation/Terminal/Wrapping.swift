/// Breaks lines where a reader expects it: at spaces, and between wide characters, but never before what closes a phrase or behind what
/// opens one. An id, an address or a command stays whole, so that it can be taken from the screen as it is.
package struct Wrapping {
    package let width: Int
    /// Cuts a word that is wider than a line. Else it has a line of its own, which the terminal continues on the next row: whoever
    /// copies it gets it whole.
    package var cutsWords = false
    /// Whether what continues a line stands below the first word of it: behind its indent, and behind a number or a sign before it.
    package var hangs = false
    /// Cells before what continues a line, where somebody knows better than the line itself.
    package var indent: Int?

    /// Stands for a space within a command, where no line is broken. No text of others has it: it is taken out of those.
    package static let glue: Character = "\u{e000}"

    private static let closing = Set<Character>(",.;:!?)]}%…、，。；：！？）」』》〉】〕”’％·ー々")
    private static let opening = Set<Character>("([{（「『《〈【〔“‘")

    /// What no line is broken within, and the spaces before it.
    package struct Atom {
        package var spaces = 0
        package var text = ""
        package var cells = 0
    }

    package func lines(of text: String) -> [String] {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.flatMap { lines(of: $0) }
    }

    private func lines(of line: Substring) -> [String] {
        let whole = Self.isCommand(line) ? Substring(String(line.prefix { $0 == " " }) + Self.glued(line)) : line
        var atoms = Self.atoms(of: whole)
        let total = atoms.reduce(0) { $0 + $1.spaces + $1.cells }
        guard total > width else { return [Self.unglued(String(line))] }
        let indent = self.indent ?? (hangs ? Self.hang(of: line, atoms, width) : 0)
        if cutsWords { atoms = atoms.flatMap { $0.cells > width ? cut($0, width) : [$0] } }
        // Not its indent: the pieces stand below each other.
        if hangs {
            atoms = atoms.flatMap { Self.isID($0) && $0.cells > width - indent ? cut($0, width - indent) : [$0] }
        }
        var lines: [String] = []
        var (current, used) = ("", 0)
        for atom in atoms {
            if used > 0, used + atom.spaces + atom.cells > width {
                lines.append(current)
                // What fits on a line only without the indent has none.
                let space = indent + atom.cells > width ? 0 : indent
                (current, used) = (String(repeating: " ", count: space) + atom.text, space + atom.cells)
            } else {
                current += String(repeating: " ", count: atom.spaces) + atom.text
                used += atom.spaces + atom.cells
            }
        }
        lines.append(current)
        return lines.map(Self.unglued)
    }

    package static func unglued(_ text: String) -> String { text.replacing(String(glue), with: " ") }

    private static func glued(_ line: Substring) -> String {
        line.drop { $0 == " " }.split(separator: " ").joined(separator: String(glue))
    }

    /// A line that is a command and nothing else: sentences end with a stop.
    private static func isCommand(_ line: Substring) -> Bool {
        let text = line.drop { $0 == " " }
        return ["roundrobin ", "roundrobin-service "].contains { text.hasPrefix($0) }
            && !(text.last.map { ".。:：".contains($0) } ?? true)
    }

    /// An id by itself, and a stop or comma behind it. Whoever pastes one may have blanks in it.
    private static func isID(_ atom: Atom) -> Bool {
        let text = unpainted(atom.text)
        return text.prefix { $0.isASCII && $0.isHexDigit }.count == 64
            && text.dropFirst(64).allSatisfy { ".,;:。，；：".contains($0) }
    }

    private static func unpainted(_ text: String) -> String {
        text.replacing(/\u{1b}\[[0-9;]*m/, with: "")
    }

    /// Cells before the first word.
    private static func hang(of line: Substring, _ atoms: [Atom], _ width: Int) -> Int {
        guard let first = atoms.first else { return 0 }
        var indent = first.spaces
        if atoms.count > 1, atoms[1].spaces > 0, first.cells <= 3,
            first.text.allSatisfy({ $0.isNumber || ".)-–*•·✓✗+".contains($0) })
        {
            indent += first.cells + atoms[1].spaces
        }
        // What continues an id behind a label stands below the id.
        if let last = atoms.last, atoms.count > 1, last.spaces > 1, isID(last) {
            indent = atoms.dropLast().reduce(last.spaces) { $0 + $1.spaces + $1.cells }
        }
        return indent <= width / 2 ? indent : 0
    }

    /// Characters in what fits a line each.
    private func cut(_ atom: Atom, _ width: Int) -> [Atom] {
        var pieces = [Atom(spaces: atom.spaces)]
        var isPaint = false
        for character in atom.text {
            isPaint = isPaint || character == "\u{1b}"
            let cells = isPaint ? 0 : Columns.cells(character)
            if isPaint, character.isLetter { isPaint = false }
            if pieces[pieces.count - 1].cells + cells > width { pieces.append(Atom()) }
            pieces[pieces.count - 1].text.append(character)
            pieces[pieces.count - 1].cells += cells
        }
        return pieces
    }

    package static func atoms(of line: Substring) -> [Atom] {
        var atoms: [Atom] = []
        var current = Atom()
        var last: Character?
        var rest = line
        func isWide(_ character: Character) -> Bool { Columns.cells(character) == 2 }
        while let character = rest.first {
            if character == "\u{1b}" {
                // A colour or a weight, up to its letter; it takes no cell and breaks nothing.
                let end = rest.dropFirst().firstIndex { $0.isLetter }.map { rest.index(after: $0) } ?? rest.endIndex
                current.text += rest[..<end]
                rest = rest[end...]
                continue
            }
            rest = rest.dropFirst()
            if character == " " {
                if current.cells > 0 {
                    atoms.append(current)
                    current = Atom()
                }
                current.spaces += 1
                last = nil
                continue
            }
            if let last, isWide(last) || isWide(character), !closing.contains(character), !opening.contains(last) {
                atoms.append(current)
                current = Atom()
            }
            current.text.append(character)
            current.cells += character == glue ? 1 : Columns.cells(character)
            last = character
        }
        if !current.text.isEmpty || current.spaces > 0 { atoms.append(current) }
        return atoms
    }
}
