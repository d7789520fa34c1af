import ArgumentParser
import CProcess
import ChildProcesses
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
        abstract: words("help.program"),
        discussion: words("help.programMore"),
        version: "0.1.0",
        subcommands: [Sitting.self],
        groupedSubcommands: [
            CommandGroup(
                name: words("help.groupTakePart"),
                subcommands: [
                    Join.self, Status.self, Watch.self, PetitionCommand.self, Cosign.self, Withdraw.self, Names.self,
                    Forget.self, KeysCommand.self, AlarmsCommand.self,
                ]),
            CommandGroup(
                name: words("help.groupWrite"), subcommands: [DraftCommand.self, TemplateCommand.self]),
            CommandGroup(
                name: words("help.groupOrganise"),
                subcommands: [
                    WorkplaceCommand.self, InviteCommand.self, MembersCommand.self, OrganisersCommand.self,
                    NegotiationCommand.self,
                ]),
            CommandGroup(name: words("help.groupTrustees"), subcommands: [Release.self]),
            CommandGroup(
                name: words("help.groupCheck"),
                subcommands: [
                    TallyCommand.self, Verify.self, Export.self, ReportCommand.self, LetterCommand.self,
                    PolicyCommand.self, GossipCommand.self, MonitorCommand.self,
                ]),
            CommandGroup(
                name: words("help.groupServe"),
                subcommands: [
                    Serve.self, Witness.self, Fsck.self, Backup.self, Restore.self, Migrate.self, Bench.self, Demo.self,
                ]),
        ],
        defaultSubcommand: Sitting.self)

    static func main() async {
        // Before there is a secret. A system that refuses it is no reason to keep somebody from signing.
        _ = roundrobin_leave_nothing()
        let arguments = Words.without(Array(CommandLine.arguments.dropFirst()))
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let interrupted as Interrupted {
            // Everything has been put back; now the signal has its way.
            interrupted.take()
            Foundation.exit(128 + interrupted.signal)
        } catch {
            let code = exitCode(for: error)
            if code != .success { Terminal.dropWhatWasTyped() }
            // Help, wrong usage and our own exit codes are the parser's to know; its "failure" is everything else.
            if error is ExitCode || code != .failure {
                Usage.tell(error, of: self, arguments)
                Foundation.exit(code.rawValue)
            }
            report(error)
            Foundation.exit(2)
        }
    }

    /// What happened, and what to do next. The one place where errors become words and an exit status.
    static func report(_ error: any Error) {
        let (what, next): (String, String) =
            switch error {
            case let error as ClientError: (error.what, error.nextStep)
            case let error as RuleViolation:
                (ClientError.rule(error).what, ClientError.rule(error).nextStep)
            case let error as TemplateError: (error.description, words("failure.templateNext"))
            case let error as StorageError:
                (Self.say(error), Self.next(error))
            case TLSError.unreadable(let path): (words("failure.tlsUnreadable", ["path": path]), "")
            case TLSError.mismatch: (words("failure.tlsMismatch"), "")
            case is CancellationError: (words("failure.stopped"), words("failure.stoppedNext"))
            case TLSError.exposed(let path):
                (words("failure.tlsExposed", ["path": path]), words("failure.tlsExposedNext", ["path": path]))
            case let error as ListeningError: Self.say(error)
            default: (words("failure.unknown", ["why": "\(error)"]), words("failure.otherNext"))
            }
        Terminal.error(what, next)
    }

    private static func say(_ error: ListeningError) -> (what: String, next: String) {
        switch error {
        case .inUse(let address): (words("failure.address", ["address": address]), words("failure.addressNext"))
        case .notASocket(let path): (words("failure.notASocket", ["path": path]), words("failure.notASocketNext"))
        case .noDirectory(let path): (words("failure.noDirectory", ["path": path]), words("failure.noDirectoryNext"))
        case .tooLong(let path, let limit):
            (words("failure.longPath", ["path": path, "limit": "\(limit)"]), words("failure.addressNext"))
        case .refused(let address, let why):
            (words("failure.addressRefused", ["address": address, "why": why]), words("failure.addressNext"))
        }
    }

    private static func next(_ error: StorageError) -> String {
        switch error {
        case .wentBack: words("failure.wentBackNext")
        case .contradicted: words("failure.contradictedNext")
        case .replaced: words("failure.replacedNext")
        case .inUse: words("failure.inUseNext")
        case .exposed(let path): words("failure.exposedNext", ["path": path])
        case .otherHeads: words("failure.otherHeadsNext")
        case .databaseGone: words("failure.databaseGoneNext")
        case .otherRecord: words("failure.otherRecordNext")
        case .exists: words("failure.existsNext")
        case .noHeads: words("failure.noHeadsNext")
        case .foreignBundle: words("failure.foreignBundleNext")
        case .unanswered: words("failure.unansweredNext")
        case .occupied: words("failure.occupiedNext")
        case .moved: words("failure.movedNext")
        case .unreachable: words("failure.unreachableNext")
        default: words("failure.databaseNext")
        }
    }

    private static func say(_ error: StorageError) -> String {
        switch error {
        case .diskFull: words("failure.diskFull")
        case .diskFails: words("failure.diskFails")
        case .readOnly: words("failure.readOnly")
        case .cannotOpen(let why): words("failure.cannotOpen", ["why": why])
        case .notOurs: words("failure.notOurs")
        case .damaged: words("failure.damaged")
        case .conflict, .quota: words("failure.conflict")
        case .wentBack(let lost, let logs):
            words("failure.wentBack", ["lost": CheckText.say(lost), "logs": "\(logs)"])
        case .contradicted(let lost): words("failure.contradicted", ["lost": CheckText.say(lost)])
        case .replaced(let path): words("failure.replaced", ["path": path])
        case .inUse(let path): words("failure.inUse", ["path": path])
        case .exposed(let path): words("failure.exposed", ["path": path])
        case .otherHeads: words("failure.otherHeads")
        case .databaseGone(let path, let record): words("failure.databaseGone", ["path": path, "record": record])
        case .otherRecord(let path): words("failure.otherRecord", ["path": path])
        case .unrecorded: words("failure.unrecorded")
        case .unanswered: words("failure.unanswered")
        case .occupied(let name): words("failure.occupied", ["name": name])
        case .moved(let path): words("failure.moved", ["path": path])
        case .unreachable(let why): words("failure.unreachable", ["why": why])
        case .exists(let path): words("failure.exists", ["path": path])
        case .noHeads(let path): words("failure.noHeads", ["path": path])
        case .foreignBundle: words("failure.foreignBundle")
        case .refusedByServer(let code, let message):
            words("failure.refusedByServer", ["code": code, "message": message])
        case .other(let code): words("failure.database", ["code": "\(code)"])
        }
    }
}
