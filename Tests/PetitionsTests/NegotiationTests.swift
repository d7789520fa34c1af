import Petitions
import Sodium
import TestSupport
import Testing

@Suite("Records, the negotiation that they tell, and votes on counter-offers")
struct NegotiationTests {
    private func record(
        _ what: PetitionStatement.Record.What, _ demands: [RecordDocument.Demand] = [], date: String = "2026-12-08"
    ) throws -> RecordDocument {
        try RecordDocument(
            what, language: "en", date: date, party: "HR \"director\"", note: "以书面\n形式", demands: demands)
    }

    @Test("A record is read back as it was written, whatever stands in it")
    func roundTrip() throws {
        let response = try record(
            .response,
            [
                .init(number: 1, answer: .accepted, text: ""), .init(number: 2, answer: .refused, text: "Too dear."),
                .init(number: 64, answer: .countered, text: "Thirty days.\n\u{1}🙂"),
            ])
        let again = try RecordDocument(parsing: response.bytes)
        #expect(again == response && again.digest == response.digest)
        #expect(again.demands.map(\.answer) == [.accepted, .refused, .countered])
        #expect(try record(.delivered).digest != record(.delivered).digest, "salted")
    }

    @Test("Whatever is not exactly a record is refused, by name")
    func strict() throws {
        let salt = Base64.encode(Random.bytes(32))
        func fault(_ change: (inout [String: String]) -> Void) -> RecordDocument.Fault? {
            var members = [
                "salt": "\"\(salt)\"", "record": "\"response\"", "language": "\"en\"", "date": "\"2026-12-08\"",
                "party": "\"\"", "note": "\"\"",
                "demands": "[{\"demand\":2,\"answer\":\"countered\",\"text\":\"x\"}]",
            ]
            change(&members)
            let json = "{" + members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
            do throws(RecordDocument.Fault) {
                _ = try RecordDocument(parsing: Array(json.utf8))
                return nil
            } catch { return error }
        }
        #expect(fault { _ in } == nil)
        #expect(fault { $0["extra"] = "1" } == .members && fault { $0["note"] = nil } == .members)
        #expect(fault { $0["salt"] = "\"AAAA\"" } == .salt && fault { $0["salt"] = "1" } == .salt)
        #expect(fault { $0["record"] = "\"answer\"" } == .kind)
        for date in ["2026-13-01", "2026-00-10", "2026-1-1", "26-12-08", "2026-12-8x", "", "2026-12-32", "+026-12-08"] {
            #expect(fault { $0["date"] = "\"\(date)\"" } == .date, "\(date)")
        }
        func demands(_ list: String) -> RecordDocument.Fault? { fault { $0["demands"] = list } }
        #expect(demands("[]") == nil && demands("{}") == .members && demands("[1]") == .members)
        for number in ["0", "65", "-1", "1.0", "1e0", "99999999999999999999"] {
            #expect(demands("[{\"demand\":\(number),\"answer\":\"refused\",\"text\":\"\"}]") == .demands, "\(number)")
        }
        #expect(demands("[{\"demand\":\"1\",\"answer\":\"refused\",\"text\":\"\"}]") == .members)
        #expect(demands("[{\"demand\":1,\"answer\":\"maybe\",\"text\":\"\"}]") == .answer)
        #expect(demands("[{\"demand\":1,\"answer\":\"\",\"text\":\"x\"}]") == .answer)
        #expect(demands("[{\"demand\":1,\"answer\":\"countered\",\"text\":\"\"}]") == .text)
        let (a, b) = (
            "{\"demand\":1,\"answer\":\"refused\",\"text\":\"\"}", "{\"demand\":2,\"answer\":\"refused\",\"text\":\"\"}"
        )
        #expect(demands("[\(a),\(b)]") == nil)
        #expect(demands("[\(b),\(a)]") == .demands && demands("[\(a),\(a)]") == .demands)
        #expect(fault { $0["record"] = "\"delivered\"" } == .answer)
        #expect(throws: RecordDocument.Fault.self) { try RecordDocument(parsing: [0xff]) }
        // Every byte of a good record matters, or the record is rejected.
        let good = try record(.response, [.init(number: 1, answer: .countered, text: "x")])
        for place in good.bytes.indices {
            var changed = good.bytes
            changed[place] ^= 1
            #expect(RecordDocument.digest(of: changed) != good.digest)
        }
    }

