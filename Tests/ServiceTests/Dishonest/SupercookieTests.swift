import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("What a member was shown is no mark that an anonymous connection carries", .serialized, .takingTurns)
struct SupercookieTests {
    /// Each device co-signs on what these scripts show; returns what they sent, in order.
    private func cosign(_ members: [Member], _ scene: Scene, _ scripts: [Operator.Script]) async throws -> [Wire] {
        var wires: [Wire] = []
        scene.inspector.answer(scripts + [scene.promising()])
        for member in members {
            let exchanges = await scene.inspector.watch { _ = try? await member.cosign(scene.id, choices: [1]) }
            WireRules.check(exchanges)
            wires.append(Wire(exchanges))
        }
        return wires
    }

    @Test("Only true logs: who was shown more under their name co-signs like who was not, and is told afterwards")
    func withoutFork() async throws {
        let scene = try await Scene()
        let (g, h, d) = (scene.stage.members[0], scene.stage.members[5], scene.stage.members[6])
        for member in [g, h] { _ = try await member.drafts() }
        // One member is shown the earlier log wherever they have signed a request.
        d.device.state.memory = Memory()
        scene.inspector.answer([scene.olderRoster.script])
        _ = try await d.drafts()
        let wires = try await cosign([g, h, d], scene, [scene.olderRoster.script])
        #expect(wires.map(\.sendings) == [1, 1, 1])
        #expect(wires[0].connections == wires[2].connections && wires[1].connections == wires[2].connections)
        #expect(g.alarmKinds == [.older] && h.alarmKinds == [.older] && d.alarms.isEmpty)
        // It does not go away when everything is served.
        scene.inspector.beHonest()
        _ = try await g.view(scene.id)
        #expect(g.alarmKinds == [.older])
        await scene.stage.close()
    }

    @Test("A fork: whichever face somebody saw under their name, they co-sign on either, and are told on the other")
    func withFork() async throws {
        let scene = try await Scene()
        let (g, d) = (scene.stage.members[0], scene.stage.members[6])
        for member in [g, d] { member.device.state.memory = Memory() }
        let forked = scene.forkedRoster.script
        _ = try await g.drafts()
        scene.inspector.answer([forked])
        _ = try await d.drafts()
        // Both are shown the marked face, and then the true one.
        var wires = try await cosign([g, d], scene, [forked])
        #expect(wires.map(\.sendings) == [1, 1] && wires[0].connections == wires[1].connections)
        #expect(g.alarmKinds == [.forked] && d.alarms.isEmpty)
        wires = try await cosign([g, d], scene, [])
        #expect(wires.map(\.sendings) == [1, 1] && wires[0].connections == wires[1].connections)
        #expect(g.alarmKinds == [.forked] && d.alarmKinds == [.forked])
        #expect(
            d.device.alarms.allSatisfy { alarm in
                let text = String(decoding: alarm.evidence, as: UTF8.self)
                return text.contains(scene.roster.note.prefix(80)) && text.count > 300
            })
        await scene.stage.close()
    }

    @Test("Every length is the same with a name and without, for a remark, any choice and a withdrawal")
    func lengths() async throws {
        let stage = try await Stage(members: 11)
        let id = try await stage.workplace.openPetition(levels: [3], demands: 2).id
        let exchanges = try await stage.inspector.watch {
            try await stage.members[1].cosign(id, choices: [1, 0])
            try await stage.members[2].cosign(id, choices: [2, 1], remark: "because")
            try await stage.members[3].cosign(id, choices: [1, 1], name: .init("李伟", when: 3))
            try await stage.members[3].cosign(
                id, choices: [1, 1], name: .init(String(repeating: "x", count: 240), when: 3))
            try await stage.members[3].cosign(id, choices: [1, 1])
            try await stage.members[2].withdraw(id)
        }
        WireRules.check(exchanges)
        let sent = exchanges.map(\.request).filter(\.isSending)
        #expect(sent.count == 6 && Set(sent.map(\.body.count)).count == 1)
        #expect(Set(sent.map { $0.headers.filter { $0.name.lowercased() != "host" } }).count == 1)
        #expect(Set(sent.map(\.connection)).count == 6)
        await stage.close()
    }
}
