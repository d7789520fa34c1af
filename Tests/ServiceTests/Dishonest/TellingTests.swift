import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("A difference that was seen is told until the person settles it, with its evidence", .serialized, .takingTurns)
struct TellingTests {
    @Test("Told by every operation and after every start; settled, what is served next is what counts")
    func untilSettled() async throws {
        let scene = try await Scene()
        let path = try scene.stage.copy(of: scene.stage.members[2])
        var member = try scene.stage.open(path)
        _ = try await member.status()
        scene.inspector.answer([scene.forkedLog.script])
        _ = try await member.view(scene.id)
        let first = member.device.alarms
        // This member's own receipt is from the other face.
        #expect(Set(first.map(\.kind)) == [.forked, .receipt] && first.allSatisfy { !$0.evidence.isEmpty })
        scene.inspector.beHonest()
        for _ in 0..<2 {
            _ = try? await member.cosigner.summaries()
            _ = try? await member.status()
            _ = try? await member.drafts()
            _ = try? await member.view(scene.id)
            #expect(member.device.alarms == first)
            member.close()
            member = try scene.stage.open(path)
            #expect(member.device.alarms == first)
        }
        let looking = try Member.look(path, with: KeystoreOpener(LiveWorkplace.passphrase()))
        #expect(looking.device.alarms == first)
        let fork = try #require(first.first { $0.kind == .forked })
        let text = String(decoding: fork.evidence, as: UTF8.self)
        #expect(text.contains(scene.forkedLog.note) && text.hasPrefix(scene.log.origin))
        for alarm in first { try member.device.settle(alarm) }
        #expect(member.alarms.isEmpty)
        _ = try await member.view(scene.id)
        #expect(member.alarms.isEmpty)
        scene.inspector.answer([scene.forkedLog.script])
        _ = try await member.view(scene.id)
        #expect(member.alarmKinds.contains(.forked), "told anew")
        member.close()
        await scene.stage.close()
    }

    @Test("A connection that breaks after a difference was shown, or a person who goes away, does not lose it")
    func cutOff() async throws {
        let scene = try await Scene()
        let path = try scene.stage.copy(of: scene.stage.members[0])
        let member = try scene.stage.open(path)
        _ = try await member.cosigner.look(.everything)
        let known = try scene.stage.copy(of: member)
        member.close()
        let wire = [scene.forkedLog.script]
        for name in ["/document", "/names"] {
            let device = try scene.stage.device(like: known)
            scene.inspector.answer(wire + [{ $0.path.hasSuffix(name) ? .drop : nil }])
            await #expect(throws: ClientError.self) { _ = try await device.view(scene.id) }
            #expect(device.alarmKinds == [.forked], "\(name)")
            device.close()
        }
        struct GoneAway: Error {}
        let device = try scene.stage.device(like: known)
        scene.inspector.answer(wire)
        await #expect(throws: GoneAway.self) {
            _ = try await device.cosigner.carryOut(
                .sign(choices: [1], remark: "", name: nil), in: .petition(scene.id)
            ) { _, _ in throw GoneAway() }
        }
        #expect(device.alarmKinds == [.forked])
        device.close()
        await scene.stage.close()
    }

    @Test("An honest co-signature with its receipt raises no alarm, whatever is read before and after")
    func honest() async throws {
        let scene = try await Scene()
        let member = scene.stage.members[5]
        for _ in 0..<3 {
            #expect(try await member.cosign(scene.id, choices: [1]) != nil)
            #expect(member.alarms.isEmpty)
            _ = try await member.status()
            #expect(member.alarms.isEmpty)
        }
        #expect(try await member.withdraw(scene.id) != nil)
        let view = try await member.view(scene.id)
        #expect(member.alarms.isEmpty && member.verifiedReceipts(view) == 4)
        await scene.stage.close()
    }

    @Test("A close in the deadline's name before the deadline is told, and a petition left open after it not co-signed")
    func deadlines() async throws {
        let scene = try await Scene()
        let member = scene.stage.members[5]
        scene.inspector.answer([try scene.closedEarly().script])
        let view = try await member.view(scene.id)
        #expect(view.petition.isClosedEarly(at: Device.systemClock()) && member.alarmKinds == [.closedEarly])
        await #expect {
            try await scene.stage.members[1].release(scene.id)
        } throws: { ($0 as? ClientError)?.code == .deadlineNotReached }
        #expect(scene.stage.members[1].alarmKinds.contains(.closedEarly))
        scene.inspector.beHonest()
        let closes = view.petition.manifest.closes
        for (now, sends) in [(closes + 3601, false), (closes + 1, true)] {
            let device = try scene.stage.device(like: try scene.stage.copy(of: scene.stage.members[0]), clock: { now })
            var code: ClientError.Code?
            let exchanges = try await scene.inspector.watch {
                do { try await device.cosign(scene.id, choices: [1]) } catch let error as ClientError {
                    code = error.code
                }
            }
            #expect(exchanges.contains { $0.request.isSending } == sends && code == (sends ? nil : .closesLate))
            device.close()
        }
        await scene.stage.close()
    }

    @Test("Without the document, or with another, nothing is co-signed; taking back goes on")
    func wording() async throws {
        let scene = try await Scene()
        for (response, fault) in [
            (Operator.Response.missing, DocumentFault.missing), (.text("junk"), .otherDocument),
            (.bytes([]), .otherDocument),
        ] {
            scene.inspector.answer([Scene.replacing("/document", by: response)])
            let device = try scene.stage.device(like: try scene.stage.copy(of: scene.stage.members[0]))
            await #expect("\(fault)") {
                try await device.cosign(scene.id, choices: [1])
            } throws: { error in
                guard case .coSigning(.wording(let found))? = error as? ClientError else { return false }
                return found == fault
            }
            device.close()
        }
        #expect(try await scene.member.withdraw(scene.id) != nil)
        await scene.stage.close()
    }

    @Test("What a later reading warns of must be shown too before anything is sent")
    func laterWarnings() async throws {
        let scene = try await Scene()
        let member = scene.stage.members[5]
        var begun = try await member.cosigner.begin(.petition(scene.id))
        let seen = try member.warnings(for: begun.view)
        try member.cosigner.abandon(begun)
        try await scene.stage.members[0].remove(scene.stage.members[6].signKey)
        begun = try await member.cosigner.begin(.petition(scene.id))
        let exchanges = await scene.inspector.watch {
            await #expect {
                _ = try await member.cosigner.send(
                    .sign(choices: [1], remark: "", name: nil), in: begun, seen: seen)
            } throws: { ($0 as? ClientError)?.code == .unseenWarnings }
        }
        #expect(exchanges.isEmpty && member.ownStatus(scene.id) == .nothing)
        await scene.stage.close()
    }
}
