// docs/protocol.md, section 4, "Recorded" and "The document"; docs/records.md

import Sodium

/// What a Recorded statement stands for: a delivery, the employer's response, or the agreement, demand by demand. Hashed as
/// the bytes that were published.
public struct RecordDocument: Sendable, Equatable {
    public enum Answer: String, Sendable, CaseIterable {
        case accepted, refused, countered
    }

    public struct Demand: Sendable, Equatable {
        /// Of the petition, from 1.
        public let number: Int
        /// What a response says; nil in a delivery and in an agreement.
        public let answer: Answer?
        /// A wording (ours in a delivery, theirs in a counter-offer, both sides' in an agreement), or a reason.
        public let text: String

        public init(number: Int, answer: Answer? = nil, text: String) {
            (self.number, self.answer, self.text) = (number, answer, text)
        }
    }

    public let what: PetitionStatement.Record.What
    public let language: String
    /// `2026-12-08`, as the writer says; nothing proves it.
    public let date: String
    /// Who spoke for the employer.
    public let party: String
    public let note: String
    /// Numbers rising.
    public let demands: [Demand]
    /// The published bytes.
    public let bytes: [UInt8]

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

    /// With a fresh salt, so that its digest says nothing to who guesses at the wording.
    /// - Throws: `Fault` for what would not be read back.
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
        // Only who accepts or refuses may do so without a word.
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

    public var digest: Bytes32 { Self.digest(of: bytes) }
}

extension PetitionStatement.Record.What: CaseIterable {
    public static let allCases: [Self] = [.delivered, .response, .agreement]

    /// As records write it.
    public var word: String {
        switch self {
        case .delivered: "delivered"
        case .response: "response"
        case .agreement: "agreement"
        }
    }
}
