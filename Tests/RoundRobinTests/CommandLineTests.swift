import ChildProcesses
import Foundation
import Sodium
import TestSupport
import Testing

/// The built program, run as people run it.
enum Program {
    static let path = BuiltProgram.roundrobin

    struct Result {
        let status: Int32
        let output: String
        let error: String

        func json() throws -> [String: Any] {
            try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:]
        }
    }

    /// The environment in which programs of this suite run.
    private static func surroundings(_ environment: [String: String]) -> [String: String] {
        ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"].merging(environment) { $1 }) { $1 }
    }

    /// Starts a program that keeps running.
    static func start(
        _ arguments: [String], of program: String = path, environment: [String: String] = [:],
        output: ChildProcess.Stream = .nothing,
        error: ChildProcess.Stream = .nothing
    ) throws -> ChildProcess {
        try ChildProcess([program] + arguments, environment: surroundings(environment), output: output, error: error)
    }

    /// Runs as a member whose keystore is in `directory`, under the passphrase in the file `pass` there.
    static func run(
        as member: Int, in directory: TemporaryDirectory, environment: [String: String] = [:], _ arguments: [String]
    ) throws -> Result {
        // Without the pause before a signature, since nobody watches.
        let now = ["cosign", "withdraw"].contains(arguments.first) ? ["--now"] : []
        return try run(
            invited(arguments, in: directory) + now
                + ["--home", directory("m\(member)"), "--passphrase-file", directory("pass")], environment: environment)
    }

    /// An invite's address goes into a file, because it is refused as an argument.
    static func invited(_ arguments: [String], in directory: TemporaryDirectory) throws -> [String] {
        guard arguments.count == 2, arguments[0] == "join" else { return arguments }
        try Data(arguments[1].utf8).write(to: URL(filePath: directory("invite")))
        return ["join", "--invite-file", directory("invite")]
    }

    @discardableResult
    static func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Result {
        try run(arguments, environment: environment)
    }

    /// `roundrobin-service`.
    static func runService(_ arguments: String...) throws -> Result { try run(arguments, of: BuiltProgram.service) }

    static func run(
        _ arguments: [String], of program: String = path, environment: [String: String] = [:]
    ) throws -> Result {
        let said = try ChildProcess.run([program] + arguments, environment: surroundings(environment))
        return Result(status: said.status ?? -1, output: said.output, error: said.error)
    }
}

