// docs/protocol.md, section 10, "Before signing"

import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// A warning that a person must have seen before a co-signature is made.
public enum Warning: Hashable, Sendable {
    /// At most `live` people can have made a co-signature, and fewer than `PetitionView.comfortableSeats` of them
    /// (`settled`) still hold the same key.
    case fewSettledSeats(settled: Int, live: Int)
    /// The ring has more keys than there are eligible members.
    case ringLargerThanEligible(ring: Int, eligible: UInt32)
    /// The name opens at this count, and cannot be taken back then.
    case nameOpens(count: UInt32)
    /// The name opens at once: its count has been reached and its keys have been released.
    case nameAtOnce
    /// The current co-signature has a name, and the new one has none.
    case nameDropped
    /// The current co-signature has a name that is already open, so it is known who made this tag's co-signatures,
    /// whatever follows.
    case nameIsOut
}

/// A name that opens once `count` co-signatures stand.
public struct ConditionalName: Sendable, Hashable {
    /// 1 to 240 bytes.
    public let text: String
    /// One of the counts at which names open in the petition.
    public let count: UInt32

    /// Checks nothing; `PetitionView.warnings` and `clear` do.
    public init(_ text: String, when count: UInt32) { (self.text, self.count) = (text, count) }
}

/// The action that a person has chosen.
public enum Decision: Sendable, Hashable {
    /// One entry per question: 0 to abstain, or a choice from 1.
    case sign(choices: [UInt8], remark: String, name: ConditionalName?)
    /// Take a standing co-signature back.
    case withdraw

    /// That a remark shows every character that it has: the ballots' readers shall read what was written.
    /// - Throws: `CoSigningError.remarkHidden`.
    public static func checkReadable(remark: String) throws(CoSigningError) {
        guard let hidden = ReadableText.firstHidden(in: remark) else { return }
        throw .remarkHidden(line: hidden.line, ReadableText.code(hidden.scalar))
    }

    /// The name that goes out with the co-signature; nil for none.
    public var name: ConditionalName? {
        if case .sign(_, _, let name) = self { name } else { nil }
    }
}

/// Evidence that this member may send this decision on this view, and has seen every warning. Only `PetitionView.clear`
/// makes one, and `make(in:)` makes one statement of it.
public struct Clearance {
    /// The view that the person decided on.
    public let view: PetitionView
    let ring: RingSecret
    let tag: LinkingTag
    let sequence: UInt32
    let decision: Decision
    /// The warnings that the person had seen when they agreed.
    public let warnings: Set<Warning>
}

extension PetitionView {
    /// With fewer live seats than this, nobody is hidden, and nothing is sent.
    public static let leastSeats = 5
    /// With fewer settled seats than this, the person is warned.
    public static let comfortableSeats = 10
    private static let day: UInt64 = 24 * 3600

    /// Checks whether this member can co-sign now: reasons to refuse are thrown, reasons to warn are returned.
    /// - Parameter now: the device's clock.
    public func warnings(
        for identity: Identity, name: ConditionalName? = nil, at now: UInt64
    ) throws(CoSigningError) -> Set<Warning> {
        try checkFreshness(at: now)
        guard petition.closure == nil else { throw .closed }
        // The service closes it, by its own clock. If it has not done so an hour later, something is wrong.
        guard !isClosedLate(at: now + leeway / 2) else { throw .closesLate }
        // A petition that was opened has been announced; its log has rejected anything else.
        guard workplace.announcements[petition.id] != nil else { throw .notAnnounced }
        guard identity.ringKey(in: petition.ring) != nil else { throw .notInRing }
        guard workplace.isMember(identity.signKey) else { throw .notMember }
        // Without a document, the epoch by which live seats are counted is unknown too; this error is the clearer one.
        if let documentFault, documentFault != .noGroupKey { throw .wording(documentFault) }
        guard seats.count >= Self.leastSeats else { throw .tooFewLiveSeats(seats.count, least: Self.leastSeats) }
        // Decided by the list of wraps that everybody is served: a key that arrived another way does not make this
        // device behave differently.
        guard isLive(identity.signKey) else { throw .noOwnWrap }
        guard let document else { throw .wording(documentFault ?? .missing) }
        if petition.manifest.kind == .ratification { try checkVote(document) }
        return try warnings(name, identity)
    }

    private func warnings(_ name: ConditionalName?, _ identity: Identity) throws(CoSigningError) -> Set<Warning> {
        let (ring, eligible) = (petition.ring.count, petition.eligible(in: workplace))
        var warnings: Set<Warning> = []
        if seats.settled < Self.comfortableSeats {
            // In a small group, or among invented people, the condition hides nobody.
            guard name == nil else { throw .namedAmongFew(seats.settled) }
            warnings.insert(.fewSettledSeats(settled: seats.settled, live: seats.count))
        }
        if UInt64(ring) > UInt64(eligible) {
            guard name == nil else { throw .namedInLargeRing(ring: ring, eligible: eligible) }
            warnings.insert(.ringLargerThanEligible(ring: ring, eligible: eligible))
        }
        let standing = standing(of: identity)
        if nameIsOut(for: identity) {
            warnings.insert(.nameIsOut)
        } else if let name {
            let level = try level(of: name)
            warnings.insert(petition.isReleased(Int(level)) ? .nameAtOnce : .nameOpens(count: name.count))
        } else if let standing, standing.action == .sign, standing.level > 0 {
            warnings.insert(.nameDropped)
        }
        return warnings
    }

