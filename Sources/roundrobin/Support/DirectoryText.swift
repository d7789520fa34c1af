import Client
import Foundation
import Petitions
import Sodium

/// The directory as organisers read it.
enum DirectoryText {
    /// An entry by its name, or by the first characters of it where they fit one only.
    static func find(_ name: String, in directory: Directory) throws -> DirectoryEntry {
        let exact = directory.entries.filter { $0.name == name }
        let fitting =
            exact.isEmpty ? directory.entries.filter { $0.name.lowercased().hasPrefix(name.lowercased()) } : exact
        guard let first = fitting.first, !name.isEmpty else { throw ClientError.noSuch(.person) }
        guard fitting.count == 1 else { throw ClientError.ambiguous(.person) }
        return first
    }

    static func show(_ directory: Directory) {
        let width = min(24, directory.entries.map { Columns.cells($0.name) }.max() ?? 0)
        for entry in directory.entries {
            let parts = [entry.team, entry.note].filter { !$0.isEmpty }.map(Terminal.harmless)
            let name = Columns.padded(Terminal.harmless(entry.name), width)
            Terminal.line(([name, state(directory.state(of: entry), entry)] + parts).joined(separator: "  "))
        }
        for pair in directory.likenesses() {
            let names = ["first": Terminal.harmless(pair.first), "second": Terminal.harmless(pair.second)]
            Terminal.note(pair.likeness == .same ? words("invite.same", names) : words("invite.alike", names))
        }
    }

    static func state(_ state: Directory.State, _ entry: DirectoryEntry) -> String {
        switch state {
        case .member(let person): words("directory.member", ["person": Words.name(person)])
        case .left(let person): words("directory.left", ["person": Words.name(person)])
        case .invited:
            entry.expires.map { words("invite.expiresOn", ["date": Moment.day($0)]) } ?? words("directory.invited")
        case .expired: words("invite.expiredOn", ["date": Moment.day(entry.expires ?? 0)])
        case .none: words("directory.none")
        }
    }

    static func fact(_ state: Directory.State) -> String {
        switch state {
        case .member: "member"
        case .left: "left"
        case .invited: "invited"
        case .expired: "expired"
        case .none: "none"
        }
    }
}
