import Client
import CoSigning
import Foundation
import MembershipProofs
import Petitions
import Sodium
import Templates
import TestSupport
import Testing
import TextDiff

@testable import Presentation
@testable import roundrobin

@Suite("Realistic workplaces, from the first draft to the agreement", .ownThreads, .serialized)
struct WorkplaceTests {
    struct StillInConflict: Error {}

    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Checks what must hold for every story's history, however it was made.
    private func check(_ story: WorkplaceStory, _ history: NegotiationHistory, _ comment: String) throws {
        let bytes = history.serialized
        let audited = try AuditedHistory(auditing: NegotiationHistory(parsing: bytes))
        #expect(audited.faults == [], "\(comment)")
        let tally = audited.petition.tally
        #expect(tally.cosignatures == story.ballots.count && tally.eligible == story.eligible)
        let told: [[Int]] = story.support.map { [$0[2], $0[0], $0[1]] }
        #expect(tally.questions == told, "\(comment)")
        let due =
            story.members < PetitionView.comfortableSeats
            ? [] : story.names.filter { $0.when <= tally.cosignatures }
        #expect(audited.petition.names.map(\.name) == due.sorted { $0.by < $1.by }.map(\.name))
        #expect(audited.petition.names.map(\.member) == due.map { $0.by - 1 }.sorted())
        let negotiation = audited.negotiation
        #expect(negotiation.rounds == 3 && audited.missingRecords == 0)
        let agreed = Set(story.agreement.agreed)
        for thread in negotiation.threads {
            #expect((thread.status == .agreed) == agreed.contains(thread.number))
            #expect(thread.status == .agreed || thread.status == .refused, "\(thread.number) is \(thread.status)")
        }
        #expect(negotiation.threads.count { $0.status == .refused } == 1)
        #expect(negotiation.threads.count { $0.steps.contains { $0.answer == .countered } } == 2)
        #expect(audited.ratifications.map(\.outcome.rawValue) == story.rounds.compactMap(\.vote?.outcome))
        for (vote, told) in zip(audited.ratifications, story.rounds.compactMap(\.vote)) {
            for question in vote.questions {
                let counted: [Int] = [question.accepting, question.rejecting, question.abstaining]
                let expected: [Int] = [told.accept, told.reject, told.abstain]
                #expect(counted == expected)
            }
        }
        // One changed bit anywhere in a vote is detected.
        var tampered = history
        tampered.petition.petition.leaves[2][150] ^= 1
        #expect(try !AuditedHistory(auditing: tampered).faults.isEmpty)
        try pages(story, bytes, tally, comment)
    }

    /// Checks the report, as the command writes it, in a browser.
    private func pages(_ story: WorkplaceStory, _ bytes: [UInt8], _ tally: Tally, _ comment: String) throws {
        let file = directory("negotiation.rrhistory")
        try Data(bytes).write(to: URL(filePath: file))
        let verified = try Program.run("verify", file, "--lang", story.language)
        #expect(verified.status == 0, "\(comment): \(verified.error)")
        let hides = story.support.contains { counts in
            Disclosure.standard.hides([counts[2], counts[0], counts[1]], ring: tally.ring)
        }
        let marker = story.language == "en" ? "fewer than 3" : "少于 3"
        #expect(verified.output.contains(marker) == hides)
        let page = directory("\(comment).html")
        #expect(try Program.run("report", file, "-o", page).status == 0)
        #expect(try Program.run("letter", file, "-o", directory("\(comment)-letter.html")).status == 0)
        let browser = try Browser()
        defer { browser.close() }
        for width in [320, 1000] {
            try browser.open("file://" + page, width: width, dark: width == 320)
            #expect(
                try browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                    as? Int
                    == 0)
            #expect(try browser.poorContrast() == [])
        }
        let text = try browser.evaluate("document.body.innerText") as? String ?? ""
        #expect(text.contains(story.title) && text.contains("\(tally.cosignatures)"))
        for round in story.rounds {
            #expect(text.contains(round.response.party) && text.contains(round.delivered.date))
        }
        if story.members >= PetitionView.comfortableSeats {
            for name in story.names { #expect(text.contains(name.name)) }
        }
        #expect(try browser.evaluate("document.documentElement.lang") as? String == story.language)
        #expect(try browser.evaluate("document.querySelectorAll('ins, del').length > 1") as? Bool == true)
        #expect(text.contains(marker) == hides)
        let small = story.support.contains { $0.contains { $0 > 0 && $0 < 3 } }
        if small, tally.ring < 30 {
            // The exact figures are for people who recompute them.
            let exact = try Program.run("verify", file, "--hide-below", "0", "--lang", story.language)
            #expect(!exact.output.contains(marker))
        }
    }

