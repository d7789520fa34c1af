import Client
import Foundation
import Petitions
import Sodium
import TestSupport
import TextDiff
import Testing

@Suite("Writing together over loopback HTTP", .serialized)
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
        let history = try await ben.history(of: first.id)
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
        // A text with markers in it is never stored.
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
                // A member is used by one task at a time, and each is another.
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
}
