import Petitions
import Sodium
import TransparencyLog

/// Why a device refuses to read on, to sign or to send. A code and its values; words are the caller's.
public enum CoSigningError: Error, Sendable, Equatable {
    // What a run read
    /// Nothing is served under the log's name.
    case logMissing(LogName)
    /// The answer is no log, or longer than any that this program reads.
    case logUnreadable(LogName)
    case logUnverified(LogName, LogError)
    /// The leaves are not those of the checkpoint.
    case logRootDiffers(LogName)
    case firstLeaf(LogName)
    /// The id was announced here, and belongs to another workplace.
    case otherWorkplace
    case serviceFaults([String])
    /// Too few of the witnesses that the workplace's log names have signed the checkpoint, or a line of theirs is false.
    case notWitnessed(LogName, signed: Int, asked: Int)
    /// Enough have signed, and not within the last day by this device's clock.
    case witnessesStale(LogName)
    // What speaks against signing
    case closed
    /// Open an hour after its closing time: the service does not close it.
    case closesLate
    case notAnnounced
    case wording(DocumentFault)
    case notInRing
    /// This member has left, or was removed.
    case notMember
    /// Nobody has left a key for this member in the list that everybody is served.
    case noOwnWrap
    /// Refused: fewer than `least` people can have made a co-signature.
    case tooFewLiveSeats(Int, least: Int)
    case voteTerms
    case voteResponse
    case namedAmongFew(Int)
    case namedInLargeRing(ring: Int, eligible: UInt32)
    /// The counts at which names open in this petition; empty where none do.
    case noSuchLevel([UInt32])
    case nameLength
    /// The name has a character that does not show, with its code.
    case nameHidden(String)
    case remarkLength(most: Int)
    case answersCount(Int)
    /// The ballot supports no demand.
    case supportsNothing
    case nothingToWithdraw
    case tagExhausted
    /// Warnings that the person has not seen.
    case unseenWarnings([Warning])
    // What was sent before
    /// Sent, and neither in the log nor given up: it must be settled first.
    case unsettled
    /// The same, under a promise of the service.
    case held(until: UInt64)
    // Answers to a sending
    case promiseInvalid
    case receiptInvalid(LogError)
    // What is kept
    case identityDamaged
    case memoryDamaged
    case tooManyRingKeys
    case rule(RuleViolation)
}

/// A log by what it is of.
public enum LogName: Hashable, Sendable {
    case workplace(ID<Workplace>)
    case petition(ID<Petition>)
}

/// Why the wording of a petition cannot be shown.
public enum DocumentFault: String, Error, Sendable, CaseIterable {
    case missing
    /// This device cannot open the key of its epoch from the list of wraps.
    case noGroupKey
    /// It is not the document whose digest the manifest has.
    case otherDocument
}
