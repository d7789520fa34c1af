import Foundation

/// Texts side by side on a terminal, by the cells that their characters take.
enum Columns {
    /// Cells in a row of the terminal; 80 when there is none.
    static var width: Int {
        var size = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) } ?? 80
    }

    static func cells(_ text: String) -> Int { text.reduce(0) { $0 + cells($1) } }

    /// Two for East Asian wide characters and emoji (Unicode Standard Annex 11), one for the rest.
    private static func cells(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        switch first.value {
        case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60,
            0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
            return 2
        default: return first.properties.generalCategory == .nonspacingMark ? 0 : 1
        }
    }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - cells(text)))
    }

    /// Lines of at most `width` cells; broken at spaces, or anywhere between wide characters.
    static func wrap(_ text: String, _ width: Int) -> [String] {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.flatMap { wrap(line: $0, width) }
    }

    private static func wrap(line: Substring, _ width: Int) -> [String] {
        var lines: [String] = []
        var rest = line
        while cells(String(rest)) > width {
            var (end, used, space) = (rest.startIndex, 0, rest.startIndex)
            while end < rest.endIndex, used + cells(rest[end]) <= width {
                used += cells(rest[end])
                let wide = cells(rest[end]) == 2
                let mayBreak = rest[end] == " " || wide
                end = rest.index(after: end)
                // No line begins with what closes a phrase.
                if mayBreak, end < rest.endIndex, !",。;:!?、)，；：！？）」』》”’".contains(rest[end]) { space = end }
            }
            if space == rest.startIndex { space = end == rest.startIndex ? rest.index(after: end) : end }
            lines.append(String(rest[..<space]).trimmingCharacters(in: .whitespaces))
            rest = rest[space...].drop { $0 == " " }
        }
        lines.append(String(rest))
        return lines
    }

    /// Two texts, each with a head, beside each other; below each other where the terminal is narrow.
    static func beside(
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
