// docs/protocol.md, sections 4 and 8

import MembershipProofs
import Sodium
import TransparencyLog

/// A petition's log, folded up to its newest leaf. This is the one place that decides whether a leaf counts: the
/// service asks it before appending, the client before co-signing, and the auditor for every leaf of a bundle.
public struct PetitionLog: Sendable {
    /// The newest counted statement of a tag.
    public struct Standing: Sendable {
        /// Whether it signs or withdraws.
        public let action: CoSigned.Action
        /// Its sequence number; the next one must have one more.
        public let sequence: UInt32
        /// The level of its name, from 1; 0 without a name.
        public let level: UInt8
        /// The digest of its sealed name; zeros without a name.
        public let nameDigest: Bytes32
        /// Empty in a withdrawal.
        public let sealedBallot: [UInt8]
        /// Its index in the log.
        public let leaf: Int
    }

    /// The petition's id, which is its manifest's digest.
    public let id: ID<Petition>
    /// What was fixed at the opening.
    public let manifest: Manifest
    /// The sign key of the organiser who opened it.
    public let opener: Bytes32
    /// The trustees' consent, in the order of their keys.
    public let acceptances: [PetitionStatement.Acceptance]
    /// The tree over all leaves, faulty ones included.
    public private(set) var tree = MerkleTree() {
        didSet { state = LogMoment() }
    }
    /// The state that an `Admissible` is bound to. Every leaf changes the tree, and this with it.
    private(set) var state = LogMoment()
    /// One for each ring epoch.
    private(set) var rings: [RosterRing]
    /// The newest roster size that a statement in this log refers to.
    public private(set) var rosterSize: UInt64
    /// The standing statement of each tag.
    public private(set) var tags: [LinkingTag: Standing] = [:]
    /// How many tags have a standing co-signature.
    public private(set) var cosignatures = 0
    /// How it was closed; nil while it is open.
    public private(set) var closure: PetitionStatement.Closure?
    /// The leaf that closed the petition, and its signer; the signer is nil if the deadline closed it.
    public private(set) var closed: (leaf: Int, signer: Bytes32?)?
    /// The leaves that extended the ring, each with its signer.
    public private(set) var extensions: [(leaf: Int, signer: Bytes32)] = []
    private var sequences: [Bytes32: UInt32] = [:]
    /// For each key set, the released secrets by trustee, from 1.
    public private(set) var released: [[UInt8: Bytes32]]
    /// In the order of the log, each with its leaf and signer.
    public private(set) var records: [(leaf: Int, record: PetitionStatement.Record, signer: Bytes32)] = []

    /// Starts a log from its first leaf.
    /// - Throws: `RuleViolation` if the leaf does not open a petition in this workplace.
    public init(opening leaf: [UInt8], in workplace: WorkplaceLog) throws(RuleViolation) {
        let statement = try PetitionStatement(decoding: leaf)
        guard case .opened(let manifest, let acceptances) = statement.body, let authorship = statement.authorship
        else { throw .mustBeFirst }
        guard manifest.workplace == workplace.id else { throw .workplaceID }
        guard let size = Int(exactly: manifest.rosterSize),
            workplace.root(at: manifest.rosterSize) == manifest.rosterRoot,
            size > 0
        else { throw .roster }
        let ring = try workplace.ring(at: size)
        guard ring.ring.count == manifest.ringCount, ring.ring.digest == manifest.ringDigest else { throw .ring }
        id = statement.petition
        self.manifest = manifest
        self.acceptances = acceptances
        opener = authorship.signer
        rings = [ring]
        rosterSize = manifest.rosterSize
        released = Array(repeating: [:], count: 1 + manifest.levels.count)
        try check(acceptances, in: workplace, at: size)
        try check(authorship, of: statement, in: workplace, at: manifest.rosterSize)
        // The announcement's own rule has checked that the roster had not changed since this size.
        let announced = workplace.announcements[id]?.contains {
            $0.signer == authorship.signer && $0.rosterSize == manifest.rosterSize
        }
        guard announced == true else { throw .notAnnounced }
        tree.append(leaf)
        sequences[authorship.signer] = 1
    }

    /// Number of leaves, faulty ones included.
    public var size: Int { tree.count }
    /// The newest ring.
    public var ring: Ring { rings[rings.count - 1].ring }
    /// The newest ring's epoch, from 0.
    public var ringEpoch: UInt16 { UInt16(rings.count - 1) }
    /// The greatest number of ring epochs after the first.
    public static let maximalExtensions = 7

    /// The ring of an epoch; nil if there is no such epoch.
    public func ring(epoch: Int) -> Ring? { rings.indices.contains(epoch) ? rings[epoch].ring : nil }

    /// How many statements of this signer the log has accepted: the next one's sequence.
    public func nextSequence(of signer: Bytes32) -> UInt32 { sequences[signer] ?? 0 }

    /// Whether enough trustees have released the keys of this set.
    public func isReleased(_ set: Int) -> Bool {
        released.indices.contains(set) && released[set].count >= Int(manifest.threshold)
    }

