import Petitions
import Sodium

/// A verdict as JSON, with exactly the members that docs/protocol.md, section 9 names.
package struct Verdict: Encodable {
    package struct Name: Encodable {
        package let member: Int
        package let name: String
    }

    package let petition: String
    package let ring: Int
    package let eligible: UInt32
    package let cosignatures: Int
    package let withdrawn: Int
    package let closed: Bool
    package let spoiled: Int?
    package let questions: [[Int]]?
    package let names: [Name]
    package let faults: [String]

    package init(_ audited: AuditedPetition) {
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
    package func encode(to encoder: any Encoder) throws {
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
package struct NamedVerdict<Own: Encodable>: Encodable {
    /// For each demand, ballots by choice.
    package let choices: [[String: Int]]?
    package let not_proven: NotProven.Facts
    /// Who opened, extended, closed and recorded.
    package let signers: [SignersText.Facts]
    package let verdict: Own

    package init(_ audited: AuditedPetition, _ verdict: Own) {
        let names = Choices.facts(of: audited.petition.manifest.kind)
        choices = audited.tally.questions?.map { counts in
            Dictionary(
                counts.enumerated().map { ($0 < names.count ? names[$0] : "\($0)", $1) }, uniquingKeysWith: { $1 })
        }
        not_proven = NotProven(audited).facts
        signers = SignersText(audited.petition, in: audited.workplace).facts
        self.verdict = verdict
    }
}

/// A history's verdict: its petition's, and what came after.
package struct HistoryVerdict: Encodable {
    package struct Demand: Encodable {
        package let demand: Int
        package let status: String
    }

    package let petition: Verdict
    package let demands: [Demand]
    package let rounds: Int
    package let missing_records: Int
    package let ratifications: [NegotiationText.Facts.Vote]
    package let faults: [String]

    package init(_ history: AuditedHistory) {
        petition = Verdict(history.petition)
        demands = history.negotiation.threads.map { Demand(demand: $0.number, status: $0.status.rawValue) }
        (rounds, missing_records) = (history.negotiation.rounds, history.missingRecords)
        ratifications = history.ratifications.map(NegotiationText.Facts.Vote.init)
        faults = history.faults.map(\.description)
    }
}
