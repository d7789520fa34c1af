import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("A trustee's place is that trustee's alone", .serialized, .takingTurns)
struct TrusteePlaceTests {
    @Test("Another member's acceptance for the place is none, wherever it is put and though the service serves it")
    func otherMember() async throws {
        let stage = try await Stage(members: 6)
        let (organiser, trustee, hostile) = (stage.members[0], stage.members[1], stage.members[4])
        let plan = try await stage.workplace.prepare(trustees: 2)
        for member in [organiser, trustee] { try await member.offer(plan) }
        let petition = try await organiser.assemble(plan)
        try await organiser.preview(plan)
        try await organiser.accept(plan)
        let forged = try await hostile.session { session in
            let acceptance = PetitionStatement.Acceptance.make(
                petition, trustee: 2, nonce: Random.bytes32(), by: hostile.device.identity.seed.signingKey())
            var text = TrusteeText()
            text.acceptances = [.init(plan: plan, petition: petition, acceptance: Data(acceptance.encoding))]
            let content = try session.json(text)
            // Under their own name, which is allowed, and under the trustee's.
            try await session.put(content, .init(.trustee, .trustee(hostile.signKey)), after: nil)
            let name = StoredObject.Name(.trustee, .trustee(trustee.signKey))
            let newest = try await session.newestObject(name)
            await #expect(throws: ClientError.self, "the honest service") {
                try await session.put(content, name, after: newest)
            }
            return try session.forged(content, name, after: newest)
        }
        func refuses() async {
            await #expect {
                try await organiser.openPetition(plan)
            } throws: { error in
                guard case .acceptancesMissing(let missing)? = error as? ClientError else { return false }
                return missing.map(\.key) == [trustee.signKey]
            }
        }
        await refuses()
        stage.inspector.answer(Texts.serving([forged]))
        await refuses()
        #expect(!(try await organiser.status().tasks.contains(.open(plan: plan))))
        // What the trustee wrote still counts.
        stage.inspector.beHonest()
        #expect(
            try await trustee.session { try await $0.preview(plan).trustees } == [organiser.signKey, trustee.signKey])
        try await trustee.accept(plan)
        let id = try await organiser.openPetition(plan)
        #expect(try await hostile.view(id).petition.acceptances.map(\.signKey) == [organiser.signKey, trustee.signKey])
        try await organiser.closePetition(id)
        await #expect {
            try await hostile.release(id)
        } throws: { ($0 as? ClientError)?.code == .notTrustee }
        try await trustee.release(id)
        #expect(try await hostile.view(id).petition.isReleased(0))
        await stage.close()
    }

    @Test("A device that was put back to before it accepted accepts no second petition under the same nonce")
    func restoredDisk() async throws {
        let stage = try await Stage(members: 5)
        let (organiser, trustee) = (stage.members[0], stage.members[1])
        let plan = try await stage.workplace.prepare(trustees: 2)
        for member in [organiser, trustee] { try await member.offer(plan) }
        let snapshot = try stage.copy(of: trustee)
        let earlier = try stage.copy(of: trustee)
        try await organiser.assemble(plan)
        for member in [organiser, trustee] {
            try await member.preview(plan)
            try await member.accept(plan)
        }
        _ = try await organiser.openPetition(plan)
        trustee.close()
        // The service also hides what the member wrote, for one of the two.
        let second = try await organiser.assemble(plan, again: true)
        for (path, isHidden) in [(snapshot, false), (earlier, true)] {
            let device = try stage.open(path)
            #expect(try await device.preview(plan) == second)
            if isHidden {
                let name = ID<Object>.trustee(trustee.signKey).hex
                stage.inspector.answer { request in
                    guard request.path.hasSuffix("/objects"), request.query.contains("kind=8&") else { return nil }
                    return .changed { response in
                        var response = response
                        let text = String(decoding: response.body, as: UTF8.self)
                        response.body = Array(text.replacing(name, with: String(repeating: "0", count: 64)).utf8)
                        return response
                    }
                }
            }
            await #expect("hidden: \(isHidden)") {
                try await device.accept(plan)
            } throws: { error in
                guard let error = error as? ClientError else { return false }
                return error.code == .nonceUsed || error.code == .objectRolledBack
            }
            device.close()
        }
        await stage.close()
    }
}
