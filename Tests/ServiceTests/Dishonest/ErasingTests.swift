import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("Erasing needs nobody's good will, and takes no key that is still needed", .serialized, .takingTurns)
struct ErasingTests {
    private func holds(_ key: Bytes32, _ member: Member) -> Bool {
        member.device.identity.ringKeys.contains { $0.publicKey.encoding == key }
    }

    private func present(_ member: Member) async throws -> Bytes32 {
        try await member.session { session in
            guard let key = session.roster.member(member.signKey)?.ringKey(at: session.roster.size) else {
                throw Absent()
            }
            return key.encoding
        }
    }

    @Test("Without the service, and for who was removed, what was signed is erased with the key that signed it")
    func offline() async throws {
        let scene = try await Scene()
        let (founder, member) = (scene.stage.members[0], scene.member)
        let path = try scene.stage.copy(of: member)
        try await founder.closePetition(scene.id)
        // While the key is the present one it stays, and the report says so.
        var device = try scene.stage.device(like: path).device
        var report = try device.forgetOffline(scene.id)
        #expect(report.before.statements == 1 && report.before.receipts == 1 && report.before.hasRingKey)
        #expect(report.presentKeyStays && report.after == Exposure(hasRingKey: true))
        // Nor does it say anything else the next time, after a restart.
        let directory = device.keystore.directory
        device.close()
        device = try scene.stage.open(directory).device
        #expect(device.exposure(scene.id) == Exposure(hasRingKey: true) && device.ownStatus(scene.id) == .forgotten)
        report = try device.forgetOffline(scene.id)
        #expect(report.before == Exposure(hasRingKey: true) && report.after == Exposure(hasRingKey: true))
        device.close()
        // After the removal the roster shows no key of theirs, and every key may be erased, online and offline.
        try await founder.remove(member.signKey)
        let removed = try scene.stage.device(like: path)
        await #expect(throws: ClientError.self) { try await removed.forget(scene.id) }
        let online = try await removed.sessionOfAnybody { try await $0.forget(scene.id, givingUp: .everything) }
        #expect(online.after.isClean && !online.hasRotated && online.givenUp == [scene.other])
        removed.close()
        let seen = try scene.stage.device(like: path)
        _ = try await seen.cosigner.look(.everything)
        let last = try scene.stage.copy(of: seen)
        seen.close()
        await scene.stage.service.stop()
        device = try scene.stage.open(last).device
        report = try device.forgetOffline(scene.id, all: true)
        #expect(report.after.isClean && !report.presentKeyStays && device.exposure(scene.id).isClean)
        #expect(report.givenUp == [scene.other])
        device.close()
        await scene.stage.close()
    }

    @Test("One broken log keeps no key of another petition")
    func brokenLog() async throws {
        let scene = try await Scene()
        let member = scene.member
        try await member.cosign(scene.other, choices: [1])
        for id in [scene.id, scene.other] { try await scene.stage.members[0].closePetition(id) }
        scene.inspector.answer([
            { [path = scene.otherLog.path] request in
                request.path == path + "/checkpoint" ? .response(.text("junk")) : nil
            }
        ])
        let old = try await present(member)
        // Until the other petition is known to be closed, its key is needed.
        #expect(try await member.rotateRingKey().waitingFor == [scene.other])
        #expect(holds(old, member))
        scene.inspector.beHonest()
        _ = try await member.view(scene.other)
        scene.inspector.answer([Scene.hiding(scene.otherLog)])
        let report = try await member.forget(scene.id)
        #expect(report.after.isClean && !holds(old, member))
        await scene.stage.close()
    }

