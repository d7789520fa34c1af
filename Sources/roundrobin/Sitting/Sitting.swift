import Presentation
import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium

/// What people run: `roundrobin` by itself. It asks for the passphrase once, shows what waits, and does it with the person by running the
/// command that it shows. Without a terminal it prints the help.
///
/// First come the petitions, read anonymously; then the workplace, which is asked for under the member's name. The person is asked in
/// between, always and whatever was read: to go on at once only where nothing is left to sign would tell the service so. After
/// something was sent anonymously the sitting is over, because a signed request beside it would say whose it was.
struct Sitting: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sitting", abstract: words("help.sitting"), discussion: words("help.sittingMore"),
        shouldDisplay: false)

    @Flag(help: help("now"))
    var now = false
    @OptionGroup var keystore: KeystoreOptions

    /// Nothing more is to be asked.
    struct Left: Error {}

    func run() async throws {
        guard Terminal.canAsk else {
            Terminal.line(RoundRobin.helpMessage())
            return
        }
        Unlocked.begin(in: keystore.directory)
        Pager.turn(off: true)
        defer {
            Unlocked.end()
            Pager.turn(off: false)
        }
        do {
            if Keystore.exists(in: keystore.directory) { try unlock() } else { try await welcome() }
            while try await petitions() {
                guard try await workplace() else { break }
            }
        } catch is Left {}
        if Unlocked.hasSent { Terminal.line(words("sitting.afterSending")) }
        Terminal.line(words("sitting.left"))
    }

    // MARK: Asking

    /// Minutes without an answer after which the passphrase is asked for again.
    private static let patience: Int32 = 10

    /// - Throws: `Left` at the end of the input, and for a q.
    func ask(_ question: String, otherwise: String = "") throws -> String {
        FileHandle.standardError.write(Data(question.utf8))
        var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        if poll(&waiting, 1, Self.patience * 60_000) == 0, Unlocked.opener(for: keystore.directory) != nil {
            Unlocked.lock()
            Terminal.line("\n" + words("sitting.locked"))
            try unlock()
            FileHandle.standardError.write(Data(question.utf8))
        }
        guard let answer = Terminal.ask("")?.trimmingCharacters(in: .whitespaces) else { throw Left() }
        if ["q", "quit", "exit"].contains(answer.lowercased()) { throw Left() }
        return answer.isEmpty ? otherwise : answer
    }

    /// - Returns: the place of the answer in a list, from 0; nil for a letter among `others`.
    func choose(_ question: String, among count: Int, others: String = "") throws -> (place: Int?, letter: String) {
        while true {
            let answer = try ask(question, otherwise: others.isEmpty ? "1" : String(others.prefix(1)))
            if others.contains(answer.lowercased()) { return (nil, answer.lowercased()) }
            if let number = Int(answer), (1...max(count, 1)).contains(number), count > 0 { return (number - 1, "") }
            Terminal.note(words("sitting.again"))
        }
    }

    func agrees(_ question: String) throws -> Bool {
        ["y", "yes", "是"].contains(try ask(question + " [y/N] ").lowercased())
    }

    private func unlock() throws { _ = try keystore.opener() }

    // MARK: Doing

    /// Runs a command as if it had been typed, after showing it. What goes wrong is told, and the sitting goes on.
    /// - Returns: whether it went well.
    @discardableResult
    func perform(_ arguments: [String]) async throws -> Bool {
        Terminal.note(Terminal.faint(Terminal.command(["roundrobin"] + arguments)))
        var whole = arguments
        if now, ["cosign", "withdraw"].contains(arguments.first) { whole.append("--now") }
        if let home = keystore.home { whole += ["--home", home] }
        if let proxy = keystore.proxy { whole += ["--proxy", proxy] }
        do {
            var command = try RoundRobin.parseAsRoot(whole)
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
            return true
        } catch let left as Left {
            throw left
        } catch let error where error is ExitCode || RoundRobin.exitCode(for: error) != .failure {
            let message = RoundRobin.message(for: error)
            if !message.isEmpty { Terminal.note(message) }
        } catch { Failure(error).show() }
        return false
    }
}
