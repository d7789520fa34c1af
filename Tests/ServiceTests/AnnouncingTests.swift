import CoSigning
import Foundation
import Hummingbird
import MembershipProofs
import Petitions
import Presentation
import Synchronization
import TestSupport
import Testing

@testable import Client

@Suite("A petition is announced over the roster as it is at that moment, or not at all", .serialized, .takingTurns)
struct AnnouncingTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// The announcements that arrived, by the roster's size that each states.
    private final class Announcements: Sendable {
        private let stated = Mutex<[UInt64]>([])

        var sizes: [UInt64] { stated.withLock { $0 } }

        /// - Returns: how many have arrived with this one; nil for what is no announcement.
        func note(_ body: [UInt8]) -> Int? {
            guard case .petitionAnnounced(_, let size)? = (try? WorkplaceStatement(decoding: body))?.body else {
                return nil
            }
            return stated.withLock { stated in
                stated.append(size)
                return stated.count
            }
        }
    }

    /// A workplace whose clients reach the service through the interposer, and a petition that can be assembled.
    private func prepared() async throws -> (workplace: LiveWorkplace, between: Interposer, plan: ID<Object>) {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let between = try await Interposer.start(before: service.url)
        let workplace = try await LiveWorkplace(
            members: 5, service: service, directory: directory, at: between.url)
        let plan = try await workplace.prepare()
        for trustee in workplace.members.prefix(2) { try await trustee.offer(plan) }
        return (workplace, between, plan)
    }

    private func open(_ home: String) throws -> Member {
        try Member.open(home, passphrase: LiveWorkplace.passphrase())
    }

    private static func join(_ invite: String, in home: String) async throws {
        try await Enrolment.join(
            .init(parsing: invite), in: home, passphrase: LiveWorkplace.passphrase(), cost: LiveWorkplace.cost
        ).close()
    }

    @Test("Somebody who joins just before the announcement arrives is in the ring, and it is announced once")
    func joinsMeanwhile() async throws {
        let (workplace, between, plan) = try await prepared()
        let (founder, trustees) = (workplace.members[0], workplace.members.prefix(2))
        let (invite, home) = (try await founder.invite(count: 1, note: nil)[0], directory("newcomer"))
        let seen = Announcements()
        between.hold { if seen.note($0) == 1 { try await Self.join(invite, in: home) } }
        let petition = try await founder.assemble(plan)
        #expect(seen.sizes.count == 2 && seen.sizes.last == (seen.sizes.first ?? 0) + 1)
        let roster = try await founder.roster()
        #expect(roster.announcedInOrder.map(\.id) == [petition])
        #expect(roster.announcements[petition]?.count == 1)
        // What the organiser is shown before anybody accepts: the ring with the newcomer.
        let preview = try await founder.session { try await $0.preview(plan) }
        #expect(preview.manifest.ringCount == 6 && preview.manifest.rosterSize == seen.sizes.last)
        for trustee in trustees {
            try await trustee.preview(plan)
            try await trustee.accept(plan)
        }
        let id = try await founder.openPetition(plan)
        let newcomer = try open(home)
        #expect(try await newcomer.view(id).petition.ring.count == 6)
        #expect(try await newcomer.cosign(id, choices: [1]) != nil)
        newcomer.close()
        await workplace.close()
        await between.stop()
    }

    @Test("Where people join at every attempt it ends after five, nothing is announced, and it is said why")
    func joinsEveryTime() async throws {
        let (workplace, between, plan) = try await prepared()
        let founder = workplace.members[0]
        let invites = try await founder.invite(count: 8, note: nil)
        let seen = Announcements()
        between.hold { [directory] body in
            guard let count = seen.note(body), count <= invites.count else { return }
            try await Self.join(invites[count - 1], in: directory("newcomer-\(count)"))
        }
        await #expect {
            try await founder.assemble(plan)
        } throws: { error in
            guard let error = error as? ClientError, case .invalid(.rosterUnsettled, _) = error else { return false }
            return error.what.contains("5 times")
        }
        #expect(seen.sizes.count == 5 && Set(seen.sizes).count == 5)
        #expect(try await founder.roster().announcedInOrder.isEmpty)
        #expect(try await founder.plans().first?.plan.petition == nil, "it is still being prepared")
        // Once they are all there, the same plan is assembled with everybody.
        between.hold { _ in }
        _ = try await founder.assemble(plan)
        #expect(try await founder.session { try await $0.preview(plan) }.manifest.ringCount == 10)
        await workplace.close()
        await between.stop()
    }

    @Test("Another refusal is not tried again: each is told after one announcement, and the plan stays as it was")
    func otherRefusals() async throws {
        let (workplace, between, plan) = try await prepared()
        let founder = workplace.members[0]
        let refusals = [
            ("rule", 422, RuleViolation.notOrganiser.rawValue), ("rule", 409, RuleViolation.lastOrganiser.rawValue),
            ("storage", 503, ""), ("too-large", 413, ""),
        ]
        for (code, status, rule) in refusals {
            let body = Operator.Response.problem(code, status, rule: rule.isEmpty ? nil : rule).body
            let seen = Announcements()
            between.hold { _ = seen.note($0) }
            between.lie { path in
                guard path.hasSuffix("/statements") else { return nil }
                return Response(status: .init(code: status), body: .init(byteBuffer: .init(bytes: body)))
            }
            await #expect("\(code) \(rule)") {
                try await founder.assemble(plan)
            } throws: { ($0 as? ClientError)?.code == .refused || ($0 as? ClientError)?.code == .unanswered }
            #expect(seen.sizes.count == 1, "\(code) \(rule)")
        }
        between.lie { _ in nil }
        #expect(try await founder.roster().announcedInOrder.isEmpty)
        #expect(try await founder.plans().first?.plan.petition == nil)
        await workplace.close()
        await between.stop()
    }

    @Test("A trustee who leaves just before the announcement arrives is told: no petition is announced with them")
    func trusteeLeaves() async throws {
        let (workplace, between, plan) = try await prepared()
        let (founder, leaving) = (workplace.members[0], workplace.members[1].signKey)
        try await founder.appoint(workplace.members[2].signKey)
        // Nobody else uses this member meanwhile.
        nonisolated(unsafe) let other = workplace.members[2]
        let seen = Announcements()
        between.hold { if seen.note($0) == 1 { try await other.remove(leaving) } }
        await #expect {
            try await founder.assemble(plan)
        } throws: { error in
            guard case .invalid(.trustees, _)? = error as? ClientError else { return false }
            return true
        }
        #expect(seen.sizes.count == 1)
        #expect(try await founder.roster().announcedInOrder.isEmpty)
        await workplace.close()
        await between.stop()
    }
}
