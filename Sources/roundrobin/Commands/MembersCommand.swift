import Presentation
import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium

struct MembersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members", abstract: words("help.members"),
        subcommands: [
            List.self, Name.self, Audit.self, Question.self, DirectoryCommand.self, Describe.self, Remove.self,
            RotateKey.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.membersList"))

        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Entry: Encodable {
            let number: Int
            let key: String
            let pseudonym: String?
            /// In the organisers' directory; nil for anyone who is no organiser.
            let name: String?
            let present: Bool
            let organiser: Bool
            let admitted_by_leaf: Int
            /// Whether the pseudonym could be taken for another member's.
            let confusable: Bool
            let you: Bool
        }

        func run() async throws {
            try await keystore.withSession { session in
                let directory = session.isOrganiser ? try await session.directory() : nil
                let people: People
                if let directory { people = directory.people } else { people = try await session.people() }
                let (roster, names) = (people.roster, directory?.names ?? [:])
                let entries = roster.members.enumerated().map { i, entry in
                    Entry(
                        number: i + 1, key: entry.signKey.hex,
                        pseudonym: people.person(entry.signKey).pseudonym, name: names[entry.signKey],
                        present: roster.isMember(entry.signKey),
                        organiser: roster.isOrganiser(entry.signKey), admitted_by_leaf: entry.admitted,
                        confusable: people.confusable.contains(entry.signKey), you: entry.signKey == session.signKey)
                }
                if output.json {
                    struct Facts: Encodable {
                        let members: [Entry]
                        let eligible: UInt32
                    }
                    return try Terminal.json(Facts(members: entries, eligible: roster.eligible(at: roster.size)))
                }
                try Terminal.paged { for entry in entries { Terminal.line(Self.line(entry)) } }
                let (present, eligible) = (entries.count(where: \.present), roster.eligible(at: roster.size))
                Terminal.note(words("members.count", ["members": "\(present)", "eligible": "\(eligible)"]))
                if present > Int(eligible) { Terminal.warning(words("members.tooMany")) }
            }
        }

        private static func line(_ entry: Entry) -> String {
            let number = String(repeating: " ", count: max(0, 4 - "\(entry.number)".count)) + "\(entry.number)"
            let state =
                if !entry.present {
                    words("members.left")
                } else if entry.organiser {
                    words("members.organiser")
                } else {
                    words("members.member")
                }
            var parts = [number, String(entry.key.prefix(16)), state]
            if entry.you { parts.append(words("members.you")) }
            if let name = entry.name { parts.append(Terminal.harmless(name)) }
            if let pseudonym = entry.pseudonym { parts.append(Terminal.harmless(pseudonym)) }
            if entry.confusable { parts.append(Terminal.red(words("members.confusable"))) }
            return parts.joined(separator: "  ")
        }
    }

    struct Name: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.membersName"), discussion: words("help.membersNameMore"))

        @Argument(help: help("pseudonym"))
        var name: String
        @Option(help: help("memberOrYou"))
        var member: String?
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withSession { own in
                let key = try await member.asyncMap { try await Naming.memberKey($0, own) }
                try await own.setPseudonym(name, of: key ?? own.signKey)
            }
            Terminal.line(words("members.named", ["name": Terminal.harmless(name)]))
        }
    }

    struct Audit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.audit"), discussion: words("help.auditMore"))

        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let audit = try await keystore.withSession { try await $0.audit() }
            if output.json { return try Terminal.json(AuditText.Facts(audit)) }
            AuditText.show(audit)
        }
    }

    struct Question: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.question"))

        @Argument(help: help("leaf"))
        var leaf: Int
        @Option(help: help("commentText"))
        var text: String?
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            let text = try self.text ?? Editor.write(file: nil)
            let id = try await keystore.withSession { try await $0.challenge(leaf: leaf, text) }
            Terminal.line(words("comment.made", ["id": String(id.hex.prefix(8))]))
        }
    }

    struct DirectoryCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "directory", abstract: words("help.directory"), discussion: words("help.directoryMore"))

        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Entry: Encodable {
            /// In this list, from 1: `p1` names the person in other commands.
            let number: Int
            let id: String
            let invite: String?
            let name: String
            let team: String
            let note: String
            let state: String
            let member: Int?
            let expires: UInt64?
        }

        func run() async throws {
            try await keystore.withSession { session in
                let directory = try await session.directory()
                guard output.json else { return try Terminal.paged { DirectoryText.show(directory) } }
                let roster = session.roster
                let entries = directory.entries.enumerated().map { place, entry in
                    Entry(
                        number: place + 1, id: entry.id, invite: entry.invite, name: entry.name, team: entry.team,
                        note: entry.note,
                        state: DirectoryText.fact(directory.state(of: entry)),
                        member: directory.key(of: entry).flatMap { roster.person($0).number }, expires: entry.expires)
                }
                try Terminal.json(["entries": entries])
            }
        }
    }

    struct Describe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.describe"), discussion: words("help.describeMore"))

        @Argument(help: help("describeWhom"))
        var whom: String
        @Option(help: help("describeName"))
        var name: String?
        @Option(help: help("describeTeam"))
        var team: String?
        @Option(help: help("describeNote"))
        var note: String?
        @Flag(help: help("describeErase"))
        var erase = false
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withSession { session in
                let directory = try await session.directory()
                let person = try Naming.person(whom, in: directory)
                let (key, known) = (person.key, person.entry)
                guard known != nil || key != nil && name?.isEmpty == false else {
                    throw ClientError.invalid(.describeName)
                }
                if erase, let known, [.invited, .expired].contains(directory.state(of: known)) {
                    throw ClientError.invalid(.eraseInvited)
                }
                try await session.changeDirectory { entries in
                    var entry = known ?? DirectoryEntry(name: name ?? "")
                    if known == nil { entry.member = key?.hex }
                    if let name { entry.name = name }
                    if let team { entry.team = team }
                    if let note { entry.note = note }
                    entries.removeAll { $0.id == entry.id && erase }
                    if let place = entries.firstIndex(where: { $0.id == entry.id }) {
                        entries[place] = entry
                    } else if !erase {
                        entries.append(entry)
                    }
                }
            }
            Terminal.line(words("directory.changed"))
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: words("help.remove"), discussion: words("help.removeMore"))

        @Argument(help: help("memberName"))
        var member: String
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Facts: Encodable {
            let drafts: Int
            let comments: Int
            let petitions: Int
            let records: Int
            let open_invites: Int
        }

        func run() async throws {
            let removed = try await keystore.withSession { own -> (readable: StillReadable?, isDone: Bool) in
                let key = try await Naming.memberKey(member, own)
                // By number, pseudonym and what the directory says: a number alone is easily another's.
                let shown = try await Naming.shown(key, own)
                guard try Terminal.confirms(words("members.removeAsk", ["member": shown])) else { return (nil, false) }
                return (try await own.remove(key), true)
            }
            guard removed.isDone else { return }
            guard let readable = removed.readable else { return Terminal.line(words("members.removedYourself")) }
            if output.json {
                return try Terminal.json(
                    Facts(
                        drafts: readable.drafts, comments: readable.comments, petitions: readable.petitions,
                        records: readable.records, open_invites: readable.openInvites))
            }
            Terminal.line(words("members.removed"))
            Terminal.line(
                words(
                    "members.stillReadable",
                    [
                        "drafts": "\(readable.drafts)", "comments": "\(readable.comments)",
                        "petitions": "\(readable.petitions)", "records": "\(readable.records)",
                    ]))
            Terminal.line(words("members.notReadable"))
            if readable.openInvites > 0 { Terminal.line(words("members.oldInvites", count: readable.openInvites)) }
        }
    }

    struct RotateKey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate-key", abstract: words("help.rotateKey"))

        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withSession { try await $0.rotateGroupKey() }
            Terminal.line(words("members.rotated"))
        }
    }
}

struct OrganisersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "organisers", abstract: words("help.organisers"),
        subcommands: [Appoint.self, Dismiss.self])

    struct Appoint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.appoint"))
        @Argument(help: help("memberName"))
        var member: String
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withSession { own in
                try await own.appoint(try await Naming.memberKey(member, own))
            }
            Terminal.line(words("members.appointed"))
        }
    }

    struct Dismiss: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.dismiss"))
        @Argument(help: help("memberName"))
        var member: String
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withSession { own in
                try await own.dismiss(try await Naming.memberKey(member, own))
            }
            Terminal.line(words("members.dismissed"))
            Terminal.note(words("members.dismissedMore"))
        }
    }
}
