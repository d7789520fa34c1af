// docs/protocol.md, section 4, "Recorded" and "The document"; docs/records.md

import Sodium

/// The document behind a Recorded statement: a delivery, the employer's response, or the agreement, demand by demand.
/// The digest is of the published bytes.
public struct RecordDocument: Sendable, Equatable {
    /// The employer's answer to one demand.
    public enum Answer: String, Sendable, CaseIterable {
        case accepted, refused, countered
    }

    /// One demand in the record.
    public struct Demand: Sendable, Equatable {
        /// The demand's number in the petition, from 1.
        public let number: Int
        /// The answer in a response; nil in a delivery and in an agreement.
        public let answer: Answer?
        /// A wording (ours in a delivery, theirs in a counter-offer, both sides' in an agreement), or a reason.
        public let text: String

        /// Checks nothing; `RecordDocument` does.
        public init(number: Int, answer: Answer? = nil, text: String) {
            (self.number, self.answer, self.text) = (number, answer, text)
        }
    }

    /// The kind of record.
    public let what: PetitionStatement.Record.What
    /// The language tag of its texts.
    public let language: String
    /// `2026-12-08`, as the writer states it; nothing proves it.
    public let date: String
    /// Whoever spoke for the employer.
    public let party: String
    /// A remark on the whole record; may be empty.
    public let note: String
    /// In ascending order of their numbers.
    public let demands: [Demand]
    /// The published bytes.
    public let bytes: [UInt8]

    /// Why bytes are not such a record. The raw value is what a verifier reports.
    public enum Fault: String, Error, Sendable {
        case json = "not strict JSON"
        case members = "other members than a record has"
        case salt = "salt"
        case kind = "another kind of record than the log says"
        case date = "a date is year-month-day"
        case demands = "demands out of order, twice, or of no petition"
        case answer = "an answer where none belongs, or none where one does"
        case text = "a wording is missing"
    }

    /// Makes a record with a fresh salt, so that its digest does not let anyone confirm a guess at the wording.
    /// - Throws: `Fault` for a record that could not be read back.
    public init(
        _ what: PetitionStatement.Record.What, language: String, date: String, party: String, note: String,
        demands: [Demand]
    ) throws(Fault) {
        let quoted = JSONValue.quoted
        let list = demands.map {
            "{\"demand\":\($0.number),\"answer\":\(quoted($0.answer?.rawValue ?? "")),\"text\":\(quoted($0.text))}"
        }
        let json =
            "{\"salt\":\(quoted(Base64.encode(Random.bytes(32)))),\"record\":\(quoted(what.word)),"
            + "\"language\":\(quoted(language)),\"date\":\(quoted(date)),\"party\":\(quoted(party)),"
            + "\"note\":\(quoted(note)),\"demands\":[\(list.joined(separator: ","))]}"
        try self.init(parsing: Array(json.utf8))
    }

    /// Reads published bytes.
    public init(parsing bytes: [UInt8]) throws(Fault) {
        let value: JSONValue
        do { value = try JSONValue(parsing: bytes) } catch { throw .json }
        guard let members = value.members("salt", "record", "language", "date", "party", "note", "demands"),
            let language = members["language"]?.text, let date = members["date"]?.text,
            let party = members["party"]?.text, let note = members["note"]?.text,
            case .array(let items)? = members["demands"]
        else { throw .members }
        guard let salt = members["salt"]?.text.flatMap({ Base64.decode($0) }), salt.count == 32 else { throw .salt }
        guard let what = PetitionStatement.Record.What.allCases.first(where: { $0.word == members["record"]?.text })
        else { throw .kind }
        guard Self.isDate(date) else { throw .date }
        var demands: [Demand] = []
        for item in items {
            let demand = try Self.demand(item, in: what)
            guard demand.number > demands.last?.number ?? 0 else { throw .demands }
            demands.append(demand)
        }
        (self.what, self.language, self.date, self.party, self.note) = (what, language, date, party, note)
        (self.demands, self.bytes) = (demands, bytes)
    }

    private static func demand(_ item: JSONValue, in what: PetitionStatement.Record.What) throws(Fault) -> Demand {
        guard let members = item.members("demand", "answer", "text"), case .number(let digits)? = members["demand"],
            let word = members["answer"]?.text, let text = members["text"]?.text
        else { throw .members }
        guard let number = Int(digits), (1...Manifest.maximalQuestions).contains(number), String(number) == digits
        else {
            throw .demands
        }
        let answer = Answer(rawValue: word)
        guard (answer == nil) == word.isEmpty, (answer == nil) == (what != .response) else { throw .answer }
        // Only an acceptance or a refusal may go without words.
        guard answer == .accepted || answer == .refused || !text.isEmpty else { throw .text }
        return Demand(number: number, answer: answer, text: text)
    }

    private static func isDate(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map({ $0.utf8.count }) == [4, 2, 2],
            text.utf8.allSatisfy({ $0 == 0x2d || (0x30...0x39).contains($0) }),
            let month = Int(parts[1]), let day = Int(parts[2])
        else { return false }
        return (1...12).contains(month) && (1...31).contains(day)
    }

    /// Digest("record", bytes).
    public static func digest(of bytes: [UInt8]) -> Bytes32 { Domain.digest("record", bytes) }

    /// The digest that the Recorded statement carries.
    public var digest: Bytes32 { Self.digest(of: bytes) }
}

extension PetitionStatement.Record.What: CaseIterable {
    /// In the order of their bytes.
    public static let allCases: [Self] = [.delivered, .response, .agreement]

    /// The word that records use for it.
    public var word: String {
        switch self {
        case .delivered: "delivered"
        case .response: "response"
        case .agreement: "agreement"
        }
    }
}