    /// Whether the count of some level has been reached, but too few trustees have released its keys.
    public var awaitsNames: Bool {
        manifest.levels.indices.contains { cosignatures >= manifest.levels[$0].count && !isReleased($0 + 1) }
    }

    /// Whether its checkpoint must be kept fresh where witnesses are named, for people who may co-sign and for
    /// trustees.
    public var isLive: Bool { closure == nil || awaitsNames }

    /// Whether it was closed as past its deadline although, by the reader's own clock, the deadline is still to come.
    /// That requires no key but the log's, so a service can do it alone.
    public func isClosedEarly(at now: UInt64) -> Bool {
        guard case .deadline? = closure?.cause else { return false }
        return now < manifest.closes
    }

    /// Whether nothing more can count in it, also by the reader's own clock: what is erased then is not missed.
    public func isClosed(at now: UInt64) -> Bool { closure != nil && !isClosedEarly(at: now) }

    /// The sign keys of the members in the newest ring, in its order.
    public func seats(in workplace: WorkplaceLog) -> [Bytes32] {
        rings[rings.count - 1].seats.compactMap {
            workplace.members.indices.contains($0) ? workplace.members[$0].signKey : nil
        }
    }

    /// Present members without a key in the newest ring. A member who replaces a former one has no seat either while
    /// the former member's key is in the ring.
    public func unseated(in workplace: WorkplaceLog) -> [Bytes32] {
        let seated = Set(seats(in: workplace))
        return workplace.members(at: workplace.size).map { $0.signKey }.filter { !seated.contains($0) }
    }

    // MARK: Appending

    /// Appends any statement other than a co-signature. A statement that breaks a rule is rejected, and nothing
    /// changes.
    @discardableResult
    public mutating func append(
        _ statement: PetitionStatement, in workplace: WorkplaceLog
    ) throws(RuleViolation) -> [MerkleTree.Node] {
        guard statement.petition == id else { throw .petitionID }
        switch statement.body {
        case .opened: throw .onlyFirst
        case .coSigned: throw .proof
        case .ringExtended(let step):
            try check(step, in: workplace)
            try check(statement.authorship, of: statement, in: workplace, at: step.roster.size)
            // Last, because its cost is proportional to the roster's size.
            rings.append(try ring(of: step, in: workplace))
            rosterSize = step.roster.size
            extensions.append((size, statement.authorship?.signer ?? .zero))
        case .closed(let closure):
            try check(closure)
            if case .organiser(let roster) = closure.cause {
                try check(roster, in: workplace)
                try check(statement.authorship, of: statement, in: workplace, at: roster.size)
                rosterSize = roster.size
            }
            self.closure = closure
            closed = (size, statement.authorship?.signer)
        case .sealKeyReleased(let release):
            try check(release)
            released[Int(release.set)][release.trustee] = release.secret
        case .recorded(let record):
            guard closure != nil else { throw .notClosed }
            try check(record.roster, in: workplace)
            try check(statement.authorship, of: statement, in: workplace, at: record.roster.size)
            rosterSize = record.roster.size
            records.append((size, record, statement.authorship?.signer ?? .zero))
        }
        if let signer = statement.authorship?.signer { sequences[signer, default: 0] += 1 }
        return tree.append(statement.bytes)
    }

    /// Appends a co-signature that `check` has admitted and whose proof is valid for this ring. Any other is rejected,
    /// and nothing changes.
    /// - Parameter admissible: the result of `check` for the same co-signature; no leaf may have been appended since.
    /// - Throws: `RuleViolation.proof` if either piece of evidence is for something else.
    @discardableResult
    public mutating func append(
        _ admissible: Admissible, _ proven: ProvenCoSignature
    ) throws(RuleViolation) -> [MerkleTree.Node] {
        let coSigned = proven.coSigned
        guard admissible.state === state, admissible.coSigned.bytes == coSigned.bytes,
            proven.ringDigest == ring.digest
        else { throw .proof }
        let before = tags[coSigned.tag]?.action
        tags[coSigned.tag] = Standing(
            action: coSigned.action, sequence: coSigned.sequence, level: coSigned.level,
            nameDigest: coSigned.nameDigest, sealedBallot: coSigned.sealedBallot, leaf: size)
        cosignatures += (coSigned.action == .sign ? 1 : 0) - (before == .sign ? 1 : 0)
        return tree.append(leafHash: proven.leafHash)
    }

    /// Keeps the place of a leaf that breaks a rule: it is in the tree but counts for nothing.
    mutating func skip(_ leaf: [UInt8]) { tree.append(leaf) }
}

// MARK: The rules

extension PetitionLog {
    /// Evidence that a co-signature keeps every rule except its proof's, in one state of one log: for this petition, at
    /// this size, with this ring. Only `check` makes one. A log, or a copy of it, to which a leaf has been appended
    /// since does not take it.
    public struct Admissible: Sendable {
        /// The co-signature that was checked.
        public let coSigned: CoSigned
        fileprivate let state: LogMoment

