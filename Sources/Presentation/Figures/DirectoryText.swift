import Client
import Foundation
import Petitions
import Sodium

/// The directory as organisers read it.
package enum DirectoryText {
    package static func show(_ directory: Directory) {
        let handles = directory.entries.indices.map { handle($0, in: directory) }
        let wide = handles.map(\.count).max() ?? 0
        let width = min(24, directory.entries.map { Columns.cells($0.name) }.max() ?? 0)
        for (handle, entry) in zip(handles, directory.entries) {
            let parts = [entry.team, entry.note].filter { !$0.isEmpty }.map(Terminal.harmless)
            let number = String(repeating: " ", count: wide - handle.count) + handle
            let name = Columns.padded(Terminal.harmless(entry.name), width)
            Terminal.line(([number, name, state(directory.state(of: entry), entry)] + parts).joined(separator: "  "))
        }
        if !directory.entries.isEmpty { Terminal.note(words("directory.numbers")) }
        LikenessText.show(directory.likenesses()) { Terminal.note($0) }
    }

    /// What the first column of the directory has for an entry: a member's number, else `p` and its own place in the
    /// list.
    package static func handle(_ place: Int, in directory: Directory) -> String {
        let key = directory.key(of: directory.entries[place])
        return key.flatMap { directory.people.person($0).number }.map { "\($0)" } ?? "p\(place + 1)"
    }

    package static func state(_ state: Directory.State, _ entry: DirectoryEntry) -> String {
        switch state {
        case .member(let person): words("directory.member", ["person": Words.handle(person)])
        case .left(let person): words("directory.left", ["person": Words.handle(person)])
        case .invited:
            entry.expires.map { words("invite.expiresOn", ["date": Moment.day($0)]) } ?? words("directory.invited")
        case .expired: words("invite.expiredOn", ["date": Moment.day(entry.expires ?? 0)])
        case .none: words("directory.none")
        }
    }

    package static func fact(_ state: Directory.State) -> String {
        switch state {
        case .member: "member"
        case .left: "left"
        case .invited: "invited"
        case .expired: "expired"
        case .none: "none"
        }
    }
}
