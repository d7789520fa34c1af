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
}
