import Petitions
import Sodium
import TransparencyLog

/// Why a device refuses to read on, to sign or to send. Codes with their values; the caller words them.
public enum CoSigningError: Error, Sendable, Equatable {
    // Found by a run
    /// The service has nothing under the log's name.
    case logMissing(LogName)
    /// The response is not a log, or is longer than this program reads.
    case logUnreadable(LogName)
    /// The checkpoint's form or signature is invalid.
    case logUnverified(LogName, LogError)
    /// The leaves do not give the checkpoint's root.
    case logRootDiffers(LogName)
    /// The log's first leaf is invalid, or another log's.
    case firstLeaf(LogName)
    /// The id was announced here but belongs to another workplace.
    case otherWorkplace
    /// The audit of a log found these faults.
    case serviceFaults([String])
    /// Too few of the witnesses named in the workplace's log have signed the checkpoint, or one of their lines is
    /// false.
    case notWitnessed(LogName, signed: Int, asked: Int)
    /// Enough witnesses have signed, but not within the last day by this device's clock.
    case witnessesStale(LogName)
    // Reasons not to sign
    /// The petition is closed, or its closing time has passed.
    case closed
    /// Still open an hour after its closing time: the service has not closed it.
    case closesLate
    /// The workplace's log does not announce the petition.
    case notAnnounced
    /// The wording cannot be shown.
    case wording(DocumentFault)
    /// None of this device's keys is in the ring.
    case notInRing
    /// This member has left or was removed.
    case notMember
    /// The list of wraps that everybody is served has no key for this member.
    case noOwnWrap
    /// Fewer than `least` people can have made a co-signature, so signing is refused.
    case tooFewLiveSeats(Int, least: Int)
    /// The vote's document does not state valid terms.
    case voteTerms
    /// The response that the vote is about does not stand in its petition's log.
    case voteResponse
    /// A name is refused while fewer than ten seats are settled; the value is their number.
    case namedAmongFew(Int)
    /// A name is refused while the ring has more keys than there are eligible members.
    case namedInLargeRing(ring: Int, eligible: UInt32)
    /// No name opens at the requested count. The value: the counts at which names open in this petition; empty if there
    /// are none.
    case noSuchLevel([UInt32])
    /// The name does not have 1 to 240 bytes.
    case nameLength
    /// The name contains a character that does not show; the value is its code.
    case nameHidden(String)
    /// The remark has more bytes than fit the ballot.
    case remarkLength(most: Int)
    /// The remark has a character that does not show, with its line from 1 and its code.
    case remarkHidden(line: Int, String)
    /// The petition has this many questions, and the decision another number of answers.
    case answersCount(Int)
    /// The ballot supports no demand.
    case supportsNothing
    /// No co-signature of this member stands.
    case nothingToWithdraw
    /// The tag's sequence numbers are used up.
    case tagExhausted
    /// Warnings that the person has not yet seen.
    case unseenWarnings([Warning])
    // A statement sent earlier
    /// Sent, but neither in the log nor given up: it must be settled first.
    case unsettled
    /// The same, with a promise from the service.
    case held(until: UInt64)
    // Responses to a sending
    /// The promise does not verify, or reaches too far ahead.
    case promiseInvalid
    /// The receipt does not verify, or contradicts the log that was read.
    case receiptInvalid(LogError)
    // The device's own store
    case identityDamaged
    case memoryDamaged
    case tooManyRingKeys
    /// A statement would break a rule of the protocol.
    case rule(RuleViolation)
}

/// A log, named by its subject.
public enum LogName: Hashable, Sendable {
    case workplace(ID<Workplace>)
    case petition(ID<Petition>)
}

/// Why the wording of a petition cannot be shown.
public enum DocumentFault: String, Error, Sendable, CaseIterable {
    case missing
    /// This device cannot open the key of the document's epoch from the list of wraps.
    case noGroupKey
    /// Its digest is not the one in the manifest.
    case otherDocument
}