@Suite("The command line", .ownThreads, .serialized)
struct CommandLineTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func bundle(_ name: String) -> String { Vectors.directory.appending(path: "bundles/\(name).rrbundle").path }

    @Test("A remark with a character that does not show is refused before anything is opened or sent")
    func remark() throws {
        let directory = try TemporaryDirectory()
        for (remark, code) in [("within \u{202e}41 days", "U+202E"), ("a\u{8}b", "U+0008")] {
            let refused = try Program.run("cosign", "--all", "support", "--remark", remark, "--home", directory("none"))
            #expect(refused.status == 2 && refused.error.contains(code), "\(refused.error)")
        }
    }

    @Test("verify: 0 without faults, 1 with faults, 2 unreadable or another petition, and the verdict as JSON")
    func verify() throws {
        let good = try Program.run("verify", bundle("honest-7"), "--json")
        #expect(good.status == 0)
        let verdict = try good.json()
        #expect(
            Set(verdict.keys) == [
                "petition", "ring", "eligible", "cosignatures", "withdrawn", "closed", "spoiled", "questions", "names",
                "faults",
            ])
        #expect(verdict["questions"] as? [[Int]] == [[0, 3, 2], [1, 2, 2], [1, 2, 2]])
        let sealed = try Program.run("verify", bundle("level-released"), "--json")
        #expect(
            sealed.status == 0 && sealed.output.contains("\"spoiled\":null")
                && sealed.output.contains("\"questions\":null"))
        let faulty = try Program.run("verify", bundle("double-signature"), "--json")
        #expect(faulty.status == 1)
        #expect(try faulty.json()["faults"] as? [String] == ["petition leaf 2: sequence"])
        let bad = try Program.run("verify", bundle("extra-key"), "--json")
        #expect(bad.status == 2)
        #expect(try bad.json() as? [String: String] == ["unreadable": "format"])
        let id = try #require(verdict["petition"] as? String)
        #expect(try Program.run("verify", bundle("honest-7"), "--petition", id).status == 0)
        #expect(try Program.run("verify", bundle("honest-17"), "--petition", id).status == 2)
        let absent = try Program.run("verify", directory("nothing.rrbundle"), "--json")
        #expect(absent.status == 2 && absent.output.contains("\"unreadable\""))
    }

    @Test("watch tells what happens and runs a command on it, while other commands use the keystore")
    func watch() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        try Data("a passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
        let keystore = ["--home", directory("m1"), "--passphrase-file", directory("pass")]
        func run(_ arguments: String...) throws -> Program.Result { try Program.run(as: 1, in: directory, arguments) }
        #expect(try run("workplace", "found", service.url, "--eligible", "9").status == 0)
        let url = (try run("invite", "create", "--json").json()["invites"] as? [String])?.first ?? ""
        let events = directory("events")
        let output = Pipe()
        let watch = try Program.start(
            ["watch", "--every", "1", "--exec", "echo $ROUNDROBIN_EVENT >> '\(events)'"] + keystore,
            output: .pipe(output))
        defer { watch.send(SIGTERM) }
        // Not before the first look is over: what was there then is not an event.
        var told = ""
        func hear(_ text: String) {
            while !told.contains(text) {
                let data = output.fileHandleForReading.availableData
                guard !data.isEmpty else { return }
                told += String(decoding: data, as: UTF8.self)
            }
        }
        hear("Waiting for you")
        #expect(
            try Program.run(as: 2, in: directory, ["join", url]).status == 0)
        hear("1 → 2")
        for _ in 0..<100 where !FileManager.default.fileExists(atPath: events) { usleep(100_000) }
        #expect(try String(contentsOfFile: events, encoding: .utf8) == "members\n")
        #expect(try run("status").output.contains("2 of 9"))
    }

    @Test("Files may have names of one character")
    func shortNames() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        try Data("a passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
        func run(_ command: [String]) throws -> (status: Int32?, said: String) {
            let said = try ChildProcess.run(command, directory: directory(""))
            return (said.status, said.output + said.error)
        }
        let keystore = ["--home", directory("m1"), "--passphrase-file", directory("pass")]
        func member(_ arguments: String...) throws -> (status: Int32?, said: String) {
            try run([Program.path] + arguments + keystore)
        }
        #expect(try member("workplace", "found", service.url, "--eligible", "9").status == 0)
        try Data("name\nLi Wei\n".utf8).write(to: URL(filePath: directory("l")))
        for said in [
            try member("keys", "backup", "k", "--same-passphrase"), try member("invite", "people", "l", "--slips", "s"),
            try run([BuiltProgram.service, "backup", "--database", "service.sqlite", "--to", "b"]),
            try run([BuiltProgram.service, "fsck", "--database", "b"]),
            try run([
                BuiltProgram.service, "restore", "--from", "b", "--database", "r", "--nothing-signed-since",
            ]),
        ] { #expect(said.status == 0, "\(said)") }
        for name in ["k", "s", "b", "r"] { #expect(FileManager.default.fileExists(atPath: directory(name))) }
        #expect(try member("invite", "list").said.contains("Li Wei"))
    }

    @Test("Wrong usage is 64, a missing keystore 2 with what to do next")
    func usage() throws {
        #expect(try Program.run("invite", "revoke").status == 64)
        #expect(try Program.run("nonsense").status == 64)
        #expect(try Program.run("cosign", "abcd", "--all", "maybe").status == 64)
        #expect(try Program.run("cosign", "abcd", "--all", "support,oppose").status == 64)
        #expect(try Program.run("cosign", "abcd", "--all", "").status == 64)
        #expect(try Program.run("cosign", "abcd", "--answers", "support,,oppose").status == 64)
        let listen = try Program.runService("serve", "--database", "x", "--listen", "nowhere")
        #expect(listen.status == 64 && listen.error.contains("Usage: roundrobin-service serve <options>"))
        #expect(try Program.run("--help").status == 0)
        let missing = try Program.run("petition", "list", "--home", directory("none"), "--passphrase-file", "/dev/null")
        #expect(
            missing.status == 2 && missing.error.contains("There is no keystore")
                && missing.error.contains("ROUNDROBIN_HOME"))
        #expect(!missing.error.contains("\u{1b}["))
        #expect(try Program.run("--generate-completion-script", "bash").output.contains("roundrobin"))
    }

    @Test("A founding that is refused for the moment is finished by the same command")
    func foundingAgain() throws {
        let config = directory("config.yaml")
        let database = directory("a.sqlite")
        try Data("a passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
        try Data("limits: {foundings: {burst: 1, per-hour: 1}}\n".utf8).write(to: URL(filePath: config))
        let busy = try ServiceProcess(database: database, ["--config", config])
        func found(_ member: Int) throws -> Program.Result {
            try Program.run(as: member, in: directory, ["workplace", "found", busy.url, "--eligible", "5"])
        }
        #expect(try found(1).status == 0)
        #expect(try found(2).error.contains("accepts no more of this for"))
        #expect(busy.terminate() == 0)
        let calm = try ServiceProcess(database: database, port: busy.port)
        #expect(try found(2).status == 0)
        #expect(try found(2).error.contains("There is already a keystore"))
        #expect(calm.terminate() == 0)
    }

    @Test("fsck, backup and restore say what they find, and end with 0, 1 or 2")
    func database() throws {
        let directory = try TemporaryDirectory()
        let (database, copy) = (directory("a.sqlite"), directory("copy.sqlite"))
        #expect(try Program.runService("fsck", "--database", database).status == 2)
        let service = try ServiceProcess(database: database)
        let backup = try Program.runService("backup", "--database", database, "--to", copy)
        #expect(backup.status == 0 && backup.output.contains(copy), "\(backup)")
        #expect(try Program.runService("backup", "--database", database, "--to", copy).status == 2)
        #expect(service.terminate() == 0)
        let found = try Program.runService("fsck", "--database", database, "--json")
        #expect(try found.status == 0 && found.json()["sound"] as? Bool == true)
        let other = directory("b.sqlite")
        let refused = try Program.runService("restore", "--from", copy, "--database", other)
        #expect(refused.status == 2 && refused.error.contains("--nothing-signed-since"))
        let restored = try Program.runService("restore", "--from", copy, "--database", other, "--nothing-signed-since")
        #expect(restored.status == 0, "\(restored)")
        #expect(try Program.runService("fsck", "--database", other, "--repair").status == 0)
        #expect(try Program.runService("restore", "--from", copy, "--database", other).status == 2)
    }

    @Test("Templates are found, shown in both languages and checked")
    func templates() throws {
        let list = try Program.run("template", "list", "--json").json()["templates"] as? [[String: String]]
        #expect(list?.count == 11)
        let shown = try Program.run(
            "template", "show", "informed-consent", "--language", "zh-Hans", "--set", "notice_days=21")
        #expect(shown.status == 0 && shown.output.contains("至少提前 21 天"))
        #expect(try Program.run("template", "show", "informed-consent", "--set", "notice_days=1").status == 2)
        #expect(try Program.run("template", "show", "informed-consent", "--set", "notice_days").status == 64)
    }

    @Test(
        "By hand, command by command: found, invite, join, draft, petition, cosign, close, release, tally, export, verify"
    )
    func byHand() throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        try Data("a passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
        func run(_ member: Int, _ arguments: String...) throws -> Program.Result {
            try Program.run(
                as: member, in: directory,
                environment: ["EDITOR": "sh -c 'echo Changed > \"$0\"; echo >> \"$0\"; echo body >> \"$0\"'"], arguments
            )
        }
        func done(_ result: Program.Result, _ comment: Comment) -> Program.Result {
            #expect(result.status == 0, "\(comment): \(result.error)")
            return result
        }
        _ = done(try run(1, "workplace", "found", service.url, "--eligible", "9"), "found")
        let invites =
            try done(try run(1, "invite", "create", "--count", "4", "--json"), "invite").json()["invites"] as? [String]
            ?? []
        #expect(invites.count == 4)
        for (i, url) in invites.enumerated() { _ = done(try run(i + 2, "join", url), "join") }
        #expect(try run(2, "invite", "create").status == 2, "no organiser")
        _ = done(try run(2, "draft", "new", "--template", "informed-consent"), "draft new")
        _ = done(try run(3, "draft", "edit", "1"), "draft edit")
        #expect(done(try run(1, "draft", "diff", "1"), "draft diff").output.contains("{+Changed+}"))
        #expect(done(try run(1, "draft", "history", "1"), "draft history").output.contains("member 3"))
        #expect(done(try run(4, "draft", "comment", "1", "--line", "1", "--text", "Why?"), "comment").status == 0)
        let said = done(try run(1, "draft", "comments", "1"), "comments").output
        #expect(said.contains("Why?") && said.contains("line 1") && said.contains("member 4"))
        _ = done(try run(3, "draft", "reply", String(said.prefix(8)), "--text", "Because."), "reply")
        _ = done(try run(4, "members", "name", "Heron"), "a pseudonym")
        #expect(try run(3, "members", "name", "héron").error.contains("Heron"))
        #expect(done(try run(2, "draft", "comments", "1"), "comments").output.contains("Heron (member 4)"))
        #expect(done(try run(1, "draft", "list"), "list").output.contains("1 open comment"))
        _ = done(try run(1, "draft", "resolve", String(said.prefix(8))), "resolve")
        #expect(done(try run(1, "draft", "comments", "1"), "comments").output.isEmpty)
        let early = try run(
            1, "petition", "prepare", "--title", "T", "--draft", "1", "--trustee", "2", "--threshold", "1", "--quorum",
            "3")
        #expect(early.status == 2 && early.error.contains("draft adopt"))
        #expect(try run(3, "draft", "adopt", "1").status == 2, "no organiser")
        #expect(try run(1, "draft", "adopt", "1").error.contains("--revision"), "nobody adopts what they have not seen")
        _ = done(try run(1, "draft", "show", "1"), "show")
        _ = done(try run(1, "draft", "adopt", "1"), "adopt")
        #expect(done(try run(2, "draft", "list"), "list").output.contains("adopted r2"))
        _ = done(
            try run(
                1, "petition", "prepare", "--title", "T", "--draft", "1", "--trustee", "2", "--threshold", "1",
                "--quorum", "3"),
            "prepare")
        #expect(try run(1, "petition", "assemble").status == 2, "no offer yet")
        _ = done(try run(2, "petition", "offer"), "offer")
        _ = done(try run(1, "petition", "assemble"), "assemble")
        #expect(try run(1, "petition", "open").error.contains("have not accepted yet: member 2"))
        #expect(try run(1, "petition", "assemble").error.contains("--again"))
        #expect(try run(2, "petition", "offer").error.contains("already been assembled"))
        #expect(try run(1, "petition", "list").output.contains("assembled  T"))
        #expect(done(try run(2, "petition", "preview"), "preview").output.contains("Changed"))
        _ = done(try run(2, "petition", "accept"), "accept")
        let id = try done(try run(1, "petition", "open", "--json"), "open").json()["petition"] as? String ?? ""
        let short = String(id.prefix(8))
        let signed = done(try run(1, "cosign", short, "--all", "support"), "cosign")
        #expect(signed.error.contains("At most 5 people could have made this"))
        let against = try run(2, "cosign", id, "--answers", "oppose")
        #expect(against.status == 2 && against.output.contains("support none. Nothing was sent."))
        _ = done(try run(2, "cosign", id, "--answers", "support"), "cosign")
        _ = done(try run(3, "cosign", short, "--all", "support", "--remark", "hm"), "cosign")
        let changed = try run(3, "cosign", short, "--all", "abstain")
        #expect(changed.status == 2, "whoever supports nothing takes it back instead")
        #expect(try run(4, "cosign", short).status == 2, "no terminal to ask on")
        _ = done(try run(3, "withdraw", short, "--yes"), "withdraw")
        #expect(try run(4, "withdraw", short, "--yes").status == 2, "nothing to withdraw")
        #expect(try run(1, "petition", "extend", short).error.contains("Nobody has joined since"))
        _ = done(try run(1, "petition", "close", short, "--yes"), "close")
        #expect(try run(1, "petition", "close", short, "--yes").error.contains("The petition is closed"))
        _ = done(try run(2, "release", short, "--yes"), "release")
        #expect(done(try run(4, "petition", "show", short), "show").output.contains("2 of 5"))
        let tally = try done(try run(4, "tally", short, "--json"), "tally").json()
        #expect(tally["questions"] as? [[Int]] == [[0, 2, 0]] && tally["withdrawn"] as? Int == 1)
        let file = directory("out.rrbundle")
        _ = done(try run(5, "export", short, "--output", file), "export")
        #expect(try Program.run("verify", file, "--petition", id).status == 0)
        #expect(try Program.run("verify", file, "--petition", short).error.contains("whole id"))
        #expect(try Program.run("verify", id, "--service", service.url, "--json").status == 0)
        _ = done(try run(4, "verify", short), "verify on the service")
        _ = done(
            try run(3, "keys", "backup", directory("backup"), "--backup-passphrase-file", directory("pass")), "backup")
        _ = done(
            try run(9, "keys", "restore", directory("backup"), "--backup-passphrase-file", directory("pass")), "restore"
        )
        _ = done(try run(9, "draft", "list"), "the restored keystore reads")
        _ = done(try run(3, "keys", "rotate-ring"), "rotate")
        #expect(try run(1, "members", "remove", "1").error.contains("only organiser"))
        _ = done(try run(1, "members", "remove", "5"), "remove")
        #expect(try run(1, "members", "remove", "5").error.contains("has already left"))
        #expect(done(try run(1, "members", "list"), "list").output.contains("left"))
        #expect(try run(5, "draft", "list").status == 2, "removed")
        #expect(try run(1, "draft", "show", "1", "--revision", "99").error.contains("There is no such"))
        #expect(done(try run(1, "workplace", "show", "--json"), "show").output.contains("\"members\":4"))
    }
}
