import Presentation
import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions
import Sodium
import TransparencyLog

struct WorkplaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workplace", abstract: words("help.workplace"),
        subcommands: [Found.self, Show.self, Eligible.self, WitnessesOfWorkplace.self])

    struct Found: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.found"))

        @Argument(help: help("serviceAddress"))
        var service: String

        @Option(help: help("eligible"))
        var eligible: UInt32

        @Option(help: help("foundingToken"))
        var tokenFile: String?

        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        /// Not an argument: those stand in the list of processes.
        private func token() throws -> String? {
            guard let tokenFile else {
                return ProcessInfo.processInfo.environment["ROUNDROBIN_FOUNDING_TOKEN"].flatMap {
                    $0.isEmpty ? nil : $0
                }
            }
            return try String(contentsOfFile: tokenFile, encoding: .utf8).trimmingCharacters(
                in: .whitespacesAndNewlines)
        }

        mutating func validate() throws {
            guard eligible > 0 else { throw ValidationError(words("usage.eligible")) }
        }

        func run() async throws {
            // One that is there may be a founding that was refused for the moment, or cut off: it is finished.
            let isNew = !Keystore.exists(in: keystore.directory)
            // Before a passphrase is chosen for a service that is not there.
            if isNew { try await Enrolment.checkService(at: service, proxy: keystore.parsedProxy()) }
            let member = try await Enrolment.found(
                at: service, eligible: eligible, in: keystore.directory,
                passphrase: isNew
                    ? keystore.passphrase(new: true, prompt: words("cli.choosePassphrase")) : keystore.passphrase(),
                token: token(), proxy: keystore.parsedProxy())
            member.close()
            if output.json { return try Terminal.json(["workplace": member.workplaceID.hex]) }
            Terminal.line(words("cli.founded", ["id": member.workplaceID.hex]))
            Terminal.line(words("cli.foundedNext"))
            // A sitting asks for it.
            if !Unlocked.isSitting { Terminal.line(words("cli.foundedName")) }
            Terminal.line(words("cli.backupFirst"))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.workplaceShow"))

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
            try await keystore.withSession { session in
                let roster = session.roster
                let members = roster.members(at: roster.size)
                let facts = Facts(
                    workplace: roster.id.hex, service: roster.founding.service, log_key: roster.founding.logKey.hex,
                    members: members.count, organisers: members.count { roster.isOrganiser($0.signKey) },
                    eligible: roster.eligible(at: roster.size), open_invites: roster.openInvites.count,
                    petitions: roster.announcements.count, log_size: roster.size,
                    group_key_epochs: roster.groupKeys.count, rotation_due: roster.rotationIsDue)
                if output.json { return try Terminal.json(facts) }
                Terminal.line(words("cli.workplaceID", ["id": facts.workplace]))
                Terminal.line(words("cli.service", ["name": facts.service]))
                Terminal.line(
                    Terminal.barred(facts.members, of: Int(facts.eligible)) { bar in
                        words(
                            "cli.members",
                            ["members": "\(facts.members)", "eligible": "\(facts.eligible)", "bar": bar])
                    })
                Terminal.line(
                    words(
                        "cli.organisers",
                        [
                            "organisers": "\(facts.organisers)", "invites": "\(facts.open_invites)",
                            "petitions": "\(facts.petitions)",
                        ]))
                Terminal.line(
                    words(
                        "cli.log", ["leaves": "\(facts.log_size)", "epoch": "\(facts.group_key_epochs - 1)"])
                )
                if facts.rotation_due {
                    Terminal.warning(ClientError.rotationDue.what + " " + ClientError.rotationDue.nextStep)
                }
                if facts.members > Int(facts.eligible) {
                    Terminal.warning(words("members.tooMany"))
                }
            }
        }
    }

    struct Eligible: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.eligibleDeclare"))

        @Argument(help: help("eligibleCount"))
        var count: UInt32

        @OptionGroup var keystore: KeystoreOptions

        mutating func validate() throws {
            guard count > 0 else { throw ValidationError(words("usage.eligible")) }
        }

        func run() async throws {
            try await keystore.withSession { try await $0.declareEligible(count) }
            Terminal.line(words("cli.declared", ["count": "\(count)"]))
        }
    }
}

