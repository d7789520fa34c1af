import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import CoSigning

@Suite("Clearance to sign")
struct ClearanceTests {
    private let now = ServedWorkplace.now

    /// Why supporting is refused; nil if it is cleared.
    private func refusal(
        _ device: Device, _ workplace: ServedWorkplace, _ petition: PetitionWorld, seen: Set<Warning> = [],
        at now: UInt64 = ServedWorkplace.now, leeway: UInt64 = 0
    ) throws -> CoSigningError? {
        try refusal(.support, device, workplace, petition, seen: seen, at: now, leeway: leeway)
    }

    private func refusal(
        _ decision: Decision, _ device: Device, _ workplace: ServedWorkplace, _ petition: PetitionWorld,
        seen: Set<Warning> = [], at now: UInt64 = ServedWorkplace.now, leeway: UInt64 = 0
    ) throws -> CoSigningError? {
        workplace.serve()
        var view = try workplace.view(petition, device.identity)
        view.leeway = leeway
        do throws(CoSigningError) {
            let clearance = try view.clear(decision, for: device.identity, having: device.memory, seen: seen, at: now)
            #expect(clearance.warnings == seen)
            return nil
        } catch { return error }
    }

    @Test("A warning that the person has not seen stops the sending until it has been shown")
    func unseen() throws {
        let workplace = try ServedWorkplace(members: 9, eligible: 8)
        let petition = try workplace.open()
        let device = Device(workplace.world.people[1])
        let (few, large) = (
            Warning.fewSettledSeats(settled: 9, live: 9), Warning.ringLargerThanEligible(ring: 9, eligible: 8)
        )
        for (seen, missing) in [
            ([], [few, large]), ([few], [large]), ([large], [few]), ([few, large, .nameIsOut], []),
            ([.fewSettledSeats(settled: 8, live: 9), large], [few]),
        ] as [(Set<Warning>, Set<Warning>)] {
            switch try refusal(device, workplace, petition, seen: seen) {
            case .unseenWarnings(let unseen)?: #expect(Set(unseen) == missing && unseen.count == missing.count)
            case nil: #expect(missing.isEmpty)
            case let other?: Issue.record("\(other)")
            }
        }
        // Agreement does not extend to what a later reading brings.
        try workplace.world.rotateRing(of: workplace.world.people[2])
        #expect(
            try refusal(device, workplace, petition, seen: [few, large])
                == .unseenWarnings([.fewSettledSeats(settled: 8, live: 9)]))
    }

    @Test("A ballot that supports no demand is not sent; in a vote rejecting is an answer")
    func supportsNothing() throws {
        let workplace = try ServedWorkplace()
        let petition = try workplace.open()
        let device = Device(workplace.world.people[1])
        for (choices, expected) in [
            ([0, 0], .supportsNothing), ([2, 2], .supportsNothing), ([2, 0], .supportsNothing), ([2, 1], nil),
            ([1, 0], nil), ([1], .answersCount(2)), ([1, 1, 1], .answersCount(2)), ([], .answersCount(2)),
            ([1, 3], .rule(.options)),
        ] as [([UInt8], CoSigningError?)] {
            let error = try refusal(.sign(choices: choices, remark: "", name: nil), device, workplace, petition)
            if expected == .rule(.options) {
                guard case .rule? = error else { Issue.record("\(choices)"); continue }
            } else {
                #expect(error == expected, "\(choices)")
            }
        }
        let story = try VoteStory(members: 12)
        let voter = Device(story.workplace.world.people[1])
        for choice in [0, 1, 2] as [UInt8] {
            let decision = Decision.sign(choices: [choice], remark: "", name: nil)
            #expect(try refusal(decision, voter, story.workplace, story.vote) == nil)
        }
    }

    @Test("A remark fits into the ballot, or is refused with the most that does")
    func remark() throws {
        let workplace = try ServedWorkplace()
        let petition = try workplace.open()
        let device = Device(workplace.world.people[1])
        let most = Int(petition.manifest.ballotLength) - 2 - 5
        func refusal(_ remark: String) throws -> CoSigningError? {
            try self.refusal(.sign(choices: [1, 1], remark: remark, name: nil), device, workplace, petition)
        }
        #expect(try refusal(String(repeating: "x", count: most)) == nil)
        #expect(try refusal(String(repeating: "x", count: most + 1)) == .remarkLength(most: most))
        #expect(try refusal(String(repeating: "ä", count: most / 2 + 1)) == .remarkLength(most: most), "bytes")
        #expect(try refusal("Zwei\nZeilen, ein Gewehr\u{200d}.") == nil)
        for (remark, line, code) in [
            ("within \u{202e}41\u{202c} days", 1, "U+202E"), ("a\nb\u{200b}", 2, "U+200B"), ("a\u{1b}[2J", 1, "U+001B"),
        ] { #expect(try refusal(remark) == .remarkHidden(line: line, code)) }
        var memory = Memory()
        let longest = Decision.sign(choices: [1, 1], remark: String(repeating: "x", count: most), name: nil)
        _ = try workplace.view(petition, device.identity)
            .clear(longest, for: device.identity, having: memory, seen: [], at: now).make(in: &memory)
    }

    @Test("Without the wording, with another one, or with one that does not open, nothing is sent")
    func wording() throws {
        let workplace = try ServedWorkplace()
        let (world, petition) = (workplace.world, try workplace.open())
        let id = petition.log.id
        let device = Device(world.people[1])
        let good = try #require(workplace.served.documents[id])
        #expect(try refusal(device, workplace, petition) == nil)
        workplace.served.documents[id] = nil
        #expect(try refusal(device, workplace, petition) == .wording(.missing))
        workplace.served.documents[id] = good.dropLast()
        #expect(try refusal(device, workplace, petition) == .wording(.otherDocument))
        // Sealed by a member who has not announced the petition.
        workplace.served.documents[id] = try petition.storedDocument(by: world.people[2]).bytes
        #expect(try refusal(device, workplace, petition) == .wording(.otherDocument))
        // Another text under this petition's name.
        let other = try PetitionWorld(world)
        guard let key = world.groupKeys.key(epoch: 0) else { throw RuleViolation.epoch }
        workplace.served.documents[id] = try StoredObject.seal(
            other.document.bytes, kind: .document, id: id.document, after: nil, in: world.log.id, under: key,
            by: world.founder.seed.signingKey()
        ).bytes
        #expect(try refusal(device, workplace, petition) == .wording(.otherDocument))
        // The right text as another kind of object, or under another petition's id.
        workplace.served.documents[id] = try StoredObject.seal(
            petition.document.bytes, kind: .draft, id: id.document, after: nil, in: world.log.id, under: key,
            by: world.founder.seed.signingKey()
        ).bytes
        #expect(try refusal(device, workplace, petition) == .wording(.otherDocument))
        workplace.served.documents[id] = try other.storedDocument().bytes
        #expect(try refusal(device, workplace, petition) == .wording(.otherDocument))
        // An epoch that the log has not committed to, so nobody has a wrap of it.
        let invented = GroupKey.generate(epoch: 7)
        workplace.served.documents[id] = try StoredObject.seal(
            petition.document.bytes, kind: .document, id: id.document, after: nil, in: world.log.id, under: invented,
            by: world.founder.seed.signingKey()
        ).bytes
        #expect(try refusal(device, workplace, petition) == .tooFewLiveSeats(0, least: 5))
        workplace.served.documents[id] = good
        workplace.served.wraps = [:]
        #expect(try refusal(device, workplace, petition) == .tooFewLiveSeats(0, least: 5))
    }

    @Test("Only who has a key in the ring signs, and only a petition that is open")
    func openings() throws {
        let workplace = try ServedWorkplace()
        let (world, petition) = (workplace.world, try workplace.open(closes: ServedWorkplace.now))
        let device = Device(world.people[1])
        let late = try world.admit()
        try workplace.wrapForAll()
        #expect(try refusal(Device(late), workplace, petition, at: now - 1) == .notInRing)
        #expect(try refusal(Device(Person()), workplace, petition, at: now - 1) == .notInRing)
        #expect(try refusal(device, workplace, petition, at: now - 1) == nil)
        for (clock, leeway, expected) in [
            (now, 0, nil), (now + 3600, 0, nil), (now + 3601, 0, .closesLate), (now + 3600, 2, .closesLate),
            (now + 1, 7199, nil), (now + 2, 7199, .closesLate),
        ] as [(UInt64, UInt64, CoSigningError?)] {
            #expect(try refusal(device, workplace, petition, at: clock, leeway: leeway) == expected)
        }
        try petition.closeByDeadline()
        workplace.serve()
        #expect(try refusal(device, workplace, petition, at: now - 1) == .closed)
        #expect(try refusal(device, workplace, petition, at: now + 9999) == .closed)
        let view = try workplace.view(petition, device.identity)
        #expect(view.petition.isClosedEarly(at: now - 1) && !view.petition.isClosedEarly(at: now))
        let other = try workplace.open()
        try other.close()
        #expect(try refusal(device, workplace, other) == .closed)
        #expect(try workplace.view(other, device.identity).petition.isClosedEarly(at: 0) == false, "an organiser may")
    }

    @Test("A vote needs its terms, and a response that stands in the petition it is about")
    func votes() throws {
        for (story, expected) in [
            (try VoteStory(members: 12), nil),
            (try VoteStory(members: 12, isRecorded: false), .voteResponse),
            (try VoteStory(members: 12, preamble: "Vote as you like."), .voteTerms),
        ] as [(VoteStory, CoSigningError?)] {
            let device = Device(story.workplace.world.people[1])
            let decision = Decision.sign(choices: [1], remark: "", name: nil)
            #expect(try refusal(decision, device, story.workplace, story.vote) == expected)
        }
        let story = try VoteStory(members: 12, isRecorded: false)
        // A delivery is not a response.
        try story.petition.record(
            RecordDocument(.delivered, language: "en", date: "2026-12-08", party: "", note: "", demands: []))
        let device = Device(story.workplace.world.people[1])
        #expect(
            try refusal(.sign(choices: [1], remark: "", name: nil), device, story.workplace, story.vote)
                == .voteResponse)
    }

    @Test("A name opens at one of the petition's counts; what it means is shown before")
    func levels() throws {
        let workplace = try ServedWorkplace()
        let petition = try workplace.open(levels: [2, 4])
        var device = Device(workplace.world.people[1])
        func named(_ name: String, _ count: UInt32) -> Decision { .support(name: name, at: count) }
        #expect(try refusal(named("A", 3), device, workplace, petition) == .noSuchLevel([2, 4]))
        for length in [0, 241] {
            let name = String(repeating: "x", count: length)
            #expect(try refusal(named(name, 2), device, workplace, petition) == .nameLength)
        }
        #expect(try refusal(named("A", 2), device, workplace, petition) == .unseenWarnings([.nameOpens(count: 2)]))
        try device.send(named("A", 4), workplace, petition, seen: [.nameOpens(count: 4)])
        #expect(device.memory.status(of: petition.log.id) == .signedWithName(2))
        #expect(try refusal(device, workplace, petition) == .unseenWarnings([.nameDropped]))
        try petition.cosign(workplace.world.people[2])
        try petition.release(0, set: 1)
        #expect(try refusal(named("A", 2), device, workplace, petition) == .unseenWarnings([.nameAtOnce]))
        #expect(try refusal(named("A", 4), device, workplace, petition) == .unseenWarnings([.nameOpens(count: 4)]))
        // Judged by the log, not by what this device remembers.
        try petition.cosign(workplace.world.people[3])
        try petition.cosign(workplace.world.people[4])
        try petition.release(0, set: 2)
        let restored = Device(device.identity)
        for decision in [.support, .withdraw, named("B", 4)] as [Decision] {
            #expect(try refusal(decision, restored, workplace, petition) == .unseenWarnings([.nameIsOut]))
            #expect(try refusal(decision, restored, workplace, petition, seen: [.nameIsOut]) == nil)
        }
        let plain = try workplace.open()
        #expect(try refusal(named("A", 2), device, workplace, plain) == .noSuchLevel([]))
    }

    @Test(
        "While something sent is unsettled or promised, nothing else goes out for that petition, and for others it does"
    )
    func unsettled() throws {
        let workplace = try ServedWorkplace()
        let (petition, other) = (try workplace.open(), try workplace.open())
        var device = Device(workplace.world.people[1])
        let sending = try device.make(.support, workplace, petition)
        for decision in [.support, .withdraw] as [Decision] {
            #expect(try refusal(decision, device, workplace, petition) == .unsettled)
        }
        #expect(try refusal(device, workplace, other) == nil)
        let until = now + 7200
        _ = try device.memory.take(workplace.promise(petition, sending.statement, until: until), to: sending, at: now)
        for decision in [.support, .withdraw] as [Decision] {
            #expect(try refusal(decision, device, workplace, petition) == .held(until: until))
        }
        #expect(try refusal(device, workplace, other) == nil)
    }

    @Test("A withdrawal needs verified logs and a co-signature that stands, and no more")
    func withdrawal() throws {
        let workplace = try ServedWorkplace()
        let (world, petition) = (workplace.world, try workplace.open())
        var device = Device(world.people[1])
        #expect(try refusal(.withdraw, device, workplace, petition) == .nothingToWithdraw)
        try device.send(.support, workplace, petition)
        // No document, no wraps, hardly any members left, and a restored device.
        workplace.served.documents = [:]
        workplace.served.wraps = [:]
        for person in world.people[2...] { try world.remove(person) }
        #expect(try refusal(.withdraw, Device(device.identity), workplace, petition) == nil)
        #expect(try refusal(.withdraw, Device(world.people[3]), workplace, petition) == .nothingToWithdraw)
        #expect(try refusal(.withdraw, Device(Person()), workplace, petition) == .notInRing)
        var withdrawn = device
        try withdrawn.send(.withdraw, workplace, petition)
        #expect(withdrawn.memory.status(of: petition.log.id) == .withdrawn)
        #expect(try refusal(.withdraw, withdrawn, workplace, petition) == .nothingToWithdraw)
        try petition.close()
        #expect(try refusal(.withdraw, withdrawn, workplace, petition) == .closed)
    }

    @Test("Sequences follow what stands under the tag, whichever device sent it")
    func sequences() throws {
        let workplace = try ServedWorkplace()
        let petition = try workplace.open()
        let person = workplace.world.people[1]
        var device = Device(person)
        for expected in 0..<3 as Range<UInt32> {
            let sending = try device.send(.support, workplace, petition)
            #expect(try PetitionStatement(decoding: sending.statement).coSigned?.sequence == expected)
        }
        var restored = Device(person)
        let sending = try restored.send(.withdraw, workplace, petition)
        #expect(try PetitionStatement(decoding: sending.statement).coSigned?.sequence == 3)
    }
}
