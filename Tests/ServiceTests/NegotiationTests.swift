import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("A negotiation, over the real service", .serialized, .takingTurns)
struct NegotiationTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func workplace(_ members: Int) async throws -> LiveWorkplace {
        try await LiveWorkplace(
            members: members, service: try await RunningService.start(database: directory("a.sqlite")),
            directory: directory)
    }

    private func record(
        _ what: PetitionStatement.Record.What, _ demands: [RecordDocument.Demand] = []
    ) throws -> RecordDocument {
        try RecordDocument(
            what, language: "en", date: "2026-12-08", party: "Ms Underhill of HR", note: "In room 12.", demands: demands
        )
    }

    private func refuses(_ key: ClientError.Invalid, _ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("not refused: \(key)")
        } catch ClientError.invalid(let found, _) { #expect(found == key) } catch { Issue.record("\(key): \(error)") }
    }

    @Test("Delivered, countered, voted on, lost; countered again, voted on, carried; agreed, and exported as one file")
    func wholeStory() async throws {
        let workplace = try await workplace(6)
        let (founder, ann, ben) = (workplace.members[0], workplace.members[1], workplace.members[2])
        let id = try await workplace.openPetition(demands: 3).id
        for member in workplace.members { try await member.cosign(id, choices: [1, 1, 1]) }
        await #expect(throws: ClientError.self, "open") { try await founder.record(record(.delivered), in: id) }
        try await founder.closePetition(id)
        try await ann.release(id)
        await refuses(.notDelivered) { try await founder.record(record(.response), in: id) }
        await #expect(throws: ClientError.self, "no organiser") { try await ann.record(record(.delivered), in: id) }
        await refuses(.noResponse) { _ = try await founder.negotiation(id).ratificationDraft(majority: .half) }
        try await founder.record(record(.delivered), in: id)
        await #expect(throws: ClientError.self, "no such demand") {
            try await founder.record(record(.response, [.init(number: 4, answer: .accepted, text: "")]), in: id)
        }
        try await founder.record(record(.response, [.init(number: 1, answer: .refused, text: "No.")]), in: id)
        await refuses(.nothingCountered) { _ = try await founder.negotiation(id).ratificationDraft(majority: .half) }
        try await founder.record(
            record(
                .response,
                [
                    .init(number: 1, answer: .accepted, text: ""), .init(number: 2, answer: .refused, text: "Never."),
                    .init(number: 3, answer: .countered, text: "We ask less."),
                ]), in: id)

        func vote(accepting: Int, rejecting: Int) async throws -> ID<Petition> {
            let draft = try await founder.negotiation(id).ratificationDraft(majority: .half)
            #expect(draft.demands.map(\.title) == ["Demand 3"])
            let plan = try await founder.prepare(
                PetitionPlan(
                    ratifying: draft, title: "Do we?", preamble: "Read it.",
                    trustees: workplace.members.prefix(2).map(\.signKey), threshold: 1, quorum: 3, closes: 0))
            let vote = try await workplace.open(plan, trustees: 2)
            let view = try await ben.view(vote)
            #expect(
                view.petition.manifest.kind == .ratification && view.document?.demands[0].text == draft.demands[0].text)
            for (i, member) in workplace.members.prefix(accepting + rejecting).enumerated() {
                try await member.cosign(vote, choices: [i < accepting ? 1 : 2])
            }
            try await founder.closePetition(vote)
            try await ann.release(vote)
            return vote
        }
        let lost = try await vote(accepting: 2, rejecting: 3)
        try await founder.record(record(.delivered, [.init(number: 3, text: "We ask a little less.")]), in: id)
        try await founder.record(
            record(.response, [.init(number: 3, answer: .countered, text: "We offer nearly that.")]), in: id)
        let carried = try await vote(accepting: 5, rejecting: 1)
        try await founder.record(
            record(
                .agreement,
                [.init(number: 1, text: "We ask.\nTwice."), .init(number: 3, text: "We offer nearly that.")]), in: id)

        let current = try await ben.negotiation(id)
        #expect(current.negotiation.rounds == 2 && current.negotiation.entries.count == 6)
        #expect(current.negotiation.threads.map(\.status) == [.agreed, .refused, .agreed])
        #expect(current.ratifications.map(\.id) == [lost, carried])
        #expect(current.ratifications.map(\.outcome) == [.lost, .carried])
        #expect(current.ratifications[1].questions.map(\.demand) == [3])

        let file = try await ben.history(id).serialized
        let history = try AuditedHistory(auditing: NegotiationHistory(parsing: file))
        #expect(history.faults.isEmpty && history.missingRecords == 0)
        #expect(history.negotiation.threads.map(\.agreed) == ["We ask.\nTwice.", nil, "We offer nearly that."])
        #expect(history.ratifications.map(\.outcome) == [.lost, .carried])
        await workplace.close()
        let database = try Data(contentsOf: URL(filePath: directory("a.sqlite")))
        for text in ["Underhill", "room 12", "nearly that"] {
            #expect(database.range(of: Data(text.utf8)) == nil, "in the clear: \(text)")
        }
    }

    @Test("A vote in other words than the response, or about none, is refused by who assembles and previews")
    func falseVotes() async throws {
        let workplace = try await workplace(5)
        let (founder, ann) = (workplace.members[0], workplace.members[1])
        let id = try await workplace.openPetition().id
        for member in workplace.members { try await member.cosign(id, choices: [1]) }
        try await founder.closePetition(id)
        try await founder.record(record(.delivered), in: id)
        try await founder.record(
            record(.response, [.init(number: 1, answer: .countered, text: "Their words.")]), in: id)
        let good = try await founder.negotiation(id).ratificationDraft(majority: .half)
        func plan(
            _ terms: RatificationTerms? = nil, text: String = "Their words.", preamble: String? = nil
        ) async throws -> ID<Object> {
            var plan = PetitionPlan(
                ratifying: .init(
                    terms: terms ?? good.terms, language: "en", title: "",
                    demands: [.init(title: "A demand", text: text)]), title: "T", preamble: "",
                trustees: [ann.signKey], threshold: 1, quorum: 1, closes: 0)
            if let preamble { plan.preamble = preamble }
            let id = try await founder.prepare(plan)
            try await ann.offer(id)
            return id
        }
        await refuses(.voteWording) { _ = try await founder.assemble(try await plan(text: "Other words.")) }
        await refuses(.voteTerms) { _ = try await founder.assemble(try await plan(preamble: "No terms.")) }
        let none = RatificationTerms(petition: id, response: .zero, demands: [1], majority: .half)
        await refuses(.voteResponse) { _ = try await founder.assemble(try await plan(none)) }
        let delivered = try await founder.negotiation(id).negotiation.entries[0].record.digest
        let wrong = RatificationTerms(petition: id, response: delivered, demands: [1], majority: .half)
        await refuses(.voteResponse) { _ = try await founder.assemble(try await plan(wrong)) }
        _ = try await founder.assemble(try await plan())
        await workplace.close()
    }

    @Test("What an organiser writes over a record later changes nothing, and a member cannot")
    func overwritten() async throws {
        let workplace = try await workplace(5)
        let (founder, ann) = (workplace.members[0], workplace.members[1])
        let id = try await workplace.openPetition(trustees: 1).id
        try await founder.closePetition(id)
        let first = try record(.delivered)
        try await founder.record(first, in: id)
        let name = StoredObject.Name(.record, ID(first.digest))
        let other = try record(.agreement).bytes
        await #expect(throws: ClientError.self) {
            try await ann.session { _ = try await $0.put(other, name, after: $0.newestObject(name)) }
        }
        try await founder.session { _ = try await $0.put(other, name, after: $0.newestObject(name)) }
        #expect(try await ann.negotiation(id).negotiation.entries.map(\.document) == [first])
        #expect(try await founder.negotiation(id).negotiation.entries.map(\.document) == [first])
        try await founder.record(record(.delivered), in: id)
        #expect(try await ann.negotiation(id).negotiation.rounds == 2)
        await workplace.close()
    }
}
