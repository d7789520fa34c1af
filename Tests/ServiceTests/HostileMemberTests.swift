import CoSigning
import Foundation
import Petitions
import RequestSignatures
import ServiceAPI
import Sodium
import TestSupport
import Testing

@testable import Client
@testable import Service

@Suite("A hostile member, or a service that drops what it promised, stops nobody else", .serialized, .takingTurns)
struct HostileMemberTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func put(_ object: StoredObject, by member: Member, to service: RunningService) async throws -> Int {
        let path = Route.objectRevision.path(
            member.workplaceID.hex, "\(object.kind.rawValue)", object.id.hex, "\(object.revision)")
        let headers = SignedRequest.headers(
            method: "PUT", path: path, query: "", body: object.bytes, created: Device.systemClock(),
            by: member.device.identity.seed.signingKey())
        return try await service.send("PUT", path, body: object.bytes, headers: headers.map { ($0.name, $0.value) })
            .status
    }

    private func junk(
        _ kind: StoredObject.Kind, _ id: ID<Petitions.Object>, after: StoredObject? = nil, by member: Member
    ) throws -> StoredObject {
        try StoredObject.seal(
            [1, 2, 3], kind: kind, id: id, after: after, in: member.workplaceID, under: .generate(epoch: 0),
            by: member.device.identity.seed.signingKey())
    }

    @Test("Nobody but an organiser writes over a plan; an organiser opens only what they assembled or read")
    func plans() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let (organiser, second, hostile) = (workplace.members[0], workplace.members[1], workplace.members[3])
        let id = try await workplace.prepare(trustees: 2)
        let name = StoredObject.Name(.plan, id)
        await #expect(throws: ClientError.self) {
            try await hostile.session { session in
                var (forged, object) = try await session.plan(id)
                forged.trustees = [hostile.signKey]
                try await session.put(try session.json(forged), name, after: object)
            }
        }
        #expect(try await organiser.plans().map(\.plan.trustees) == [[organiser.signKey, second.signKey]])
        #expect(try await hostile.status().tasks.isEmpty)
        try await organiser.offer(id)
        try await second.offer(id)
        _ = try await organiser.assemble(id)
        for trustee in [organiser, second] {
            _ = try await trustee.preview(id)
            _ = try await trustee.accept(id)
        }
        try await organiser.appoint(hostile.signKey)
        // Another organiser, who has not read it.
        await #expect {
            _ = try await hostile.openPetition(id)
        } throws: { ($0 as? ClientError)?.code == .notPreviewed }
        _ = try await organiser.openPetition(id)
        await workplace.close()
    }

    @Test("An id of another workplace's petition, announced here, stops nobody")
    func foreignAnnouncement() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let other = try await LiveWorkplace(members: 5, service: service, directory: try TemporaryDirectory())
        let foreign = try await other.openPetition().id
        let (organiser, ann) = (workplace.members[0], workplace.members[1])
        let own = try await workplace.openPetition().id
        try await ann.cosign(own, choices: [1])
        try await organiser.session { session in
            try await session.organise { .petitionAnnounced(foreign, rosterSize: UInt64($0.size)) }
        }
        #expect(try await ann.status().opened.map(\.id) == [own])
        #expect(try await ann.status().announced == [foreign])
        #expect(try await ann.petitions().count == 2)
        try await organiser.closePetition(own)
        // As far as this device can tell, it may still be opened; a member who does not want to wait can insist.
        #expect(try await ann.forget(own).waitingFor == [foreign])
        #expect(ann.ownStatus(own) == .forgotten)
        #expect(try await ann.forget(own, givingUp: .everything).after.isClean)
        for member in other.members { member.close() }
        await workplace.close()
    }

    @Test("A petition's document cannot be replaced, nor its place be taken before it opens")
    func documents() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let (hostile, id) = (workplace.members[3], try await workplace.openPetition().id)
        let name = StoredObject.Name(.document, id.document)
        let document = try await hostile.session { try await $0.newestObject(name) }
        #expect(
            try await put(try junk(.document, id.document, after: document, by: hostile), by: hostile, to: service)
                == 403)
        #expect(try await put(try junk(.document, ID(Random.bytes32()), by: hostile), by: hostile, to: service) == 403)
        #expect(try await workplace.members[1].view(id).document?.title == "Guardrails")
        try await workplace.members[1].cosign(id, choices: [1])
        await workplace.close()
    }

    @Test("A trustee accepts only what this device has shown them, and one petition for each offer")
    func reassembly() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let (organiser, trustee) = (workplace.members[0], workplace.members[1])
        let draft = try await organiser.newDraft(language: "en", title: "T", text: "x")
        try await organiser.adopt(draft.id, revision: draft.revision)
        let plan = try await organiser.prepare(
            PetitionPlan(
                language: "en", title: "P", preamble: "", drafts: [(draft.id, 1)], trustees: [trustee.signKey],
                threshold: 1,
                quorum: 1, closes: 0))
        try await trustee.offer(plan)
        _ = try await organiser.assemble(plan)
        _ = try await trustee.preview(plan)
        await #expect(throws: ClientError.self, "assembled already") { try await organiser.assemble(plan) }
        let second = try await organiser.assemble(plan, again: true)
        await #expect { try await trustee.accept(plan) } throws: { error in
            if case .notPreviewed = error as? ClientError { true } else { false }
        }
        _ = try await trustee.preview(plan)
        #expect(try await trustee.accept(plan) == second)
        _ = try await organiser.assemble(plan, again: true)
        _ = try await trustee.preview(plan)
        await #expect { try await trustee.accept(plan) } throws: { error in
            if case .nonceUsed = error as? ClientError { true } else { false }
        }
        await workplace.close()
    }

    @Test("A text that does not open is left out of lists, and counted")
    func junkTexts() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        for kind in [StoredObject.Kind.draft, .comment] {
            #expect(
                try await put(
                    try junk(kind, ID(Random.bytes32()), by: workplace.members[3]), by: workplace.members[3],
                    to: service) == 204)
        }
        let draft = try await workplace.members[1].newDraft(language: "en", title: "T", text: "x")
        try await workplace.members[2].session { session in
            let drafts = try await session.drafts()
            #expect(drafts == [draft])
            #expect(session.unreadableTexts == 1)
        }
        _ = try await workplace.openPetition()
        await workplace.close()
    }

    @Test(
        "A co-signature dropped after its receipt is noticed at the next reading, by its signer, and not settled away")
    func dropped() async throws {
        var service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        let signer = workplace.members[1]
        await service.stop()
        try DatabaseCopy.make(of: directory("a.sqlite"), as: directory("old.sqlite"))
        service = try await RunningService.start(database: directory("a.sqlite"), port: service.port)
        try await signer.cosign(id, choices: [1])
        await service.stop()
        service = try await RunningService.start(database: directory("old.sqlite"), port: service.port)
        _ = try await signer.view(id)
        #expect(signer.alarmKinds == [.older, .receipt])
        // After it has grown past it with other people's co-signatures, it is a fork.
        try await workplace.members[2].cosign(id, choices: [1])
        try await workplace.members[3].cosign(id, choices: [1])
        _ = try await signer.view(id)
        #expect(signer.alarmKinds == [.older, .forked, .receipt])
        #expect(signer.device.alarms.allSatisfy { !$0.evidence.isEmpty })
        await workplace.close()
        await service.stop()
    }

    @Test("A wrong wrap of a coworker's does not keep out a right one")
    func wraps() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 4, service: service, directory: directory)
        let (founder, hostile, victim) = (workplace.members[0], workplace.members[1], workplace.members[2])
        try await founder.remove(workplace.members[3].signKey)
        // Properly signed, but of a different key.
        try await hostile.session { session in
            guard let member = session.roster.member(victim.signKey) else { throw Absent() }
            try await session.share(GroupKey.generate(epoch: 1), with: [member])
        }
        _ = try await victim.newDraft(language: "en", title: "T", text: "x")
        await workplace.close()
    }

    @Test("A founding that was cut off is taken up again, and the database is nobody else's to read")
    func resumedFounding() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let cost = LiveWorkplace.cost
        let first = try await Enrolment.found(
            at: service.url, eligible: 9, in: directory("m"), passphrase: LiveWorkplace.passphrase(), cost: cost)
        // As if the process had died before the receipt arrived.
        let reading = try await first.cosigner.look(.roster)
        guard case .log(let log)? = reading.logs[.workplace(first.workplaceID)] else { throw Absent() }
        first.device.state.founding = Data(log.leaves[0])
        try first.device.save()
        first.close()
        let again = try await Enrolment.found(
            at: service.url, eligible: 9, in: directory("m"), passphrase: LiveWorkplace.passphrase(), cost: cost)
        #expect(again.device.state.founding == nil)
        #expect(try await again.roster().groupKeys.count == 1)
        again.close()
        await #expect(throws: ClientError.self) {
            _ = try await Enrolment.found(
                at: service.url, eligible: 9, in: directory("m"), passphrase: LiveWorkplace.passphrase(), cost: cost)
        }
        for file in ["a.sqlite", "a.sqlite-wal"] {
            let mode = try FileManager.default.attributesOfItem(atPath: directory(file))[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(file)")
        }
        await service.stop()
    }
}
