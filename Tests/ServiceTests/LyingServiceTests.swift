import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("A client notices a service that lies", .serialized, .takingTurns)
struct LyingServiceTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("A log that shrank and a log that forked are alarms by name, with the evidence, and stop nothing")
    func rollbackAndFork() async throws {
        var service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 3, service: service, directory: directory)
        let (founder, reader) = (workplace.members[0], workplace.members[1])
        let draft = try await founder.newDraft(language: "en", title: "T", text: "one")
        await service.stop()
        try DatabaseCopy.make(of: directory("a.sqlite"), as: directory("old.sqlite"))
        service = try await RunningService.start(database: directory("a.sqlite"), port: service.port)
        try await founder.declareEligible(21)
        _ = try await founder.revise(draft, title: "T", text: "two")
        #expect(try await reader.draft(draft.id).revision == 2)
        #expect(try await reader.roster().eligible(at: .max) == 21)
        await service.stop()
        // The same service, with the same key, on an older copy of its file.
        service = try await RunningService.start(database: directory("old.sqlite"), port: service.port)
        #expect(try await reader.roster().eligible(at: .max) == 20)
        #expect(reader.alarms == ["older member"])
        // It lets the third member, who has not seen the leaf, write others: the log is longer, and a different one.
        _ = try await workplace.members[2].rotateRingKey()
        _ = try await workplace.members[2].rotateRingKey()
        _ = try await reader.roster()
        #expect(reader.alarms == ["older member", "forked member"])
        #expect(reader.device.alarms.allSatisfy { !$0.evidence.isEmpty })
        await workplace.close()
        await service.stop()
    }

    @Test("An object served in an older revision is refused")
    func objectRollback() async throws {
        var service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 2, service: service, directory: directory)
        let founder = workplace.members[0]
        let draft = try await founder.newDraft(language: "en", title: "T", text: "one")
        await service.stop()
        try DatabaseCopy.make(of: directory("a.sqlite"), as: directory("old.sqlite"))
        service = try await RunningService.start(database: directory("a.sqlite"), port: service.port)
        _ = try await founder.revise(draft, title: "T", text: "two")
        await service.stop()
        service = try await RunningService.start(database: directory("old.sqlite"), port: service.port)
        await #expect { try await founder.draft(draft.id) } throws: { error in
            if case .objectRolledBack = error as? ClientError { true } else { false }
        }
        await workplace.close()
        await service.stop()
    }
}
