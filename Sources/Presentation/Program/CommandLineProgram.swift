import ArgumentParser
import CProcess
import ChildProcesses
import Foundation
import Templates

/// The way from a program's arguments to its exit status.
///
/// 0: done. 1: what was checked is wrong. 2: it failed, and says why. 64: it was called wrongly. 128 and more: a signal.
package enum CommandLineProgram {
    package static let version = "0.1.0"

    /// What `--version` prints: the version, and the page for browsers that came with the program.
    static func versionLines() -> String {
        let page = (try? KnownPages(templates: TemplateLibrary.standardDirectory()))?.own
        return version + (page.map { "\n\(BrowserPage.name) sha256:\($0)" } ?? "")
    }

    /// Runs the command that the arguments name, and ends the process if it fails.
    /// - Parameter failure: turns an error into words.
    package static func run(
        _ root: any ParsableCommand.Type, failure: @Sendable (any Error) -> Failure = { Failure($0) }
    ) async {
        // Before there is a secret. A system that refuses it is no reason to keep somebody from signing.
        _ = roundrobin_leave_nothing()
        let arguments = CommandNames(root).ordered(Words.without(Array(CommandLine.arguments.dropFirst())))
        if let dash = Usage.dash(in: arguments) {
            Terminal.error(dash, "")
            Foundation.exit(ExitCode.validationFailure.rawValue)
        }
        // The parser would show the help of the program's default beside `--help`, and succeed.
        if let unknown = CommandNames(root).unknown(in: arguments) {
            Terminal.error(unknown, "")
            Foundation.exit(ExitCode.validationFailure.rawValue)
        }
        do {
            var command = try root.parseAsRoot(arguments)
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
            let code = Usage.exitCode(for: error, of: root)
            if code != .success { Terminal.dropWhatWasTyped() }
            // Help, wrong usage and our own exit codes are the parser's to know; its "failure" is everything else.
            if error is ExitCode || code != .failure {
                Usage.tell(error, of: root, arguments)
                Foundation.exit(code.rawValue)
            }
            failure(error).show()
            Foundation.exit(2)
        }
    }
}
