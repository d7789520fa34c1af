import ArgumentParser
import Client
import Foundation
import Petitions
import Service
import Storage
import Templates

@main
struct RoundRobin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roundrobin",
        abstract: "Draft demands together, co-sign them anonymously, and be believed when you say how many did.",
        discussion: """
            A keystore serves one workplace. It is in $ROUNDROBIN_HOME, else in the XDG data directory.
            Errors and warnings are in English or Simplified Chinese: by LANG, or --lang en, --lang zh-Hans.
            Exit status: 0 done, 1 a verification found faults, 2 refused or failed, 64 wrong usage.
            Shell completions: roundrobin --generate-completion-script bash (or zsh, fish).
            """,
        version: "0.1.0",
        subcommands: [
            Serve.self, WorkplaceCommand.self, Status.self, Watch.self, InviteCommand.self, Join.self,
            MembersCommand.self,
            OrganisersCommand.self, TemplateCommand.self, DraftCommand.self, PetitionCommand.self, Cosign.self,
            NegotiationCommand.self,
            Withdraw.self, Release.self, Names.self, TallyCommand.self, Verify.self, Export.self, ReportCommand.self,
            LetterCommand.self, KeysCommand.self,
            Forget.self,
            Bench.self,
            Demo.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot(Words.without(Array(CommandLine.arguments.dropFirst())))
            do {
                if var command = command as? any AsyncParsableCommand {
                    try await command.run()
                } else {
                    try command.run()
                }
            } catch {
                // Help, wrong usage and our own exit codes are the parser's to print; its "failure" is everything else.
                guard !(error is ExitCode), exitCode(for: error) == .failure else { exit(withError: error) }
                report(error)
                Foundation.exit(2)
            }
        } catch { exit(withError: error) }
    }

    /// What happened, and what to do next. The one place where errors become words and an exit status.
    private static func report(_ error: any Error) {
        let (what, next): (String, String) =
            switch error {
            case let error as ClientError: (error.what, error.nextStep)
            case let error as RuleViolation:
                (ClientError.rule(error).what, ClientError.rule(error).nextStep)
            case let error as TemplateError: (error.description, "See template show.")
            case let error as StorageError:
                (Self.words(error), "See docs/organisers.md on running a service.")
            case is CancellationError: ("Stopped.", "Nothing was lost; run it again.")
            case let error where "\(error)".contains("Address already in use"):
                ("That address is in use by another program.", "Choose another with --listen.")
            default: ("Something failed: \(error)", "Try again; if it happens again, please report it.")
            }
        Terminal.error(what, next)
    }

    private static func words(_ error: StorageError) -> String {
        switch error {
        case .diskFull: "The disk is full; nothing was changed."
        case .readOnly: "The database file is read-only."
        case .cannotOpen(let why): "The database cannot be opened: \(why)."
        case .notOurs: "That file is not a database of roundrobin's."
        case .damaged: "The database is damaged."
        case .conflict: "Another process wrote to the database."
        case .other(let code): "The database failed (SQLite \(code))."
        }
    }
}
