// C2SP tlog-policy

import Sodium

/// Whose signatures make a checkpoint believable, according to a file.
///
/// A service has a log for each petition, all under one key, but a policy may name a key only once. So a `log` line
/// applies here to every log under its key; a policy without such lines leaves the keys to WorkplaceFounded
/// (docs/decisions/0016).
public struct WitnessPolicy: Sendable, Equatable {
    /// A `log` line.
    public struct Log: Sendable, Equatable {
        /// The key of the logs that are accepted.
        public let key: NoteKey
        /// The log's address, if the file gives one.
        public let url: String?
    }

    /// A `witness` line.
    public struct Witness: Sendable, Equatable {
        /// The name by which the file refers to the witness.
        public let label: String
        /// Checks the witness's signatures.
        public let verifier: WitnessVerifier
        /// The witness's address, if the file gives one.
        public let url: String?
    }

    /// Where a file breaks the format, and how. Line 0 is the file as a whole.
    public struct ParsingError: Error, Equatable, Sendable {
        /// A kind of fault.
        public enum What: String, Sendable {
            case tooLong, character, line, key, keyRepeats, name, nameRepeats, noSuchName, memberRepeats, threshold
            case quorumRepeats, noQuorum, address
        }

        /// The line's number, from 1.
        public let line: Int
        /// The kind of fault.
        public let what: What

        /// A fault at a line.
        public init(line: Int, what: What) { (self.line, self.what) = (line, what) }
    }

    /// The result of judging a checkpoint's signatures.
    public struct Verdict: Sendable, Equatable {
        /// Whether the quorum has signed, and no line of a witness in the policy is false.
        public let isSatisfied: Bool
        /// Each witness of the policy that has signed, and when, in seconds since 1970.
        public let times: [(label: String, time: UInt64)]
        /// The labels of the other witnesses, whose line is missing or false.
        public let missing: [String]

        /// Equal if all three parts are.
        public static func == (a: Verdict, b: Verdict) -> Bool {
            a.isSatisfied == b.isSatisfied && a.missing == b.missing
                && a.times.elementsEqual(b.times) { $0 == $1 }
        }

        /// A time by which the whole quorum had seen the checkpoint: no witness that signed did so later.
        public var latest: UInt64? { times.map { $0.time }.max() }
    }

    private enum Rule: Sendable, Equatable {
        case witness(Int)
        case group(least: Int, members: [Int])
    }

    /// The accepted logs; empty if every log is accepted.
    public let logs: [Log]
    /// All witnesses in the file, in its order.
    public let witnesses: [Witness]
    private let rules: [Rule]
    /// Nil for `quorum none`.
    private let quorum: Int?

    static let maximalLength = 1 << 18
    static let maximalEntries = 1000

    /// The threshold, if this policy requires some number of all its witnesses; nil for any other quorum.
    public var plainThreshold: UInt8? {
        guard let quorum else { return witnesses.isEmpty ? 0 : nil }
        switch rules[quorum] {
        case .witness: return witnesses.count == 1 ? 1 : nil
        case .group(let least, let members):
            let isPlain =
                members.count == witnesses.count
                && members.allSatisfy { if case .witness = rules[$0] { true } else { false } }
            return isPlain ? UInt8(exactly: least) : nil
        }
    }

    // MARK: Reading

