import Foundation
import Synchronization
import Templates
import TextDiff

/// What is printed, and how. Colour and progress only on a terminal, and not with NO_COLOR.
package enum Terminal {
    package static let isTerminal = isatty(STDOUT_FILENO) == 1
    private static let hasColour =
        isTerminal && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty
        && ProcessInfo.processInfo.environment["TERM"] != "dumb"

    package static func line(_ text: String = "") {
        progress(nil)
        guard isTerminal else { return print(Wrapping.unglued(text)) }
        for line in Wrapping(width: Columns.width, hangs: true).lines(of: text) { out(line) }
    }

    /// As it is, however long: for what programs read, or somebody copies as a whole.
    package static func raw(_ text: String) { out(text) }

    private static func out(_ text: String) { if !Pager.hold(text) { print(text) } }

    /// Something that changed or is going on; not part of a command's answer.
    package static func note(_ text: String) { standardError(text) }

    /// Whether a line can say how far something has come.
    package static let showsProgress =
        isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    private static let progressShown = Mutex<ContinuousClock.Instant?>(nil)

    /// How far something has come, on a line that whatever is printed next takes the place of; nil takes it away. Not more often than anybody can
    /// read, and only on a terminal.
    package static func progress(_ text: String?) {
        guard showsProgress else { return }
        let isDue = progressShown.withLock { shown in
            guard text != nil else {
                defer { shown = nil }
                return shown != nil
            }
            if let shown, shown.duration(to: .now) < .milliseconds(200) { return false }
            shown = .now
            return true
        }
        guard isDue else { return }
        let width = max(1, Columns.width(of: STDERR_FILENO) - 1)
        write("\r" + (Columns.wrap(text ?? "", width).first ?? "") + "\u{1b}[K")
    }

    package static func warning(_ text: String) { standardError(paint(words("warning.mark"), "33") + text) }

    package static func error(_ what: String, _ next: String) {
        let mark = words("warning.error")
        // Some of it are a service's words.
        standardError(paint(mark, "31") + harmlessCommands(what), indent: Columns.cells(mark))
        if !next.isEmpty {
            let indent = String(repeating: " ", count: Columns.cells(mark))
            standardError(indent + harmlessCommands(next), indent: Columns.cells(mark))
        }
    }

    /// - Parameter indent: of what continues the text's lines; nil for that of the line itself.
    private static func standardError(_ text: String, indent: Int? = nil) {
        progress(nil)
        var text = text
        if isatty(STDERR_FILENO) == 1 {
            let wrapping = Wrapping(width: Columns.width(of: STDERR_FILENO), hangs: true, indent: indent)
            text = wrapping.lines(of: text).joined(separator: "\n")
        }
        let line = Wrapping.unglued(text) + "\n"
        if !Pager.holdNote(line) { write(line) }
    }

    /// Past any buffer, after what was printed before.
    package static func write(_ text: String) {
        fflush(nil)
        // A terminal that hung up or a full disk takes no more; whatever runs goes on, and keeps its exit status.
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    /// A command that somebody may paste into a shell, as it is printed; it is not broken over two lines.
    package static func command(_ words: [String]) -> String {
        ShellQuoting.command(words).replacing(" ", with: String(Wrapping.glue))
    }

    /// The same in lines that fit, each but the last with the sign behind which a shell reads on.
    package static func command(_ words: [String], columns: Int) -> String {
        var lines = [""]
        for word in words.map({ ShellQuoting.command([$0]) }) {
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[0] = word
            } else if Columns.cells(last) + 1 + Columns.cells(word) + 2 <= columns {
                lines[lines.count - 1] += " " + word
            } else {
                lines[lines.count - 1] += " \\"
                lines.append("    " + word)
            }
        }
        return lines.joined(separator: "\n").replacing(" ", with: String(Wrapping.glue))
    }

    private static func harmlessCommands(_ text: String) -> String {
        text.split(separator: Wrapping.glue, omittingEmptySubsequences: false).map { harmless(String($0)) }
            .joined(separator: String(Wrapping.glue))
    }

    package static func bold(_ text: String) -> String { paint(text, "1") }
    package static func faint(_ text: String) -> String { paint(text, "2") }
    package static func green(_ text: String) -> String { paint(text, "32") }
    package static func red(_ text: String) -> String { paint(text, "31") }

    /// A stretch of a word-level difference. The signs stay with the colours, for who does not see them.
    package static func changed(_ segment: WordDiff.Segment) -> String {
        switch segment.change {
        case .same: segment.text
        case .removed: "[-\(segment.text)-]"
        case .added: "{+\(segment.text)+}"
        }
    }

    /// A difference as a block: each line indented, each change in its colour.
    package static func block(_ segments: [WordDiff.Segment]) -> String {
        segments.map { painted(.init($0.change, harmlessLines($0.text))) }.joined().components(separatedBy: "\n")
            .map { "  " + $0 }.joined(separator: "\n")
    }

    private static func painted(_ segment: WordDiff.Segment) -> String {
        switch segment.change {
        case .same: changed(segment)
        case .removed: red(changed(segment))
        case .added: green(changed(segment))
        }
    }

    private static func paint(_ text: String, _ code: String) -> String {
        hasColour ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }

    /// `1 key`, `2 keys`.
    package static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// A bar of `width` cells for `part` of `whole`.
    package static func bar(_ part: Int, of whole: Int, width: Int = 24) -> String {
        let filled = whole > 0 ? min(width, (part * width + whole / 2) / whole) : 0
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }

    /// A line with a bar in it.
    package struct BarRow {
        /// The bar in so many cells.
        package let bar: (Int) -> String
        /// The line around it.
        package let text: (String) -> String

        package init(bar: @escaping (Int) -> String, text: @escaping (String) -> String) {
            (self.bar, self.text) = (bar, text)
        }

        package init(_ part: Int, of whole: Int, text: @escaping (String) -> String) {
            self.init(bar: { Terminal.bar(part, of: whole, width: $0) }, text: text)
        }
    }

    /// Lines with bars of one length. On a narrow terminal bars get shorter, or go, before a figure would need a second
    /// line.
    /// - Parameter width: cells of a line; nil where lines may be of any length.
    package static func barred(_ rows: [BarRow], width: Int? = isTerminal ? Columns.width : nil) -> [String] {
        // One cell, which no text has.
        let mark = "\u{2588}"
        let longest = rows.map { Columns.cells($0.text(mark)) - 1 }.max() ?? 0
        let room = width.map { min(24, $0 - longest) } ?? 24
        guard room < 6 else { return rows.map { $0.text($0.bar(room)) } }
        return rows.map { $0.text(mark).replacing(mark + " ", with: "").replacing(mark, with: "") }
    }

    /// One such line.
    package static func barred(_ part: Int, of whole: Int, text: @escaping (String) -> String) -> String {
        barred([BarRow(part, of: whole, text: text)])[0]
    }

    /// What was written by others, on one line and without anything that moves the cursor or changes the direction: a name
    /// or a title must not be able to print a line of its own.
    package static func harmless(_ text: String) -> String {
        Harmless.line(text)
    }

    /// A longer text of others, each line harmless and indented, so that none can pass for a line of ours.
    package static func block(_ text: String) -> String {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.map { "  " + harmless(String($0)) }
            .joined(separator: "\n")
    }

    /// The same without the indent, for who sets the lines himself.
    package static func harmlessLines(_ text: String) -> String {
        Harmless.lines(text)
    }

    /// JSON on one line per call, keys sorted.
    package static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        out(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
