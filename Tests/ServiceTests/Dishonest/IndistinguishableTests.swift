import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("Devices that have seen different things, and are served the same, do the same")
struct IndistinguishableTests {
    typealias Operation = (name: String, run: @Sendable (Member, ID<Petition>) async throws -> Void)

    /// Everything that reads or writes anonymously.
    private static let operations: [Operation] = [
        ("view", { _ = try await $0.cosigner.view($1) }),
        ("bundle", { _ = try await $0.cosigner.bundle($1) }),
        ("audited", { _ = try await $0.cosigner.audited($1) }),
        ("summaries", { member, _ in _ = try await member.cosigner.summaries() }),
        ("gossip", { member, _ in _ = try await member.cosigner.gossip() }),
        ("cosign", { _ = try await $0.cosigner.cosign($1, choices: [1]) }),
        (
            "cosign by the beginning of the id",
            { member, id in
                _ = try await member.cosigner.carryOut(
                    .sign(choices: [1], remark: "because", name: nil), in: .prefix(String(id.hex.prefix(8)))
                ) { _, _ in true }
            }
        ),
        ("withdraw", { _ = try await $0.cosigner.withdraw($1) }),
        (
            "declined",
            { member, id in
                _ = try await member.cosigner.carryOut(.withdraw, in: .petition(id)) { _, _ in false }
            }
        ),
        ("status", { member, _ in _ = try await member.status() }),
        ("names", { _ = try await $0.names($1) }),
        ("negotiation", { _ = try await $0.negotiation($1) }),
    ]

    private static let before = "a petition log before the co-signature"
    private static let withSession: Set = ["status", "names", "negotiation"]
    /// Operations that read like another one: varying the logs they are shown is enough.
    private static let likeAnother = withSession.union([
        "view", "bundle", "audited", "gossip", "declined", "cosign by the beginning of the id",
    ])

    private static func isSending(_ operation: String) -> Bool {
        operation.hasPrefix("cosign") || operation == "withdraw"
    }

    /// What an operator shows in one run; sendings get a valid promise unless a script says otherwise.
    private func shown(_ scene: Scene) throws -> [(name: String, scripts: [Operator.Script])] {
        let roster = scene.stage.workplaceID.hex
        return [
            ("the truth", []), ("an older petition log", [scene.olderLog.script]),
            ("an older roster", [scene.olderRoster.script]),
            ("a forked petition log", [scene.forkedLog.script]), ("a forked roster", [scene.forkedRoster.script]),
            (Self.before, [scene.log.at(3).script]),
            ("a closed petition", [try scene.closedEarly().script]),
            ("no petition log", [Scene.hiding(scene.log)]),
            ("no document", [Scene.replacing("/document", by: .missing)]),
            ("a false document", [Scene.replacing("/document", by: .text("nonsense"))]),
            ("no wraps", [Scene.replacing("/wraps/0", by: .missing)]),
            ("no wrap of one's own", [Scene.withoutWraps(of: scene.member.signKey)]),
            ("a false wrap of one's own", [Scene.withoutWraps(of: scene.member.signKey, junk: true)]),
            ("junk for a checkpoint", [Scene.replacing("\(roster)/checkpoint", by: .text("junk"))]),
            ("junk for a tile", [{ $0.path.contains("/tile/") ? .response(.text("junk")) : nil }]),
            ("a connection that breaks", [{ $0.path.hasSuffix("/document") ? .drop : nil }]),
            ("an error", [Scene.replacing("/document", by: .problem("storage", 503))]),
        ]
    }

    /// The operator's responses to a sending, after an honest reading.
    private func answered(_ scene: Scene) -> [(name: String, scripts: [Operator.Script])] {
        [
            ("a receipt", [scene.receipting(after: scene.log)]),
            ("a refusal", [Scene.sending(.response(.problem("held", 409)))]),
            ("a full service", [Scene.sending(.response(.problem("full", 507)))]),
            ("202 without a promise", [Scene.sending(.response(.text("{}", 202)))]),
            ("nothing", [Scene.sending(.drop)]),
        ]
    }

