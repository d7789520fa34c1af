import CoSigning
import Foundation
import MembershipProofs
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("A seat counts only while its holder can sign", .serialized, .takingTurns)
struct SeatTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func workplace(_ members: Int) async throws -> LiveWorkplace {
        try await LiveWorkplace(
            members: members, service: try await RunningService.start(database: directory("a.sqlite")),
            directory: directory)
    }

    /// Offers, assembles and accepts, so that the petition is announced but not open.
    private func announce(_ plan: ID<Object>, _ workplace: LiveWorkplace) async throws {
        for trustee in workplace.members.prefix(2) { try await trustee.offer(plan) }
        try await workplace.members[0].assemble(plan)
        for trustee in workplace.members.prefix(2) {
            try await trustee.preview(plan)
            try await trustee.accept(plan)
        }
    }

    @Test("Everybody rotates between the announcement and the opening: the old keys stay, and everybody can co-sign")
    func rotatedBetween() async throws {
        let workplace = try await workplace(7)
        let first = try await workplace.openPetition().id
        let plan = try await workplace.prepare()
        try await announce(plan, workplace)
        for member in workplace.members { try await member.cosign(first, choices: [1]) }
        try await workplace.members[0].closePetition(first)
        for member in workplace.members.dropFirst() {
            let report = try await member.rotateRingKey()
            #expect(report.erasedKeys == 0 && report.waitingFor.count == 1)
        }
        let second = try await workplace.members[0].openPetition(plan)
        for member in workplace.members { #expect(try await member.cosign(second, choices: [1]) != nil) }
        let view = try await workplace.members[3].view(second)
        #expect(view.petition.cosignatures == 7)
        #expect(view.seats.count == 7 && view.seats.rotated == 6 && view.seats.settled == 1)
        await workplace.close()
    }

    @Test("People who were invented for the ring and removed again hide nobody: the co-signature is refused")
    func inventedAndRemoved() async throws {
        let workplace = try await workplace(8)
        let members = workplace.members
        let plan = try await workplace.prepare()
        try await announce(plan, workplace)
        for invented in members.suffix(4) { try await members[0].remove(invented.signKey) }
        // Others replace them by name, but have no key in the ring.
        for former in members.suffix(4) {
            let url = try #require(
                try await members[0].invite(count: 1, note: nil, replacing: former.signKey).first)
            _ = try await workplace.join(url, as: former.signKey)
        }
        let id = try await members[0].openPetition(plan)
        let view = try await members[3].view(id)
        #expect(view.petition.ring.count == 8 && view.seats.count == 4 && view.seats.unseated == 4)
        #expect(!view.isLive(members[7].signKey) && view.isLive(members[3].signKey))
        for member in [members[3], members[1]] {
            await #expect {
                try await member.cosign(id, choices: [1])
            } throws: { error in
                guard case .coSigning(.tooFewLiveSeats(4, least: 5))? = error as? ClientError else { return false }
                return true
            }
        }
        #expect(try await members[0].view(id).petition.size == 1, "nothing was sent")
        await workplace.close()
    }

    @Test("An organiser cannot announce over an old roster to leave somebody out")
    func oldRoster() async throws {
        let workplace = try await workplace(6)
        let founder = workplace.members[0]
        let before = UInt64(try await founder.roster().size)
        let url = try #require(try await founder.invite(count: 1, note: nil).first)
        _ = try await workplace.join(url)
        await #expect {
            try await founder.session { session in
                try await session.organise { _ in .petitionAnnounced(ID(Random.bytes32()), rosterSize: before) }
            }
        } throws: { ($0 as? ClientError)?.breaks(.announcedRoster) == true }
        await workplace.close()
    }

    @Test("Among few settled seats no name is given, whatever the person agrees to")
    func names() async throws {
        let workplace = try await workplace(7)
        let id = try await workplace.openPetition(levels: [2]).id
        await #expect {
            try await workplace.members[3].cosign(id, choices: [1], name: .init("Noor", when: 2))
        } throws: { ($0 as? ClientError)?.code == .namedAmongFew }
        await workplace.close()
    }
}
