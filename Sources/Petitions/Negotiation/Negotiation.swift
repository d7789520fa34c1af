import Sodium

/// A negotiation as its records tell it: a petition's Recorded statements folded, with the documents they refer to.
public struct Negotiation: Sendable {
    /// A record in the log.
    public struct Entry: Sendable {
        /// The record's index in the petition's log.
        public let leaf: Int
        /// The kind of record, and its document's digest.
        public let record: PetitionStatement.Record
        /// The organiser who recorded it.
        public let signer: Bytes32
        /// From 1; each delivery begins a round.
        public let round: Int
        /// Nil if it is missing, or has a form that this program does not know.
        public let document: RecordDocument?
    }

    /// Where the negotiation of one demand stands.
    public enum Status: String, Sendable {
        case undelivered, awaiting, accepted, refused, countered, agreed
    }

    /// One demand in one record.
    public struct Step: Sendable, Equatable {
        /// The record's index in the petition's log.
        public let leaf: Int
        /// The round in which it was recorded.
        public let round: Int
        /// The kind of record.
        public let what: PetitionStatement.Record.What
        /// The employer's answer; nil in a delivery and in an agreement.
        public let answer: RecordDocument.Answer?
        /// A wording or a reason.
        public let text: String
    }

    /// The negotiation of one demand.
    public struct Thread: Sendable {
        /// The demand's number in the petition, from 1.
        public let number: Int
        /// The demand's title; empty without the petition's document.
        public let title: String
        /// Our side's current wording.
        public fileprivate(set) var ours: String
        /// The employer's latest wording; nil if there is none.
        public fileprivate(set) var theirs: String?
        /// The agreed wording.
        public fileprivate(set) var agreed: String?
        /// Where the demand stands now.
        public fileprivate(set) var status: Status
        /// Every step, in the order of the log.
        public fileprivate(set) var steps: [Step] = []
    }

    /// Every record, in the order of the log.
    public private(set) var entries: [Entry] = []
    /// One for each demand, in the petition's order.
    public private(set) var threads: [Thread]
    /// How many rounds have begun.
    public private(set) var rounds = 0

    /// Folds a petition's records.
    /// - Parameters:
    ///   - document: the petition's; without it the threads have no title, and our wording is empty.
    ///   - records: documents by digest. A document that does not match its digest is ignored.
    public init(_ log: PetitionLog, document: PetitionDocument?, records: [Bytes32: [UInt8]]) {
        threads = log.manifest.options.indices.map { i in
            let demand = document.flatMap { $0.demands.indices.contains(i) ? $0.demands[i] : nil }
            return Thread(
                number: i + 1, title: demand?.title ?? "", ours: demand?.text ?? "", theirs: nil, agreed: nil,
                status: .undelivered)
        }
        for (leaf, record, signer) in log.records { add(record, at: leaf, by: signer, records[record.digest]) }
    }

    private mutating func add(
        _ record: PetitionStatement.Record, at leaf: Int, by signer: Bytes32, _ bytes: [UInt8]?
    ) {
        if record.what == .delivered || rounds == 0 { rounds += 1 }
        var document: RecordDocument?
        if let bytes, RecordDocument.digest(of: bytes) == record.digest,
            let parsed = try? RecordDocument(parsing: bytes), parsed.what == record.what,
            parsed.demands.allSatisfy({ $0.number <= threads.count })
        {
            document = parsed
        }
        entries.append(Entry(leaf: leaf, record: record, signer: signer, round: rounds, document: document))
        if record.what == .delivered {
            for i in threads.indices where threads[i].status == .undelivered { threads[i].status = .awaiting }
        }
        for demand in document?.demands ?? [] {
            threads[demand.number - 1].apply(demand, of: record.what, at: leaf, round: rounds)
        }
    }

    /// The recorded responses by digest, with those documents that are here.
    public var responses: [Bytes32: RecordDocument?] {
        // Keeps the first of each digest. A loop, because Embedded Swift lacks the initialiser that resolves repeated
        // keys.
        var responses: [Bytes32: RecordDocument?] = [:]
        for (record, document) in entries.map({ ($0.record, $0.document) }) where record.what == .response {
            if responses.index(forKey: record.digest) == nil { responses.updateValue(document, forKey: record.digest) }
        }
        return responses
    }

    /// The demands that a response answers with a counter-offer.
    public static func countered(by response: RecordDocument) -> [RecordDocument.Demand] {
        response.demands.filter { $0.answer == .countered }
    }
}

extension Negotiation.Thread {
    fileprivate mutating func apply(
        _ demand: RecordDocument.Demand, of what: PetitionStatement.Record.What, at leaf: Int, round: Int
    ) {
        steps.append(.init(leaf: leaf, round: round, what: what, answer: demand.answer, text: demand.text))
        switch (what, demand.answer) {
        case (.delivered, _):
            ours = demand.text
            // The earlier answer was to another wording than the current one.
            theirs = nil
            agreed = nil
            status = .awaiting
        case (.response, .accepted):
            theirs = nil
            status = .accepted
        case (.response, .refused): status = .refused
        case (.response, _):
            theirs = demand.text
            agreed = nil
            status = .countered
        case (.agreement, _):
            agreed = demand.text
            status = .agreed
        }
    }
}
