import Foundation
import TestSupport
import Testing

@Suite("Witnesses, policies, gossip and monitors on the command line", .ownThreads, .serialized)
struct WitnessCommandTests {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        try Data("a long passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
    }

    private func run(_ member: Int, _ arguments: String...) throws -> Program.Result {
        try Program.run(as: member, in: directory, arguments)
    }

    private func value(_ key: String, in log: String) throws -> String {
        let match = try #require(log.firstMatch(of: try Regex("\(key)=([^ ]+)")))
        return String(try #require(match.output[1].substring))
    }

    @Test("A service, its witness, two members and a monitor, as docs/witnesses.md tells it; then the witness goes")
    func story() throws {
        let first = try ServiceProcess(database: directory("service.sqlite"))
        let serviceKey = try value("service_key", in: first.log)
        first.kill()
        let witness = try ServiceProcess(
            "witness",
            ["--database", directory("w.sqlite"), "--name", "union.example/w1", "--service", serviceKey])
        let witnessKey = try value("witness_key", in: witness.log)
        let policy = directory("policy.txt")
        try Data("# ours\nwitness union \(witnessKey) \(witness.url)\nquorum union\n".utf8).write(
            to: URL(filePath: policy))
        let service = try ServiceProcess(
            database: directory("service.sqlite"), port: first.port, ["--witnesses", policy])
        defer { service.kill() }
        #expect(try run(1, "workplace", "found", service.url, "--eligible", "9").status == 0)
        let invite = try run(1, "invite", "create").output.split(separator: "\n").first { $0.contains("/join#") }
        let url = try #require(invite?.split(separator: " ").first { $0.contains("/join#") })
        #expect(try run(2, "join", String(url)).status == 0)
        let workplace = try #require(try run(1, "workplace", "show", "--json").json()["workplace"] as? String)
        #expect(try run(1, "policy", "show").output.contains("does not ask for witnesses"))
        let used = try run(1, "policy", "use", policy)
        #expect(used.status == 0 && used.output.contains("union signed at 20"))
        #expect(try run(1, "policy", "show").output.contains("The policy is met."))
        // Gossip.
        let phrase = try #require(try run(1, "gossip", "phrase").output.split(separator: "\n").first)
        #expect(try run(2, "gossip", "phrase", String(phrase)).status == 0)
        #expect(try run(2, "gossip", "phrase", phrase.dropLast() + (phrase.hasSuffix("b") ? "d" : "b")).status == 1)
        #expect(try run(2, "gossip", "phrase", "nonsense").status == 2)
        let file = directory("one.json")
        #expect(try run(1, "gossip", "export", "-o", file).status == 0)
        #expect(try run(1, "gossip", "export", "-o", file).status == 2, "it is there already")
        #expect(try run(2, "gossip", "compare", file).status == 0)
        #expect(try Program.run("gossip", "check", file).status == 2, "it is no evidence")
        // A monitor, twice.
        func monitor(_ more: [String] = []) throws -> Program.Result {
            try Program.run(
                ["monitor", service.url, workplace, "--once", "--state", directory("seen.json")] + more)
        }
        let calm = try monitor(["--policy", policy])
        #expect(calm.status == 0 && calm.output.contains("Everything that is shown has been verified."))
        // The witness goes: whoever insists on it is told its name, and what runs on a fault runs.
        let shown = try Program.runService(
            "witness", "--database", directory("w.sqlite"), "--name", "union.example/w1", "--show")
        #expect(shown.output.hasPrefix(witnessKey) && shown.output.contains("/workplace/\(workplace)"))
        witness.kill()
        #expect(try run(2, "gossip", "phrase").status == 0)
        #expect(try run(1, "workplace", "eligible", "10").status == 0)
        // One's own policy is checked in addition to what everybody checks, and changes nothing of that.
        let told = try run(1, "workplace", "show")
        #expect(told.status == 0 && told.error.contains("lacks signatures that your own policy asks for"))
        #expect(try run(1, "policy", "show").output.contains("union has not signed"))
        let loud = try monitor([
            "--policy", policy, "--exec", "echo $ROUNDROBIN_EVENT $ROUNDROBIN_LOG > '\(directory("hook"))'",
        ])
        #expect(loud.status == 1 && loud.output.contains("FAULT"))
        #expect(try String(contentsOfFile: directory("hook"), encoding: .utf8) == "not-witnessed workplace\n")
        #expect(try monitor().status == 0)
        #expect(try run(1, "policy", "drop").status == 0)
        #expect(try run(1, "workplace", "show").status == 0)
        // Typing errors.
        try Data("witness union \(witnessKey)\nquorum unoin\n".utf8).write(to: URL(filePath: policy))
        let slip = try run(1, "policy", "use", policy)
        #expect(slip.status == 2 && slip.error.contains("line 2, a name that no line before it defines"))
        #expect(try monitor(["--policy", policy]).status == 2)
        #expect(try Program.run("monitor", service.url, "abc").status == 2)
        #expect(try Program.runService("witness", "--database", directory("x.sqlite"), "--name", "a b").status == 64)
        #expect(try Program.runService("serve", "--database", directory("y.sqlite"), "--witnesses", policy).status == 2)
    }

    @Test("workplace witnesses: shown, set from a policy file, removed; what cannot be set changes nothing")
    func ofTheWorkplace() throws {
        let first = try ServiceProcess(database: directory("service.sqlite"))
        let serviceKey = try value("service_key", in: first.log)
        first.kill()
        func witness(_ name: String) throws -> (process: ServiceProcess, line: String, key: String) {
            let process = try ServiceProcess(
                "witness",
                ["--database", directory(name), "--name", "\(name).example/w", "--service", serviceKey])
            let key = try self.value("witness_key", in: process.log)
            return (process, "witness \(name) \(key) \(process.url)\n", key)
        }
        let (one, two, stranger) = (try witness("one"), try witness("two"), try witness("three"))
        defer { for each in [one, stranger] { each.process.kill() } }
        func policy(_ name: String, _ text: String) throws -> String {
            try Data(text.utf8).write(to: URL(filePath: directory(name)))
            return directory(name)
        }
        let asked = try policy("asked", one.line + two.line + "quorum none\n")
        let service = try ServiceProcess(
            database: directory("service.sqlite"), port: first.port, ["--witnesses", asked])
        defer { service.kill() }
        #expect(try run(1, "workplace", "found", service.url, "--eligible", "9").status == 0)
        let invite = try #require(try run(1, "invite", "create", "--json").json()["invites"] as? [String])
        #expect(try run(2, "join", invite[0]).status == 0)

        let none = try run(1, "workplace", "witnesses")
        #expect(none.status == 0 && none.output.contains("names no witnesses"), "\(none)")
        func facts(_ member: Int = 2) throws -> (threshold: Int?, names: [String]) {
            let facts = try run(member, "workplace", "witnesses", "--json").json()
            let witnesses = facts["witnesses"] as? [[String: Any]] ?? []
            return (facts["threshold"] as? Int, witnesses.compactMap { $0["name"] as? String }.sorted())
        }
        #expect(try facts() == (0, []))

        let both = try policy(
            "both", "# ours\n" + one.line + two.line + "group either any one two\nquorum either\n")
        let set = try run(1, "workplace", "witnesses", "--set", both)
        #expect(set.status == 0, "\(set)")
        for told in ["one.example/w", "two.example/w", one.key, two.key] { #expect(set.output.contains(told)) }
        // Another member is told once, and reads the same.
        let news = try run(2, "draft", "list").error
        #expect(news.contains("changed the witnesses") && news.contains("one.example/w"), "\(news)")
        #expect(!(try run(2, "draft", "list").error.contains("changed the witnesses")))
        #expect(try facts() == (1, ["one.example/w", "two.example/w"]))
        let shown = try run(2, "workplace", "witnesses")
        #expect(shown.status == 0 && shown.output.contains(one.key) && shown.output.contains("signed"), "\(shown)")

        // Refused, each with its reason, and none of it in the log.
        let size = try #require(try run(1, "workplace", "show", "--json").json()["log_size"] as? Int)
        let typing = try policy("typing", one.line + "quorum nobody\n")
        let nested = try policy(
            "nested", one.line + two.line + "group inner all one\ngroup outer any inner two\nquorum outer\n")
        let foreign = try policy("foreign", stranger.line + "quorum three\n")
        let all = try policy("all", one.line + two.line + "group every all one two\nquorum every\n")
        for (file, reason) in [
            (typing, "line 2"), (directory("absent"), "absent"), (nested, "one group that contains all its witnesses"),
            (foreign, "not among those that this service asks"),
        ] {
            let refused = try run(1, "workplace", "witnesses", "--set", file)
            #expect(refused.status == 2 && refused.error.contains(reason), "\(file): \(refused)")
        }
        two.process.kill()
        // One whose witnesses do not all answer cannot be met.
        #expect(try run(1, "workplace", "eligible", "10").status == 0)
        let silent = try run(1, "workplace", "witnesses", "--set", all)
        #expect(silent.status == 2 && silent.error.contains("Too few of these witnesses"), "\(silent)")
        for arguments in [["--set", all], ["--none"]] {
            let member = try Program.run(as: 2, in: directory, ["workplace", "witnesses"] + arguments)
            #expect(member.status == 2 && member.error.lowercased().contains("organiser"), "\(member)")
        }
        #expect(try run(1, "workplace", "witnesses", "--set", both, "--none").status == 64)
        #expect(try facts() == (1, ["one.example/w", "two.example/w"]))
        #expect(try run(1, "workplace", "show", "--json").json()["log_size"] as? Int == size + 1, "the eligible count")

        let removed = try run(1, "workplace", "witnesses", "--none")
        #expect(removed.status == 0 && removed.output.contains("names no witnesses"), "\(removed)")
        #expect(try facts() == (0, []))
    }
}
