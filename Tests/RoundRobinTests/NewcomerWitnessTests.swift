import CoSigning
import Petitions
import Client
import TransparencyLog
import Foundation
import TestSupport
import Testing

@Suite("Whoever joins after witnesses were named needs no policy of their own", .ownThreads, .serialized)
struct NewcomerWitnessTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test(
        "A newcomer reads and co-signs by what the log names, and is told while the witness is silent"
    )
    func newcomer() async throws {
        let first = try ServiceProcess(database: directory("service.sqlite"))
        let serviceKey = try String(#require(first.log.firstMatch(of: /service_key=([^ ]+)/)).1)
        first.kill()
        let port = FreePorts.take()
        func witness() throws -> ServiceProcess {
            try ServiceProcess(
                "witness",
                ["--database", directory("w.sqlite"), "--name", "union.example/w1", "--service", serviceKey],
                port: port)
        }
        var union = try witness()
        let key = try String(#require(union.log.firstMatch(of: /witness_key=([^ ]+)/)).1)
        let policy = directory("policy.txt")
        try Data("witness union \(key) \(union.url)\nquorum union\n".utf8).write(to: URL(filePath: policy))
        let service = try ServiceProcess(
            database: directory("service.sqlite"), port: first.port, ["--witnesses", policy])
        defer { service.kill() }
        let coworkers = try await Coworkers(4, at: service.url, in: directory)
        let named = try coworkers.run(1, "workplace", "witnesses", "--set", policy)
        #expect(named.status == 0, "\(named.error)")

        // Three who join after that, one of them by the built program.
        let invite =
            try #require(
                try coworkers.run(1, "invite", "create", "--json").json()["invites"] as? [String]
            ).first ?? ""
        let joined = try coworkers.run(5, "join", invite)
        #expect(joined.status == 0, "\(joined.error)")
        try await coworkers.join(6...7)
        #expect(try coworkers.run(5, "policy", "show").output.contains("does not ask for witnesses"))
        let shown = try coworkers.run(5, "workplace", "witnesses", "--json").json()
        let witnesses = try #require(shown["witnesses"] as? [[String: Any]])
        #expect(shown["threshold"] as? Int == 1 && witnesses.count == 1)
        #expect(witnesses[0]["name"] as? String == "union.example/w1" && witnesses[0]["key"] as? String == key)
        #expect(witnesses[0]["signed"] as? Int != nil)
        let id = try await coworkers.petition()
        let signed = try coworkers.run(5, "cosign", id.hex, "--all", "support")
        #expect(signed.status == 0 && signed.output.contains("The receipt is verified"), "\(signed)")
        #expect(try await coworkers.view(id, by: 5).petition.cosignatures == 1)

        // Silent: what is sent is promised, and shown to nobody.
        union.kill()
        let held = try coworkers.run(6, "cosign", id.hex, "--all", "support")
        #expect(held.status == 0 && held.output.contains("The service has promised to publish it"), "\(held)")
        #expect(!held.output.contains("The receipt is verified"))
        let waiting = try coworkers.run(6, "petition", "show", id.hex)
        #expect(
            waiting.status == 0 && waiting.output.contains("the service has promised to publish it by"), "\(waiting)")
        #expect(try await coworkers.view(id, by: 6).petition.cosignatures == 1)
        // A second one while the first waits is refused, and says until when.
        let again = try coworkers.run(6, "cosign", id.hex, "--all", "support")
        #expect(again.status == 2, "\(again)")
        #expect(try await coworkers.view(id, by: 6).petition.cosignatures == 1)

        // It signs again: the newcomer's receipt is made from the log, and the other one's co-signature counts.
        union = try witness()
        defer { union.kill() }
        let counts = try await eventually {
            try await coworkers.view(id, by: 7).petition.cosignatures == 2
        }
        #expect(counts)
        let after = try coworkers.run(6, "petition", "show", id.hex)
        #expect(after.status == 0 && !after.output.contains("has promised to publish"), "\(after)")
        #expect(try await coworkers.with(6) { $0.device.ownStatus(id) } == .signed)
        let last = try coworkers.run(7, "cosign", id.hex, "--all", "support")
        #expect(last.status == 0 && last.output.contains("The receipt is verified"), "\(last)")
    }
}
