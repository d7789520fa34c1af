// docs/protocol.md, section 10

import MembershipProofs
import Petitions
import Ristretto
import Sodium
import TransparencyLog

/// What one run shows of a petition.
public struct PetitionView: Sendable {
    public let judgedRoster: JudgedLog<WorkplaceLog>
    public let judgedPetition: JudgedLog<PetitionLog>
    /// Of a vote: the petition whose response it votes on.
    public let about: PetitionLog?
    public let document: PetitionDocument?
    public let documentFault: DocumentFault?
    /// Who can have made a co-signature.
    public let seats: LiveSeats
    let names: [[UInt8]]

    public var workplace: WorkplaceLog { judgedRoster.log }
    public var petition: PetitionLog { judgedPetition.log }

    init(
        workplace: JudgedLog<WorkplaceLog>, petition: JudgedLog<PetitionLog>, about: PetitionLog?,
        document: PetitionDocument?, documentFault: DocumentFault?, wraps: [KeyWrap], names: [[UInt8]]
    ) {
        (judgedRoster, judgedPetition, self.about) = (workplace, petition, about)
        (self.document, self.documentFault, self.names) = (document, documentFault, names)
        seats = LiveSeats(petition.log, in: workplace.log, wraps: wraps)
    }

    /// What `verify` reads and `export` writes.
    public var bundle: PetitionBundle {
        PetitionBundle(
            workplaceID: workplace.id, petitionID: petition.id, workplace: judgedRoster.raw,
            petition: judgedPetition.raw, names: names, document: document?.bytes)
    }

    /// Whether a member has a seat that everybody counts as live.
    public func isLive(_ signKey: Bytes32) -> Bool { seats.live.contains(signKey) }

    /// A close in the deadline's name that came before the deadline by the reader's own clock.
    public func isClosedEarly(at now: UInt64) -> Bool {
        guard case .deadline? = petition.closure?.cause else { return false }
        return now < petition.manifest.closes
    }

    /// Open though its closing time passed an hour ago by the reader's own clock.
    public func isClosedLate(at now: UInt64) -> Bool {
        let closes = petition.manifest.closes
        return petition.closure == nil && closes > 0 && now > closes && now - closes > 3600
    }
}

/// How many people can have made a co-signature, at most. Fewer if members are invented or have erased the key.
public struct LiveSeats: Sendable, Hashable {
    /// Sign keys of those with a key in the newest ring who are members still, the very members with whom the key entered, and for
    /// whom the list of wraps has a key of the document's epoch.
    public let live: Set<Bytes32>
    /// Of these, how many hold another ring key now: whoever has erased the old one cannot sign.
    public let rotated: Int
    /// Present members without a key in the ring.
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

    public var count: Int { live.count }
    /// Live seats whose key is still their holder's present one.
    public var settled: Int { live.count - rotated }
}
