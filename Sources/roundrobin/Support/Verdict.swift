import Petitions
import Sodium

/// A verdict as JSON, with exactly the members that docs/protocol.md, section 9 names.
struct Verdict: Encodable {
    struct Name: Encodable {
        let member: Int
        let name: String
    }

    let petition: String
    let ring: Int
    let eligible: UInt32
    let cosignatures: Int
    let withdrawn: Int
    let closed: Bool
    let spoiled: Int?
    let questions: [[Int]]?
    let names: [Name]
    let faults: [String]

    init(_ audited: AuditedPetition) {
        let tally = audited.tally
        petition = audited.petition.id.hex
        (ring, eligible, cosignatures) = (tally.ring, tally.eligible, tally.cosignatures)
        (withdrawn, closed, spoiled, questions) = (tally.withdrawn, tally.closed, tally.spoiled, tally.questions)
        names = audited.names.map { Name(member: $0.member, name: $0.name) }
        faults = audited.faults.map(\.description)
    }

    private enum Key: CodingKey {
        case petition, ring, eligible, cosignatures, withdrawn, closed, spoiled, questions, names, faults
    }

    /// By hand, because what is not known yet is null and not absent.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(petition, forKey: .petition)
        try container.encode(ring, forKey: .ring)
        try container.encode(eligible, forKey: .eligible)
        try container.encode(cosignatures, forKey: .cosignatures)
        try container.encode(withdrawn, forKey: .withdrawn)
        try container.encode(closed, forKey: .closed)
        try container.encode(spoiled, forKey: .spoiled)
        try container.encode(questions, forKey: .questions)
        try container.encode(names, forKey: .names)
        try container.encode(faults, forKey: .faults)
    }
}

/// A verdict with its figures by the names of their choices, and with what is not proven: for programs that people write.
struct NamedVerdict<Own: Encodable>: Encodable {
    /// For each demand, ballots by choice.
    let choices: [[String: Int]]?
    let not_proven: NotProven.Facts
    let verdict: Own

    init(_ audited: AuditedPetition, _ verdict: Own) {
        let names = Choices.facts(of: audited.petition.manifest.kind)
        choices = audited.tally.questions?.map { counts in
            Dictionary(
                counts.enumerated().map { ($0 < names.count ? names[$0] : "\($0)", $1) }, uniquingKeysWith: { $1 })
        }
        not_proven = NotProven(audited).facts
        self.verdict = verdict
    }
}

/// A history's verdict: its petition's, and what came after.
struct HistoryVerdict: Encodable {
    struct Demand: Encodable {
        let demand: Int
        let status: String
    }

    let petition: Verdict
    let demands: [Demand]
    let rounds: Int
    let missing_records: Int
    let ratifications: [NegotiationText.Facts.Vote]
    let faults: [String]

    init(_ history: AuditedHistory) {
        petition = Verdict(history.petition)
        demands = history.negotiation.threads.map { Demand(demand: $0.number, status: $0.status.rawValue) }
        (rounds, missing_records) = (history.negotiation.rounds, history.missingRecords)
        ratifications = history.ratifications.map(NegotiationText.Facts.Vote.init)
        faults = history.faults.map(\.description)
    }
}
