import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("Texts that are long, many or endless keep nobody busy for ever, and hide nothing", .serialized, .takingTurns)
struct LongChainTests {
    @Test("The first of many revisions is the one that the newest descends from")
    func first() async throws {
        let stage = try await Stage(members: 5)
        let (author, hostile, reader) = (stage.members[1], stage.members[3], stage.members[2])
        let draft = try await author.newDraft(language: "en", title: "T", text: "0")
        try await author.session { session in
            let name = StoredObject.Name(.draft, draft.id)
            var newest = try await session.newestObject(name)
            for i in 1...80 {
                let content = DraftText(language: "en", title: "T", text: "\(i)", created: draft.created)
                newest = try await session.put(session.json(content), name, after: newest)
            }
        }
        #expect(try await reader.draft(draft.id).text == "80")
        #expect(try await reader.draft(draft.id, revision: 1).text == "0")
        let forged = try await hostile.session { session in
            try session.forged(
                session.json(DraftText(language: "en", title: "T", text: "nothing", created: 1)),
                .init(.draft, draft.id))
        }
        stage.inspector.answer { [id = draft.id.hex] request in
            request.path.hasSuffix("/\(id)/1") ? .response(.bytes(forged.bytes)) : nil
        }
        await #expect {
            _ = try await reader.draft(draft.id, revision: 1)
        } throws: { ($0 as? ClientError)?.code == .objectForged }
        await stage.close()
    }

    @Test("Pages without texts that go on for ever are no list")
    func endless() async throws {
        let stage = try await Stage(members: 5)
        stage.inspector.answer(Texts.endless())
        let exchanges = await stage.inspector.watch {
            await #expect {
                _ = try await stage.members[1].drafts()
            } throws: { ($0 as? ClientError)?.code == .badAnswer }
        }
        #expect(exchanges.count < 10)
        await stage.close()
    }

    @Test("Nobody is given a text that is longer than anybody reads, or slow to compare")
    func long() async throws {
        let stage = try await Stage(members: 5)
        let (author, hostile, reader) = (stage.members[1], stage.members[3], stage.members[2])
        let draft = try await author.newDraft(language: "en", title: "T", text: "one")
        let lines = (0..<60_000).map { _ in Hex.encode(Random.bytes(3)) }.joined(separator: "\n")
        await #expect {
            _ = try await author.revise(draft, title: "T", text: lines)
        } throws: { error in
            guard case .invalid(.textTooLong, _)? = error as? ClientError else { return false }
            return true
        }
        try await hostile.session { session in
            let name = StoredObject.Name(.draft, draft.id)
            try await session.put(
                session.json(DraftText(language: "en", title: "T", text: lines, created: 1)), name,
                after: session.newestObject(name))
        }
        let shown = try await reader.draft(draft.id)
        #expect(shown.text == "one" && shown.overwrittenBy == hostile.signKey)
        // The next revision follows the one that is there.
        guard case .written(let next, _) = try await author.revise(draft, title: "T", text: "two") else {
            throw Absent()
        }
        #expect(next.revision == 3)
        await stage.close()
    }

    @Test("What was shown is what is adopted without a number")
    func adoptingUnseen() async throws {
        let stage = try await Stage(members: 5)
        let (organiser, author) = (stage.members[0], stage.members[1])
        let draft = try await author.newDraft(language: "en", title: "T", text: "one")
        try await organiser.session { session in try session.noteShown(try await session.draft(draft.id)) }
        _ = try await author.revise(draft, title: "T", text: "two")
        await #expect {
            try await organiser.adopt(draft.id, revision: nil)
        } throws: { error in
            guard case .invalid(.adoptNewer, _)? = error as? ClientError else { return false }
            return true
        }
        try await organiser.adopt(draft.id, revision: 1)
        #expect(try await organiser.adoptions() == [draft.id: 1])
        await stage.close()
    }
}
