import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("Names on a condition, over the real service", .serialized, .takingTurns)
struct NamesTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func workplace(_ members: Int) async throws -> LiveWorkplace {
        try await LiveWorkplace(
            members: members, service: try await RunningService.start(database: directory("a.sqlite")),
            directory: directory)
    }

    private func named(_ name: String, when count: UInt32) -> ConditionalName { ConditionalName(name, when: count) }

    /// Whether the database file or its write-ahead log contains these bytes.
    private func isOnDisk(_ bytes: [UInt8]) throws -> Bool {
        for file in ["a.sqlite", "a.sqlite-wal"] {
            guard let data = FileManager.default.contents(atPath: directory(file)) else { continue }
            if data.range(of: Data(bytes)) != nil { return true }
        }
        return false
    }

    @Test("Names open at their count and not before, each with the member who gave it; one taken back never")
    func wholeStory() async throws {
        let workplace = try await workplace(11)
        let members = workplace.members
        let summary = try await workplace.openPetition(trustees: 3, threshold: 2, levels: [3, 5])
        let id = summary.id
        try await members[1].setPseudonym("Grey Heron", of: members[1].signKey)
        try await members[1].cosign(id, choices: [1], name: named("Li Wei", when: 3))
        #expect(members[1].ownStatus(id) == .signedWithName(1))
        try await members[2].cosign(id, choices: [1], name: named("Ana", when: 3))
        try await members[3].cosign(id, choices: [1], name: named("Noor", when: 5))
        // Two of them change their minds: one keeps the signature but drops the name, one gives another name.
        let view = try await members[2].view(id)
        #expect(try members[2].warnings(for: view).contains(.nameDropped))
        try await members[2].cosign(id, choices: [1])
        #expect(members[2].ownStatus(id) == .signed)
        try await members[1].cosign(id, choices: [1], name: named("李伟", when: 3))
        let waiting = try await members[0].names(id)
        #expect(waiting.levels.map(\.names) == [1, 1] && waiting.levels.map(\.isOpen) == [false, false])
        #expect(waiting.claims.isEmpty)
        try await members[0].release(id, level: 3)
        #expect(try await members[0].names(id).claims.isEmpty, "one of two trustees")
        try await members[1].release(id, level: 3)
        let open = try await members[5].names(id)
        #expect(open.levels.map(\.isOpen) == [true, false])
        #expect(open.claims.map(\.name) == ["李伟"])
        #expect(open.claims.first?.person.number == 2 && open.claims.first?.person.pseudonym == "Grey Heron")
        // The bundle contains them, and a stranger who verifies it can read them.
        let audited = try AuditedPetition(
            auditing: PetitionBundle(parsing: try await members[4].bundle(id).serialized))
        #expect(audited.faults.isEmpty && audited.names.map(\.name) == ["李伟"])
        let known = try await members[1].view(id)
        #expect(
            try members[1].warnings(for: known).contains(.nameIsOut) && known.nameIsOut(for: members[1].device.identity)
        )
        #expect(try members[3].warnings(for: known, name: named("Noor", when: 3)).contains(.nameAtOnce))
        // Withdrawn although it was open: it is missing from the next bundle.
        try await members[1].cosign(id, choices: [1])
        #expect(try await members[5].names(id).claims.isEmpty)
        #expect(try await members[5].bundle(id).names.isEmpty)
        await workplace.close()
    }

    @Test("A trustee's client counts by itself, and no level but the petition's can be asked for")
    func refusals() async throws {
        let workplace = try await workplace(11)
        let members = workplace.members
        let id = try await workplace.openPetition(levels: [4]).id
        func refuses(_ body: () async throws -> Void, _ code: ClientError.Code) async {
            do {
                try await body()
                Issue.record("not refused")
            } catch let error as ClientError { #expect(error.code == code) } catch { Issue.record("\(error)") }
        }
        await refuses({ try await members[3].cosign(id, choices: [1], name: named("A", when: 5)) }, .noSuchLevel)
        await refuses({ try await members[3].cosign(id, choices: [1], name: named("", when: 4)) }, .nameLength)
        await refuses(
            { try await members[3].cosign(id, choices: [1], name: named(String(repeating: "x", count: 241), when: 4)) },
            .nameLength)
        for member in members.prefix(3) { try await member.cosign(id, choices: [1], name: named("N", when: 4)) }
        await refuses({ try await members[0].release(id, level: 4) }, .levelNotReached)
        await refuses({ try await members[0].release(id, level: 3) }, .noSuchLevel)
        await refuses({ try await members[4].release(id, level: 4) }, .notTrustee)
        try await members[3].cosign(id, choices: [1])
        try await members[2].withdraw(id)
        await refuses({ try await members[0].release(id, level: 4) }, .levelNotReached)
        // More keys than people: somebody may be invented, and invented co-signatures would open the names.
        try await members[0].declareEligible(5)
        let large = try await workplace.openPetition(levels: [4]).id
        await refuses(
            { try await members[4].cosign(large, choices: [1], name: named("N", when: 4)) }, .namedInLargeRing)
        try await members[4].cosign(large, choices: [1])
        await workplace.close()
    }

    @Test("The service keeps a name while it stands; replaced or withdrawn its bytes are in no file, while it runs")
    func erased() async throws {
        let workplace = try await workplace(11)
        let members = workplace.members
        let id = try await workplace.openPetition(levels: [1]).id
        // The name opens with the first co-signature, so the service's copy can be requested.
        try await members[1].cosign(id, choices: [1], name: named("first", when: 1))
        try await members[0].release(id, level: 1)
        let first = try #require(try await members[0].bundle(id).names.first)
        #expect(try isOnDisk(Array(first.prefix(64))))
        try await members[1].cosign(id, choices: [1], name: named("second", when: 1))
        let second = try #require(try await members[0].bundle(id).names.first)
        #expect(first != second)
        for start in stride(from: 0, to: first.count - 32, by: 32) {
            #expect(try !isOnDisk(Array(first[start..<start + 32])))
        }
        #expect(try isOnDisk(Array(second.prefix(64))))
        try await members[1].withdraw(id)
        for start in stride(from: 0, to: second.count - 32, by: 32) {
            #expect(try !isOnDisk(Array(second[start..<start + 32])))
        }
        await workplace.close()
    }
}
