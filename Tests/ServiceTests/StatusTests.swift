import CoSigning
import Foundation
import GRDB
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("Status and watch: what waits for whom, and what happened", .serialized, .takingTurns)
struct StatusTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func workplace(_ members: Int) async throws -> LiveWorkplace {
        try await LiveWorkplace(
            members: members, service: try await RunningService.start(database: directory("a.sqlite")),
            directory: directory)
    }

    @Test("Each step of a petition waits for the right person, and for nobody else; watching tells each step")
    func steps() async throws {
        let workplace = try await workplace(11)
        let members = workplace.members
        let (founder, trustee, plain) = (members[0], members[1], members[2])
        var last = try await plain.status()
        #expect(last.tasks.isEmpty && last.members == 11 && last.petitions.isEmpty)
        func events() async throws -> [WatchEvent] {
            let now = try await plain.status()
            defer { last = now }
            return now.events(since: last)
        }
        let draft = try await plain.newDraft(language: "en", title: "Consent", text: "x")
        try await trustee.comment(on: draft, "Why?")
        #expect(try await events() == [.task(.comments(draft: draft.id, count: 1))])
        let asked = try #require(try await plain.comments().first)
        try await plain.reply(to: asked, "Because.")
        #expect(try await plain.status().tasks.isEmpty, "answered")
        try await founder.adopt(draft.id, revision: 1)
        let plan = try await founder.prepare(
            PetitionPlan(
                language: "en", title: "Guardrails", preamble: "", drafts: [(draft.id, 1)],
                trustees: [trustee.signKey], threshold: 1, quorum: 2, closes: 0, levels: [2]))
        #expect(try await trustee.status().tasks == [.offer(plan: plan)])
        #expect(try await founder.status().tasks.isEmpty)
        try await trustee.offer(plan)
        #expect(try await trustee.status().tasks.isEmpty)
        #expect(try await founder.status().tasks == [.assemble(plan: plan)])
        _ = try await founder.assemble(plan)
        #expect(try await trustee.status().tasks == [.accept(plan: plan)])
        _ = try await trustee.preview(plan)
        _ = try await trustee.accept(plan)
        #expect(try await founder.status().tasks == [.open(plan: plan)])
        let id = try await founder.openPetition(plan)
        #expect(try await founder.status().tasks == [.cosign(id)])
        #expect(try await events() == [.opened(id), .task(.cosign(id))])
        try await plain.cosign(id, choices: [1], name: .init("Plain", when: 2))
        #expect(try await events() == [.count(id, from: 0, to: 1)])
        try await members[3].cosign(id, choices: [1])
        #expect(try await events() == [.count(id, from: 1, to: 2), .quorum(id), .level(id, count: 2)])
        #expect(try await trustee.status().tasks == [.cosign(id), .releaseLevel(id, count: 2)])
        let mine = try #require(try await plain.status().petitions.first)
        #expect(mine.receipts == 1 && mine.own == .signedWithName(1))
        guard let url = try await founder.invite(count: 1, note: nil).first else { throw Absent() }
        _ = try await workplace.join(url)
        #expect(try await events() == [.members(from: 11, to: 12)])
        try await founder.closePetition(id)
        #expect(try await events() == [.closed(id)])
        #expect(try await trustee.status().tasks == [.release(id), .releaseLevel(id, count: 2)])
        try await trustee.release(id)
        try await trustee.release(id, level: 2)
        #expect(try await trustee.status().tasks.isEmpty)
        #expect(try await events() == [.counted(id)])
        #expect(try await founder.status().tasks == [.deliver(id)])
        try await founder.record(
            RecordDocument(.delivered, language: "en", date: "2026-12-01", party: "", note: "", demands: []), in: id)
        #expect(try await events() == [.recorded(id, records: 1)])
        #expect(try await founder.status().tasks.isEmpty)
        #expect(try await plain.status().events(since: last).isEmpty)
        await workplace.close()
    }

    @Test("A receipt that the log no longer holds is an alarm by name, in every status until the person settles it")
    func forked() async throws {
        let workplace = try await workplace(5)
        let ann = workplace.members[1]
        let id = try await workplace.openPetition().id
        try await ann.cosign(id, choices: [1])
        #expect(try await ann.status().petitions.map(\.receipts) == [1])
        await workplace.service.stop()
        let database = try DatabaseQueue(path: directory("a.sqlite"))
        // Back to the opening, as if the co-signature had never been made.
        try await database.write { db in
            for table in ["leaves", "checkpoints"] {
                try db.execute(
                    sql: "DELETE FROM \(table) WHERE log = (SELECT id FROM logs WHERE kind = 2) AND "
                        + (table == "leaves" ? "place > 0" : "size > 1"))
            }
            try db.execute(sql: "UPDATE logs SET size = 1 WHERE kind = 2")
        }
        try database.close()
        try DatabaseCopy.forgetRecord(of: directory("a.sqlite"))
        let again = try await RunningService.start(database: directory("a.sqlite"), port: workplace.service.port)
        for _ in 0..<2 {
            let status = try await ann.status()
            #expect(Set(status.alarms.map(\.kind)) == [.older, .receipt] && status.petitions.map(\.receipts) == [0])
        }
        for alarm in ann.device.alarms { try ann.device.settle(alarm) }
        #expect(try await ann.status().alarms.isEmpty)
        for member in workplace.members { member.close() }
        await again.stop()
    }
}
