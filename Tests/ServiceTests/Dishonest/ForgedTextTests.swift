import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("Texts that a member forges and the service serves decide nothing", .serialized, .takingTurns)
struct ForgedTextTests {
    private func adoption(_ draft: Draft, _ session: Session) throws -> [UInt8] {
        try session.json(AdoptionText(draft: draft.id, revision: draft.revision, digest: draft.digest))
    }

    @Test("An adoption is an organiser's word, whatever stands over it and in whatever order it is listed")
    func adoptions() async throws {
        let stage = try await Stage(members: 5)
        let (organiser, reader, hostile) = (stage.members[0], stage.members[1], stage.members[3])
        let first = try await organiser.newDraft(language: "en", title: "T", text: "one")
        try await organiser.adopt(first.id, revision: 1)
        guard case .written(let second, _) = try await organiser.revise(first, title: "T", text: "one, and more") else {
            throw Absent()
        }
        try await organiser.adopt(first.id, revision: 2)
        let name = StoredObject.Name(.adoption, .adoption(of: first.id))
        let forged = try await hostile.session { session in
            let newest = try await session.newestObject(name)
            await #expect(throws: ClientError.self, "the honest service") {
                try await session.put(try adoption(first, session), name, after: newest)
            }
            return try [
                session.forged(Array("junk".utf8), name, after: newest),
                session.forged(try adoption(first, session), name, after: newest),
                session.forged(try adoption(first, session), name),
            ]
        }
        for object in forged.prefix(2) {
            stage.inspector.answer(Texts.serving([object]))
            let fresh = try stage.device(like: try stage.copy(of: reader))
            #expect(try await fresh.adoptions() == [first.id: 2])
            fresh.close()
        }
        // In place of the first revision, for a device that has seen none: it is nobody's rather than another member's.
        stage.inspector.answer(Texts.serving([forged[2]]))
        let unaware = try stage.device(like: try stage.copy(of: reader))
        #expect(try await unaware.adoptions().isEmpty)
        unaware.close()
        stage.inspector.answer(Texts.reversed())
        #expect(try await reader.adoptions() == [first.id: 2])
        #expect(second.digest != first.digest)
        await stage.close()
    }

    @Test("What was adopted is demanded in these very words, or not at all")
    func otherWords() async throws {
        let stage = try await Stage(members: 5)
        let (organiser, hostile) = (stage.members[0], stage.members[3])
        let plan = try await stage.workplace.prepare()
        for trustee in stage.members.prefix(2) { try await trustee.offer(plan) }
        let draft = try #require(try await organiser.drafts().first)
        let forged = try await hostile.session { session in
            try session.forged(
                session.json(DraftText(language: "en", title: "T", text: "We ask for nothing.", created: 1)),
                .init(.draft, draft.id))
        }
        stage.inspector.answer { [id = draft.id.hex] request in
            request.path.hasSuffix("/\(id)/1") ? .response(.bytes(forged.bytes)) : nil
        }
        await #expect {
            try await organiser.assemble(plan)
        } throws: { ($0 as? ClientError)?.code == .objectForged }
        stage.inspector.beHonest()
        try await organiser.assemble(plan)
        #expect(
            try await organiser.session { try await $0.preview(plan).document.demands[0].text } == "We ask.\nTwice.")
        await stage.close()
    }

    @Test("Who was removed writes nothing new that counts, though the service serves it")
    func removed() async throws {
        let stage = try await Stage(members: 6)
        let (organiser, reader, removed) = (stage.members[0], stage.members[1], stage.members[5])
        let draft = try await organiser.newDraft(language: "en", title: "T", text: "one")
        let (path, unaware) = (try stage.copy(of: removed), try stage.copy(of: stage.members[2]))
        _ = try await reader.drafts()
        try await organiser.remove(removed.signKey)
        let old = try stage.open(path)
        let (revision, comment) = try await old.sessionOfAnybody { session in
            let newest = try await self.object(of: draft, by: organiser)
            return (
                try session.forged(
                    session.json(DraftText(language: "en", title: "T", text: "two", created: 1)),
                    .init(.draft, draft.id), after: newest, epoch: 0),
                try session.forged(
                    session.json(
                        CommentText(
                            number: 0, written: 1, draft: .init(id: draft.id, revision: 1, digest: draft.digest),
                            text: "I am for it.")), .init(.comment, ID(Random.bytes32())), epoch: 0)
            )
        }
        old.close()
        stage.inspector.answer(Texts.serving([revision, comment]))
        for device in [reader, try stage.open(unaware)] {
            let shown = try await device.draft(draft.id)
            #expect(shown.isByFormer || shown.revision == 1)
            #expect(try await device.comments().allSatisfy { $0.isByFormer })
            device.close()
        }
        try await organiser.session { session in
            let shown = try await session.draft(draft.id).revision
            session.device.state.shown[draft.id] = shown
            await #expect(throws: ClientError.self) { try await session.adopt(draft.id, revision: nil) }
            await #expect(throws: ClientError.self) { try await session.adopt(draft.id, revision: 2) }
            #expect(try await session.adoptions().isEmpty)
        }
        await stage.close()
    }

    private func object(of draft: Draft, by member: Member) async throws -> StoredObject {
        try await member.session { try await $0.newestObject(.init(.draft, draft.id)) }
    }

    @Test("No comment stops the list: lines from nowhere, revisions that are none, quotes that nobody wrote")
    func comments() async throws {
        let stage = try await Stage(members: 5)
        let (reader, hostile) = (stage.members[1], stage.members[3])
        let draft = try await reader.newDraft(language: "en", title: "T", text: "one")
        guard case .written(let second, _) = try await reader.revise(draft, title: "T", text: "two") else {
            throw Absent()
        }
        try await hostile.session { session in
            var number: UInt32 = 0
            func put(_ text: String) async throws {
                number += 1
                let body = "{\"number\":\(number),\"written\":1,\"text\":\"x\"," + text + "}"
                try await session.put(Array(body.utf8), .init(.comment, ID(Random.bytes32())), after: nil)
            }
            func place(_ revision: UInt64, _ line: String, digest: Bytes32 = draft.digest) -> String {
                "\"draft\":{\"id\":\"\(draft.id.hex)\",\"revision\":\(revision),\"digest\":\"\(digest.hex)\",\"line\":\(line)}"
            }
            for line in ["-9223372036854775808", "9223372036854775807", "0", "-1", "99999", "1e400", "\"1\""] {
                try await put(place(1, line))
            }
            try await put(place(7, "1"))
            try await put(place(0, "1"))
            try await put(place(4_294_967_295, "1"))
            try await put(place(1, "1", digest: Bytes32(filling: { $0.initialize(repeating: 9) })))
            try await put("\"leaf\":-1")
            try await put("\"leaf\":9223372036854775807")
            try await put("\"plan\":{\"id\":\"\(draft.id.hex)\",\"demand\":-9223372036854775808}")
            try await put("\"quote\":\"Whoever signs will be let go\"," + place(1, "3"))
        }
        try await stage.members[2].comment(on: draft, line: 1, "Good.")
        try await reader.session { session in
            let comments = try await session.comments()
            #expect(comments.contains { $0.text == "Good." && $0.quote == "T" })
            #expect(comments.allSatisfy { $0.quote == nil || ["T", "", "one"].contains($0.quote) })
            for comment in comments { _ = await session.place(of: comment, in: second) }
            #expect(session.unreadableTexts > 0)
        }
        _ = try await reader.status()
        _ = try await reader.audit()
        await stage.close()
    }

    @Test("A comment is its author's alone, under no number twice")
    func authors() async throws {
        let stage = try await Stage(members: 5)
        let (author, hostile, reader) = (stage.members[1], stage.members[3], stage.members[2])
        let draft = try await author.newDraft(language: "en", title: "T", text: "one")
        let id = try await author.comment(on: draft, "I am against this.")
        let name = StoredObject.Name(.comment, id)
        func body(_ text: String, by session: Session, number: UInt32) throws -> [UInt8] {
            try session.json(
                CommentText(
                    number: number, written: 2, draft: .init(id: draft.id, revision: 1, digest: draft.digest),
                    text: text))
        }
        let over = try await hostile.session { session in
            try session.forged(
                body("I am for this.", by: session, number: 0), name, after: await session.newestObject(name))
        }
        stage.inspector.answer(Texts.serving([over]))
        let found = try await reader.comments()
        #expect(found.map(\.text) == ["I am against this."] && found.map(\.author) == [author.signKey])
        // Two comments with the same number: one of them was withheld from somebody.
        let twin = try await author.session { session in
            try session.forged(body("I am for this.", by: session, number: 0), .init(.comment, ID(Random.bytes32())))
        }
        stage.inspector.answer(Texts.serving([twin]))
        let both = try await stage.members[4].comments()
        #expect(both.count == 2 && both.allSatisfy { $0.isNumberedTwice })
        await stage.close()
    }

    @Test("A list without an end ends, and what was seen does not go away or turn into another kind")
    func lists() async throws {
        let stage = try await Stage(members: 5)
        let (reader, hostile) = (stage.members[1], stage.members[3])
        let draft = try await stage.members[0].newDraft(language: "en", title: "T", text: "one")
        _ = try await reader.drafts()
        let other = try await hostile.session { session in
            try session.forged(
                session.json(CommentText(number: 0, written: 1, leaf: 0, text: "x")), .init(.comment, draft.id))
        }
        stage.inspector.answer([
            { $0.path.hasSuffix("/objects/1/\(draft.id.hex)") ? .response(.bytes(other.bytes)) : nil },
            { request in
                guard request.path.hasSuffix("/objects"), request.query.contains("kind=1&") else { return nil }
                return .response(.text("{\"objects\":[]}"))
            },
        ])
        await #expect(throws: ClientError.self) { _ = try await reader.draft(draft.id) }
        await #expect {
            _ = try await reader.drafts()
        } throws: { ($0 as? ClientError)?.code == .objectRolledBack }
        // It is kept like every difference, and hides only texts.
        #expect(try await reader.status().members == stage.members.count)
        #expect(reader.alarmKinds == [.text])
        try reader.device.settle(try #require(reader.device.alarms.first))
        #expect(try await reader.drafts().isEmpty && reader.alarmKinds.isEmpty, "what is served next counts from here")
        stage.inspector.answer { request in
            guard request.path.hasSuffix("/objects") else { return nil }
            return .response(.text("{\"objects\":[],\"next\":1}"))
        }
        await #expect {
            _ = try await reader.drafts()
        } throws: { ($0 as? ClientError)?.code == .badAnswer }
        await stage.close()
    }
}
