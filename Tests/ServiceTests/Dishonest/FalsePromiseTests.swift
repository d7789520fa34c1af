import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("What a service answers to a co-signature is its word, or no answer at all", .serialized, .takingTurns)
struct FalsePromiseTests {
    private func promise(
        _ scene: Scene, of leaf: [UInt8]? = nil, by seed: Bytes32? = nil, in id: ID<Petition>? = nil,
        until: UInt64 = Device.systemClock() + 3600
    ) -> Operator.Script {
        let (petition, key) = (id ?? scene.id, seed ?? scene.log.seed)
        return { request in
            guard request.isSending, let sent = try? CoSignatureRequest(decoding: request.body),
                let promise = try? Promise.make(
                    petition, leafHash: MerkleTree.leafHash(leaf ?? sent.statement), until: until,
                    by: SigningKey(seed: SecretBytes(key)))
            else { return nil }
            return .response(.text(promise.json, 202))
        }
    }

    @Test("A 202 with no promise, or a promise of something else, is no answer: the same bytes go out until one holds")
    func falsePromises() async throws {
        let scene = try await Scene()
        let member = scene.stage.members[0]
        let day: UInt64 = 86_400
        var bodies: Set<[UInt8]> = []
        for script in [
            Scene.sending(.response(.text("", 202))), Scene.sending(.response(.text("{}", 202))),
            Scene.sending(.response(.text("{\"held\":\"3600\",\"signature\":\"\"}", 202))),
            promise(scene, of: [1, 2, 3]), promise(scene, of: scene.log.leaves[2]),
            promise(scene, by: Random.bytes32()),
            promise(scene, in: scene.other), promise(scene, until: Device.systemClock() + day + 3600),
            promise(scene, until: .max / 3600 * 3600),
        ] {
            scene.inspector.answer(script)
            let exchanges = await scene.inspector.watch {
                await #expect {
                    try await member.cosign(scene.id, choices: [1])
                } throws: { ($0 as? ClientError)?.code == .promiseInvalid }
            }
            bodies.formUnion(exchanges.map(\.request).filter(\.isSending).map(\.body))
            #expect(member.ownStatus(scene.id) == .pending)
        }
        #expect(bodies.count == 1, "never other bytes for what may have been taken")
        #expect(try await member.status().tasks.contains(.sendAgain(scene.id)))
        // A refusal settles nothing either, and neither does a receipt for something else.
        for script in [
            Scene.sending(.response(.problem("rule", 422, rule: RuleViolation.proof.rawValue))),
            Scene.sending(.response(.text(scene.log.receipt))), Scene.sending(.response(.text("nonsense"))),
            Scene.sending(.drop), Scene.sending(.dropAfter),
        ] {
            scene.inspector.answer(script)
            let exchanges = await scene.inspector.watch {
                await #expect(throws: ClientError.self) { try await member.cosign(scene.id, choices: [1]) }
            }
            #expect(Set(exchanges.map(\.request).filter(\.isSending).map(\.body)) == bodies)
            #expect(member.ownStatus(scene.id) == .pending)
        }
        // The last one arrived although nobody said so: it is found in the log.
        scene.inspector.beHonest()
        _ = try await member.view(scene.id)
        #expect(member.ownStatus(scene.id) == .signed && member.receipts(scene.id).count == 1)
        #expect(member.alarms.isEmpty)
        await scene.stage.close()
    }

    @Test("A promise that the close breaks is an alarm until it is settled, with evidence that convinces anybody")
    func closed() async throws {
        let scene = try await Scene()
        let path = try scene.stage.copy(of: scene.stage.members[0])
        var member = try scene.stage.open(path)
        scene.inspector.answer(scene.promising())
        #expect(try await member.cosign(scene.id, choices: [1]) == nil && member.isPromised(scene.id))
        scene.inspector.beHonest()
        _ = try await member.view(scene.id)
        #expect(member.alarms.isEmpty && member.isPromised(scene.id), "it may still be kept")
        try await scene.stage.members[0].closePetition(scene.id)
        _ = try await member.status()
        for _ in 0..<2 {
            #expect(member.alarmKinds == [.promiseBroken] && member.ownStatus(scene.id) == .notCounted)
            let alarm = try #require(member.device.alarms.first)
            #expect(PromiseEvidence.isEvidence(alarm.evidence))
            let verdict = try PromiseEvidence(parsing: alarm.evidence).verify()
            #expect(verdict.breach == .closed && verdict.service == "test.example")
            // An impossible request must not make the device forget anything.
            await #expect {
                try await member.withdraw(scene.id)
            } throws: { ($0 as? ClientError)?.code == .closed }
            #expect(try await member.status().alarms.map(\.kind) == [.promiseBroken])
            member.close()
            member = try scene.stage.open(path)
        }
        try member.device.settle(try #require(member.device.alarms.first))
        _ = try await member.view(scene.id)
        #expect(member.alarms.isEmpty, "settled is settled")
        member.close()
        await scene.stage.close()
    }

    @Test("Erasing takes no broken promise along that the person has not settled, and nothing of it stays afterwards")
    func erased() async throws {
        let scene = try await Scene()
        let (founder, member) = (scene.stage.members[0], scene.stage.members[5])
        scene.inspector.answer(scene.promising())
        #expect(try await member.cosign(scene.id, choices: [1]) == nil)
        scene.inspector.beHonest()
        try await founder.closePetition(scene.id)
        // As the commands do before they erase.
        _ = try await member.cosigner.look(.petition(scene.id))
        #expect(member.alarmKinds == [.promiseBroken])
        await #expect {
            try await member.forget(scene.id)
        } throws: { error in
            if case .invalid(.alarmsFirst, _)? = error as? ClientError { true } else { false }
        }
        #expect(try await member.rotateRingKey().waitingFor.contains(scene.id))
        // Nor without the service, unless the person insists.
        #expect {
            try member.device.forgetOffline(scene.id)
        } throws: { error in
            if case .invalid(.alarmsFirst, _)? = error as? ClientError { true } else { false }
        }
        #expect(try member.device.eraseKeysOffline().waitingFor.contains(scene.id))
        let insisting = try scene.stage.device(like: try scene.stage.copy(of: member))
        #expect(try insisting.device.forgetOffline(scene.id, all: true).after.statements == 0)
        #expect(insisting.device.alarms.isEmpty)
        insisting.close()
        #expect(member.alarmKinds == [.promiseBroken] && member.device.exposure(scene.id).statements == 1)
        try member.device.settle(try #require(member.device.alarms.first))
        #expect(try await member.forget(scene.id).after.statements == 0)
        #expect(member.device.state.memory.alarms.isEmpty)
        await scene.stage.close()
    }

    @Test("A ring that grows without what was promised breaks the promise; a new co-signature may be made")
    func extended() async throws {
        let scene = try await Scene()
        let (founder, member) = (scene.stage.members[0], scene.stage.members[5])
        scene.inspector.answer(scene.promising())
        #expect(try await member.cosign(scene.id, choices: [1]) == nil)
        scene.inspector.beHonest()
        _ = try await scene.stage.workplace.join(try #require(try await founder.invite(count: 1, note: nil).first))
        #expect(try await founder.extend(scene.id) == 8)
        _ = try await member.view(scene.id)
        #expect(member.alarmKinds == [.promiseBroken])
        let evidence = try PromiseEvidence(parsing: try #require(member.device.alarms.first).evidence)
        #expect(try evidence.verify().breach == .extended)
        #expect(try await member.cosign(scene.id, choices: [1]) != nil)
        #expect(member.ownStatus(scene.id) == .signed && member.alarmKinds == [.promiseBroken])
        await scene.stage.close()
    }

    @Test("Past its time without witnesses only this device's clock says so: an alarm that claims no evidence")
    func overdue() async throws {
        let clock = MovedClock()
        let scene = try await Scene(clock: { clock.now })
        let path = try scene.stage.copy(of: scene.stage.members[0])
        let member = try scene.stage.open(path, clock: { clock.now })
        scene.inspector.answer(scene.promising())
        _ = try await member.cosign(scene.id, choices: [1])
        member.close()
        scene.inspector.beHonest()
        clock.set(ahead: 3 * 3600)
        let later = try scene.stage.open(path, clock: { clock.now })
        #expect(try await later.status().tasks.contains(.lookAgain(scene.id)))
        #expect(later.alarmKinds == [.promiseBroken])
        #expect(try #require(later.device.alarms.first).evidence.isEmpty)
        // It is still live: the service may yet accept it.
        #expect(
            try await later.cosigner.carryOut(
                .sign(choices: [1], remark: "", name: nil), in: .petition(scene.id), agree: { _, _ in true }) != nil)
        #expect(later.ownStatus(scene.id) == .signed)
        later.close()
        await scene.stage.close()
    }
}
