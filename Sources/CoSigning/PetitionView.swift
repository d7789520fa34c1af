// docs/protocol.md, section 10

import MembershipProofs
import Petitions
import Ristretto
import Sodium
import TransparencyLog

/// Everything that one run shows of a petition.
public struct PetitionView: Sendable {
    /// The workplace's log, verified.
    public let judgedRoster: JudgedLog<WorkplaceLog>
    /// The petition's log, verified.
    public let judgedPetition: JudgedLog<PetitionLog>
    /// For a vote: the petition whose response it votes on.
    public let about: PetitionLog?
    /// The wording; nil if it cannot be shown, and then `documentFault` says why.
    public let document: PetitionDocument?
    /// Why `document` is nil; nil if it is there.
    public let documentFault: DocumentFault?
    /// The seats whose holders can have made a co-signature.
    public let seats: LiveSeats
    let names: [[UInt8]]
    /// Seconds, drawn for this view. A device's clock is known from its signed requests. If limits in time were sharp, a
    /// service could serve a log just beyond one, and tell whose clock is slow by which device still sends.
    var leeway = UInt64(Random.number(below: UInt32(Self.mostLeeway)))
    static let mostLeeway: UInt64 = 2 * 3600

    /// The roster, folded from the workplace's log.
    public var workplace: WorkplaceLog { judgedRoster.log }
    /// The petition, folded from its log.
    public var petition: PetitionLog { judgedPetition.log }

    init(
        workplace: JudgedLog<WorkplaceLog>, petition: JudgedLog<PetitionLog>, about: PetitionLog?,
        document: PetitionDocument?, documentFault: DocumentFault?, wraps: [KeyWrap], names: [[UInt8]]
    ) {
        (judgedRoster, judgedPetition, self.about) = (workplace, petition, about)
        (self.document, self.documentFault, self.names) = (document, documentFault, names)
        seats = LiveSeats(petition.log, in: workplace.log, wraps: wraps)
    }

    /// The petition as a bundle, which `verify` reads and `export` writes.
    public var bundle: PetitionBundle {
        PetitionBundle(
            workplaceID: workplace.id, petitionID: petition.id, workplace: judgedRoster.raw,
            petition: judgedPetition.raw, names: names, document: document?.bytes)
    }

    /// Whether a member has a seat that everybody counts as live.
    public func isLive(_ signKey: Bytes32) -> Bool { seats.live.contains(signKey) }

    /// Whether it is still open more than an hour after its closing time, by the reader's own clock.
    public func isClosedLate(at now: UInt64) -> Bool {
        let closes = petition.manifest.closes
        return petition.closure == nil && closes > 0 && now > closes && now - closes > 3600
    }
}

/// An upper bound on how many people can have made a co-signature. There are fewer if members are invented or have
/// erased the key.
public struct LiveSeats: Sendable, Hashable {
    /// Sign keys of the live seats. A seat is live if its key is in the newest ring, its holder is still a member (the
    /// same person with whom the key entered), and the list of wraps has a key of the document's epoch for them.
    public let live: Set<Bytes32>
    /// How many of these hold another ring key now. If they have erased the old one, they cannot sign.
    public let rotated: Int
    /// How many present members have no key in the ring.
    public let unseated: Int

    init(_ petition: PetitionLog, in workplace: WorkplaceLog, wraps: [KeyWrap]) {
        let claims = wraps.map { wrap in
            workplace.member(wrap.by) == nil || wrap.wrap.count != GroupKey.wrapLength
                ? nil : wrap.claim(in: workplace.id)
        }
        let holds = SignatureBatch.verify(claims.compactMap { $0 })
        var next = 0
        var wrapped: Set<Bytes32> = []
        for (wrap, claim) in zip(wraps, claims) where claim != nil {
            if holds[next] { wrapped.insert(wrap.member) }
            next += 1
        }
        var live: Set<Bytes32> = []
        var rotated = 0
        for (holder, key) in zip(petition.seats(in: workplace), petition.ring.keys)
        where workplace.isMember(holder) && wrapped.contains(holder) {
            live.insert(holder)
            if workplace.member(holder)?.ringKey(at: workplace.size) != key { rotated += 1 }
        }
        (self.live, self.rotated) = (live, rotated)
        unseated = petition.unseated(in: workplace).count
    }

    /// How many live seats there are.
    public var count: Int { live.count }
    /// How many live seats have a key that is still their holder's present one.
    public var settled: Int { live.count - rotated }
}