    @Test("Majorities: one spelling each, and the arithmetic of the edge")
    func majorities() throws {
        for text in ["more than 1/2 of votes", "at least 2/3 of eligible", "at least 1/1 of votes"] {
            #expect(Majority(text)?.text == text)
        }
        for text in [
            "", "more than 1/2", "more than 1/1 of votes", "at least 3/2 of votes", "at least 0/2 of votes",
            "at least 1/101 of votes", "at least 1/1000000000000000000000 of votes", "more than 01/2 of votes",
            "More than 1/2 of votes", "more than 1/2 of people", "more than 1/2 of votes ", "more than -1/2 of votes",
            "at least 1/2/3 of votes", "at least +1/2 of votes",
        ] { #expect(Majority(text) == nil, "\(text)") }
        let half = Majority.half
        #expect(half.text == "more than 1/2 of votes")
        #expect(half.isReached(accepting: 2, rejecting: 1, eligible: 100))
        #expect(!half.isReached(accepting: 2, rejecting: 2, eligible: 4))
        #expect(!half.isReached(accepting: 0, rejecting: 0, eligible: 4))
        let third = try #require(Majority("at least 2/3 of eligible"))
        #expect(third.isReached(accepting: 4, rejecting: 2, eligible: 6))
        #expect(!third.isReached(accepting: 3, rejecting: 0, eligible: 6))
        #expect(!third.isReached(accepting: 0, rejecting: 0, eligible: 0))
        // More people than 32 bits can hold when multiplied by a hundred.
        let nearlyAll = try #require(Majority("at least 99/100 of eligible"))
        #expect(!nearlyAll.isReached(accepting: 1 << 20, rejecting: 0, eligible: .max))
    }

    @Test("The terms of a vote stand in one line, in one spelling")
    func terms() throws {
        let terms = RatificationTerms(
            petition: ID(Random.bytes32()), response: Random.bytes32(), demands: [3, 5, 64], majority: .half)
        #expect(RatificationTerms(line: terms.line) == terms)
        for line in [
            "", terms.line + " ", " " + terms.line, terms.line.uppercased(), String(terms.line.dropLast()),
            terms.line.replacing("3, 5", with: "5, 3"), terms.line.replacing("3, 5", with: "3,5"),
            terms.line.replacing("3, 5", with: "0, 5"), terms.line.replacing("64", with: "65"),
            terms.line.replacing("more", with: "less"),
        ] where line != terms.line { #expect(RatificationTerms(line: line) == nil, "\(line)") }
        #expect(RatificationTerms.prose("We ask.\n\n" + terms.line) == "We ask.")
        #expect(RatificationTerms.prose("We ask.\n[not terms]") == "We ask.\n[not terms]")
        #expect(RatificationTerms.prose(terms.line) == "")
    }

    /// A closed petition with records.
    private func negotiated() throws -> (PetitionWorld, [Bytes32: [UInt8]]) {
        let world = try World(members: 5)
        let petition = try PetitionWorld(world)
        try petition.cosign(world.people[1])
        try petition.close()
        var documents: [Bytes32: [UInt8]] = [:]
        for document in [
            try record(.delivered),
            try record(
                .response,
                [.init(number: 1, answer: .accepted, text: ""), .init(number: 2, answer: .countered, text: "Less.")]),
            try record(.delivered, [.init(number: 2, text: "A little less.")]),
            try record(.response, [.init(number: 2, answer: .refused, text: "No.")]),
            try record(.agreement, [.init(number: 1, text: "First.")]),
        ] {
            documents[document.digest] = document.bytes
            try petition.record(document)
        }
        return (petition, documents)
    }

    @Test("The fold: rounds, both wordings, and where each demand stands after every record")
    func fold() throws {
        let (petition, documents) = try negotiated()
        let negotiation = Negotiation(petition.log, document: petition.document, records: documents)
        #expect(negotiation.rounds == 2 && negotiation.entries.map(\.round) == [1, 1, 2, 2, 2])
        #expect(negotiation.entries.allSatisfy { $0.document != nil })
        #expect(negotiation.entries.map(\.leaf) == [3, 4, 5, 6, 7])
        let threads = negotiation.threads
        #expect(threads.map(\.status) == [.agreed, .refused])
        #expect(threads[0].title == "One" && threads[0].agreed == "First.")
        #expect(threads[1].ours == "A little less." && threads[1].theirs == nil)
        #expect(threads[1].steps.map(\.answer) == [.countered, nil, .refused])
        // Before anything was recorded, and with documents that are missing or somebody else's.
        let bare = Negotiation(petition.log, document: nil, records: [:])
        #expect(bare.threads.map(\.status) == [.awaiting, .awaiting] && bare.threads[1].ours == "")
        var wrong = documents
        for digest in documents.keys { wrong[digest] = Array("{}".utf8) }
        #expect(Negotiation(petition.log, document: nil, records: wrong).entries.allSatisfy { $0.document == nil })
    }

    @Test("A history is one file that verifies; a record too many, one missing and a foreign vote are told")
    func history() throws {
        let (petition, documents) = try negotiated()
        let records = petition.log.records.compactMap { documents[$0.record.digest] }
        var history = NegotiationHistory(petition: petition.bundle, records: records, ratifications: [])
        func audit(_ history: NegotiationHistory) throws -> AuditedHistory {
            try AuditedHistory(auditing: NegotiationHistory(parsing: history.serialized))
        }
        let good = try audit(history)
        #expect(good.faults.isEmpty && good.missingRecords == 0 && good.negotiation.rounds == 2)
        #expect(NegotiationHistory.isHistory(history.serialized))
        #expect(!NegotiationHistory.isHistory(petition.bundle.serialized))
        history.records.append(records[0])
        #expect(try audit(history).faults.map(\.description) == ["record line 5: of no record in the log, or twice"])
        history.records = Array(records.dropFirst())
        #expect(try audit(history).faults.isEmpty)
        #expect(try audit(history).missingRecords == 1)
        history.ratifications = [petition.bundle]
        #expect(try audit(history).faults.count == 1)
        let text = String(decoding: history.serialized, as: UTF8.self)
        for bad in [
            text + "{}\n", String(text.dropLast()), text.replacing("history/1", with: "history/2"),
            text.replacing("\"bundle\"", with: "\"bundel\""), "\n" + text,
        ] {
            #expect(throws: PetitionBundle.Unreadable.self) { try NegotiationHistory(parsing: Array(bad.utf8)) }
        }
    }

    @Test("A vote in other words than the response's, or over another log of the workplace, is a fault of the history")
    func falseVotes() throws {
        let world = try World(members: 5)
        let petition = try PetitionWorld(world)
        try petition.close()
        let answer = try record(.response, [.init(number: 2, answer: .countered, text: "第二。")])
        try petition.record(record(.delivered))
        try petition.record(answer)
        func audit(_ demands: [Int], text: String, in world: World) throws -> AuditedHistory {
            let terms = RatificationTerms(
                petition: petition.log.id, response: answer.digest, demands: demands, majority: .half)
            let document = PetitionDocument(
                language: "en", title: "T", preamble: terms.line,
                demands: demands.map { _ in .init(title: "T", text: text) })
            let vote = try PetitionWorld(world, ratifying: terms, document: document)
            return try AuditedHistory(
                auditing: NegotiationHistory(
                    petition: petition.bundle,
                    records: petition.log.records.map {
                        $0.record.digest == answer.digest ? answer.bytes : Array("{}".utf8)
                    }
                    .filter { $0 == answer.bytes }, ratifications: [vote.bundle]))
        }
        let good = try audit([2], text: "第二。", in: world)
        #expect(good.faults == [] && good.ratifications.map(\.outcome) == [.open])
        let other = try audit([2], text: "第三。", in: world)
        #expect(other.ratifications.map(\.outcome) == [.otherWords])
        #expect(other.faults.map(\.description) == ["ratification line 0: asks about other words than the response's"])
        #expect(try audit([1], text: "第二。", in: world).faults.count == 1, "a demand that it does not counter")
        // The same founding and members, then a vote over a log that continues differently.
        let fork = World(forking: world)
        try fork.admit()
        try world.admit()
        let forked = try audit([2], text: "第二。", in: fork)
        #expect(
            forked.faults.map(\.description) == [
                "ratification line 0: its workplace log is another than the petition's"
            ])
    }

    @Test("A vote is judged by its terms, its quorum and the eligible count")
    func ratification() throws {
        let (petition, _) = try negotiated()
        let response = petition.log.records[1].record.digest
        let world = petition.world
        func vote(_ majority: Majority, accepting: Int, rejecting: Int, quorum: UInt32 = 1) throws -> Ratification {
            let terms = RatificationTerms(
                petition: petition.log.id, response: response, demands: [2], majority: majority)
            let vote = try PetitionWorld(world, ratifying: terms, quorum: quorum)
            for (i, person) in world.people.prefix(accepting + rejecting).enumerated() {
                try vote.cosign(person, choices: [i < accepting ? 1 : 2])
            }
            func ratification() throws -> Ratification {
                let tally = vote.log.tally(in: world.log)
                return try #require(Ratification(vote.log, tally, document: vote.document))
            }
            #expect(try ratification().outcome == .open)
            try vote.close()
            #expect(try ratification().outcome == .sealed)
            try vote.release(0)
            try vote.release(1)
            #expect(
                Ratification(vote.log, vote.log.tally(in: world.log), document: nil)?.outcome == .unknown)
            return try ratification()
        }
        let carried = try vote(.half, accepting: 3, rejecting: 1)
        #expect(carried.outcome == .carried && carried.questions.map(\.demand) == [2])
        #expect(try vote(.half, accepting: 2, rejecting: 2).outcome == .lost)
        #expect(try vote(.half, accepting: 3, rejecting: 0, quorum: 4).outcome == .lost)
        let most = try #require(Majority("more than 1/2 of eligible"))
        #expect(try vote(most, accepting: 4, rejecting: 0).outcome == .lost, "4 of 50 people")
        #expect(Ratification(petition.log, petition.log.tally(in: world.log), document: petition.document) == nil)
    }
}
