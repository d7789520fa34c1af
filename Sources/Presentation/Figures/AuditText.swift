import Client
import Foundation
import Petitions
import Sodium

/// The roster's changes as members read them.
package enum AuditText {
    package static func show(_ audit: RosterAudit) {
        for change in audit.changes {
            let leaf = String(repeating: " ", count: max(0, 5 - "\(change.leaf)".count)) + "\(change.leaf)"
            Terminal.line("\(leaf)  \(text(change, audit.people))")
            for comment in audit.questions[change.leaf] ?? [] {
                CommentView.show(comment, place: "", people: audit.people, indent: "       ")
            }
        }
        Terminal.line()
        Terminal.line(
            Terminal.barred(audit.members, of: Int(audit.eligible)) { bar in
                words(
                    "audit.members", ["bar": bar, "members": "\(audit.members)", "eligible": "\(audit.eligible)"])
            })
        if audit.members > Int(audit.eligible) { Terminal.warning(words("members.tooMany")) }
        if !audit.silent.isEmpty {
            let names = Words.list(audit.silent.map(Words.name))
            Terminal.line(words("audit.silent", ["people": names], count: audit.silent.count))
        }
    }

    private static func text(_ change: RosterChange, _ people: People) -> String {
        func name(_ key: Bytes32?) -> String { key.map { Words.name(people.person($0)) } ?? words("audit.nobody") }
        let by = name(change.by)
        switch change.kind {
        case .founded(let eligible): return words("audit.founded", ["by": by, "eligible": "\(eligible)"])
        case .invited(let count, let replacing):
            let text = words("audit.invited", ["by": by], count: count)
            guard !replacing.isEmpty else { return text }
            return text + " "
                + words("audit.replacing", ["people": Words.list(replacing.map(name))])
        case .revoked(let count): return words("audit.revoked", ["by": by], count: count)
        case .admitted(let key, let inviter, let replaces):
            let text = words("audit.admitted", ["person": name(key), "by": name(inviter)])
            return replaces.map { text + " " + words("audit.replacing", ["people": name($0)]) } ?? text
        case .removed(let key): return words("audit.removed", ["by": by, "person": name(key)])
        case .appointed(let key): return words("audit.appointed", ["by": by, "person": name(key)])
        case .dismissed(let key): return words("audit.dismissed", ["by": by, "person": name(key)])
        case .eligible(let count): return words("audit.eligible", ["by": by, "eligible": "\(count)"])
        case .groupKey(let epoch): return words("audit.groupKey", ["by": by, "epoch": "\(epoch)"])
        case .ringKey: return words("audit.ringKey", ["by": by])
        case .announced(let id): return words("audit.announced", ["by": by, "id": String(id.hex.prefix(16))])
        case .witnesses(let names, let threshold):
            let list =
                names.isEmpty
                ? words("note.nobody") : Terminal.harmless(Words.list(names))
            return words("audit.witnesses", ["by": by, "names": list, "threshold": "\(threshold)"])
        case .relays(let count): return words("audit.relays", ["by": by, "count": "\(count)"])
        }
    }

    package struct Facts: Encodable {
        package struct Change: Encodable {
            package let leaf: Int
            package let what: String
            package let by: Int?
            package let text: String
            package let questions: Int
        }
        package let changes: [Change]
        package let members: Int
        package let eligible: UInt32
        package let silent: [Int]

        package init(_ audit: RosterAudit) {
            changes = audit.changes.map { change in
                Change(
                    leaf: change.leaf, what: Facts.word(change.kind),
                    by: change.by.flatMap { audit.people.person($0).number },
                    text: AuditText.text(change, audit.people), questions: audit.questions[change.leaf]?.count ?? 0)
            }
            (members, eligible) = (audit.members, audit.eligible)
            silent = audit.silent.compactMap(\.number)
        }

        private static func word(_ kind: RosterChange.Kind) -> String {
            switch kind {
            case .founded: "founded"
            case .invited: "invited"
            case .revoked: "revoked"
            case .admitted: "admitted"
            case .removed: "removed"
            case .appointed: "appointed"
            case .dismissed: "dismissed"
            case .eligible: "eligible"
            case .groupKey: "group-key"
            case .ringKey: "ring-key"
            case .announced: "announced"
            case .witnesses: "witnesses"
            case .relays: "relays"
            }
        }
    }
}
