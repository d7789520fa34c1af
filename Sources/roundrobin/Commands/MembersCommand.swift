import ArgumentParser
import Client
import Petitions
import Sodium

struct MembersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members", abstract: "List members, remove one, rotate the group key.",
        subcommands: [List.self, Name.self, Remove.self, RotateKey.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List everybody who was ever admitted.")

        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Entry: Encodable {
            let number: Int
            let key: String
            let pseudonym: String?
            let present: Bool
            let organiser: Bool
            let admitted_by_leaf: Int
            let you: Bool
        }

        func run() async throws {
            try await keystore.withMember { member in
                let people = try await member.people()
                let roster = people.roster
                let entries = roster.members.enumerated().map { i, entry in
                    Entry(
                        number: i + 1, key: entry.signKey.hex,
                        pseudonym: people.person(entry.signKey).pseudonym, present: roster.isMember(entry.signKey),
                        organiser: roster.isOrganiser(entry.signKey), admitted_by_leaf: entry.admitted,
                        you: entry.signKey == member.signKey)
                }
                if output.json {
                    struct Facts: Encodable {
                        let members: [Entry]
                        let eligible: UInt32
                    }
                    return try Terminal.json(Facts(members: entries, eligible: roster.eligible(at: roster.size)))
                }
                for entry in entries {
                    let state = entry.present ? (entry.organiser ? "organiser" : "member") : "left"
                    let number = String(repeating: " ", count: max(0, 4 - "\(entry.number)".count)) + "\(entry.number)"
                    Terminal.line(
                        "\(number)  \(entry.key.prefix(16))  \(state)\(entry.you ? "  (you)" : "")"
                            + (entry.pseudonym.map { "  " + Terminal.harmless($0) } ?? ""))
                }
                Terminal.note("\(entries.count { $0.present }) members of \(roster.eligible(at: roster.size)) people.")
                if entries.count(where: \.present) > Int(roster.eligible(at: roster.size)) {
                    Terminal.warning(
                        "There are more members than people: somebody admitted invented ones, or the count is old.")
                }
            }
        }
    }

    struct Name: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what the workplace calls you, or as an organiser anybody.",
            discussion: "A pseudonym that members see beside drafts and comments. The service never sees it.")

        @Argument(help: "The pseudonym; not a name by which an outsider would know the person.")
        var name: String
        @Option(help: "The member's number or the first characters of their key; you when not given.")
        var member: String?
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { own in
                let key = try await member.asyncMap { try Naming.member($0, in: try await own.roster()) }
                try await own.setPseudonym(name, of: key ?? own.signKey)
            }
            Terminal.line(words("members.named", ["name": Terminal.harmless(name)]))
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a member, and give everybody else a new group key.",
            discussion:
                "What the removed person could read before stays readable to them. They keep their place in rings "
                + "that were fixed while they were a member.")

        @Argument(help: "The member's number or the first characters of their key.")
        var member: String

        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { own in
                try await own.remove(try Naming.member(member, in: try await own.roster()))
            }
            Terminal.line("Removed, and the group key rotated. What they could read before stays readable to them.")
            Terminal.line("Invites that are still open carry the old group keys: revoke them and make new ones.")
        }
    }

    struct RotateKey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate-key", abstract: "Give everybody a new group key, after somebody has left.")

        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { try await $0.rotateGroupKey() }
            Terminal.line("Rotated.")
        }
    }
}

struct OrganisersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "organisers", abstract: "Appoint and dismiss organisers.",
        subcommands: [Appoint.self, Dismiss.self])

    struct Appoint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a member an organiser.")
        @Argument(help: "The member's number or the first characters of their key.")
        var member: String
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { own in
                try await own.appoint(try Naming.member(member, in: try await own.roster()))
            }
            Terminal.line("Appointed.")
        }
    }

    struct Dismiss: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End an organiser's office. Their open invites end with it.")
        @Argument(help: "The member's number or the first characters of their key.")
        var member: String
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { own in
                try await own.dismiss(try Naming.member(member, in: try await own.roster()))
            }
            Terminal.line("Dismissed.")
        }
    }
}
