import Sodium

/// A negotiation as its records tell it: the fold of a petition's Recorded statements with the documents behind them.
public struct Negotiation: Sendable {
    /// A record in the log.
    public struct Entry: Sendable {
        public let leaf: Int
        public let record: PetitionStatement.Record
        /// The organiser who recorded it.
        public let signer: Bytes32
        /// From 1; a delivery begins a round.
        public let round: Int
        /// Nil when it is not here, or is of a form that this program does not know.
        public let document: RecordDocument?
    }

    public enum Status: String, Sendable {
        case undelivered, awaiting, accepted, refused, countered, agreed
    }

    /// What was said about one demand.
    public struct Step: Sendable, Equatable {
        public let leaf: Int
        public let round: Int
        public let what: PetitionStatement.Record.What
        public let answer: RecordDocument.Answer?
        public let text: String
    }

    public struct Thread: Sendable {
        /// Of the petition, from 1.
        public let number: Int
        public let title: String
        /// Our side's wording as it stands.
        public fileprivate(set) var ours: String
        /// The employer's last wording; nil when there is none.
        public fileprivate(set) var theirs: String?
        /// The wording that was agreed on.
        public fileprivate(set) var agreed: String?
        public fileprivate(set) var status: Status
        public fileprivate(set) var steps: [Step] = []
    }

    public private(set) var entries: [Entry] = []
    public private(set) var threads: [Thread]
    public private(set) var rounds = 0

    /// - Parameters:
    ///   - document: the petition's; without it the threads have no wording.
    ///   - records: documents by digest. One that is not what its digest says is not used.
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

    /// The responses on record, by digest, with their documents where they are here.
    public var responses: [Bytes32: RecordDocument?] {
        // The first of each digest. A loop, because Embedded Swift has no initialiser that resolves repeated keys.
        var responses: [Bytes32: RecordDocument?] = [:]
        for (record, document) in entries.map({ ($0.record, $0.document) }) where record.what == .response {
            if responses.index(forKey: record.digest) == nil { responses.updateValue(document, forKey: record.digest) }
        }
        return responses
    }

    /// The demands that a response counters.
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
            // An answer to other words than those that stand now.
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
