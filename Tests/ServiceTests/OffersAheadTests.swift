import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("Trustees who keep offers ready make a petition in one round", .serialized, .takingTurns)
struct OffersAheadTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func workplace() async throws -> LiveWorkplace {
        try await LiveWorkplace(
            members: 5, service: try await RunningService.start(database: directory("a.sqlite")), directory: directory)
    }

    @Test(
        "Prepared and assembled at once, read, accepted, opened, signed, closed and counted; each step knows whom it waits for"
    )
    func oneRound() async throws {
        let workplace = try await workplace()
        let (founder, one, two) = (workplace.members[0], workplace.members[1], workplace.members[2])
        for member in [one, two] { #expect(try await member.session { try await $0.offerAhead() } == 4) }
        #expect(try await founder.session { try await $0.willingTrustees() } == [one.signKey, two.signKey])
        let draft = try await one.newDraft(language: "en", title: "Consent", text: "x")
        #expect(try await founder.status().news.contains(.draft(draft.id, revision: 1, comments: 0)))
        try await founder.adopt(draft.id, revision: 1)
        let plan = try await founder.prepare(
            PetitionPlan(
                language: "en", title: "Guardrails", preamble: "", drafts: [(draft.id, 1)],
                trustees: [one.signKey, two.signKey], threshold: 2, quorum: 1, closes: 0, levels: [1, 2]))
        #expect(try await founder.status().tasks == [.assemble(plan: plan)])
        #expect(try await one.status().tasks.isEmpty, "nothing to offer")
        let id = try await founder.assemble(plan)
        func people(_ news: [MemberStatus.News]) -> [Bytes32] {
            for case .acceptances(_, let from) in news { return from.map(\.key) }
            return []
        }
        #expect(people(try await founder.status().news) == [one.signKey, two.signKey])
        for member in [one, two] {
            #expect(try await member.status().tasks == [.accept(plan: plan)])
            _ = try await member.preview(plan)
            #expect(try await member.accept(plan) == id)
        }
        #expect(people(try await founder.status().news) == [])
        #expect(try await founder.openPetition(plan) == id)
        try await one.cosign(id, choices: [1])
        #expect(try await founder.status().news.contains(.quorumReached(id)))
        try await founder.closePetition(id)
        try await one.release(id)
        let waiting = try await founder.status().news.first { if case .releases = $0 { true } else { false } }
        guard case .releases(_, let from, let needed)? = waiting else { throw Absent() }
        #expect(from.map(\.key) == [two.signKey] && needed == 1)
        try await two.release(id)
        #expect(try await one.status().news.contains(.counted(id)))
        #expect(try await one.cosigner.audited(id).tally.questions == [[0, 1, 0]])
        await workplace.close()
    }

    @Test("An offer serves one petition: another plan takes the next, and when none is left the trustee is asked")
    func eachOnce() async throws {
        let workplace = try await workplace()
        let (founder, trustee) = (workplace.members[0], workplace.members[1])
        _ = try await trustee.session { try await $0.offerAhead() }
        var seen: Set<Bytes32> = []
        for number in 1...5 {
            let plan = try await workplace.prepare(trustees: 2)
            _ = try await founder.session { try await $0.offer(plan) }
            let id = try await founder.assemble(plan)
            let keys = try await trustee.session { try await $0.preview(plan) }.manifest.trustees
            // A petition that was discarded before it was accepted has used up nothing.
            #expect(seen.insert(keys[1]).inserted == (number != 3))
            if number == 2 {
                try await founder.session { try await $0.discard(plan) }
            } else {
                #expect(try await trustee.accept(plan) == id)
            }
        }
        let plan = try await workplace.prepare(trustees: 2)
        _ = try await founder.session { try await $0.offer(plan) }
        await #expect {
            try await founder.assemble(plan)
        } throws: {
            if case .offersMissing(let people)? = $0 as? ClientError {
                people.map(\.key) == [trustee.signKey]
            } else {
                false
            }
        }
        #expect(try await trustee.status().tasks == [.offer(plan: plan)])
        #expect(try await trustee.session { try await $0.offerAhead() } == 4)
        _ = try await founder.assemble(plan)
        await workplace.close()
    }

    @Test(
        "Assembled anew after it was accepted, a petition takes another offer; keys that are not this member's are refused"
    )
    func anew() async throws {
        let workplace = try await workplace()
        let (founder, trustee) = (workplace.members[0], workplace.members[1])
        _ = try await trustee.session { try await $0.offerAhead() }
        let plan = try await workplace.prepare(trustees: 2)
        _ = try await founder.session { try await $0.offer(plan) }
        _ = try await founder.assemble(plan)
        let first = try await trustee.session { try await $0.preview(plan) }.manifest.trustees[1]
        _ = try await trustee.accept(plan)
        _ = try await founder.assemble(plan, again: true)
        let second = try await trustee.session { try await $0.preview(plan) }.manifest.trustees[1]
        #expect(first != second)
        _ = try await trustee.accept(plan)
        // A restored device does not know what it offered, and cannot tell whether it has been used.
        _ = try await founder.assemble(plan, again: true)
        _ = try await trustee.preview(plan)
        trustee.device.state.spareNonces = nil
        trustee.device.state.offers = [:]
        await #expect(throws: ClientError.self) { try await trustee.accept(plan) }
        // Offers that it makes from now on are its own.
        _ = try await trustee.session { try await $0.offerAhead() }
        _ = try await founder.assemble(plan, again: true)
        _ = try await trustee.preview(plan)
        _ = try await trustee.accept(plan)
        await workplace.close()
    }

    @Test("Whoever is not willing any more keeps nothing ready")
    func takenBack() async throws {
        let workplace = try await workplace()
        let (founder, trustee) = (workplace.members[0], workplace.members[1])
        _ = try await trustee.session { try await $0.offerAhead() }
        try await trustee.session { try await $0.offerNothingAhead() }
        #expect(try await founder.session { try await $0.willingTrustees() } == [])
        await workplace.close()
    }

    @Test("A decision that was not sent is in the keystore, in no backup, and gone when it is forgotten")
    func intentions() async throws {
        let workplace = try await workplace()
        let member = workplace.members[3]
        let id = try await workplace.openPetition().id
        let intention = Intention(choices: [1], remark: "r", name: nil, notBefore: 5)
        try member.device.intend(intention, in: id)
        #expect(try await member.status().news.contains(.intended(id, notBefore: 5)))
        #expect(member.device.state.withoutTraces.intentions == nil)
        let data = try JSONEncoder().encode(member.device.state)
        #expect(try JSONDecoder().decode(DeviceState.self, from: data).intentions == [id: intention])
        _ = try member.device.forgetOffline(id)
        #expect(member.device.intentions.isEmpty)
        await workplace.close()
    }

    @Test("The time of an anonymous sending is kept for ten minutes, and in no backup")
    func sentLately() async throws {
        let workplace = try await workplace()
        let member = workplace.members[3]
        let id = try await workplace.openPetition().id
        #expect(!member.device.hasSentLately && !member.device.isSettledIn)
        try await member.cosigner.cosign(id, choices: [1])
        #expect(member.device.hasSentLately && member.device.state.withoutTraces.lastSent == nil)
        try member.device.settleIn()
        #expect(member.device.isSettledIn && member.device.state.withoutTraces.isSettledIn == nil)
        let sent = try #require(member.device.state.lastSent)
        member.device.state.lastSent = sent - 600
        #expect(!member.device.hasSentLately)
        // The next change of whatever kind erases it.
        try member.device.intend(Intention(choices: [1], remark: "", name: nil, notBefore: 5), in: id)
        #expect(member.device.state.lastSent == nil)
        await workplace.close()
    }
}