    private func wire(
        _ operation: Operation, _ path: String, _ scene: Scene, _ scripts: [Operator.Script], _ comment: String
    ) async throws -> Wire {
        let member = try scene.stage.device(like: path)
        defer { member.close() }
        scene.inspector.answer(scripts + [scene.promising()])
        let exchanges = await scene.inspector.watch { try? await operation.run(member, scene.id) }
        WireRules.check(exchanges, comment)
        // Requests under a name come afterwards, over their own connections.
        return Wire(exchanges, runs: Self.withSession.contains(operation.name) ? 1 : nil)
    }

    /// Compares every state with a fresh device.
    /// - Returns: the number of pairs.
    private func compare(
        _ operations: [Operation], _ states: [Scene.DeviceState], _ scene: Scene,
        _ behaviours: [(name: String, scripts: [Operator.Script])]
    ) async throws -> Int {
        var compared = 0
        for (behaviour, scripts) in behaviours {
            for operation in operations {
                let expected = try await wire(operation, scene.fresh, scene, scripts, operation.name)
                let sends = Self.isSending(operation.name)
                if behaviour == "the truth" { #expect(expected.sendings == (sends ? 1 : 0), "\(operation.name)") }
                for state in states {
                    // A device's own statement in this petition that is missing from the log is sent again.
                    if state.name == Scene.ownReceipts, behaviour == Self.before { continue }
                    let comment = "\(state.name), \(operation.name), \(behaviour)"
                    let found = try await wire(operation, state.path, scene, scripts, comment)
                    // If the two were not served the same, there is nothing to compare.
                    if found.answers != expected.answers { Issue.record("not served the same: \(comment)") }
                    if found.connections != expected.connections {
                        Issue.record("\(comment):\n\(expected)\n\(found)")
                    }
                    compared += 1
                }
            }
        }
        return compared
    }

    /// What is compared in one place of its own, so that several go on at once.
    private static let parts = [
        ["summaries"], ["cosign"], ["withdraw"], ["view", "bundle", "audited", "gossip", "declined"],
        ["cosign by the beginning of the id", "status", "names", "negotiation"],
    ]

    @Test("No operation is in no part, or in two")
    func partition() {
        #expect(Self.parts.flatMap(\.self).sorted() == Self.operations.map(\.name).sorted())
    }

    @Test(
        "Every state beside a fresh device, every operation, whatever is shown and answered", arguments: parts.indices)
    func everything(_ part: Int) async throws {
        let scene = try await Scene()
        let states = try await scene.deviceStates()
        // From here on nothing changes.
        scene.inspector.keepResponses()
        let (shown, answered) = (try shown(scene), answered(scene))
        let operations = Self.operations.filter { Self.parts[part].contains($0.name) }
        var compared = try await compare(
            operations.filter { !Self.likeAnother.contains($0.name) }, states, scene, shown)
        compared += try await compare(
            operations.filter { Self.likeAnother.contains($0.name) }, states, scene, Array(shown.prefix(5)))
        compared += try await compare(operations.filter { Self.isSending($0.name) }, states, scene, answered)
        print("compared \(compared) pairs of \(states.count) states")
        await scene.stage.close()
    }

    @Test("A refusal that calls for another run brings one, the same for all")
    func anotherRun() async throws {
        let scene = try await Scene()
        let states = try await scene.deviceStates()
        let refusal = Operator.Response.problem("rule", 422, rule: RuleViolation.actionOrRingEpoch.rawValue)
        let chosen = states.filter { ["both faces", "a restored backup"].contains($0.name) }
        #expect(chosen.count == 2)
        _ = try await compare(
            Self.operations.filter { $0.name == "cosign" }, chosen, scene,
            [("a grown ring", [Scene.sending(.response(refusal))])])
        await scene.stage.close()
    }
}
