import CoSigning
import Foundation
import MembershipProofs
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client
@testable import Service

@Suite("The main job over loopback HTTP", .serialized, .takingTurns)
struct StoryTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("From founding to a verified count, with every receipt, and across a restart")
    func story() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 6, service: service, directory: directory)
        let id = try await workplace.openPetition(levels: [3]).id
        for (i, member) in workplace.members.enumerated() {
            try await member.cosign(id, choices: [1], remark: i == 0 ? "a remark" : "")
        }
        try await workplace.members[1].withdraw(id)
        try await workplace.members[2].cosign(id, choices: [1])
        let late = try await workplace.join(
            try #require(try await workplace.members[0].invite(count: 1, note: nil).first))
        await #expect(throws: ClientError.self) { try await late.cosign(id, choices: [1]) }
        #expect(try await workplace.members[0].extend(id) == 7)
        try await late.cosign(id, choices: [1])
        await #expect(throws: ClientError.self, "still open") { try await workplace.members[0].release(id) }
        try await workplace.members[0].closePetition(id)
        await #expect(throws: ClientError.self, "closed") { try await late.cosign(id, choices: [1]) }
        await #expect(throws: ClientError.self, "no trustee") { try await late.release(id) }
        // The service starts again from its file alone.
        await service.stop()
        let again = try await RunningService.start(database: directory("a.sqlite"), port: service.port)
        try await workplace.members[0].release(id)
        try await workplace.members[0].release(id)
        let view = try await workplace.members[3].view(id)
        #expect(view.document?.title == "Guardrails")
        let audited = try AuditedPetition(auditing: view.bundle)
        #expect(audited.faults.isEmpty)
        #expect(audited.tally.cosignatures == 6 && audited.tally.withdrawn == 1 && audited.tally.ring == 7)
        #expect(audited.tally.questions == [[0, 6, 0]])
        #expect(audited.tally.remarks == ["a remark"])
        var receipts = 0
        for member in workplace.members { receipts += member.verifiedReceipts(view) }
        #expect(receipts == 9)
        let offline = try AuditedPetition(auditing: PetitionBundle(parsing: view.bundle.serialized))
        #expect(offline.tally == audited.tally)
        // Somebody without a keystore gets the same count.
        let open = try await PublicReader.bundle(of: id, at: again.url, proxy: nil)
        #expect(try AuditedPetition(auditing: open).tally == audited.tally)
        await workplace.close()
        await again.stop()
    }

    @Test("Two services, two workplaces and interleaved petitions are kept apart")
    func twoServices() async throws {
        let (here, there) = (
            try await RunningService.start(database: directory("a.sqlite"), name: "a.example"),
            try await RunningService.start(database: directory("b.sqlite"), name: "b.example")
        )
        let a = try await LiveWorkplace(members: 5, service: here, directory: TemporaryDirectory())
        let b = try await LiveWorkplace(members: 5, service: there, directory: TemporaryDirectory())
        let (p, q) = (try await a.openPetition().id, try await b.openPetition().id)
        let r = try await a.openPetition().id
        for i in 0..<5 {
            try await a.members[i].cosign(p, choices: [1])
            try await b.members[i].cosign(q, choices: [1])
            if i < 3 { try await a.members[i].cosign(r, choices: [1]) }
        }
        await #expect(throws: ClientError.self) { try await a.members[0].cosign(q, choices: [1]) }
        for (workplace, petition, count) in [(a, p, 5), (b, q, 5), (a, r, 3)] {
            let audited = try AuditedPetition(auditing: try await workplace.members[0].view(petition).bundle)
            #expect(audited.faults.isEmpty && audited.tally.cosignatures == count)
        }
        // One workplace's statement is rejected by the other's log, and an invite leads nowhere else.
        let foreign = try await a.members[0].view(p).bundle.workplace.leaves[1]
        let path = "/v1/workplaces/\(b.members[0].workplaceID.hex)/statements"
        #expect(try await there.send("POST", path, body: foreign).status == 422)
        // Tags of the same people differ between petitions.
        let (one, two) = (try await a.members[0].view(p).petition, try await a.members[0].view(r).petition)
        #expect(Set(one.tags.keys).isDisjoint(with: two.tags.keys))
        await a.close()
        await b.close()
    }

    @Test("A petition closes at its deadline by the service's clock, and trustees trust their own")
    func deadline() async throws {
        let time = Clock()
        let clock: @Sendable () -> UInt64 = { Device.systemClock() }
        let service = try await RunningService.start(database: directory("a.sqlite"), clock: { time.now(clock()) })
        let workplace = try await LiveWorkplace(
            members: 5, service: service, directory: directory, clock: { time.now(clock()) })
        // Late enough that it does not pass during the test.
        let closes = (clock() / 3600 + 2) * 3600
        let id = try await workplace.openPetition(closes: closes).id
        try await workplace.members[1].cosign(id, choices: [1])
        let early = try PetitionStatement.closeByDeadline(
            id, size: 1, root: try #require(try await workplace.members[0].view(id).petition.tree.root(at: 1)))
        #expect(try await service.send("POST", "/v1/petitions/\(id.hex)/statements", body: early.bytes).status == 422)
        time.advance(to: closes + 1)
        await #expect(throws: ClientError.self) { try await workplace.members[2].cosign(id, choices: [1]) }
        var closed = false
        for _ in 0..<240 where !closed {
            try await Task.sleep(for: .milliseconds(250))
            closed = try await workplace.members[0].view(id).petition.closure != nil
        }
        #expect(closed)
        time.rewind()
        await #expect("this clock has not reached the deadline") {
            try await workplace.members[0].release(id)
        } throws: { ($0 as? ClientError)?.code == .deadlineNotReached }
        time.advance(to: closes + 1)
        try await workplace.members[0].release(id)
        let audited = try AuditedPetition(auditing: try await workplace.members[0].view(id).bundle)
        #expect(audited.faults.isEmpty && audited.tally.questions == [[0, 1, 0]])
        await workplace.close()
    }

    /// A clock that can be set forward.
    final class Clock: @unchecked Sendable {
        // Guarded by the lock.
        private var ahead: UInt64?
        private let lock = NSLock()
        func now(_ real: UInt64) -> UInt64 { lock.withLock { ahead ?? real } }
        func advance(to time: UInt64) { lock.withLock { ahead = time } }
        func rewind() { lock.withLock { ahead = nil } }
    }

    @Test("Group keys rotate when somebody leaves; who left reads nothing new, and who joins reads everything")
    func groupKeys() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 4, service: service, directory: directory)
        let (founder, leaver) = (workplace.members[0], workplace.members[3])
        let before = try await founder.newDraft(language: "en", title: "before", text: "x")
        #expect(try await leaver.draft(before.id).title == "before")
        try await founder.remove(leaver.signKey)
        await #expect(throws: ClientError.self) { try await leaver.draft(before.id) }
        let after = try await workplace.members[1].newDraft(language: "en", title: "after", text: "y")
        #expect(try await workplace.members[2].draft(after.id).title == "after")
        let newcomer = try await workplace.join(try #require(try await founder.invite(count: 1, note: "n").first))
        // Within one second they have no defined order.
        #expect(Set(try await newcomer.drafts().map(\.title)) == ["before", "after"])
        // An invite made before a rotation carries the old keys; the newest arrives from any member's client.
        let old = try #require(try await founder.invite(count: 2, note: nil).first)
        let unused = try await founder.roster().openInvites
        try await founder.revoke(invites: [try other(unused, than: old)])
        let late = try await workplace.join(old)
        await #expect(throws: ClientError.self) { try await late.newDraft(language: "en", title: "z", text: "t") }
        _ = try await workplace.members[1].drafts()
        #expect(try await late.drafts().count == 2)
        _ = try await late.newDraft(language: "en", title: "z", text: "t")
        await workplace.close()
    }

    private func other(_ open: [Bytes32], than url: String) throws -> Bytes32 {
        let own = try Invite(parsing: url).signingKey().publicKey
        return try #require(open.first { $0 != own })
    }

    @Test("Ring keys rotate: old ones stay while a petition needs them, and are erased after")
    func rotation() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        let member = workplace.members[2]
        try await member.cosign(id, choices: [1])
        let first = try await member.rotateRingKey()
        #expect(first.erasedKeys == 0 && first.waitingFor == [id])
        try await member.cosign(id, choices: [1])
        #expect(member.ownStatus(id) == .signed)
        try await workplace.members[0].closePetition(id)
        let second = try await member.rotateRingKey()
        #expect(second.erasedKeys == 2 && second.forgottenPetitions == [id] && second.waitingFor.isEmpty)
        #expect(member.ownStatus(id) == .nothing)
        // The new key signs the next petition.
        let next = try await workplace.openPetition().id
        try await member.cosign(next, choices: [1])
        await workplace.close()
    }

    @Test("Fewer than five live seats are refused, few are warned about, and what a warning says must have been seen")
    func smallRings() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let (founder, member) = (workplace.members[0], workplace.members[1])
        let id = try await workplace.openPetition().id
        let begun = try await member.cosigner.begin(.petition(id))
        #expect(try member.warnings(for: begun.view) == [.fewSettledSeats(settled: 5, live: 5)])
        await #expect {
            _ = try await member.cosigner.send(
                .sign(choices: [1], remark: "", name: nil), in: begun, seen: [.fewSettledSeats(settled: 6, live: 6)])
        } throws: { ($0 as? ClientError)?.code == .unseenWarnings }
        try await member.cosign(id, choices: [1])
        await #expect {
            try await member.cosign(id, choices: [2])
        } throws: { ($0 as? ClientError)?.code == .supportsNothing }
        try await founder.remove(workplace.members[4].signKey)
        await #expect {
            try await workplace.members[2].cosign(id, choices: [1])
        } throws: { ($0 as? ClientError)?.code == .tooFewLiveSeats }
        // A withdrawal needs nobody to hide among.
        try await member.withdraw(id)
        await workplace.close()
    }
}
