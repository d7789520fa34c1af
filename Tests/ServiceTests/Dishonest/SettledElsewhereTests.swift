import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("What became of a statement is decided by the log of the run", .serialized, .takingTurns)
struct SettledElsewhereTests {
    /// What each of these devices sends if the service is honest.
    private func sent(_ devices: [Member], _ scene: Scene) async throws -> [[[UInt8]]] {
        var bodies: [[[UInt8]]] = []
        for device in devices {
            scene.inspector.answer(scene.promising())
            let exchanges = await scene.inspector.watch { _ = try? await device.cosign(scene.id, choices: [1]) }
            WireRules.check(exchanges)
            bodies.append(exchanges.map(\.request).filter(\.isSending).map(\.body))
        }
        return bodies
    }

    @Test("A log that one device alone was shown, closed or with its statement, does not change what it sends")
    func shownAlone() async throws {
        let scene = try await Scene()
        let member = scene.stage.members[0]
        scene.inspector.answer(Scene.sending(.drop))
        let exchanges = await scene.inspector.watch { _ = try? await member.cosign(scene.id, choices: [1]) }
        let body = try #require(exchanges.last).request.body
        #expect(member.ownStatus(scene.id) == .pending)
        let statement = try CoSignatureRequest(decoding: body).statement
        let path = try scene.stage.copy(of: member)
        let (other, closed, standing) = (
            try scene.stage.device(like: path), try scene.stage.device(like: path), try scene.stage.device(like: path)
        )
        scene.inspector.answer(try scene.closedEarly().script)
        _ = try await closed.cosigner.summaries()
        scene.inspector.answer(scene.log.appending(statement).script)
        _ = try await standing.cosigner.summaries()
        #expect(closed.ownStatus(scene.id) == .notCounted && standing.ownStatus(scene.id) == .signed)
        let bodies = try await sent([other, closed, standing], scene)
        #expect(bodies == [[body], [body], [body]])
        for device in [closed, standing] { #expect(!device.alarms.isEmpty) }
        for device in [other, closed, standing] { device.close() }
        await scene.stage.close()
    }

    @Test("On an older log the same statement goes out again, never another with its number")
    func olderLog() async throws {
        let scene = try await Scene()
        let member = scene.stage.members[0]
        let first = try await scene.inspector.watch { try await member.cosign(scene.id, choices: [1]) }
        let body = try #require(first.last).request.body
        scene.inspector.answer([scene.log.script])
        let again = await scene.inspector.watch { _ = try? await member.cosign(scene.id, choices: [1], remark: "more") }
        #expect(Set(again.map(\.request).filter(\.isSending).map(\.body)) == [body])
        #expect(member.alarmKinds.isSuperset(of: [.older]))
        scene.inspector.beHonest()
        #expect(try await member.cosign(scene.id, choices: [1], remark: "more") != nil)
        #expect(try await member.view(scene.id).standing(of: member.device.identity)?.sequence == 1)
        await scene.stage.close()
    }
}
