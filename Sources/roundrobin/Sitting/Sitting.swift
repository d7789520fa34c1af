import Presentation
import ArgumentParser
import ChildProcesses
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

    /// Nothing more is to be asked: a q at whatever question, or the end of the input.
    typealias Left = Terminal.Left

    func run() async throws {
        guard Terminal.canAsk else {
            Terminal.raw(Usage.help(of: RoundRobin.self))
            return
        }
        Unlocked.begin(in: keystore.directory)
        Pager.turn(off: true)
        Terminal.leavesByLetter(true)
        defer {
            Terminal.leavesByLetter(false)
            Unlocked.end()
            Pager.turn(off: false)
        }
        do {
            if Keystore.exists(in: keystore.directory) { try unlock() } else { try await welcome() }
            try await settleIn()
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
        Terminal.show(question)
        var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        if poll(&waiting, 1, Self.patience * 60_000) == 0, Unlocked.opener(for: keystore.directory) != nil {
            Unlocked.lock()
            Terminal.line("\n" + words("sitting.locked"))
            try unlock()
            Terminal.show(question)
        }
        guard let answer = try Terminal.answer("")?.trimmingCharacters(in: .whitespaces) else { throw Left() }
        return answer.isEmpty ? otherwise : answer
    }

    /// - Returns: the place of the answer in a list, from 0; nil for a letter among `others`.
    func choose(_ question: String, among count: Int, others: String = "") throws -> (place: Int?, letter: String) {
        try Terminal.choice(
            question, among: count, letters: others, otherwise: others.isEmpty ? "1" : String(others.prefix(1))
        ) { try ask($0) }
    }

    /// Asks until the answer passes a check; what is wrong with it is said.
    /// - Parameter check: nil for an answer that was refused, after saying why.
    func asking<R>(
        _ question: String, otherwise: String = "", _ check: (String) async throws -> R?
    ) async throws -> R {
        while true {
            let answer = try ask(question, otherwise: otherwise)
            do { if let checked = try await check(answer) { return checked } } catch { try tell(error) }
        }
    }

    /// A number within the range, asked until it is one.
    func askNumber(_ question: String, in range: ClosedRange<Int>, otherwise: String = "") async throws -> Int {
        try await asking(question, otherwise: otherwise) { answer in
            if let number = Answers.number(answer, in: range) { return number }
            let values = ["least": "\(range.lowerBound)", "most": "\(range.upperBound)"]
            let isBounded = range.upperBound < Int(UInt32.max)
            Terminal.note(isBounded ? words("sitting.numberWithin", values) : words("sitting.aNumber"))
            return nil
        }
    }

    func agrees(_ question: String) throws -> Bool { try Terminal.agreement(question) { try ask($0) } }

    /// Shows what went wrong. What ends the sitting goes on: a signal, and the person who leaves.
    func tell(_ error: any Error) throws {
        if error is Left || error is Interrupted { throw error }
        Failure(error).show()
    }

    private func unlock() throws { _ = try keystore.opener() }

    // MARK: Doing

    /// Runs a command as if it had been typed, after showing it. What goes wrong is told, and the sitting goes on.
    /// - Returns: whether it went well.
    @discardableResult
    func perform(_ arguments: [String]) async throws -> Bool {
        let shown = Terminal.command(["roundrobin"] + arguments, columns: Columns.width(of: STDERR_FILENO))
        Terminal.note(Terminal.faint(shown))
        var whole = arguments
        if now, ["cosign", "withdraw"].contains(arguments.first) { whole.append("--now") }
        // Templates are no secret: their commands open no keystore.
        if arguments.first != "template" {
            if let home = keystore.home { whole += ["--home", home] }
            if let proxy = keystore.proxy { whole += ["--proxy", proxy] }
        }
        do {
            var command = try RoundRobin.parseAsRoot(whole)
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
            return true
        } catch let error where error is ExitCode || Usage.exitCode(for: error, of: RoundRobin.self) != .failure {
            let message = Usage.said(error, of: RoundRobin.self)
            if !message.isEmpty { Terminal.note(message) }
        } catch { try tell(error) }
        return false
    }
}
