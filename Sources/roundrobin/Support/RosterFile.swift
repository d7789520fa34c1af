import Presentation
import Synchronization
import Client
import Foundation
import Petitions
import Templates

/// A list of people as spreadsheets write it, with a heading in either language.
struct RosterFile {
    let people: [DirectoryEntry]
    /// Headings of columns that say something to the program, as the file writes them.
    let used: [String]
    /// Headings of the others, which nobody should believe to be in the directory.
    let unused: [String]

    enum Column: String, CaseIterable {
        case name, first, last, team, note, language

        /// Headings that mean it, in lower case with single spaces.
        var words: Set<String> {
            switch self {
            case .name:
                [
                    "name", "names", "full name", "fullname", "employee name", "employee", "staff name", "staff member",
                    "worker", "worker name", "person", "display name", "member name", "姓名", "员工姓名", "職工姓名",
                    "职工姓名", "員工姓名", "名字", "全名", "员工", "員工", "职工",
                ]
            case .first:
                ["first name", "firstname", "first", "given name", "given names", "forename", "forenames", "名"]
            case .last: ["last name", "lastname", "last", "surname", "family name", "姓", "姓氏"]
            case .team:
                [
                    "team", "department", "dept", "division", "unit", "group", "section", "部门", "部門", "团队",
                    "團隊", "班组", "班組", "小组", "小組", "科室", "车间", "車間", "所属部门", "所在部门",
                ]
            case .note:
                ["note", "notes", "comment", "comments", "remark", "remarks", "备注", "備註", "備注", "说明", "附注"]
            case .language:
                ["language", "languages", "lang", "preferred language", "语言", "語言", "语种", "語種"]
            }
        }

        init?(heading: String) {
            let word = RosterFile.plain(heading)
            guard let column = Self.allCases.first(where: { $0.words.contains(word) }) else { return nil }
            self = column
        }
    }

    /// Characters of a name, team or note.
    static let longest = 200
    /// Bytes of the same: four for each character, which no script needs more of.
    static let mostBytes = 800

    /// - Parameter text: as it comes through `OutsideText`.
    init(_ text: String) throws {
        let table: SeparatedValues
        do { table = try SeparatedValues(text) } catch {
            guard case .quote(let line) = error else { throw ClientError.invalid(.rosterFile) }
            throw ClientError.invalid(.rosterQuote, ["line": "\(line)"])
        }
        guard let heading = table.rows.first else { throw ClientError.invalid(.rosterFile) }
        var places: [Column: Int] = [:]
        var (used, unused): ([String], [String]) = ([], [])
        for (place, cell) in heading.cells.enumerated() {
            let shown = cell.text.trimmingCharacters(in: .whitespacesAndNewlines)
            guard let column = Column(heading: shown) else {
                if !shown.isEmpty { unused.append(shown) }
                continue
            }
            if let other = places.updateValue(place, forKey: column) {
                let twin = heading.cells[other].text.trimmingCharacters(in: .whitespacesAndNewlines)
                throw ClientError.invalid(.rosterColumn, ["column": shown, "other": twin])
            }
            used.append(shown)
        }
        if places[.name] != nil {
            // The whole name decides; its parts beside it say nothing new.
            for part in [Column.first, .last] {
                guard let place = places.removeValue(forKey: part) else { continue }
                let shown = heading.cells[place].text.trimmingCharacters(in: .whitespacesAndNewlines)
                used.removeAll { $0 == shown }
                unused.append(shown)
            }
        }
        guard places[.name] != nil || (places[.first] != nil && places[.last] != nil) else {
            throw ClientError.invalid(
                .rosterHeading, ["heading": Words.list(heading.cells.map(\.text))])
        }
        (self.used, self.unused) = (used, unused)
        people = try table.rows.dropFirst().map {
            try Self.entry($0, places, columns: heading.cells.count, separators: table.separators)
        }
        guard !people.isEmpty else { throw ClientError.invalid(.rosterEmpty) }
    }

