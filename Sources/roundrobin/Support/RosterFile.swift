import Client
import Foundation
import SwiftCSV
import Templates

/// A list of people as spreadsheets write it: CSV with a heading, in either language.
enum RosterFile {
    private static let headings: [(column: String, words: [String])] = [
        ("name", ["name", "姓名"]), ("team", ["team", "department", "部门", "团队", "班组"]), ("note", ["note", "备注"]),
        ("language", ["language", "语言"]),
    ]
    /// Characters of a name, team or note.
    private static let longest = 200

    static func read(_ path: String) throws -> [DirectoryEntry] {
        guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8)
        else {
            throw ClientError.invalid(.notText, ["file": path])
        }
        return try parse(text)
    }

    /// Comma, semicolon or tab, whichever the first line has.
    static func parse(_ text: String) throws -> [DirectoryEntry] {
        let bare = (text.hasPrefix("\u{feff}") ? String(text.dropFirst()) : text)
            .replacingOccurrences(of: "\r\n", with: "\n").replacingOccurrences(of: "\r", with: "\n")
            .trimmingCharacters(in: .newlines)
        // A quote that never ends would swallow every line behind it.
        guard bare.count(where: { $0 == "\"" }).isMultiple(of: 2) else { throw ClientError.invalid(.rosterFile) }
        let rows: [[String]]
        do { rows = try CSV<Enumerated>(string: bare, loadColumns: false).rows } catch {
            throw ClientError.invalid(.rosterFile)
        }
        guard let firstLine = bare.split(separator: "\n").first else { throw ClientError.invalid(.rosterFile) }
        let header = try CSV<Enumerated>(string: String(firstLine) + "\n", loadColumns: false).header.map {
            $0.trimmingCharacters(in: .whitespaces).lowercased()
        }
        var places: [String: Int] = [:]
        for (i, word) in header.enumerated() {
            guard let column = headings.first(where: { $0.words.contains(word) })?.column else { continue }
            guard places.updateValue(i, forKey: column) == nil else {
                throw ClientError.invalid(.rosterColumn, ["column": word])
            }
        }
        guard places["name"] != nil else { throw ClientError.invalid(.rosterHeading) }
        return try rows.enumerated().compactMap { line, row in try entry(row, places, line: line + 2) }
    }

    private static func entry(_ row: [String], _ places: [String: Int], line: Int) throws -> DirectoryEntry? {
        func cell(_ column: String) -> String {
            guard let place = places[column], row.indices.contains(place) else { return "" }
            return row[place].trimmingCharacters(in: .whitespacesAndNewlines)
        }
        if row.allSatisfy({ $0.trimmingCharacters(in: .whitespaces).isEmpty }) { return nil }
        guard !cell("name").isEmpty, [cell("name"), cell("team"), cell("note")].allSatisfy({ $0.count <= longest })
        else {
            throw ClientError.invalid(.rosterLine, ["line": "\(line)"])
        }
        var language: String?
        if !cell("language").isEmpty {
            guard let known = Language(tag: cell("language")) else {
                throw ClientError.invalid(.rosterLine, ["line": "\(line)"])
            }
            language = known.rawValue
        }
        return DirectoryEntry(name: cell("name"), team: cell("team"), note: cell("note"), language: language)
    }
}
