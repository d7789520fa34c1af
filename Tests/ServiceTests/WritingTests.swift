import Foundation
import GRDB
import Petitions
import Sodium
import TestSupport
import TextDiff
import Testing

@testable import Client

@Suite("Writing together over loopback HTTP", .serialized, .takingTurns)
struct WritingTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func workplace(_ members: Int) async throws -> LiveWorkplace {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        return try await LiveWorkplace(members: members, service: service, directory: directory)
    }

    private func written(_ revision: Revision) throws -> Draft {
        guard case .written(let draft, _) = revision else { throw Absent() }
        return draft
    }

    private static let text = "1. Consent in writing.\n2. It can be revoked.\n3. Nobody loses by it."

    @Test("Two who edit one revision lose nothing: the second is merged with the first")
    func merged() async throws {
        let workplace = try await workplace(3)
        let (ann, ben) = (workplace.members[1], workplace.members[2])
        let first = try await ann.newDraft(language: "en", title: "Consent", text: Self.text)
        let byBen = Self.text.replacing("revoked", with: "revoked within 30 days")
        let second = try written(try await ben.revise(first, title: "Consent", text: byBen))
        #expect(second.revision == 2)
        // Ann has not seen revision 2, and changes the title and the line below Ben's.
        let outcome = try await ann.revise(
            first, title: "Informed consent", text: Self.text.replacing("loses", with: "loses pay or place"))
        guard case .written(let third, let other?) = outcome else { throw Absent() }
        #expect(third.revision == 3 && other == second)
        #expect(third.title == "Informed consent")
        #expect(third.text == byBen.replacing("loses", with: "loses pay or place"))
        #expect(try await ben.draft(first.id) == third)
        let history = try await ben.session { session in
            try await [session.draft(first.id, revision: 1), session.draft(first.id, revision: 2), third]
        }
        #expect(history.map(\.author) == [ann.signKey, ben.signKey, ann.signKey])
        #expect(history.map(\.text).first == Self.text)
        await workplace.close()
    }

    @Test("Only where both changed the same line is somebody asked; until then nothing is written")
    func conflict() async throws {
        let workplace = try await workplace(3)
        let (ann, ben) = (workplace.members[1], workplace.members[2])
        let first = try await ann.newDraft(language: "en", title: "Consent", text: Self.text)
        let second = try written(
            try await ben.revise(first, title: "Consent", text: Self.text.replacing("revoked", with: "withdrawn")))
        let outcome = try await ann.revise(
            first, title: "Consent", text: Self.text.replacing("revoked", with: "taken back"))
        guard case .conflict(let theirs, let marked) = outcome else { throw Absent() }
        #expect(theirs == second && LineMerge.hasMarkers(marked))
        #expect(marked.contains("taken back") && marked.contains("withdrawn") && marked.contains("3. Nobody"))
        #expect(try await ben.draft(first.id) == second)
        // A text that contains markers is never stored.
        let parts = Draft.parts(marked)
        await #expect(throws: ClientError.self) { try await ann.revise(theirs, title: parts.title, text: parts.text) }
        let settled = Self.text.replacing("revoked", with: "withdrawn or taken back")
        #expect(try written(try await ann.revise(theirs, title: "Consent", text: settled)).revision == 3)
        await workplace.close()
    }

    @Test("Many at once, each on a line of their own: every line arrives")
    func manyAtOnce() async throws {
        let count = 6
        let workplace = try await workplace(count)
        let lines = (0..<count).map { "\($0). a clause" }
        let first = try await workplace.members[0].newDraft(
            language: "en", title: "T", text: lines.joined(separator: "\n"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (i, member) in workplace.members.enumerated() {
                var changed = lines
                changed[i] += " by member \(i)"
                let text = changed.joined(separator: "\n")
                // Only one task at a time may use a member, and each task has a different one.
                nonisolated(unsafe) let member = member
                group.addTask {
                    guard case .written = try await member.revise(first, title: "T", text: text) else { throw Absent() }
                }
            }
            try await group.waitForAll()
        }
        let last = try await workplace.members[0].draft(first.id)
        #expect(last.revision == UInt32(count) + 1)
        #expect(last.text == lines.enumerated().map { "\($1) by member \($0)" }.joined(separator: "\n"))
        await workplace.close()
    }

    @Test("The same change by two people is one revision")
    func same() async throws {
        let workplace = try await workplace(2)
        let first = try await workplace.members[0].newDraft(language: "zh-Hans", title: "同意", text: "可以撤回。")
        for member in workplace.members {
            let revised = try written(try await member.revise(first, title: "同意", text: "可以随时撤回。"))
            #expect(revised.revision == 2 && revised.language == "zh-Hans")
        }
        await workplace.close()
    }

    @Test("Comments hang on lines and are found where the line went; replies join a thread; anybody settles it")
    func comments() async throws {
        let workplace = try await workplace(3)
        let (ann, ben) = (workplace.members[1], workplace.members[2])
        let first = try await ann.newDraft(language: "en", title: "Consent", text: Self.text)
        try await ben.comment(on: first, line: 4, "Within what time?")
        try await ben.comment(on: first, "Good.")
        await #expect(throws: ClientError.self) { try await ben.comment(on: first, line: 9, "?") }
        await #expect(throws: ClientError.self) { try await ben.comment(on: first, "") }
        let second = try written(try await ann.revise(first, title: "Consent", text: "0. New.\n" + Self.text))
        let asked = try #require(try await ann.comments().first)
        #expect(asked.quote == "2. It can be revoked." && asked.author == ben.signKey)
        #expect(try await ann.place(of: asked, in: second) == 5)
        try await ann.reply(to: asked, "30 days.")
        let third = try written(
            try await ann.revise(
                second, title: "Consent", text: second.text.replacing("revoked", with: "revoked in 30 days")))
        #expect(try await ann.place(of: asked, in: third) == nil)
        try await ben.resolve(asked)
        let threads = try await workplace.members[0].comments()
        #expect(threads.map(\.text) == ["Within what time?", "30 days.", "Good."])
        #expect(threads.map { $0.resolvedBy != nil } == [true, false, false])
        try await ben.resolve(asked, isOpen: true)
        #expect(try await ben.comments().allSatisfy { $0.resolvedBy == nil })
        await workplace.close()
    }

    @Test("Only organisers adopt, and only what is adopted is petitioned for")
    func adoption() async throws {
        let workplace = try await workplace(3)
        let (founder, ann) = (workplace.members[0], workplace.members[1])
        let draft = try await ann.newDraft(language: "en", title: "Consent", text: Self.text)
        await #expect(throws: ClientError.self) { try await ann.adopt(draft.id, revision: 1) }
        func prepare(_ revision: UInt32) async throws -> ID<Object> {
            try await founder.prepare(
                PetitionPlan(
                    language: "en", title: "T", preamble: "", drafts: [(draft.id, revision)],
                    trustees: [ann.signKey], threshold: 1, quorum: 1, closes: 0))
        }
        await #expect(throws: ClientError.self) { try await prepare(1) }
        await #expect(throws: ClientError.self, "no such revision") { try await founder.adopt(draft.id, revision: 2) }
        try await founder.adopt(draft.id, revision: 1)
        _ = try await ann.revise(draft, title: "Consent", text: "another")
        #expect(try await ann.adoptions() == [draft.id: 1])
        await #expect(throws: ClientError.self, "written since") { try await prepare(2) }
        let plan = try await prepare(1)
        try await ann.comment(on: plan, demand: 1, "Last call.")
        await #expect(throws: ClientError.self, "no such demand") { try await ann.comment(on: plan, demand: 2, "?") }
        await #expect(throws: ClientError.self, "no plan") { try await ann.comment(on: draft.id, demand: 1, "?") }
        #expect(try await founder.comments().last?.topic == .plan(plan))
        try await founder.adopt(draft.id, revision: 0)
        #expect(try await ann.adoptions().isEmpty)
        await workplace.close()
    }

    @Test(
        "Pseudonyms: one's own or an organiser's word, none that could be taken for another's, none in the service's file"
    )
    func pseudonyms() async throws {
        let workplace = try await workplace(3)
        let (founder, ann, ben) = (workplace.members[0], workplace.members[1], workplace.members[2])
        try await ann.setPseudonym("Grey Heron of the Marsh", of: ann.signKey)
        await #expect(throws: ClientError.self) { try await ben.setPseudonym("Otter", of: ann.signKey) }
        await #expect(throws: ClientError.self) {
            try await ben.setPseudonym("grey heron of the marsh", of: ben.signKey)
        }
        await #expect(throws: ClientError.self, "Cyrillic") {
            try await ben.setPseudonym("Grеy Heron of the Marsh", of: ben.signKey)
        }
        await #expect(throws: ClientError.self) { try await ben.setPseudonym("  ", of: ben.signKey) }
        try await founder.setPseudonym("水獭", of: ben.signKey)
        let people = try await ann.people()
        #expect(people.all.map(\.pseudonym) == [nil, "Grey Heron of the Marsh", "水獭"])
        await workplace.close()
        let file = try Data(contentsOf: URL(filePath: directory("a.sqlite")))
        #expect(file.range(of: Data("Heron of".utf8)) == nil && file.range(of: Data("水獭".utf8)) == nil)
    }

    @Test("Hundreds of texts come in pages, and one that the service leaves out is missed")
    func pages() async throws {
        let workplace = try await workplace(2)
        let (founder, ann) = (workplace.members[0], workplace.members[1])
        let draft = try await ann.newDraft(language: "en", title: "T", text: "x")
        try await founder.session { session in
            for i in 0..<260 { try await session.comment(on: draft, "comment \(i)") }
        }
        #expect(try await ann.comments().map(\.text) == (0..<260).map { "comment \($0)" })
        await workplace.service.stop()
        let database = try DatabaseQueue(path: directory("a.sqlite"))
        try await database.write { db in
            try db.execute(sql: "DELETE FROM objects WHERE kind = 2 AND rowid = (SELECT max(rowid) FROM objects)")
        }
        try database.close()
        let again = try await RunningService.start(database: directory("a.sqlite"), port: workplace.service.port)
        await #expect {
            try await ann.comments()
        } throws: { error in
            if case ClientError.objectRolledBack = error { true } else { false }
        }
        for member in workplace.members { member.close() }
        await again.stop()
    }
}
