import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

/// After a close everybody is asked to replace their key. Who does it, and whose key is gone, must say nothing.
@Suite(
    "Forgetting shows nobody who signed, and loses no key to a log that is not the newest", .serialized, .takingTurns)
struct ForgettingTests {
    private func holds(_ key: Bytes32, _ member: Member) -> Bool {
        member.device.identity.ringKeys.contains { $0.publicKey.encoding == key }
    }

    private func present(_ member: Member) async throws -> Bytes32 {
        try await member.session { session in
            try #require(session.roster.member(member.signKey)?.ringKey(at: session.roster.size)).encoding
        }
    }

    @Test("A notice that one device alone was given changes nothing of what forgetting requests and sends")
    func notices() async throws {
        let scene = try await Scene()
        for id in [scene.id, scene.other] { try await scene.stage.members[0].closePetition(id) }
        try await scene.refresh()
        let signed = try scene.stage.copy(of: scene.member)
        // Without forging anything: a true log of before.
        let marked = try scene.stage.device(like: signed)
        _ = try await marked.cosigner.look(.everything)
        scene.inspector.answer([scene.olderLog.script])
        _ = try await marked.cosigner.look(.everything)
        #expect(marked.alarmKinds == [.older])
        let noticed = try scene.stage.copy(of: marked)
        marked.close()
        // A promise that is never kept picks out the sender of a tag.
        let promised = try scene.stage.device(like: signed)
        promised.device.state.memory.raise(Alarm(.promiseBroken, .petition(scene.id), in: .anonymous, at: 1))
        try promised.device.save()
        let betrayed = try scene.stage.copy(of: promised)
        promised.close()
        // The rotation is not let through, so that each device meets the same roster.
        scene.inspector.answer { $0.method == "POST" && $0.path.hasSuffix("/statements") ? .drop : nil }
        var expected: [String]?
        for path in [signed, scene.fresh, noticed, betrayed] {
            let device = try scene.stage.device(like: path)
            let exchanges = await scene.inspector.watch { _ = try? await device.forget(scene.id) }
            let wire = exchanges.map { "\($0.request.method) \($0.request.path) \($0.request.body.count)" }
            #expect(wire.contains { $0.hasPrefix("POST ") && $0.contains("/statements ") })
            #expect(wire == expected ?? wire)
            expected = wire
            device.close()
        }
        // What the notice is about stays, with the key, until the person has settled it.
        scene.inspector.beHonest()
        let device = try scene.stage.device(like: noticed)
        let old = try await present(device)
        await #expect {
            try await device.forget(scene.id)
        } throws: {
            if case .invalid(.alarmsFirst, _)? = $0 as? ClientError { true } else { false }
        }
        #expect(try await present(device) != old && holds(old, device))
        #expect(device.device.exposure(scene.id).statements == 1 && device.alarmKinds == [.older])
        for alarm in device.device.alarms { try device.device.settle(alarm) }
        #expect(try await device.forget(scene.id).after.isClean && !holds(old, device))
        device.close()
        await scene.stage.close()
    }

    @Test("A true log of before an extension takes no key that the extension gave a seat")
    func beforeTheExtension() async throws {
        let scene = try await Scene()
        let founder = scene.stage.members[0]
        let url = try await founder.invite(count: 1, note: nil)[0]
        let newcomer = try await scene.stage.workplace.join(url)
        _ = try await founder.extend(scene.id)
        #expect(try await newcomer.view(scene.id).petition.ringEpoch == 1)
        let key = try await present(newcomer)
        // The faces are of before the extension.
        for hasSeenMore in [false, true] {
            let device = try scene.stage.device(like: try scene.stage.copy(of: newcomer))
            scene.inspector.beHonest()
            if hasSeenMore { _ = try await device.view(scene.id) }
            scene.inspector.answer([scene.log.script])
            let report = try await device.rotateRingKey()
            #expect(report.erasedKeys == 0 && report.waitingFor.contains(scene.id) && holds(key, device))
            device.close()
        }
        await scene.stage.close()
    }

    @Test("A close in the deadline's name before the deadline by the device's clock takes no key")
    func closedEarly() async throws {
        let scene = try await Scene()
        try await scene.stage.members[0].closePetition(scene.other)
        let key = try await present(scene.member)
        scene.inspector.answer([try scene.closedEarly().script])
        let rotating = try scene.stage.device(like: try scene.stage.copy(of: scene.member))
        #expect(try await rotating.rotateRingKey().waitingFor == [scene.id] && holds(key, rotating))
        #expect(try rotating.device.eraseKeysOffline().erasedKeys == 0 && holds(key, rotating))
        rotating.close()
        let forgetting = try scene.stage.device(like: try scene.stage.copy(of: scene.member))
        await #expect {
            try await forgetting.forget(scene.id)
        } throws: { ($0 as? ClientError)?.code == .deadlineNotReached }
        #expect(forgetting.device.exposure(scene.id).statements == 1 && holds(key, forgetting))
        forgetting.close()
        scene.inspector.beHonest()
        await scene.stage.close()
    }
}