    @Test(
        "A rotation that was cut off before or after it arrived, or was refused: forgetting never erases the live key")
    func interrupted() async throws {
        for cut in [Operator.Answer.drop, .dropAfter, .response(.problem("storage", 503))] {
            let scene = try await Scene()
            let (founder, member) = (scene.stage.members[0], scene.member)
            for id in [scene.id, scene.other] { try await founder.closePetition(id) }
            let old = try await present(member)
            scene.inspector.answer { $0.method == "POST" && $0.path.hasSuffix("/statements") ? cut : nil }
            await #expect(throws: ClientError.self) { try await member.rotateRingKey() }
            #expect(holds(old, member))
            // Interrupted again, forgetting does what can be done without the service, and keeps every key that may
            // still be valid.
            _ = try? await member.forget(scene.id)
            #expect(member.device.exposure(scene.id).statements == 0)
            let status: OwnStatus = holds(old, member) ? .forgotten : .nothing
            #expect(member.device.ownStatus(scene.id) == status, "and says which trace is left")
            scene.inspector.beHonest()
            let live = try await present(member)
            let offline = try scene.stage.device(like: try scene.stage.copy(of: member))
            _ = try offline.device.eraseKeysOffline()
            #expect(holds(live, offline))
            offline.close()
            let report = try await member.forget(scene.id)
            #expect(report.after.isClean && member.device.identity.ringKeys.count == 1)
            #expect(holds(try await present(member), member) && member.device.state.rotation == nil)
            // It signs the next petition.
            let next = try await scene.stage.workplace.openPetition().id
            #expect(try await member.cosign(next, choices: [1]) != nil)
            await scene.stage.close()
        }
    }

    @Test("A key that stands in the ring of an announced petition stays, until that is closed or the person insists")
    func needed() async throws {
        let scene = try await Scene()
        let (founder, member) = (scene.stage.members[0], scene.member)
        let old = try await present(member)
        try await founder.closePetition(scene.id)
        // The key is in the ring of the other petition, which this member has not signed.
        #expect(try await member.rotateRingKey().waitingFor == [scene.other] && holds(old, member))
        #expect(try await member.forget(scene.id).waitingFor == [scene.other] && holds(old, member))
        let offline = try scene.stage.device(like: try scene.stage.copy(of: member))
        #expect(try offline.device.forgetOffline(scene.id).after.statements == 0)
        #expect(holds(old, offline), "without the service nobody knows that it is not needed")
        // Nor are all old keys erased together, unless the person insists.
        let kept = try offline.device.eraseKeysOffline()
        #expect(kept.waitingFor == [scene.other] && kept.erasedKeys == 0 && holds(old, offline))
        #expect(try await offline.cosign(scene.other, choices: [1]) != nil)
        let given = try offline.device.eraseKeysOffline(all: true)
        #expect(given.givenUp == [scene.other] && given.erasedKeys == 1 && !holds(old, offline))
        offline.close()
        let insisting = try scene.stage.device(like: try scene.stage.copy(of: member))
        let report = try await insisting.rotateRingKey(givingUp: .everything)
        #expect(report.givenUp == [scene.other] && !holds(old, insisting))
        insisting.close()
        try await founder.closePetition(scene.other)
        let last = try await member.forget(scene.id)
        #expect(last.waitingFor.isEmpty && !holds(old, member))
        await scene.stage.close()
    }

    @Test("A key that signed one petition and stands in another's ring is kept when the first is forgotten offline")
    func neededOffline() async throws {
        let scene = try await Scene()
        let member = scene.member
        let old = try await present(member)
        try await scene.stage.members[0].closePetition(scene.id)
        _ = try await member.session { try await $0.rotateRingKey() }
        _ = try await member.cosigner.look(.everything)
        let report = try member.device.forgetOffline(scene.id)
        #expect(report.after.statements == 0 && holds(old, member) && report.waitingFor == [scene.other])
        #expect(try await member.cosign(scene.other, choices: [1]) != nil)
        await scene.stage.close()
    }

    @Test("An older roster, shown again under one's name, makes nobody erase the key of today")
    func olderRoster() async throws {
        let scene = try await Scene()
        let (founder, member) = (scene.stage.members[0], scene.member)
        _ = try await member.rotateRingKey()
        let before = try await scene.stage.face()
        _ = try await member.rotateRingKey()
        let next = try await scene.stage.workplace.openPetition().id
        let live = try await present(member)
        for id in [scene.id, scene.other] { try await founder.closePetition(id) }
        for kind in ["rotate", "forget"] {
            let device = try scene.stage.device(like: try scene.stage.copy(of: member))
            scene.inspector.answer(before.script)
            if kind == "forget" {
                _ = try? await device.forget(scene.id)
            } else {
                _ = try? await device.rotateRingKey()
            }
            #expect(holds(live, device), "\(kind)")
            #expect(device.alarmKinds.contains(.older))
            device.close()
        }
        scene.inspector.beHonest()
        #expect(try await member.cosign(next, choices: [1]) != nil)
        await scene.stage.close()
    }
}
