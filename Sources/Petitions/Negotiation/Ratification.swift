// docs/protocol.md, section 4 (kind 2); docs/records.md

import Sodium

/// How much support carries a question of a ratification.
public struct Majority: Sendable, Hashable {
    public enum Base: String, Sendable, CaseIterable {
        /// Accepting and rejecting ballots; who abstains is not counted.
        case votes
        /// Everybody whom the workplace has, voting or not.
        case eligible
    }

    /// More than the fraction, or at least it.
    public let isStrict: Bool
    /// 1 to `denominator`.
    public let numerator: Int
    /// 1 to 100.
    public let denominator: Int
    public let base: Base

    public static let half = Majority(true, 1, 2, .votes)

    private init(_ isStrict: Bool, _ numerator: Int, _ denominator: Int, _ base: Base) {
        (self.isStrict, self.numerator, self.denominator, self.base) = (isStrict, numerator, denominator, base)
    }

    /// `more than 1/2 of votes`, `at least 2/3 of eligible`; nil for anything else, and for what everybody or nobody could
    /// reach.
    public init?(_ text: String) {
        for (isStrict, start) in [(true, "more than "), (false, "at least ")] where text.hasPrefix(start) {
            let parts = text.dropFirst(start.count).split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[1] == "of", let base = Base(rawValue: String(parts[2])) else { return nil }
            let numbers = parts[0].split(separator: "/", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            guard numbers.count == 2, (1...100).contains(numbers[1]), (1...numbers[1]).contains(numbers[0]),
                !(isStrict && numbers[0] == numbers[1])
            else { return nil }
            self.init(isStrict, numbers[0], numbers[1], base)
            // One spelling of each.
            guard self.text == text else { return nil }
            return
        }
        return nil
    }

    public var text: String {
        "\(isStrict ? "more than" : "at least") \(numerator)/\(denominator) of \(base.rawValue)"
    }

    /// Nobody's support carries nothing.
    public func isReached(accepting: Int, rejecting: Int, eligible: UInt32) -> Bool {
        // In 64 bits: where Int has 32, a workplace of 2^32 people times a numerator does not fit one.
        let whole = base == .votes ? Int64(accepting) + Int64(rejecting) : Int64(eligible)
        let (part, share) = (Int64(accepting) * Int64(denominator), whole * Int64(numerator))
        return accepting > 0 && (isStrict ? part > share : part >= share)
    }
}

/// What a ratification is about, in the last line of its preamble: so its id covers it.
public struct RatificationTerms: Sendable, Hashable {
    public let petition: ID<Petition>
    /// The digest of the response that is voted on.
    public let response: Bytes32
    /// The petition's demands, from 1, in the order of the questions.
    public let demands: [Int]
    public let majority: Majority

    public init(petition: ID<Petition>, response: Bytes32, demands: [Int], majority: Majority) {
        (self.petition, self.response, self.demands, self.majority) = (petition, response, demands, majority)
    }

    public var line: String {
        let demands = demands.map { "\($0)" }.joined(separator: ", ")
        return "[ratification of response \(response.hex) to petition \(petition.hex); demands \(demands); "
            + "carried by \(majority.text)]"
    }

    /// Nil unless this is exactly a line as above.
    public init?(line: String) {
        let parts = line.dropFirst().dropLast().split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].hasPrefix(" demands "), parts[2].hasPrefix(" carried by ") else { return nil }
        let ids = parts[0].split(separator: " ", omittingEmptySubsequences: false)
        guard ids.count == 7, let response = Bytes32(hex: String(ids[3])),
            let petition = ID<Petition>(hex: String(ids[6])),
            let majority = Majority(String(parts[2].dropFirst(" carried by ".count)))
        else { return nil }
        let demands = parts[1].dropFirst(" demands ".count).split(separator: ",").map {
            Int($0.drop { $0 == " " }) ?? 0
        }
        guard !demands.isEmpty, demands.allSatisfy({ (1...Manifest.maximalQuestions).contains($0) }),
            zip(demands, demands.dropFirst()).allSatisfy({ $0 < $1 })
        else { return nil }
        self.init(petition: petition, response: response, demands: demands, majority: majority)
        guard self.line == line else { return nil }
    }

