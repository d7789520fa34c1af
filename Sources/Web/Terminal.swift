import Petitions
import Sodium
import Templates

// Stands in for what Presentation has for a terminal: the texts of Presentation/Verdict, which both compile, print to the
// one or to the other. Here lines are collected, and the page's script makes its elements of them.

/// A page's lines. Signs that no text has, because `Harmless` takes them out of others' words, say what a page needs to
/// know: U+0001 with a letter begins a stretch (b, bold; g, good; r, bad) that U+0002 ends; a tab ends a label; U+2068 and
/// U+2069 stand around what others have written.
enum Terminal {
    nonisolated(unsafe) static var lines: [String] = []

    static func line(_ text: String = "") { lines.append(text) }
    static func note(_ text: String) { line(text) }

    static func bold(_ text: String) -> String { "\u{1}b" + text + "\u{2}" }
    static func green(_ text: String) -> String { "\u{1}g" + text + "\u{2}" }
    static func red(_ text: String) -> String { "\u{1}r" + text + "\u{2}" }

    static func harmless(_ text: String) -> String { "\u{2068}" + Harmless.line(text) + "\u{2069}" }
    static func harmlessLines(_ text: String) -> String { "\u{2068}" + Harmless.lines(text) + "\u{2069}" }

    /// Of the same signs as on a terminal; the script draws it.
    static func bar(_ part: Int, of whole: Int, width: Int = 24) -> String {
        let filled = whole > 0 ? min(width, (part * width + whole / 2) / whole) : 0
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }

    struct BarRow {
        let bar: (Int) -> String
        let text: (String) -> String

        init(bar: @escaping (Int) -> String, text: @escaping (String) -> String) { (self.bar, self.text) = (bar, text) }

        init(_ part: Int, of whole: Int, text: @escaping (String) -> String) {
            self.init(bar: { Terminal.bar(part, of: whole, width: $0) }, text: text)
        }
    }

    static func barred(_ rows: [BarRow]) -> [String] { rows.map { $0.text($0.bar(24)) } }

    static func barred(_ part: Int, of whole: Int, text: @escaping (String) -> String) -> String {
        barred([BarRow(part, of: whole, text: text)])[0]
    }
}

/// A page has no columns: it lays lines out itself.
enum Columns {
    static let width = 100
    static func cells(_ text: String) -> Int { 0 }
    static func padded(_ text: String, _ width: Int) -> String { text + "\t" }
    static func wrap(_ text: String, _ width: Int) -> [String] { [text] }
}

/// The texts of the page's language.
enum Words {
    nonisolated(unsafe) static var texts = Messages.none(.english)

    static func key(_ key: String) -> String { key }

    /// The page has no organisers' directory, so it names people as the log knows them.
    static func name(_ person: NamedMember) -> String { handle(person) }
}

func words(_ key: String, _ values: [String: String] = [:], count: Int? = nil) -> String {
    Words.texts(key, values, count: count)
}

enum Moment {
    /// `2026-12-01 17:00 UTC`: the page does not know where its reader is, and nothing that it says depends on it.
    static func describe(_ seconds: UInt64) -> String {
        // What comes after the year 9999 has no date.
        let seconds = min(seconds, 253_402_300_799)
        let (days, rest) = (Int64(seconds / 86_400), seconds % 86_400)
        // Days since 1 March of the year 0: the leap day is a year's last, and 400 years have 146,097 days.
        let shifted = days + 719_468
        let (era, day) = (shifted / 146_097, shifted % 146_097)
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        let date = [
            year + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9,
            dayOfYear - (153 * month + 2) / 5 + 1,
        ]
        var clock = two(rest / 3600) + ":" + two(rest / 60 % 60)
        if rest % 60 != 0 { clock += ":" + two(rest % 60) }
        return "\(date[0])-\(two(UInt64(date[1])))-\(two(UInt64(date[2]))) \(clock) UTC"
    }

    private static func two(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