    /// Parses a policy file.
    /// - Throws: `ParsingError`.
    public init(parsing bytes: [UInt8]) throws(ParsingError) {
        guard bytes.count <= Self.maximalLength else { throw ParsingError(line: 0, what: .tooLong) }
        var reader = Reader()
        for (i, line) in bytes.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            do { try reader.read(line) } catch { throw ParsingError(line: i + 1, what: error.what) }
        }
        guard reader.hasQuorum else { throw ParsingError(line: 0, what: .noQuorum) }
        (logs, witnesses, rules, quorum) = (reader.logs, reader.witnesses, reader.rules, reader.quorum)
    }

    private struct Broken: Error {
        let what: ParsingError.What

        init(_ what: ParsingError.What) { self.what = what }
    }

    private struct Reader {
        var logs: [Log] = []
        var witnesses: [Witness] = []
        var rules: [Rule] = []
        var quorum: Int?
        var hasQuorum = false
        /// Names as bytes, because equality must not depend on a version of Unicode.
        private var names: [[UInt8]: Int] = [:]
        private var members: Set<Int> = []
        private var keys: Set<[UInt8]> = []

        mutating func read(_ line: ArraySlice<UInt8>) throws(Broken) {
            guard line.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7f) }) else { throw Broken(.character) }
            let words = line.split { $0 == 0x20 || $0 == 0x09 }
            guard let first = words.first, first.first != UInt8(ascii: "#") else { return }
            switch String(decoding: first, as: UTF8.self) {
            case "log":
                guard (2...3).contains(words.count) else { throw Broken(.line) }
                logs.append(Log(key: try key(words[1], .log), url: words.count == 3 ? try Self.address(words[2]) : nil))
            case "witness":
                guard (3...4).contains(words.count) else { throw Broken(.line) }
                let key = try key(words[2], .witness)
                try define(words[1], .witness(witnesses.count))
                witnesses.append(
                    Witness(
                        label: Self.text(words[1]), verifier: WitnessVerifier(name: key.name, key: key.key),
                        url: words.count == 4 ? try Self.address(words[3]) : nil))
            case "group": try group(words)
            case "quorum":
                guard words.count == 2 else { throw Broken(.line) }
                guard !hasQuorum else { throw Broken(.quorumRepeats) }
                hasQuorum = true
                quorum = words[1].elementsEqual("none".utf8) ? nil : try named(words[1])
            default: throw Broken(.line)
            }
        }

        private mutating func group(_ words: [ArraySlice<UInt8>]) throws(Broken) {
            guard words.count >= 4 else { throw Broken(.line) }
            var list: [Int] = []
            for word in words[3...] {
                let member = try named(word)
                guard members.insert(member).inserted else { throw Broken(.memberRepeats) }
                list.append(member)
            }
            let least: Int
            switch Self.text(words[2]) {
            case "all": least = list.count
            case "any": least = 1
            case let number:
                guard let count = Int(number), "\(count)" == number, (1...list.count).contains(count) else {
                    throw Broken(.threshold)
                }
                least = count
            }
            try define(words[1], .group(least: least, members: list))
        }

        private mutating func define(_ name: ArraySlice<UInt8>, _ rule: Rule) throws(Broken) {
            guard !name.elementsEqual("none".utf8), rules.count < WitnessPolicy.maximalEntries else {
                throw Broken(.name)
            }
            guard names.updateValue(rules.count, forKey: Array(name)) == nil else { throw Broken(.nameRepeats) }
            rules.append(rule)
        }

        private func named(_ name: ArraySlice<UInt8>) throws(Broken) -> Int {
            guard let rule = names[Array(name)] else { throw Broken(.noSuchName) }
            return rule
        }

        private mutating func key(_ word: ArraySlice<UInt8>, _ kind: NoteKey.Kind) throws(Broken) -> NoteKey {
            guard let text = String(validating: word, as: UTF8.self), let key = try? NoteKey(parsing: text),
                key.kind == kind, logs.count < WitnessPolicy.maximalEntries
            else { throw Broken(.key) }
            guard keys.insert([kind.rawValue] + key.key.bytes).inserted else { throw Broken(.keyRepeats) }
            return key
        }

        /// Returns an address as it stands, unless its port is invalid or it contains a password: the code that
        /// connects would trap on the one and send the other.
        private static func address(_ word: ArraySlice<UInt8>) throws(Broken) -> String {
            let text = Self.text(word)
            guard let scheme = word.firstIndex(of: UInt8(ascii: ":")), word[scheme...].starts(with: [0x3a, 0x2f, 0x2f])
            else { return text }
            let host = word[scheme...].dropFirst(3).prefix { $0 != UInt8(ascii: "/") }
            guard !host.contains(UInt8(ascii: "@")) else { throw Broken(.address) }
            // Colons within brackets belong to an IPv6 address.
            let end = host.lastIndex(of: UInt8(ascii: "]")) ?? host.startIndex
            guard let colon = host[end...].lastIndex(of: UInt8(ascii: ":")) else { return text }
            let digits = host[host.index(after: colon)...]
            guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
                (1...65_535).contains(digits.reduce(0) { 10 * $0 + Int($1 - 0x30) })
            else { throw Broken(.address) }
            return text
        }

        private static func text(_ word: ArraySlice<UInt8>) -> String { String(decoding: word, as: UTF8.self) }
    }

    // MARK: Judging

    /// Whether this policy accepts a log under this key at all.
    public func accepts(logKey: Bytes32) -> Bool { logs.isEmpty || logs.contains { $0.key.key == logKey } }

    /// Judges the signatures of the policy's witnesses. The log's own signature has already been verified.
    public func judge(_ verified: VerifiedCheckpoint) -> Verdict {
        var times: [(label: String, time: UInt64)] = []
        var missing: [String] = []
        var hasSigned: [Bool] = []
        var isFalse = false
        for witness in witnesses {
            var time: UInt64?
            do { time = try witness.verifier.signatureTime(on: verified) } catch { isFalse = true }
            if let time { times.append((witness.label, time)) } else { missing.append(witness.label) }
            hasSigned.append(time != nil)
        }
        // Rules refer only to earlier ones, so one pass is enough.
        var holds: [Bool] = []
        for rule in rules {
            switch rule {
            case .witness(let index): holds.append(hasSigned[index])
            case .group(let least, let members): holds.append(members.count { holds[$0] } >= least)
            }
        }
        return Verdict(isSatisfied: !isFalse && quorum.map { holds[$0] } ?? true, times: times, missing: missing)
    }
}