        fileprivate init(_ coSigned: CoSigned, _ state: LogMoment) { (self.coSigned, self.state) = (coSigned, state) }
    }

    /// Checks every rule for a co-signature except its proof's (section 8).
    @discardableResult
    public func check(_ coSigned: CoSigned) throws(RuleViolation) -> Admissible {
        guard coSigned.petition == id else { throw .petitionID }
        guard closure == nil else { throw .closedBefore }
        guard coSigned.ringEpoch == ringEpoch else { throw .actionOrRingEpoch }
        guard coSigned.level <= manifest.levels.count else { throw .level }
        if coSigned.action == .sign {
            guard coSigned.sealedBallot.count == manifest.sealedBallotLength else { throw .ballotLength }
        }
        if let last = tags[coSigned.tag] {
            guard UInt64(coSigned.sequence) == UInt64(last.sequence) + 1 else { throw .sequence }
        } else {
            guard coSigned.sequence == 0, coSigned.action == .sign else { throw .sequence }
        }
        return Admissible(coSigned, state)
    }

    /// Whether a co-signature that does not stand here can no longer count, however this log continues. A rejection now
    /// is not enough: a log older than the one for which it was made rejects it too.
    public func isPast(_ coSigned: CoSigned) -> Bool {
        closure != nil || coSigned.ringEpoch < ringEpoch
            || tags[coSigned.tag].map { $0.sequence >= coSigned.sequence } ?? false
    }

    private func check(
        _ acceptances: [PetitionStatement.Acceptance], in workplace: WorkplaceLog, at size: Int
    ) throws(RuleViolation) {
        guard acceptances.count == manifest.trustees.count,
            Set(acceptances.map { $0.signKey }).count == acceptances.count
        else { throw .acceptance }
        for (i, acceptance) in acceptances.enumerated() {
            guard workplace.isMember(acceptance.signKey, at: size), acceptance.isValid(for: id, trustee: UInt8(i + 1))
            else { throw .acceptance }
        }
    }

    private func check(
        _ authorship: Authorship?, of statement: PetitionStatement, in workplace: WorkplaceLog, at size: UInt64
    ) throws(RuleViolation) {
        guard let authorship, let size = Int(exactly: size), workplace.isOrganiser(authorship.signer, at: size) else {
            throw .notOrganiser
        }
        guard authorship.sequence == nextSequence(of: authorship.signer) else { throw .sequenceOfSigner }
        try authorship.verify(statement.bytes)
    }

    /// A roster size must not decrease, and the root must be the workplace log's at that size.
    private func check(_ roster: PetitionStatement.RosterPoint, in workplace: WorkplaceLog) throws(RuleViolation) {
        guard roster.size >= rosterSize, workplace.root(at: roster.size) == roster.root else { throw .roster }
    }

    private func check(_ step: PetitionStatement.RingExtension, in workplace: WorkplaceLog) throws(RuleViolation) {
        guard closure == nil else { throw .closedBefore }
        guard step.epoch == UInt16(rings.count), step.epoch <= Self.maximalExtensions else { throw .ringEpoch }
        guard step.roster.size > rosterSize else { throw .roster }
        try check(step.roster, in: workplace)
    }

    private func ring(
        of step: PetitionStatement.RingExtension, in workplace: WorkplaceLog
    ) throws(RuleViolation) -> RosterRing {
        guard let size = Int(exactly: step.roster.size) else { throw .roster }
        let ring = try workplace.ring(extending: rings[rings.count - 1], to: size)
        guard ring.ring.count > self.ring.count, ring.ring.count == step.ringCount,
            ring.ring.digest == step.ringDigest
        else { throw .ring }
        return ring
    }

    private func check(_ closure: PetitionStatement.Closure) throws(RuleViolation) {
        guard self.closure == nil else { throw .closedBefore }
        guard let size = Int(exactly: closure.size), (1...self.size).contains(size),
            tree.root(at: size) == closure.root
        else { throw .close }
        if case .deadline = closure.cause, manifest.closes == 0 { throw .close }
    }

    private func check(_ release: PetitionStatement.Release) throws(RuleViolation) {
        guard let keys = manifest.keySet(Int(release.set)), (1...keys.count).contains(Int(release.trustee)) else {
            throw .keySet
        }
        guard released[Int(release.set)][release.trustee] == nil else { throw .releasedBefore }
        let key = BoxKeyPair(secret: SecretBytes(release.secret)).publicKey
        guard key == keys[Int(release.trustee) - 1] else { throw .releasedKey }
        if release.set == 0 {
            guard closure != nil else { throw .releasedTooEarly }
        } else {
            guard cosignatures >= manifest.levels[Int(release.set) - 1].count else { throw .releasedTooEarly }
        }
    }

    /// The ring that an extension to `size` leaves of the workplace's log would give, for making that statement.
    public func extendedRing(in workplace: WorkplaceLog, to size: Int) throws(RuleViolation) -> Ring {
        try workplace.ring(extending: rings[rings.count - 1], to: size).ring
    }
}
