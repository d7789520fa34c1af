import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("Who has lost an office does nothing more with it", .serialized, .takingTurns)
struct LostOfficeTests {
    @Test("A dismissed organiser closes nothing and records nothing by an old roster; where a log has it, it is told")
    func dismissed() async throws {
        let scene = try await Scene()
        let (founder, second) = (scene.stage.members[0], scene.stage.members[1])
        try await founder.appoint(second.signKey)
        let before = try await scene.stage.face()
        try await founder.dismiss(second.signKey)
        scene.inspector.answer(before.script)
        let posted = await scene.inspector.watch {
            await #expect(throws: ClientError.self) { try await second.closePetition(scene.id) }
        }
        #expect(try await scene.stage.face(scene.id).leaves.count == scene.log.leaves.count)
        // If a service accepts it nevertheless, the close is valid for verifiers, and everybody sees who made it.
        let statement = try #require(posted.map(\.request).last { $0.method == "POST" })
        let closed = scene.log.appending(statement.body)
        scene.inspector.answer(closed.script)
        let view = try await scene.stage.members[2].view(scene.id)
        #expect(view.petition.closure != nil)
        #expect(!view.petition.notes(in: view.workplace).isEmpty)
        await scene.stage.close()
    }

    @Test("A dismissal ends the organiser's open invites with a new group key; what was left for them is gone")
    func invites() async throws {
        let stage = try await Stage(members: 5)
        let (founder, second) = (stage.members[0], stage.members[1])
        try await founder.appoint(second.signKey)
        let url = try #require(try await second.invite(count: 1, note: nil).first)
        let name = try Invite(parsing: url).lookupName().hex
        #expect(try await stage.service.send("GET", "/v1/invites/\(name)").status == 200)
        let epochs = try await founder.roster().groupKeys.count
        try await founder.dismiss(second.signKey)
        let roster = try await founder.roster()
        #expect(roster.openInvites.isEmpty && roster.groupKeys.count == epochs + 1 && !roster.rotationIsDue)
        #expect(try await stage.service.send("GET", "/v1/invites/\(name)").status == 404)
        await #expect(throws: ClientError.self) { _ = try await stage.workplace.join(url) }
        // Everybody can continue to read and write.
        _ = try await stage.members[3].newDraft(language: "en", title: "T", text: "x")
        #expect(try await second.drafts().count == 1)
        await stage.close()
    }

    @Test("An invite says whom it replaces, and admits nobody who does not say that they are that person")
    func replacing() async throws {
        let stage = try await Stage(members: 6)
        let (founder, former) = (stage.members[0], stage.members[5])
        try await founder.remove(former.signKey)
        let url = try #require(try await founder.invite(count: 1, note: nil, replacing: former.signKey).first)
        let invitation = try await Enrolment.look(at: Invite(parsing: url))
        #expect(invitation.replaces?.key == former.signKey && invitation.members == 5)
        for claimed in [nil, founder.signKey] {
            await #expect {
                _ = try await stage.workplace.join(url, as: claimed)
            } throws: { ($0 as? ClientError)?.code == .invalid }
        }
        let back = try await stage.workplace.join(url, as: former.signKey)
        #expect(try await founder.roster().member(back.signKey)?.replaces == former.signKey)
        await stage.close()
    }

    @Test("Pseudonyms that could be taken for one another are marked, whoever wrote them")
    func likeness() async throws {
        let stage = try await Stage(members: 5)
        let (ann, hostile) = (stage.members[1], stage.members[3])
        try await ann.setPseudonym("Beatrice", of: ann.signKey)
        _ = try await hostile.session { session in
            try await session.put(
                session.json(DirectoryText(name: "Beatriсe")), .init(.directory, .directory(of: hostile.signKey)),
                after: nil)
        }
        let people = try await stage.members[2].people()
        #expect(people.confusable == [ann.signKey, hostile.signKey])
        #expect(people.person(ann.signKey).isConfusable && !people.person(stage.members[0].signKey).isConfusable)
        await stage.close()
    }
}