    /// If witnesses are named, they must have signed both checkpoints within the last day, less the leeway. The service
    /// has them sign twice as often.
    func checkFreshness(at now: UInt64) throws(CoSigningError) {
        for (name, verdict) in [
            (judgedRoster.name, judgedRoster.witnessed), (judgedPetition.name, judgedPetition.witnessed),
        ] where verdict.threshold > 0 {
            // If a witness's time is ahead of this device's clock, the clock is slow, and cannot tell whether a day has
            // passed.
            guard let time = verdict.time, time <= now + Memory.clockTolerance + leeway,
                now + leeway <= time + Self.day
            else {
                throw .witnessesStale(name)
            }
        }
    }

    /// Checks that a vote is about a response that stands in the log of the petition it names, and states the majority
    /// it needs.
    private func checkVote(_ document: PetitionDocument) throws(CoSigningError) {
        guard RatificationTerms(document, of: petition.manifest) != nil else { throw .voteTerms }
        guard let response = petition.manifest.about, let about,
            about.records.contains(where: { $0.record.what == .response && $0.record.digest == response.digest })
        else { throw .voteResponse }
    }

    func level(of name: ConditionalName) throws(CoSigningError) -> UInt8 {
        let levels = petition.manifest.levels
        guard let place = levels.firstIndex(where: { $0.count == name.count }) else {
            throw .noSuchLevel(levels.map { $0.count })
        }
        guard SealedName.nameLengths.contains(name.text.utf8.count) else { throw .nameLength }
        if let hidden = ReadableText.firstHidden(inLine: name.text) { throw .nameHidden(ReadableText.code(hidden)) }
        return UInt8(place + 1)
    }

    /// The statement that stands under this member's tag, from whichever device it came.
    public func standing(of identity: Identity) -> PetitionLog.Standing? {
        guard let ring = identity.ringKey(in: petition.ring) else { return nil }
        return petition.tags[ring.secret.tag(in: Scope(petition.id.bytes))]
    }

    /// Whether the standing co-signature has a name that is open: whatever follows under this tag is known to be this
    /// member's.
    public func nameIsOut(for identity: Identity) -> Bool {
        guard let standing = standing(of: identity), standing.action == .sign, standing.level > 0 else { return false }
        return petition.isReleased(Int(standing.level))
    }

    /// Clears a decision for sending. To withdraw, the verified logs and the standing co-signature are enough.
    /// - Parameter seen: the warnings that the person has seen. Any other warning stops the sending.
    /// - Throws: `CoSigningError`; `.unseenWarnings` with the warnings that are missing from `seen`.
    public func clear(
        _ decision: Decision, for identity: Identity, having memory: Memory, seen: Set<Warning>, at now: UInt64
    ) throws(CoSigningError) -> Clearance {
        if let unsettled = live(in: memory) {
            if case .promised(let promise) = unsettled.state { throw .held(until: promise.until) }
            throw .unsettled
        }
        guard let ring = identity.ringKey(in: petition.ring) else { throw .notInRing }
        let tag = ring.secret.tag(in: Scope(petition.id.bytes))
        let standing = petition.tags[tag]
        var required: Set<Warning> = []
        switch decision {
        case .sign(let choices, let remark, let name):
            required = try warnings(for: identity, name: name, at: now)
            try check(choices, remark)
        case .withdraw:
            try checkFreshness(at: now)
            guard petition.closure == nil else { throw .closed }
            guard let standing, standing.action == .sign else { throw .nothingToWithdraw }
            if nameIsOut(for: identity) { required.insert(.nameIsOut) }
        }
        let unseen = required.subtracting(seen)
        guard unseen.isEmpty else { throw .unseenWarnings(Array(unseen)) }
        let (next, overflow) = (standing?.sequence ?? 0).addingReportingOverflow(standing == nil ? 0 : 1)
        guard !overflow else { throw .tagExhausted }
        // This log is older than the receipt. A settled named statement cannot be sent again, so its sequence number
        // must not be reused.
        if let last = memory.petitions[petition.id]?.sent.last, case .receipt = last.state,
            let coSigned = last.coSigned, coSigned.sequence >= next, coSigned.ringEpoch == petition.ringEpoch
        {
            throw .unsettled
        }
        return Clearance(view: self, ring: ring, tag: tag, sequence: next, decision: decision, warnings: seen)
    }

    private func check(_ choices: [UInt8], _ remark: String) throws(CoSigningError) {
        let manifest = petition.manifest
        guard choices.count == manifest.options.count else { throw .answersCount(manifest.options.count) }
        // The part of a ballot that its choices, its lengths and one byte of padding leave (section 6).
        let most = min(Int(manifest.ballotLength) - manifest.options.count - 5, 4000)
        guard remark.utf8.count <= most else { throw .remarkLength(most: most) }
        try Decision.checkReadable(remark: remark)
        let ballot: Ballot
        do { ballot = try Ballot(choices: choices, remark: remark, for: manifest) } catch { throw .rule(error) }
        guard ballot.supportsSomething(of: manifest) else { throw .supportsNothing }
    }
}