    // MARK: Small workplaces: everybody has a keystore, and all of it goes over HTTP

    @Test(
        "Seven and twenty-three people: every step over the real service",
        arguments: [
            "007-translation-office", "023-service-desk",
        ])
    func live(_ file: String) async throws {
        let story = try WorkplaceStory(file)
        let service = try ServiceProcess(database: directory("\(file).sqlite"))
        defer { service.kill() }
        let members = try await gather(story, service)
        try await name(story, members)
        let drafts = try await write(story, members)
        let plan = try await members[0].session {
            try await $0.prepare(
                PetitionPlan(
                    language: story.language, title: story.title, preamble: story.preamble,
                    drafts: drafts.map { ($0.id, $0.revision) },
                    trustees: story.trustees.map { members[$0 - 1].signKey },
                    threshold: story.threshold, quorum: story.quorum, closes: 0, levels: story.levels))
        }
        let id = try await open(plan, story, members)
        for (i, ballot) in story.ballots.enumerated() {
            let name = story.names.first { $0.by == i + 1 }.map { ConditionalName($0.name, when: $0.when) }
            if name != nil, story.members < PetitionView.comfortableSeats {
                // In so small a group a condition hides nobody, so no name is accepted.
                await #expect(throws: ClientError.self) {
                    try await members[i].cosigner.cosign(id, choices: ballot, name: name)
                }
                try await members[i].cosigner.cosign(id, choices: ballot)
            } else {
                try await members[i].cosigner.cosign(id, choices: ballot, name: name)
            }
        }
        for level in story.levels where story.ballots.count >= level {
            for trustee in story.trustees {
                try await members[trustee - 1].session { try await $0.release(id, level: level) }
            }
        }
        try await close(id, story, members)
        for round in story.rounds {
            try await members[0].session {
                try await $0.record(story.record(round.delivered), in: id)
                try await $0.record(story.record(round.response), in: id)
            }
            guard let vote = round.vote else { continue }
            let majority = try #require(Majority(vote.majority))
            let draft = try await members[0].negotiation(id).ratificationDraft(majority: majority)
            let plan = try await members[0].session {
                try await $0.prepare(
                    PetitionPlan(
                        ratifying: draft, title: story.title, preamble: "",
                        trustees: story.trustees.map { members[$0 - 1].signKey }, threshold: story.threshold,
                        quorum: vote.quorum, closes: 0))
            }
            let ratification = try await open(plan, story, members)
            for (member, choice) in zip(members, vote.choices) {
                try await member.cosigner.cosign(
                    ratification, choices: Array(repeating: choice, count: draft.demands.count))
            }
            try await close(ratification, story, members)
        }
        let threads = try await members[1].negotiation(id).negotiation.threads
        try await members[0].session { try await $0.record(story.agreement(threads), in: id) }
        // Everybody's receipts are valid, and there is nothing left to do.
        for member in members {
            let status = try await member.status()
            #expect(
                status.tasks.filter { if case .comments = $0 { false } else { true } }.filter { task in
                    if case .cosign = task { false } else { true }
                }.isEmpty)
        }
        try check(story, try await members[2].history(id), file)
        for member in members { member.close() }
    }

    private func gather(_ story: WorkplaceStory, _ service: ServiceProcess) async throws -> [Member] {
        func secret() -> SecretBytes {
            var bytes = Array("a long passphrase".utf8)
            return SecretBytes(moving: &bytes)
        }
        let cost = try #require(PasswordHash(passes: 1, memory: 8192, salt: [UInt8](repeating: 1, count: 16)))
        func home(_ number: Int) -> String { directory("\(story.members)-\(number)") }
        var members = [
            try await Enrolment.found(
                at: service.url, eligible: story.eligible, in: home(1), passphrase: secret(), cost: cost)
        ]
        let people = (2...story.members).map { DirectoryEntry(name: story.pseudonyms["\($0)"] ?? "Person \($0)") }
        let invites = try await members[0].session { try await $0.invite(people, expires: nil, InviteSteps { _ in }) }
        for (i, invite) in invites.enumerated() {
            members.append(
                try await Enrolment.join(
                    Invite(parsing: invite.url), in: home(i + 2), passphrase: secret(), cost: cost))
        }
        return members
    }

    private func name(_ story: WorkplaceStory, _ members: [Member]) async throws {
        for (number, name) in story.pseudonyms.sorted(by: { $0.key < $1.key }) {
            let member = members[(Int(number) ?? 1) - 1]
            try await member.session { try await $0.setPseudonym(name, of: member.signKey) }
        }
    }

    /// Writes every demand with its edits; those made at the same time are merged, and the second writer settles a
    /// conflict.
    private func write(_ story: WorkplaceStory, _ members: [Member]) async throws -> [Draft] {
        var drafts: [Draft] = []
        for demand in story.demands {
            let (title, text) = try story.start(of: demand)
            var draft = try await members[demand.writer - 1].session {
                try await $0.newDraft(language: story.language, title: title, text: text)
            }
            var base = draft
            for edit in demand.edits {
                if edit.together != true { base = draft }
                let (title, text) = Draft.parts(edit.unsettled.apply(to: base.whole))
                let revision = try await members[edit.by - 1].session {
                    try await $0.revise(base, title: title, text: text) { _ in }
                }
                switch revision {
                case .written(let written, let merged):
                    #expect((merged != nil) == (edit.together == true) && edit.settled == nil)
                    draft = written
                case .conflict(let theirs, let marked):
                    #expect(edit.settled != nil && LineMerge.hasMarkers(marked))
                    let (title, text) = Draft.parts(edit.apply(to: base.whole))
                    guard
                        case .written(let settled, _) = try await members[edit.by - 1].session({
                            try await $0.revise(theirs, title: title, text: text) { _ in }
                        })
                    else { throw StillInConflict() }
                    draft = settled
                }
            }
            for edit in demand.edits {
                #expect(
                    draft.whole.contains(edit.settled ?? edit.append ?? edit.text ?? "")
                        || demand.edits.contains { $0.settled != nil })
            }
            for remark in demand.comments ?? [] {
                let asked = try await members[remark.by - 1].session { author in
                    try await author.comment(on: draft, line: remark.line, remark.text)
                    return try #require(
                        try await author.comments().last { $0.replyTo == nil && $0.text == remark.text })
                }
                if let reply = remark.reply {
                    _ = try await members[reply.by - 1].session { try await $0.reply(to: asked, reply.text) }
                }
                if remark.settled == true {
                    try await members[remark.by - 1].session { try await $0.resolve(asked) }
                }
            }
            let authors = try await members[0].session { organiser in
                try await organiser.adopt(draft.id, revision: draft.revision)
                return try await organiser.history(of: draft.id).map(\.author)
            }
            #expect(authors.count == demand.edits.count + 1)
            drafts.append(draft)
        }
        return drafts
    }

    private func open(_ plan: ID<Object>, _ story: WorkplaceStory, _ members: [Member]) async throws -> ID<Petition> {
        for trustee in story.trustees { try await members[trustee - 1].session { try await $0.offer(plan) } }
        _ = try await members[0].session { try await $0.assemble(plan) }
        for trustee in story.trustees {
            _ = try await members[trustee - 1].session { trustee in
                _ = try await trustee.preview(plan)
                return try await trustee.accept(plan)
            }
        }
        return try await members[0].session { try await $0.openPetition(plan) }
    }

    private func close(_ id: ID<Petition>, _ story: WorkplaceStory, _ members: [Member]) async throws {
        try await members[0].session { try await $0.closePetition(id) }
        for trustee in story.trustees.prefix(Int(story.threshold)) {
            try await members[trustee - 1].session { try await $0.release(id) }
        }
    }

    // MARK: Large workplaces: the same statements, made in bulk

    @Test(
        "138 and 641 people: the same from the protocol's own statements, made in bulk",
        arguments: [
            "138-annotation-floor", "641-bank-back-office",
        ])
    func bulk(_ file: String) throws {
        let story = try WorkplaceStory(file)
        let world = try World(members: story.members, eligible: story.eligible)
        let demands = try story.demands.map { demand -> PetitionDocument.Demand in
            let (title, text) = try story.start(of: demand)
            var (whole, base) = (title + "\n\n" + text, title + "\n\n" + text)
            for edit in demand.edits {
                if edit.together == true {
                    let merge = LineMerge(base: base, ours: edit.apply(to: base), theirs: whole)
                    whole = try #require(merge.text)
                } else {
                    base = whole
                    whole = edit.apply(to: whole)
                }
            }
            let parts = Draft.parts(whole)
            return .init(title: parts.title, text: parts.text)
        }
        let document = PetitionDocument(
            language: story.language, title: story.title, preamble: story.preamble, demands: demands)
        let trustees = story.trustees.map { world.people[$0 - 1] }
        let petition = try PetitionWorld(
            world, trustees: trustees, threshold: story.threshold, levels: story.levels, document: document,
            quorum: story.quorum)
        let names = Dictionary(uniqueKeysWithValues: story.names.map { ($0.by - 1, $0) })
        try petition.cosign(
            story.ballots.enumerated().map { i, ballot in
                let name = names[i].map { named in
                    (level: UInt8((story.levels.firstIndex(of: named.when) ?? 0) + 1), text: named.name)
                }
                return (world.people[i], ballot, name)
            })
        for (set, level) in story.levels.enumerated() where story.ballots.count >= level {
            for trustee in 0..<Int(story.threshold) { try petition.release(trustee, set: UInt8(set + 1)) }
        }
        try finish(petition, story)
        var records: [[UInt8]] = []
        var votes: [PetitionBundle] = []
        func record(_ document: RecordDocument) throws {
            try petition.record(document)
            records.append(document.bytes)
        }
        var documents: [Bytes32: [UInt8]] {
            Dictionary(uniqueKeysWithValues: records.map { (RecordDocument.digest(of: $0), $0) })
        }
        for round in story.rounds {
            try record(story.record(round.delivered))
            let response = try story.record(round.response)
            try record(response)
            guard let vote = round.vote else { continue }
            let countered = Negotiation.countered(by: response)
            let terms = RatificationTerms(
                petition: petition.log.id, response: response.digest, demands: countered.map(\.number),
                majority: try #require(Majority(vote.majority)))
            let document = PetitionDocument(
                language: story.language, title: story.title, preamble: terms.line,
                demands: countered.map { .init(title: demands[$0.number - 1].title, text: $0.text) })
            let ratification = try PetitionWorld(
                world, trustees: trustees, threshold: story.threshold, ratifying: terms, document: document,
                quorum: vote.quorum)
            try ratification.cosign(
                vote.choices.enumerated().map { i, choice in
                    (world.people[i], Array(repeating: choice, count: countered.count), nil)
                })
            try finish(ratification, story)
            votes.append(ratification.bundle)
        }
        let threads = Negotiation(petition.log, document: document, records: documents).threads
        try record(story.agreement(threads))
        // The votes' bundles contain the workplace's log of their time; the petition's contains the newest.
        try check(
            story, NegotiationHistory(petition: petition.bundle, records: records, ratifications: votes), file)
    }

    private func finish(_ petition: PetitionWorld, _ story: WorkplaceStory) throws {
        try petition.close()
        for trustee in 0..<Int(story.threshold) { try petition.release(trustee) }
    }
}
