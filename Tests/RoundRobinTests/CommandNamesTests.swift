import ChildProcesses
import Foundation
import TestSupport
import Testing

@testable import Presentation
@testable import roundrobin

@Suite("Wrong usage is told in the person's language, with what was meant", .ownThreads)
struct CommandNamesTests {
    private let names = CommandNames(RoundRobin.self)

    @Test(
        "Mistyped commands, words of other programs, and subcommands without their command",
        arguments: [
            ("stauts", "status"), ("sign", "cosign"), ("vote", "cosign"), ("login", "join"), ("register", "join"),
            ("co-sign", "cosign"), ("cosgin", "cosign"), ("petitions", "petition"), ("verfy", "verify"),
            ("backup-keys", "keys backup"),
            ("appoint", "organisers appoint"), ("rotate-key", "members rotate-key"), ("联署", "cosign"),
            ("invites", "invite"),
        ])
    func meant(_ word: String, _ command: String) {
        #expect(names.suggestions(for: word).map { $0.joined(separator: " ") }.contains(command), "\(word)")
    }

    @Test("Nothing is suggested for what resembles nothing, and known commands are no mistakes")
    func unknown() {
        #expect(names.suggestions(for: "xyzzyxyzzy").isEmpty)
        #expect(names.unknown(in: ["cosign", "whatever"]) == nil && names.unknown(in: ["petition", "list"]) == nil)
        #expect(names.unknown(in: ["petition", "lsit"])?.contains("petition") == true)
        #expect(names.unknown(in: ["--help"]) == nil && names.unknown(in: []) == nil)
        #expect(CommandNames.distance("stauts", "status") == 1 && CommandNames.distance("", "abc") == 3)
    }

    @Test(
        "What the parser says of a mistake is said in Chinese too",
        arguments: [
            ["stauts"], ["petition", "prepare"], ["cosign", "abcd", "--al", "support"], ["cosign", "abcd", "--delay"],
            ["cosign", "abcd", "--delay", "soon"], ["status", "one", "two"], ["petition", "lsit"],
            ["status", "--json=yes"],
        ])
    func chinese(_ arguments: [String]) throws {
        let said = try Program.run(arguments + ["--lang", "zh"])
        #expect(said.status == 64, "\(said.error)")
        let english = said.error.replacing(/--?[a-z-]+|<[a-z:-]+>|'[^']*'|roundrobin[a-z -]*/, with: "")
        #expect(!english.contains(/[A-Z]?[a-z]{3,} [a-z]{2,} [a-z]{2,}/), "\(said.error)")
        #expect(said.error.contains("用法：") || said.error.contains("没有命令"))
    }

    @Test("A command of the other program is pointed to, from either side")
    func otherProgram() throws {
        for (word, meant) in [
            ("serve", "roundrobin-service serve"), ("restore", "roundrobin-service restore, roundrobin keys restore"),
            ("demo", "roundrobin-demo"), ("stauts", "roundrobin status"),
        ] {
            let said = try Program.run([word])
            #expect(said.status == 64 && said.error.contains("Did you mean: \(meant)?"), "\(said.error)")
            let helped = try Program.run([word, "--help"])
            #expect(helped.status == 64 && helped.error == said.error && helped.output.isEmpty, "\(helped.output)")
        }
        let said = try Program.runService("join")
        #expect(said.status == 64 && said.error.contains("Did you mean: roundrobin join?"), "\(said.error)")
        let bare = try Program.run(["--hom", "x"])
        #expect(bare.status == 64 && bare.error.contains("Usage: roundrobin [--now]"), "\(bare.error)")
    }

    @Test("Options of many commands may stand before the command and within it; an unknown word behind them is told")
    func options() throws {
        for (typed, meant) in [
            ("--home x status", "status --home x"), ("--home=x --json status", "status --home=x --json"),
            ("--proxy a:1 petition --home x list --json", "petition list --proxy a:1 --home x --json"),
            ("cosign --home x abcd --now", "cosign --home x abcd --now"), ("--home x", "--home x"),
            ("--home status", "--home status"), ("--now --home x", "--now --home x"),
            ("--hom x status", "--hom x status"), ("--home x --help", "--home x --help"),
            ("petition --home x lsit", "petition --home x lsit"), ("--home x stauts", "stauts --home x"),
            ("draft new --title -- --home", "draft new --title -- --home"),
        ] {
            let ordered = names.ordered(typed.split(separator: " ").map(String.init))
            #expect(ordered.joined(separator: " ") == meant, "\(typed)")
        }
        let none = try Program.run("--home", "/nonexistent/x", "status")
        #expect(none.status == 2 && none.error.contains("There is no keystore in /nonexistent/x."), "\(none.error)")
        let unknown = try Program.run("--home", "/nonexistent/x", "stauts")
        #expect(unknown.status == 64 && unknown.error.contains("Did you mean: roundrobin status?"), "\(unknown.error)")
    }

    @Test("Help is in groups, in both languages")
    func help() throws {
        let english = try Program.run("--help", "--lang", "en")
        #expect(english.status == 0)
        for group in ["Take part:", "Write together:", "Organise:", "Trustees:", "Check:"] {
            #expect(english.output.localizedCaseInsensitiveContains(group), "\(english.output)")
        }
        let chinese = try Program.run("cosign", "--help", "--lang", "zh")
        #expect(chinese.output.contains("用法：") && chinese.output.contains("选项：") && !chinese.output.contains("OPTIONS"))
    }

    @Test("On a narrow terminal the second column of help stays a column, and on a narrower one stands below the first")
    func narrow() throws {
        for (columns, language, indent) in [(40, "zh", 6), (40, "en", 6), (60, "zh", 26), (60, "en", 26)] {
            let terminal = try PseudoTerminal(
                [Program.path, "cosign", "--help", "--lang", language], columns: columns, rows: 50)
            #expect(try terminal.end() == .exited(0))
            let lines = terminal.text.split(separator: "\n").map(String.init)
            let start = try #require(lines.firstIndex { $0.hasPrefix("  --answers") })
            let described = lines[(start + 1)...].prefix { $0.hasPrefix(" ") && !$0.hasPrefix("  -") }
            #expect(
                described.count > 1 && described.allSatisfy { $0.prefix { $0 == " " }.count == indent },
                "\(terminal.text)")
        }
        // A name that fills the first column is one of its names too.
        for (columns, indent) in [(40, 6), (60, 26)] {
            let terminal = try PseudoTerminal(
                [Program.path, "petition", "prepare", "--help"], columns: columns, rows: 50)
            #expect(try terminal.end() == .exited(0))
            let lines = terminal.text.split(whereSeparator: \.isNewline).map(String.init)
            let name = try #require(lines.firstIndex { $0.hasPrefix("  --threshold <threshold>") })
            #expect(lines[name + 1].prefix { $0 == " " }.count == indent, "\(terminal.text)")
        }
    }
}