/// Shows the witnesses that the workplace's log names, and names others.
struct WitnessesOfWorkplace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "witnesses", abstract: words("help.witnesses"), discussion: words("help.witnessesMore"))

    @Option(help: help("witnessesSet", "file"))
    var set: String?
    @Flag(help: help("witnessesNone"))
    var none = false
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    private struct Facts: Encodable {
        struct Witness: Encodable {
            let name: String
            let key: String
            /// Unix seconds at which it signed the workplace's checkpoint.
            let signed: UInt64?
        }
        let threshold: Int
        let witnesses: [Witness]
    }

    mutating func validate() throws {
        guard set == nil || !none else { throw ValidationError(words("usage.witnesses")) }
    }

    func run() async throws {
        let policy = try set.map { try PolicyFile.read($0).policy }
        try await keystore.withSession { session in
            if let policy { try await session.nameWitnesses(policy) }
            if none { try await session.nameNoWitnesses() }
            let quorum = session.roster.witnesses
            let times = Dictionary(
                session.judgedRoster?.witnessed.times.map { ($0.name, $0.time) } ?? [], uniquingKeysWith: max)
            let facts = Facts(
                threshold: Int(quorum.threshold),
                witnesses: quorum.witnesses.map {
                    .init(name: $0.name, key: $0.noteKey.text, signed: times[$0.name])
                })
            if output.json { return try Terminal.json(facts) }
            if facts.witnesses.isEmpty { return Terminal.line(words("witnesses.none")) }
            Terminal.line(
                words("witnesses.asked", ["threshold": "\(facts.threshold)", "count": "\(facts.witnesses.count)"]))
            for witness in facts.witnesses {
                let state = witness.signed.map { words("witnesses.signed", ["time": Moment.describe($0)]) }
                Terminal.line("  \(Terminal.harmless(witness.name))  \(state ?? words("witnesses.unsigned"))")
                Terminal.line(Terminal.faint("    " + witness.key))
            }
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
    static let configuration = CommandConfiguration(abstract: words("help.join"))

    @Argument(help: .hidden)
    var invite: String?

    @Option(help: help("inviteFile", "file"))
    var inviteFile: String?

    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let invite = try self.invitation()
        var former: Bytes32?
        // One that is there may be of a join that was cut off: it is finished.
        let isNew = !Keystore.exists(in: keystore.directory)
        if isNew {
            // Read before a passphrase is asked for: a mistyped code, or another person's place, ends here.
            let invitation = try await Enrolment.look(at: invite, proxy: keystore.parsedProxy())
            if let replaces = invitation.replaces {
                Terminal.warning(words("join.replaces", ["person": Words.name(replaces)]))
                guard try Terminal.confirms(words("join.replacesAsk")) else {
                    throw ClientError.invalidPerson(.replacesUnconfirmed, replaces)
                }
                former = replaces.key
            }
        }
        let member = try await Enrolment.join(
            invite, as: former, in: keystore.directory,
            passphrase: isNew
                ? keystore.passphrase(new: true, prompt: words("cli.choosePassphrase")) : keystore.passphrase(),
            proxy: keystore.parsedProxy())
        member.close()
        if output.json {
            return try Terminal.json(["workplace": member.workplaceID.hex, "member": member.signKey.hex])
        }
        Terminal.line(words("cli.joined", ["id": member.workplaceID.hex]))
        Terminal.line(words("cli.joinedNext"))
    }

    /// A slip breaks the address into lines.
    private static func joined(_ text: String) -> String { text.filter { !$0.isWhitespace } }

    mutating func validate() throws {
        // Who has it may join in this person's place, and later it tells which member they are.
        guard invite == nil else { throw ValidationError(words("usage.inviteArgument")) }
    }

    private func invitation() throws -> Invite {
        if let inviteFile {
            guard let data = FileManager.default.contents(atPath: inviteFile) else {
                throw ClientError.invalid(.noFile, ["file": inviteFile])
            }
            return try Invite(parsing: Self.joined(String(decoding: data, as: UTF8.self)))
        }
        guard Terminal.canAsk else { throw ValidationError(words("usage.invite")) }
        return try ask()
    }

    /// Reads until the invite is whole: slips break it into lines, and what is left unread would go to the shell, secret as it is. A typing
    /// error is said at once and asked about again.
    private func ask() throws -> Invite {
        var text = ""
        while let line = try Terminal.answer(text.isEmpty ? words("cli.askInvite") : words("cli.askInviteMore")) {
            text += Self.joined(line)
            do { return try Invite(parsing: text) } catch {
                // As long as the code is short, more is to come; an empty line gives up on it.
                let code = text.split(separator: "#").dropFirst().joined().count { $0.isLetter || $0.isNumber }
                let isWhole = code >= Self.codeLength
                guard isWhole || line.isEmpty else { continue }
                Terminal.note(isWhole ? words("cli.inviteMistyped") : words("cli.inviteShort"))
                text = ""
            }
        }
        throw ValidationError(words("usage.invite"))
    }

    /// Letters and digits of an invite's code.
    private static let codeLength = 56
}
