import ChildProcesses
import Client
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@Suite("One sitting: roundrobin by itself, on a terminal", .ownThreads, .serialized)
struct SittingTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A person at a terminal, with a count of what they had to do so far.
    private final class Person {
        let home: String
        var passphrase = ""
        private(set) var (commands, passphrases, answers) = (0, 0, 0)

        /// A command that needs no terminal, as it was shown to them.
        func run(_ command: String) throws -> String {
            commands += 1
            let words = command.split(separator: " ").map(String.init)
            #expect(words.first == "roundrobin")
            let done = try Program.run(Array(words.dropFirst()) + ["--home", home + "-none"])
            #expect(done.status == 0, "\(done.error)")
            return done.output
        }

        private var terminal: PseudoTerminal?
        private var place = 0

        init(_ home: String) { self.home = home }

        func begin(columns: Int = 160, language: String = "en", in directory: TemporaryDirectory) throws {
            commands += 1
            place = 0
            terminal = try PseudoTerminal(
                [Program.path, "--lang", language, "--now", "--home", home], environment: ["NO_COLOR": "1"],
                columns: columns, directory: directory(""))
        }

        /// Waits for a question and answers it.
        func answer(_ question: String, _ text: String = "") throws {
            try see(question)
            answers += 1
            terminal?.type(text + "\r")
        }

        func give(_ question: String, _ text: String) throws {
            try see(question)
            passphrases += 1
            terminal?.type(text + "\r")
        }

        /// Waits for a text after what was seen before.
        @discardableResult
        func see(_ text: String) throws -> String {
            let terminal = try #require(terminal)
            var shown = ""
            try terminal.wait("waited for \(text)") {
                shown = String(terminal.text.dropFirst(place))
                return shown.contains(text)
            }
            let end = try #require(shown.range(of: text)?.upperBound)
            place += shown.distance(from: shown.startIndex, to: end)
            return String(shown[..<end])
        }

        func choosePassphrase() throws {
            try answer("Should one be generated for you?", "")
            let shown = try see("then type it here: ")
            passphrase = String(try #require(shown.firstMatch(of: /([a-z]{5}-){4}[a-z]{5}/)).0)
            passphrases += 1
            terminal?.type(passphrase + "\r")
        }

        func open() throws { try give("Passphrase: ", passphrase) }

        func leave() throws {
            if let terminal {
                terminal.type("q\r")
                #expect(try terminal.end() == .exited(0), "\(terminal.text)")
            }
        }

        func ends() throws { #expect(try #require(terminal).end() == .exited(0)) }

        /// Chooses the entry with this text.
        func choose(_ text: String) throws {
            let shown = try see("q to leave: ")
            let line = shown.split(whereSeparator: \.isNewline).last { $0.contains(text) }
            let number = try #require(line?.firstMatch(of: #/^ *([0-9]+)  /#), "\(text) in \(shown)").1
            answers += 1
            terminal?.type(number + "\r")
        }
    }

    @Test("A service that does not answer is noticed before anything else is asked of a founder")
    func founding() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let founder = Person(directory("founder"))
        try founder.begin(in: directory)
        try founder.answer("q to leave: ", "2")
        try founder.answer("address of the service: ", "rr.example.org")
        try founder.see("http")
        try founder.answer("address of the service: ", "http://127.0.0.1:1")
        try founder.see("127.0.0.1:1")
        try founder.answer("address of the service: ", service.url)
        try founder.answer("people work there: ", "many")
        try founder.see("number")
        try founder.answer("people work there: ", "5")
        try founder.choosePassphrase()
        try founder.answer("not now): ", "n")
        try founder.answer("[y/N]", "n")
        try founder.see("q to leave: ")
        try founder.leave()

        // The command by itself: before it asks for a passphrase.
        let refused = try Program.run(
            "workplace", "found", "http://127.0.0.1:1", "--eligible", "5", "--home", directory("f"))
        #expect(refused.status == 2 && refused.error.contains("127.0.0.1:1"), "\(refused.error)")
    }

    private static let passphrase = "a passphrase of somebody"

    private func passphrase() -> SecretBytes {
        var bytes = Array(Self.passphrase.utf8)
        return SecretBytes(moving: &bytes)
    }

    /// Coworkers who do what others do at terminals, through the client's API.
    private func others(_ invites: ArraySlice<String>) async throws -> [Member] {
        var others: [Member] = []
        for invite in invites {
            let cost = PasswordHash(passes: 1, memory: 8192, salt: [UInt8](repeating: 1, count: 16))
            others.append(
                try await Member.join(
                    Invite(parsing: invite), in: directory("other\(others.count)"), passphrase: passphrase(),
                    cost: #require(cost)))
        }
        return others
    }

    @Test(
        "A petition from nothing to a verified count, by 12 coworkers and an organiser: who types what, no id among it")
    func counted() async throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let list = "name,team\n" + (1...12).map { "Coworker \($0)" }.map { "\($0),Day\n" }.joined()
        try Data(list.utf8).write(to: URL(filePath: directory("list.csv")))

        let organiser = Person(directory("organiser"))
        try organiser.begin(in: directory)
        try organiser.answer("q to leave: ", "2")
        try organiser.answer("address of the service: ", service.url)
        try organiser.answer("people work there: ", "13")
        try organiser.choosePassphrase()
        try organiser.answer("not now): ", directory("organiser.backup"))
        try organiser.answer("[y/N]", "n")
        try organiser.choose("Invite people")
        try organiser.answer("CSV file: ", directory("list.csv"))
        try organiser.answer("slips.html): ", directory("slips.html"))
        try organiser.choose("Write a demand")
        try organiser.answer("o to write your own: ", "1")
        try organiser.choose("Read the drafts and adopt")
        try organiser.answer("[y/N]", "y")
        try organiser.see("q to leave: ")
        try organiser.leave()

        let slips = try String(contentsOfFile: directory("slips.html"), encoding: .utf8)
        let invites = Set(slips.matches(of: /http:[^"<>\s]*\/join#[A-Z0-9-]{60,80}/).map { String($0.0) }).sorted()
        try #require(invites.count == 12)
        let members = (1...4).map { Person(directory("member\($0)")) }
        for (i, member) in members.enumerated() {
            try member.begin(in: directory)
            try member.answer("q to leave: ", "1")
            // In two lines, as a slip prints it, and mistyped the first time.
            let cut = invites[i].index(invites[i].startIndex, offsetBy: invites[i].count / 2)
            if i == 3 {
                let wrong = invites[i].dropLast() + (invites[i].hasSuffix("A") ? "B" : "A")
                try member.answer("invite's address: ", String(wrong))
                try member.see("mistyped")
            }
            try member.answer("invite's address: ", String(invites[i][..<cut]))
            try member.answer("next line: ", String(invites[i][cut...]))
            try member.choosePassphrase()
            try member.answer("not now): ", directory("member\(i + 1).backup"))
            try member.answer("[y/N]", i < 2 ? "y" : "n")
            try member.see("q to leave: ")
            try member.leave()
        }
        let others = try await others(invites[4...])

        try organiser.begin(in: directory)
        try organiser.open()
        try organiser.choose("Prepare a petition")
        try organiser.answer("(Enter: all): ")
        try organiser.answer("all of these): ")
        try organiser.answer("(Enter: 2): ")
        try organiser.answer("(Enter: 7): ")
        try organiser.answer("closes it): ")
        try organiser.answer("title: ", "Guardrails")
        try organiser.answer("nothing): ")
        try organiser.see("to read and accept it")
        try organiser.leave()

        // Trustees read, accept and finally release.
        for member in members.prefix(2) {
            try member.begin(in: directory)
            try member.open()
            try member.choose("accept it as a trustee")
            try member.answer("as one of its trustees? [y/N]", "y")
            try member.see("q to leave: ")
            try member.leave()
        }
        try organiser.begin(in: directory)
        try organiser.open()
        try organiser.choose("open it for signing")
        try organiser.answer("for signing? [y/N]", "y")
        try organiser.see("q to leave: ")
        try organiser.leave()

        for member in members {
            try member.begin(in: directory)
            try member.open()
            try member.see("Guardrails")
            try member.answer("q to leave: ", "1")
            try member.answer("0 abstain: ", "1")
            try member.answer("[y/N]", "y")
            try member.see("Co-signed.")
            try member.see("done for now")
            try member.ends()
        }
        for other in others {
            let id = try #require(try await other.cosigner.summaries().petitions.first?.id)
            try await other.cosigner.cosign(id, choices: [1])
            other.close()
        }

        try organiser.begin(in: directory)
        try organiser.open()
        try organiser.see("12 signed, 7 needed")
        try organiser.answer("q to leave: ", "g")
        try organiser.choose("Close \"Guardrails\"")
        try organiser.answer("[y/N]", "y")
        let command = try #require(
            try organiser.see("have not released").firstMatch(of: /roundrobin verify [0-9a-f]{64} --service \S+/))
        try organiser.leave()
        for member in members.prefix(2) {
            try member.begin(in: directory)
            try member.open()
            try member.answer("q to leave: ", "g")
            try member.choose("Release your key")
            try member.see("q to leave: ")
            try member.leave()
        }
        // The count is everybody's: the command that closing showed, without a passphrase.
        #expect(try organiser.run(String(command.0)).contains("12 of"))

        // This member made no mistakes and is not a trustee; the mistyped invite cost one more answer.
        #expect(members[2].commands == 2 && members[2].passphrases == 2 && members[2].answers <= 12)
        #expect(members[3].answers == members[2].answers + 1)
        #expect(organiser.commands == 5 && organiser.passphrases == 4)
        // Beyond a member's two: accepting and releasing.
        #expect(members[0].commands == 4 && members[0].passphrases == 4)
    }
}