    /// The terms of a ratification's document, when its manifest says the same.
    public init?(_ document: PetitionDocument, of manifest: Manifest) {
        guard manifest.kind == .ratification, let about = manifest.about,
            let last = document.preamble.split(separator: "\n").last, let terms = RatificationTerms(line: String(last)),
            terms.petition == about.petition, terms.response == about.digest,
            terms.demands.count == manifest.options.count, manifest.options.allSatisfy({ $0 == 2 })
        else { return nil }
        self = terms
    }

    /// The first demand of which a vote's document says other words than the response, or which that does not counter; nil when
    /// they agree to the letter.
    public func differs(from response: RecordDocument, _ document: PetitionDocument) -> Int? {
        var countered: [Int: String] = [:]
        for demand in Negotiation.countered(by: response) where countered[demand.number] == nil {
            countered[demand.number] = demand.text
        }
        for (number, question) in zip(demands, document.demands) {
            guard let text = countered[number], text.utf8.elementsEqual(question.text.utf8) else { return number }
        }
        return nil
    }

    /// A preamble without the line.
    public static func prose(_ preamble: String) -> String {
        var lines = preamble.split(separator: "\n", omittingEmptySubsequences: false)
        guard let last = lines.last, RatificationTerms(line: String(last)) != nil else { return preamble }
        lines.removeLast()
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.joined(separator: "\n")
    }
}

/// A vote on a response, and what came of it.
public struct Ratification: Sendable {
    public enum Outcome: String, Sendable {
        case open
        /// Closed, and the trustees have not released the ballots.
        case sealed
        case carried
        case lost
        /// Nothing says by what majority: the document is not here, or names another response.
        case unknown
        /// The vote asked about other words than the response's.
        case otherWords
    }

    public struct Question: Sendable, Equatable {
        /// Of the petition, from 1.
        public let demand: Int
        public let accepting: Int
        public let rejecting: Int
        public let abstaining: Int
        public let isCarried: Bool
    }

    public let id: ID<Petition>
    public let tally: Tally
    public let quorum: UInt32
    public let terms: RatificationTerms?
    /// Empty until the ballots are open.
    public let questions: [Question]
    public let outcome: Outcome
    /// Of the response that it votes on.
    public let response: Bytes32

    /// Nil for a petition of the other kind.
    /// - Parameter response: the document of what it votes on, when it is here: then the wording is compared.
    public init?(
        _ log: PetitionLog, _ tally: Tally, document: PetitionDocument?, response answer: RecordDocument? = nil
    ) {
        guard log.manifest.kind == .ratification, let about = log.manifest.about else { return nil }
        let terms = document.flatMap { RatificationTerms($0, of: log.manifest) }
        (id, self.tally, quorum, response, self.terms) = (log.id, tally, log.manifest.quorum, about.digest, terms)
        let isQuorate = tally.cosignatures >= log.manifest.quorum
        questions =
            zip(terms?.demands ?? [], tally.questions ?? []).map { demand, counts in
                Question(
                    demand: demand, accepting: counts[1], rejecting: counts[2], abstaining: counts[0],
                    isCarried: isQuorate
                        && terms?.majority.isReached(
                            accepting: counts[1], rejecting: counts[2], eligible: tally.eligible) == true
                )
            }
        var isTrue = true
        if let terms, let document, let answer { isTrue = terms.differs(from: answer, document) == nil }
        outcome =
            if !isTrue {
                .otherWords
            } else if !tally.closed {
                .open
            } else if terms == nil {
                .unknown
            } else if tally.questions == nil {
                .sealed
            } else {
                questions.allSatisfy { $0.isCarried } ? .carried : .lost
            }
    }
}