    /// A heading or a language in lower case, without what people put around it: brackets, colons, stars.
    static func plain(_ text: String) -> String {
        text.precomposedStringWithCompatibilityMapping.lowercased().replacing(#/\([^)]*\)/#, with: "")
            .split { !$0.isLetter && !$0.isNumber }.joined(separator: " ")
    }

    private static func entry(
        _ row: SeparatedValues.Row, _ places: [Column: Int], columns: Int, separators: Set<Character>
    ) throws -> DirectoryEntry {
        let line = ["line": "\(row.line)"]
        func refusal(_ reason: ClientError.Invalid, _ more: [String: String] = [:]) -> ClientError {
            .invalid(reason, line.merging(more) { $1 })
        }
        guard !row.cells.contains(where: \.hidesRow) else { throw refusal(.rosterSplit) }
        let behind = row.cells.dropFirst(columns)
        guard behind.allSatisfy({ $0.text.allSatisfy(\.isWhitespace) }) else {
            let filled = row.cells.lastIndex { !$0.text.allSatisfy(\.isWhitespace) } ?? 0
            throw refusal(.rosterCells, ["cells": "\(filled + 1)", "columns": "\(columns)"])
        }
        func cell(_ column: Column) throws -> String {
            guard let place = places[column], row.cells.indices.contains(place) else { return "" }
            let text = row.cells[place].text.trimmingCharacters(in: .whitespacesAndNewlines)
            if let hidden = ReadableText.firstHidden(in: text) {
                throw refusal(.rosterHidden, ["code": ReadableText.code(hidden.scalar)])
            }
            guard text.count <= longest, text.utf8.count <= mostBytes else {
                throw refusal(.rosterLong, ["most": "\(longest)"])
            }
            return text
        }
        /// A name has one line, and no separator that was typed for another one.
        func name(_ column: Column) throws -> String {
            let text = try cell(column)
            guard !text.contains(where: { $0.isNewline || $0 == "\t" }) else { throw refusal(.rosterBreak) }
            let foreign = Set<Character>([";", "；", "，"]).union(separators.subtracting([","]))
            guard !text.contains(where: foreign.contains) else { throw refusal(.rosterSeparator, ["name": text]) }
            return oneLine(text)
        }
        let name =
            places[.name] != nil ? try name(.name) : try whole(first: name(.first), last: name(.last))
        guard !name.isEmpty else { throw refusal(.rosterNoName) }
        var language: String?
        let written = try cell(.language)
        if !written.isEmpty {
            guard let known = Self.language(written) else { throw refusal(.rosterLanguage, ["word": written]) }
            language = known.rawValue
        }
        return DirectoryEntry(
            name: name, team: try oneLine(cell(.team)), note: try oneLine(cell(.note)), language: language)
    }

    /// Single spaces for every white space, line breaks included.
    static func oneLine(_ text: String) -> String { text.split(whereSeparator: \.isWhitespace).joined(separator: " ") }

    /// Chinese names have the family name first, and no space.
    private static func whole(first: String, last: String) -> String {
        let isHan = !(first + last).isEmpty && (first + last).unicodeScalars.allSatisfy(\.properties.isIdeographic)
        return isHan ? last + first : [first, last].filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// By a tag, or by what a language is called in either language.
    static func language(_ word: String) -> Language? {
        switch plain(word) {
        case "english", "eng", "英文", "英语", "英語": .english
        case "chinese", "zho", "chi", "cn", "mandarin", "simplified chinese", "中文", "汉语", "漢語", "华语", "普通话", "简体",
            "简体中文", "国语", "國語", "华文":
            .chinese
        default: Language(tag: word)
        }
    }

    // MARK: Reading a file

    /// A file's text, with the encoding if it was guessed.
    struct Source {
        let text: String
        let guessed: RosterEncoding?
    }

    /// - Parameter encoding: by which the person says that the file is written; nil for what it looks like.
    /// - Throws: `ClientError.invalid(.notText)` if it is no text of that encoding, or of none that is known.
    static func source(_ path: String, encoding: RosterEncoding?) throws -> Source {
        let bytes = try OutsideFile.bytes(path)
        func clean(_ text: String) throws -> String {
            do { return try OutsideText.read(text) } catch { throw error.error(in: path) }
        }
        if let encoding, let text = encoding.decode(bytes) {
            return Source(text: try clean(text), guessed: nil)
        }
        do { return Source(text: try OutsideText.read(bytes), guessed: nil) } catch {
            guard error == .encoding, encoding == nil,
                let guess = RosterEncoding.guess(bytes, isChinese: Words.language == .chinese),
                let text = guess.decode(bytes)
            else { throw error.error(in: path) }
            return Source(text: try clean(text), guessed: guess)
        }
    }

    /// Reads a list, and says what was understood: once, also when a sitting reads it before the command does. A guessed
    /// encoding is asked about, because a wrong one makes other names.
    /// - Throws: `ClientError.invalid(.rosterEncoding)` for a guess that nobody could confirm, `.rosterOtherEncoding` for one
    ///   that the person rejects.
    static func read(_ path: String, encoding: RosterEncoding?) throws -> RosterFile {
        let source = try source(path, encoding: encoding)
        let list = try RosterFile(source.text)
        if let guess = source.guessed {
            let values = ["file": path, "encoding": guess.name, "option": guess.rawValue, "names": list.firstNames]
            guard Terminal.canAsk else { throw ClientError.invalid(.rosterEncoding, values) }
            guard try Terminal.confirms(words("invite.encodingAsk", values)) else {
                throw ClientError.invalid(.rosterOtherEncoding, values)
            }
        }
        let summary = list.summary
        if told.withLock({ $0.insert(summary).inserted }) { Terminal.note(summary) }
        return list
    }

    private static let told = Mutex<Set<String>>([])

    private var firstNames: String {
        Words.list(people.prefix(5).map { Terminal.harmless($0.name) })
    }

    /// `27 people read: columns Name, Team; not used: Dept. The first: …`
    var summary: String {
        func list(_ headings: [String]) -> String {
            Words.list(headings.map(Terminal.harmless))
        }
        var text = words("invite.read", ["columns": list(used), "names": firstNames], count: people.count)
        if !unused.isEmpty { text += "\n" + words("invite.unused", ["columns": list(unused)]) }
        return text
    }
}
