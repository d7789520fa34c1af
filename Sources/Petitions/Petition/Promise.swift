// docs/protocol.md, section 3, "A promise"

import Sodium
import TransparencyLog

/// A service's signed promise that a co-signature which it holds back will stand in the petition's log, and count.
public struct Promise: Hashable, Sendable {
    /// Seconds since 1970, a whole hour. Every checkpoint made later covers the leaf.
    public let until: UInt64
    /// Ed25519 by the log's key.
    public let signature: [UInt8]

    static let hour: UInt64 = 3600
    /// The furthest that a promise may reach ahead, in seconds.
    public static let longest: UInt64 = 24 * hour

    /// A well-formed promise; `isSigned` verifies it.
    /// - Throws: `RuleViolation.promise` unless `until` is a whole hour and the signature has 64 bytes.
    public init(until: UInt64, signature: [UInt8]) throws(RuleViolation) {
        guard until % Self.hour == 0, signature.count == 64 else { throw .promise }
        (self.until, self.signature) = (until, signature)
    }

    /// Promises a leaf.
    /// - Parameter until: rounded up to a whole hour.
    public static func make(
        _ petition: ID<Petition>, leafHash: Bytes32, until: UInt64, by logKey: borrowing SigningKey
    ) throws(RuleViolation) -> Promise {
        let (rounded, overflow) = (until / hour + (until % hour == 0 ? 0 : 1)).multipliedReportingOverflow(by: hour)
        guard !overflow else { throw .promise }
        return try Promise(until: rounded, signature: logKey.sign(preimage(petition, leafHash, rounded)))
    }

    /// Preimage("held", petition_id || leaf hash || uint64 until).
    static func preimage(_ petition: ID<Petition>, _ leafHash: Bytes32, _ until: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(petition)
        writer.append(leafHash)
        writer.append(until)
        return Domain.preimage("held", writer.bytes)
    }

    /// Whether the log's key made this promise for exactly this leaf.
    public func isSigned(for leaf: [UInt8], in petition: ID<Petition>, by logKey: Bytes32) -> Bool {
        Ed25519.verify(
            signature, of: Self.preimage(petition, MerkleTree.leafHash(leaf), until), by: logKey)
    }

    /// Whether an answer that arrived at `now` may carry this promise. A time in the past is allowed, because answers
    /// can be repeated.
    public func isTimely(at now: UInt64) -> Bool { until <= now || until - now <= Self.longest }

    /// Parses `{"held": until, "signature": base64}`, with exactly these members.
    /// - Throws: `RuleViolation.promise`.
    public init(parsing bytes: [UInt8]) throws(RuleViolation) {
        guard let value = try? JSONValue(parsing: bytes), let promise = Promise(value) else { throw .promise }
        self = promise
    }

    init?(_ value: JSONValue) {
        guard let members = value.members("held", "signature"), case .number(let held)? = members["held"],
            let until = UInt64(held), "\(until)" == held,
            let signature = members["signature"]?.text.flatMap({ Base64.decode($0) }),
            let promise = try? Promise(until: until, signature: signature)
        else { return nil }
        self = promise
    }

    /// The JSON that `init(parsing:)` reads.
    public var json: String { "{\"held\":\(until),\"signature\":\"\(Base64.encode(signature))\"}" }
}

/// How a log breaks a promise.
public enum BrokenPromise: String, Error, Sendable, CaseIterable {
    /// The petition was closed without the promised leaf before it.
    case closed
    /// The ring was extended without the promised leaf before it.
    case extended
    /// The leaf stands but counts for nothing, or another leaf of its tag stands in its place.
    case void
    /// A named witness signed a checkpoint after the promised time, and the checkpoint does not cover the leaf.
    case late
    /// The reader's own clock says that the time has passed; this convinces nobody else.
    case overdue
}

extension Promise {
    /// The log to judge by, verified up to its checkpoint.
    public struct Reading: Sendable {
        let leaves: [[UInt8]]
        let audited: Audited<PetitionLog>
        /// Times at which the named witnesses signed the checkpoint.
        let witnessTimes: [UInt64]

        /// A log that has been audited up to a checkpoint.
        /// - Parameter leaves: those that the checkpoint covers.
        public init(leaves: [[UInt8]], audited: Audited<PetitionLog>, witnessTimes: [UInt64]) {
            (self.leaves, self.audited, self.witnessTimes) = (leaves, audited, witnessTimes)
        }
    }

    /// The index of the promised leaf, if it stands in the log and counts.
    public static func standing(_ statement: [UInt8], in reading: Reading) -> Int? {
        let faulty = Set(reading.audited.faults.map { $0.place })
        return reading.leaves.indices.first {
            reading.leaves[$0] == statement && !faulty.contains(.leaf(log: "petition", index: $0))
        }
    }

    /// How this log breaks the promise; nil if it keeps it, or still can.
    /// - Parameter now: the reader's own, used only if no witness is named.
    public func broken(
        _ statement: CoSigned, in reading: Reading, witnesses: WitnessQuorum, clock now: UInt64?
    ) -> BrokenPromise? {
        // A leaf that stands and counts was appended before the close and under its own epoch; counting requires both.
        if Self.standing(statement.bytes, in: reading) != nil { return nil }
        let log = reading.audited.log
        if reading.leaves.contains(statement.bytes) { return .void }
        if let last = log.tags[statement.tag], last.sequence >= statement.sequence { return .void }
        if log.closed != nil { return .closed }
        if log.extensions.count > Int(statement.ringEpoch) { return .extended }
        if reading.witnessTimes.contains(where: { $0 > until }) { return .late }
        if witnesses.threshold == 0, let now, now > until { return .overdue }
        return nil
    }
}
