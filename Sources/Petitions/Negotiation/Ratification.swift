// docs/protocol.md, section 4 (kind 2); docs/records.md

import Sodium

/// How much support a question of a ratification needs in order to be carried.
public struct Majority: Sendable, Hashable {
    /// The number of which the fraction is taken.
    public enum Base: String, Sendable, CaseIterable {
        /// Accepting and rejecting ballots; abstentions are not counted.
        case votes
        /// Everybody in the workplace, whether they vote or not.
        case eligible
    }

    /// Whether more than the fraction is needed, or at least it.
    public let isStrict: Bool
    /// 1 to `denominator`.
    public let numerator: Int
    /// 1 to 100.
    public let denominator: Int
    /// The number of which the fraction is taken.
    public let base: Base

    /// More than half of the votes.
    public static let half = Majority(true, 1, 2, .votes)

    private init(_ isStrict: Bool, _ numerator: Int, _ denominator: Int, _ base: Base) {
        (self.isStrict, self.numerator, self.denominator, self.base) = (isStrict, numerator, denominator, base)
    }

    /// Parses `more than 1/2 of votes` or `at least 2/3 of eligible`; nil for anything else, and for a fraction of 0 or
    /// one that nobody can reach.
    public init?(_ text: String) {
        for (isStrict, start) in [(true, "more than "), (false, "at least ")] where text.hasPrefix(start) {
            let parts = text.dropFirst(start.count).split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[1] == "of", let base = Base(rawValue: String(parts[2])) else { return nil }
            let numbers = parts[0].split(separator: "/", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            guard numbers.count == 2, (1...100).contains(numbers[1]), (1...numbers[1]).contains(numbers[0]),
                !(isStrict && numbers[0] == numbers[1])
            else { return nil }
            self.init(isStrict, numbers[0], numbers[1], base)
            // Each majority has only one spelling.
            guard self.text == text else { return nil }
            return
        }
        return nil
    }

    /// The text that `init(_:)` parses.
    public var text: String {
        "\(isStrict ? "more than" : "at least") \(numerator)/\(denominator) of \(base.rawValue)"
    }

    /// Whether these counts reach the majority. Without any support, nothing is carried.
    public func isReached(accepting: Int, rejecting: Int, eligible: UInt32) -> Bool {
        // In 64 bits: where Int has 32, a workplace of 2^32 people times a numerator would overflow.
        let whole = base == .votes ? Int64(accepting) + Int64(rejecting) : Int64(eligible)
        let (part, share) = (Int64(accepting) * Int64(denominator), whole * Int64(numerator))
        return accepting > 0 && (isStrict ? part > share : part >= share)
    }
}

/// The subject of a ratification, stated in the last line of its preamble, so that its id covers it.
public struct RatificationTerms: Sendable, Hashable {
    /// The petition whose response is voted on.
    public let petition: ID<Petition>
    /// The digest of that response.
    public let response: Bytes32
    /// The petition's demands that are voted on, from 1, in the order of the questions.
    public let demands: [Int]
    /// The majority that each question needs.
    public let majority: Majority

    /// Checks nothing; `init(line:)` does.
    public init(petition: ID<Petition>, response: Bytes32, demands: [Int], majority: Majority) {
        (self.petition, self.response, self.demands, self.majority) = (petition, response, demands, majority)
    }

    /// The line of the preamble.
    public var line: String {
        let demands = demands.map { "\($0)" }.joined(separator: ", ")
        return "[ratification of response \(response.hex) to petition \(petition.hex); demands \(demands); "
            + "carried by \(majority.text)]"
    }

    /// Nil unless the line is exactly as `line` writes it.
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

    /// The terms in a ratification's document; nil unless its manifest agrees with them.
    public init?(_ document: PetitionDocument, of manifest: Manifest) {
        guard manifest.kind == .ratification, let about = manifest.about,
            let last = document.preamble.split(separator: "\n").last, let terms = RatificationTerms(line: String(last)),
            terms.petition == about.petition, terms.response == about.digest,
            terms.demands.count == manifest.options.count, manifest.options.allSatisfy({ $0 == 2 })
        else { return nil }
        self = terms
    }

    /// The first demand that the vote's document words differently from the response, or that the response does not
    /// counter; nil if all agree to the letter.
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

    /// A preamble without that line.
    public static func prose(_ preamble: String) -> String {
        var lines = preamble.split(separator: "\n", omittingEmptySubsequences: false)
        guard let last = lines.last, RatificationTerms(line: String(last)) != nil else { return preamble }
        lines.removeLast()
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.joined(separator: "\n")
    }
}

/// A vote on a response, and its result.
public struct Ratification: Sendable {
    /// The result, as far as it is known.
    public enum Outcome: String, Sendable {
        /// Not closed yet.
        case open
        /// Closed, but the trustees have not released the ballots' keys.
        case sealed
        /// Every question was carried.
        case carried
        /// Some question was not carried.
        case lost
        /// The majority is unknown: the document is missing, or names another response.
        case unknown
        /// The vote's wording is not the response's.
        case otherWords
    }

    /// One question's result.
    public struct Question: Sendable, Equatable {
        /// The demand's number in the petition, from 1.
        public let demand: Int
        /// Ballots that accept.
        public let accepting: Int
        /// Ballots that reject.
        public let rejecting: Int
        /// Ballots that abstain.
        public let abstaining: Int
        /// Whether the quorum and the majority are reached.
        public let isCarried: Bool
    }

    /// The ratification's own id.
    public let id: ID<Petition>
    /// Its figures.
    public let tally: Tally
    /// Co-signatures without which nothing is carried.
    public let quorum: UInt32
    /// Nil if the document is missing or its terms do not match the manifest.
    public let terms: RatificationTerms?
    /// Empty until the ballots are opened.
    public let questions: [Question]
    /// The result.
    public let outcome: Outcome
    /// The digest of the response that is voted on.
    public let response: Bytes32

    /// Nil if the petition is not a ratification.
    /// - Parameter answer: the document of the response that is voted on; if given, its wording is compared.
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
