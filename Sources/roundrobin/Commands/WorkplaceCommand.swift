import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium

struct WorkplaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workplace", abstract: "Found a workplace, look at it, say how many people it has.",
        subcommands: [Found.self, Show.self, Eligible.self])

    struct Found: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Found a workplace; you become its first organiser.")

        @Argument(help: "The service's address, such as https://service.example.")
        var service: String

        @Option(help: "How many people the workplace has, members or not.")
        var eligible: UInt32

        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard !Keystore.exists(in: keystore.directory) else { throw ClientError.keystoreExists(keystore.directory) }
            let member = try await Member.found(
                at: service, eligible: eligible, in: keystore.directory,
                passphrase: keystore.passphrase(new: true, prompt: "Choose a passphrase: "),
                proxy: keystore.parsedProxy())
            await member.close()
            if output.json { return try Terminal.json(["workplace": member.workplaceID.hex]) }
            Terminal.line("Founded workplace \(member.workplaceID.hex).")
            Terminal.line(
                "Next: roundrobin invite create --count \(min(max(Int(eligible) - 1, 1), 1000)), and give each coworker one address by a channel you trust."
            )
            Terminal.line("Make a backup: roundrobin keys backup FILE.")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the workplace as its log proves it.")

        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Facts: Encodable {
            let workplace: String
            let service: String
            let log_key: String
            let members: Int
            let organisers: Int
            let eligible: UInt32
            let open_invites: Int
            let petitions: Int
            let log_size: Int
            let group_key_epochs: Int
            let rotation_due: Bool
        }

        func run() async throws {
            try await keystore.withMember { member in
                let roster = try await member.roster()
                let members = roster.members(at: roster.size)
                let facts = Facts(
                    workplace: roster.id.hex, service: roster.founding.service, log_key: roster.founding.logKey.hex,
                    members: members.count, organisers: members.count { roster.isOrganiser($0.signKey) },
                    eligible: roster.eligible(at: roster.size), open_invites: roster.openInvites.count,
                    petitions: roster.announcements.count, log_size: roster.size,
                    group_key_epochs: roster.groupKeys.count, rotation_due: roster.rotationIsDue)
                if output.json { return try Terminal.json(facts) }
                Terminal.line("Workplace  \(facts.workplace)")
                Terminal.line("Service    \(facts.service)")
                Terminal.line(
                    "Members    \(facts.members) of \(facts.eligible) people  \(Terminal.bar(facts.members, of: Int(facts.eligible)))"
                )
                Terminal.line(
                    "Organisers \(facts.organisers), open invites \(facts.open_invites), petitions \(facts.petitions)")
                Terminal.line(
                    "Log        \(facts.log_size) leaves, verified from the first; group key epoch \(facts.group_key_epochs - 1)"
                )
                if facts.rotation_due {
                    Terminal.warning(ClientError.rotationDue.what + " " + ClientError.rotationDue.nextStep)
                }
                if facts.members > Int(facts.eligible) {
                    Terminal.warning(
                        "There are more members than people: somebody admitted invented ones, or the count is old.")
                }
            }
        }
    }

    struct Eligible: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Declare how many people the workplace has.")

        @Argument(help: "The number, members or not.")
        var count: UInt32

        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { try await $0.declareEligible(count) }
            Terminal.line("Declared \(count) people.")
        }
    }
}

extension Optional {
    /// `map` with a closure that waits.
    func asyncMap<T>(_ transform: (Wrapped) async throws -> T) async rethrows -> T? {
        guard let self else { return nil }
        return try await transform(self)
    }
}

struct Join: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Join a workplace by an invite.")

    @Argument(help: "The whole address. Left out, it is asked for, so that it does not stay in the shell's history.")
    var invite: String?

    @Option(help: ArgumentHelp("Read the address from this file's first line.", valueName: "file"))
    var inviteFile: String?

    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let member = try await Member.join(
            try Invite(parsing: address()), in: keystore.directory,
            passphrase: keystore.passphrase(
                new: !Keystore.exists(in: keystore.directory), prompt: "Choose a passphrase: "),
            proxy: keystore.parsedProxy())
        await member.close()
        if output.json {
            return try Terminal.json(["workplace": member.workplaceID.hex, "member": member.signKey.hex])
        }
        Terminal.line("You are a member of workplace \(member.workplaceID.hex).")
        Terminal.line("Next: roundrobin petition list. Make a backup: roundrobin keys backup FILE.")
    }

    private func address() throws -> String {
        if let invite { return invite }
        if let inviteFile {
            return String(decoding: try PassphraseSource.firstLine(ofFile: inviteFile).reveal(), as: UTF8.self)
        }
        guard let text = Terminal.ask("The invite's address: ") else {
            throw ValidationError("Name the invite's address, or --invite-file.")
        }
        return text.trimmingCharacters(in: .whitespaces)
    }
}
