import ChildProcesses
import Client
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Presentation

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

        /// Answers the question that was seen last.
        func retype(_ text: String) throws {
            answers += 1
            try #require(terminal).type(text + "\r")
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

        /// Presses Ctrl-C, which ends the program.
        func interrupt() throws -> String {
            let terminal = try #require(terminal)
            try terminal.wait("nothing is shown") { !terminal.isEchoing }
            terminal.type("\u{3}")
            #expect(try terminal.end() == .killed(SIGINT), "\(terminal.text)")
            return terminal.text
        }

        /// Gives a program that takes what was typed too early the time to do so.
        func sees(_ text: String, within seconds: Double) -> Bool {
            usleep(UInt32(seconds * 1_000_000))
            return terminal.map { String($0.text.dropFirst(place)).contains(text) } ?? false
        }

        var everything: String { terminal?.text ?? "" }

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
        try founder.answer("q to leave: ", "1")
        try founder.answer("invite's address: ", "q")
        try founder.ends()
        try founder.begin(in: directory)
        try founder.answer("q to leave: ", "4")
        try founder.see("You can answer: 1, 2, 3.")
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
        try founder.answer("directory (Enter: none): ", "Fay\u{202e} Founder")
        try founder.see("U+202E")
        try founder.answer("directory (Enter: none): ", "Fay Founder")
        try founder.see("Changed.")
        // An interrupted first sitting asks the next time for what it had not been told.
        try founder.answer("not now): ", "ｑ")
        try founder.ends()
        try founder.begin(language: "zh-Hans", in: directory)
        try founder.give("口令：", founder.passphrase)
        try founder.answer("以后再说）：", "ｎ")
        try founder.answer("[是/否，回车：否]", "1")
        try founder.see("请回答“是”（y）或“否”（n）")
        try founder.answer("[是/否，回车：否]", "否。")
        try founder.answer("q 离开：", "退出")
        try founder.ends()
        try founder.begin(in: directory)
        try founder.open()
        try founder.see("q to leave: ")
        try founder.leave()

        // The directory calls the founder by the name that they gave.
        try Data((founder.passphrase + "\n").utf8).write(to: URL(filePath: directory("pass")))
        let listed = try Program.run(
            "members", "list", "--home", founder.home, "--passphrase-file", directory("pass"))
        #expect(listed.output.contains("Fay Founder"), "\(listed.output)\(listed.error)")

        // The command by itself: before it asks for a passphrase.
        let refused = try Program.run(
            "workplace", "found", "http://127.0.0.1:1", "--eligible", "5", "--home", directory("f"))
        #expect(refused.status == 2 && refused.error.contains("127.0.0.1:1"), "\(refused.error)")
    }

    @Test("A number means what was shown, whatever has come since; typed before its list is there it means nothing")
    func menus() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let organiser = Person(directory("organiser"))
        try organiser.begin(in: directory)
        try organiser.answer("q to leave: ", "2")
        try organiser.answer("address of the service: ", service.url)
        try organiser.answer("people work there: ", "5")
        try organiser.choosePassphrase()
        try organiser.answer("directory (Enter: none): ")
        try organiser.answer("not now): ", "n")
        try organiser.answer("[y/N]", "n")
        let shown = try organiser.see("q to leave: ")
        let number = try #require(shown.firstMatch(of: /([0-9]+)  List the drafts/)).1

        // Meanwhile somebody joins and writes, which puts "Read the draft" at the head of the next list.
        try Data((organiser.passphrase + "\n").utf8).write(to: URL(filePath: directory("pass")))
        let pass = ["--passphrase-file", directory("pass")]
        let invited = try Program.run(["invite", "create", "--json", "--home", organiser.home] + pass)
        let invite = try #require((invited.json()["invites"] as? [String])?.first)
        func run(_ arguments: [String]) throws {
            let done = try Program.run(
                Program.invited(arguments, in: directory) + ["--home", directory("other")] + pass)
            #expect(done.status == 0, "\(done.error)")
        }
        try run(["join", invite])
        try run(["draft", "new", "--template", "informed-consent"])

        try organiser.retype(number + "\r1\r1")
        try organiser.see("roundrobin draft list")
        let next = try organiser.see("q to leave: ")
        #expect(next.contains("1  Read the draft"), "\(next)")
        try organiser.leave()
        #expect(!organiser.everything.contains("The employer does not collect"), "\(organiser.everything)")
    }

    @Test("Ctrl-C at a question for a passphrase ends the sitting as the signal does, without a report")
    func interrupted() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        for (language, question) in [("en", "then type it here: "), ("zh-Hans", "再在此输入：")] {
            let founder = Person(directory("founder"))
            try founder.begin(columns: 80, language: language, in: directory)
            try founder.answer(language == "en" ? "q to leave: " : "q 离开：", "２。")
            try founder.answer(language == "en" ? "the service: " : "服务地址：", service.url)
            try founder.answer(language == "en" ? "there: " : "多少人：", "５")
            try founder.answer(language == "en" ? "[Y/n]" : "[是/否，回车：是]", "")
            try founder.see(question)
            let shown = try founder.interrupt()
            #expect(!shown.contains("Interrupted") && !shown.contains("signal"), "\(shown)")
        }
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
                try await Enrolment.join(
                    Invite(parsing: invite), in: directory("other\(others.count)"), passphrase: passphrase(),
                    cost: #require(cost)))
        }
        return others
    }

    /// The commands by themselves: what is typed while one waits is taken by nothing that follows.
    private func withdrawsAfterWaiting(_ member: Person) throws {
        try Data((member.passphrase + "\n").utf8).write(to: URL(filePath: directory("pass")))
        let options = ["--now", "--home", member.home, "--passphrase-file", directory("pass")]
        let withdraw = ShellQuoting.command([Program.path, "withdraw", "--delay", "1"] + options)
        let cosign = ShellQuoting.command([Program.path, "cosign", "--all", "support"] + options)
        let shell = try PseudoTerminal(
            ["bash", "--norc", "-c", "\(withdraw); read -t 1 rest; echo \"rest<$rest>\"; \(cosign)"],
            environment: ["NO_COLOR": "1"], columns: 160, directory: directory(""))
        // Up to a minute, at random; in one of sixty cases nothing.
        try shell.see("Withdraw your co-signature from \"Guardrails\"?")
        shell.type("y\r")
        try shell.wait("the waiting") { shell.text.contains("will be sent at") || shell.text.contains("Withdrawn.") }
        if !shell.text.contains("Withdrawn.") { shell.type("y\ry\r") }
        try shell.see("Withdrawn.")
        try shell.see("Wait a quarter of an hour")
        try shell.see("rest<>")
        try shell.see("Send this? [y/N]")
        #expect(!shell.text.contains("Co-signed."))
        shell.type("是\r")
        try shell.see("Co-signed.")
        try shell.see("Wait a quarter of an hour", count: 2)
        #expect(try shell.end() == .exited(0), "\(shell.text)")
    }

    /// Ctrl-C at a question: it says that nothing was sent, and answers that were given are kept.
    private func leavesByInterrupt(_ member: Person) throws {
        try Data((member.passphrase + "\n").utf8).write(to: URL(filePath: directory("pass")))
        func cosign(_ more: String...) throws -> PseudoTerminal {
            let options = ["--now", "--home", member.home, "--passphrase-file", directory("pass")]
            return try PseudoTerminal(
                [Program.path, "cosign"] + more + options, environment: ["NO_COLOR": "1"], columns: 160)
        }
        let decided = try cosign("--all", "support")
        try decided.see("Send this? [y/N]")
        decided.type("\u{3}")
        #expect(try decided.end() == .killed(SIGINT))
        #expect(decided.text.contains("Nothing was sent. Your answers are kept"), "\(decided.text)")
        let anew = try cosign()
        try anew.see("Send this? [y/N]")
        #expect(anew.text.contains("You chose these answers earlier"))
        anew.type("n\r")
        try anew.see("0 abstain:")
        anew.type("1\u{3}")
        #expect(try anew.end() == .killed(SIGINT))
        #expect(anew.text.contains("Nothing was sent.") && !anew.text.contains("Co-signed"), "\(anew.text)")
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
        try organiser.answer("directory (Enter: none): ", "Org Aniser")
        try organiser.answer("not now): ", directory("organiser.backup"))
        try organiser.answer("[y/N]", "n")
        try organiser.choose("Invite people")
        try organiser.answer("CSV file: ", directory("list.csv"))
        try organiser.answer("slips.html): ", directory("slips.html"))
        try organiser.answer("these 12 people", "y")
        try organiser.choose("Write a demand")
        try organiser.answer("o to write your own: ", "1")
        try organiser.answer("a draft of this text? Every member can read it. [y/N]", "y")
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
        // A wrong answer is said at once, and asked for again by itself.
        try organiser.answer("(Enter: all): ", "2")
        try organiser.see("from 1 to 1")
        try organiser.answer("(Enter: all): ", "１、")
        try organiser.answer("all of these): ", "2,77")
        try organiser.see("77")
        try organiser.answer("all of these): ", "9、10")
        try organiser.see("must make one first")
        try organiser.answer("[y/N]", "n")
        try organiser.answer("all of these): ")
        try organiser.answer("(Enter: 2): ", "3")
        try organiser.see("from 1 to 2")
        try organiser.answer("(Enter: 2): ")
        try organiser.answer("(Enter: 7): ", "99")
        try organiser.see("from 1 to 13")
        try organiser.answer("(Enter: 7): ")
        try organiser.answer("closes it): ", "tomorrow")
        try organiser.see("tomorrow")
        try organiser.answer("closes it): ", "2020-01-01")
        try organiser.see("in the future")
        try organiser.answer("closes it): ")
        try organiser.answer("title: ", "")
        try organiser.see("title")
        try organiser.answer("title: ", "Guardrails")
        try organiser.answer("nothing): ")
        try organiser.see("An organiser closes it.")
        // With a no, single answers can be changed; fewer trustees than are needed bring their own question along.
        try organiser.answer("Prepare this petition?", "n")
        try organiser.answer("n to prepare nothing, q to leave: ", "")
        try organiser.see("You can answer: 1–7, n.")
        try organiser.answer("n to prepare nothing, q to leave: ", "2")
        try organiser.answer("all of these): ", "2")
        try organiser.answer("(Enter: 1): ")
        try organiser.see("Guardrails")
        try organiser.see("Needed to open the ballots: 1.")
        try organiser.answer("Prepare this petition?", "n")
        try organiser.answer("n to prepare nothing, q to leave: ", "2")
        try organiser.answer("all of these): ")
        try organiser.answer("Prepare this petition?", "n")
        try organiser.answer("n to prepare nothing, q to leave: ", "3")
        try organiser.answer("(Enter: 2): ")
        try organiser.see("Needed to open the ballots: 2.")
        try organiser.answer("Prepare this petition?", "y")
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
            // What is typed ahead is no vote: only the menu takes its answer.
            let isHasty = member === members[0]
            try member.answer("read and sign it", isHasty ? "1\r1\ry" : "1")
            try member.see("0 abstain: ")
            if isHasty {
                #expect(!member.sees("Send this?", within: 1))
                try member.retype("1\ry")
                try member.see("Send this? [y/N]")
                #expect(!member.sees("Co-signed", within: 1))
                try member.retype("perhaps")
                try member.see("Answer y (yes) or n (no).")
                try member.answer("[y/N]", "ｙ")
            } else {
                try member.retype("1")
                try member.answer("[y/N]", "y")
            }
            try member.see("Co-signed.")
            try member.see("done for now")
            try member.ends()
        }
        // Withdraws, with a yes, and signs again.
        try members[1].begin(in: directory)
        try members[1].open()
        try members[1].answer("to choose it", "1")
        try members[1].answer("to 3, or q to leave: ", "3")
        try members[1].answer("Withdraw your co-signature from", "y")
        try members[1].see("Withdrawn.")
        try members[1].ends()
        try members[1].begin(in: directory)
        try members[1].open()
        try members[1].answer("read and sign it", "1")
        try members[1].see("Sign again")
        try members[1].answer("to 2, or q to leave: ", "2")
        // Leaving at a question keeps the answers.
        try members[1].answer("0 abstain: ", "1")
        try members[1].answer("Send this? [y/N]", "q")
        try members[1].see("Your answers are kept")
        try members[1].ends()
        try members[1].begin(in: directory)
        try members[1].open()
        try members[1].answer("read and sign it", "1")
        try members[1].answer("to 2, or q to leave: ", "2")
        try members[1].see("You chose these answers earlier")
        try members[1].answer("Send this? [y/N]", "y")
        try members[1].see("Co-signed.")
        try members[1].ends()
        try withdrawsAfterWaiting(members[3])
        try leavesByInterrupt(members[3])
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
            try organiser.see("have not released theirs").firstMatch(of: /roundrobin verify [0-9a-f]{64} --service \S+/)
        )
        try organiser.leave()
        for member in members.prefix(2) {
            try member.begin(in: directory)
            try member.open()
            #expect(!(try member.see("They are all closed.").contains("sign here first")))
            try member.answer("q to leave: ", "g")
            // Their co-signature went out a few minutes ago at most.
            try member.answer("the service could connect the two. Go on anyway? [y/N]", "n")
            try member.answer("q to leave: ", "g")
            try member.answer("Go on anyway? [y/N]", "y")
            try member.choose("Release your key")
            try member.see("Keys released so far: ")
            try member.answer("Release your key to the ballots of \"Guardrails\"? [y/N]", "y")
            try member.see("q to leave: ")
            try member.leave()
        }
        // The count is everybody's: the command that closing showed, without a passphrase.
        #expect(try organiser.run(String(command.0)).contains("12 of"))

        // This member made no mistakes and is not a trustee; the mistyped invite cost one more answer.
        #expect(members[2].commands == 2 && members[2].passphrases == 2 && members[2].answers <= 12)
        #expect(members[3].answers == members[2].answers + 1)
        #expect(organiser.commands == 5 && organiser.passphrases == 4)
        // Twenty of them are mistakes and changes.
        #expect(organiser.answers == 30 + 20)
        // Beyond a member's two: accepting and releasing.
        #expect(members[0].commands == 4 && members[0].passphrases == 4)
    }
}
