import Foundation
import Templates

/// A text that may carry a translation next to its binding wording. Both are signed: they are one text, and between
/// them stands a line of its own, exactly `--- translation, not binding: <BCP 47 tag> ---`. Anything that is not
/// exactly of that form is binding as a whole, and is shown as it is written.
package struct BilingualText: Equatable {
    /// For people who read it in another language.
    package struct Translation: Equatable {
        /// A tag of BCP 47, such as `zh-Hans`.
        package let language: String
        package let text: String
    }

    package let binding: String
    package let translation: Translation?

    init(binding: String, translation: Translation?) { (self.binding, self.translation) = (binding, translation) }

    package init(_ text: String) {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Substring.init)
        let marks = lines.indices.filter { Self.language(ofMark: lines[$0]) != nil }
        // Two marks leave open what the second stands between.
        guard marks.count == 1, let mark = marks.first, let language = Self.language(ofMark: lines[mark]) else {
            self.init(binding: text, translation: nil)
            return
        }
        let (before, after) = (Self.joined(lines[..<mark]), Self.joined(lines[(mark + 1)...]))
        guard !before.isEmpty, !after.isEmpty else {
            self.init(binding: text, translation: nil)
            return
        }
        self.init(binding: before, translation: Translation(language: language, text: after))
    }

    /// The line between the wording and its translation.
    package static func mark(_ language: String) -> String { head + language + tail }

    private static let (head, tail) = ("--- translation, not binding: ", " ---")

    private static func language(ofMark line: Substring) -> String? {
        guard line.utf8.starts(with: head.utf8), line.utf8.count > head.utf8.count + tail.utf8.count,
            line.utf8.suffix(tail.utf8.count).elementsEqual(tail.utf8)
        else { return nil }
        let tag = line.utf8.dropFirst(head.utf8.count).dropLast(tail.utf8.count)
        return isTag(tag) ? String(decoding: tag, as: UTF8.self) : nil
    }

    /// Letters and digits in parts of at most eight, the first of letters alone (RFC 5646, section 2.1, as far as its
    /// shape goes), so that it can stand in a page's `lang`.
    private static func isTag(_ tag: some Sequence<UInt8>) -> Bool {
        let bytes = Array(tag)
        let parts = bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
        func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
        guard bytes.count <= 35, let first = parts.first, (2...8).contains(first.count), first.allSatisfy(isLetter)
        else { return false }
        return parts.dropFirst().allSatisfy { part in
            (1...8).contains(part.count) && part.allSatisfy { isLetter($0) || isDigit($0) }
        }
    }

    /// The first line, from 1, that was perhaps meant to part a wording from its translation and does not: it is almost of the form, or
    /// of the form in the wrong place or a second time. It binds with all that follows it. Nil where there is none.
    package static func doubtfulMark(in text: String) -> Int? {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Substring.init)
        let isParted = BilingualText(text).translation != nil
        return lines.firstIndex { line in
            language(ofMark: line) == nil ? resemblesMark(String(line)) : !isParted
        }.map { $0 + 1 }
    }

    private static let dashes = Set<Character>("-—–―−‐‑‒=")

    /// Two dashes of any kind, or the long one that editors make of them, and then, up to the colon, words like those of the form; or a word for a translation.
    private static func resemblesMark(_ line: String) -> Bool {
        let plain = line.precomposedStringWithCompatibilityMapping.lowercased().drop { " \t>\u{feff}".contains($0) }
        let start = plain.prefix { dashes.contains($0) || $0 == " " }
        guard start.count(where: dashes.contains) > 1 || start.contains("—") else { return false }
        let words = plain.dropFirst(start.count).prefix(80)
        if ["translat", "译文", "翻译"].contains(where: { words.contains($0) }) { return true }
        let said = String(words.prefix { $0 != ":" && !dashes.contains($0) }.filter(\.isLetter))
        return CommandNames.distance(said, "translationnotbinding") <= 6
    }

    private static func joined(_ lines: ArraySlice<Substring>) -> String {
        lines.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The parts of two texts that bind, for a comparison. If those are the same the texts as they are written.
    package static func compared(_ ours: String, _ theirs: String) -> (ours: String, theirs: String) {
        let (left, right) = (BilingualText(ours).binding, BilingualText(theirs).binding)
        return left == right ? (ours, theirs) : (left, right)
    }

    /// Says of a translation that it does not bind.
    static func heading(_ translation: Translation, _ texts: Messages) -> String {
        texts("bilingual.heading", ["language": translation.language])
    }

    /// A translation as a page has it, under a heading which says that it does not bind.
    package struct Translated {
        let heading: String
        let tag: String
        let words: Markup
    }

    /// The binding wording for a page; nil where there is none.
    package var wording: Markup? { binding.isEmpty ? nil : Markup(listIn: binding) }

    /// The translation for a page.
    package func translated(_ texts: Messages) -> Translated? {
        translation.map {
            Translated(heading: Self.heading($0, texts), tag: $0.language, words: Markup(listIn: $0.text))
        }
    }

    /// For the terminal: the binding wording, and below it the translation under a heading that says that it does not
    /// bind.
    package static func block(_ text: String) -> String {
        let parts = BilingualText(text)
        guard let translation = parts.translation else { return Terminal.block(text) }
        return Terminal.block(parts.binding) + "\n\n  " + Terminal.bold(heading(translation, Words.texts)) + "\n"
            + Terminal.block(translation.text)
    }
}
