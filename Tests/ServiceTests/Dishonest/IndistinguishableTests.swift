import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

// These take longest, and take no turns: they go on beside all others from the start.
@Suite("Devices that have seen different things, and are served the same, do the same")
struct IndistinguishableTests {
    /// What is compared in one place of its own, so that several go on at once.
    private static let parts = [
        ["view", "bundle", "audited"], ["look at the roster", "look at a log", "declined"],
        ["summaries", "view by title", "gossip"], ["status", "names", "negotiation"],
        ["cosign", "cosign by the beginning of the id"], ["cosign by title", "cosign after a second reading"],
        ["withdraw", "withdraw what stands"],
    ]

    @Test("No operation is in no part, or in two")
    func partition() {
        #expect(Self.parts.flatMap(\.self).sorted() == Operation.all.map(\.name).sorted())
    }

    @Test(
        "Every state beside a fresh device, every operation, whatever is shown and answered", arguments: parts.indices)
    func everything(_ part: Int) async throws {
        let scene = try await Scene(grown: 7)
        let states = try await scene.deviceStates()
        let operations = Operation.all.filter { Self.parts[part].contains($0.name) }
        try await compare(
            scene, states, "petition", shares: true, (operations, scene.servings()),
            (operations.filter { $0.sendings > 0 }, scene.answers()))
    }

    @Test("A vote: the petition whose response it is about is read too, whatever is shown of it")
    func vote() async throws {
        let scene = try await Scene(voteOf: 7)
        let operations = Operation.all.filter {
            ["view", "bundle", "summaries", "cosign", "cosign by title", "withdraw", "negotiation"].contains($0.name)
        }
        try await compare(
            scene, try await scene.deviceStatesOfVote(), "vote", (operations, scene.servingsOfVote()))
    }

    @Test("A named witness: its signatures are fresh, old, missing, or of an older log")
    func witnessed() async throws {
        let scene = try await Scene(witnessed: 7)
        let operations = Operation.all.filter {
            ["view", "summaries", "cosign", "cosign after a second reading", "withdraw", "status"].contains($0.name)
        }
        try await compare(
            scene, try await scene.deviceStatesWitnessed(), "witnessed", (operations, scene.servingsWitnessed()))
    }

    private func compare(
        _ scene: Scene, _ states: [Scene.DeviceState], _ table: String, shares: Bool = false,
        _ pairings: (operations: [Operation], servings: [Serving])...
    ) async throws {
        // From here on nothing changes.
        scene.inspector.keepResponses()
        var comparison = Comparison(scene, states, try ExpectedOutcomes(table), shares: shares)
        for (operations, servings) in pairings { try await comparison.compare(operations, servings) }
        print("compared \(comparison.pairs) pairs of \(states.count) states, \(comparison.repetitions) repetitions")
        await scene.stage.close()
    }
}
