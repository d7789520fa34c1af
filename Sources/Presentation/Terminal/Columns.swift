import Foundation

/// Texts on a terminal, by the cells that their characters take.
package enum Columns {
    /// Cells in a row of the terminal that a descriptor leads to; what COLUMNS says, or 80, when it does not say.
    package static func width(of descriptor: Int32 = STDOUT_FILENO) -> Int {
        // Narrower than this nothing can be read any more, and a terminal that says so knows no better.
        max(20, size(of: descriptor).map { Int($0.ws_col) }.flatMap { $0 > 0 ? $0 : nil } ?? named("COLUMNS") ?? 80)
    }

    package static var width: Int { width() }

    /// Rows of the terminal; what LINES says, or 24, when it does not say.
    package static var height: Int {
        size(of: STDOUT_FILENO).map { Int($0.ws_row) }.flatMap { $0 > 0 ? $0 : nil } ?? named("LINES") ?? 24
    }

    private static func size(of descriptor: Int32) -> winsize? {
        var size = winsize()
        return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 ? size : nil
    }

    private static func named(_ variable: String) -> Int? {
        ProcessInfo.processInfo.environment[variable].flatMap { Int($0) }.flatMap {
            (1...10_000).contains($0) ? $0 : nil
        }
    }

    /// What colours and weights take is nothing.
    package static func cells(_ text: String) -> Int {
        guard text.utf8.contains(0x1b) else { return text.reduce(0) { $0 + cells($1) } }
        return Wrapping.atoms(of: text[...]).reduce(0) { $0 + $1.spaces + $1.cells }
    }

    /// Two for East Asian wide characters (Unicode Standard Annex 11) and for what is drawn as an emoji: by itself, by a variation
    /// selector, joined from several, or as a flag. None for marks and for what only shapes others, one for the rest.
    package static func cells(_ character: Character) -> Int {
        let scalars = character.unicodeScalars
        guard let first = scalars.first else { return 0 }
        if first.value < 0x7f, scalars.count == 1 { return first.value < 0x20 ? 0 : 1 }
        let isEmoji =
            first.properties.isEmojiPresentation
            || scalars.count > 1 && first.properties.isEmoji
                && scalars.contains { $0.value == 0xfe0f || $0.value == 0x200d }
        if isEmoji || isWide(first) { return 2 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: return 1
        }
    }

    /// East Asian width W and F.
    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x303f: false
        case 0x1100...0x115f, 0x2e80...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe10...0xfe19,
            0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6, 0x16fe0...0x18cff, 0x1aff0...0x1b2ff,
            0x1f200...0x1f2ff, 0x20000...0x3fffd:
            true
        default: false
        }
    }

    package static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - cells(text)))
    }

    /// Lines of at most `width` cells, for a column with others beside it; a word that is wider is cut.
    package static func wrap(_ text: String, _ width: Int) -> [String] {
        Wrapping(width: width, cutsWords: true).lines(of: text)
    }

    /// Two texts, each with a head, beside each other; below each other where the terminal is narrow.
    package static func beside(
        _ left: (head: String, text: String), _ right: (head: String, text: String), width: Int = Columns.width
    ) -> [String] {
        guard width >= 72 else {
            return [left, right].flatMap { side in
                ["  " + Terminal.bold(side.head)] + wrap(side.text, width - 4).map { "    " + $0 }
            }
        }
        let column = (min(width, 140) - 5) / 2
        let (a, b) = (wrap(left.text, column), wrap(right.text, column))
        let head = "  " + Terminal.bold(padded(left.head, column)) + " │ " + Terminal.bold(right.head)
        return [head]
            + (0..<max(a.count, b.count)).map { i in
                "  " + padded(i < a.count ? a[i] : "", column) + " │ " + (i < b.count ? b[i] : "")
            }
    }
}
