import Petitions
import Sodium
import TransparencyLog

/// Somebody as errors and lists name them: words for it are the caller's.
public struct NamedMember: Sendable, Hashable {
    /// In the order of admission, from 1; nil for somebody the roster does not know.
    public let number: Int?
    /// The sign key.
    public let key: Bytes32
    /// What the workplace calls them.
    public let pseudonym: String?

    public init(number: Int?, key: Bytes32, pseudonym: String? = nil) {
        (self.number, self.key, self.pseudonym) = (number, key, pseudonym)
    }
}

/// Why the client refuses or fails. Data, no words: those are in templates/messages, under `error.<code>`, with what to do
/// next. None carries a member's content.
public enum ClientError: Error, Sendable {
    // Keystore
    case noKeystore(String)
    case keystoreExists(String)
    case keystoreLocked
    case wrongPassphrase
    case keystoreDamaged(String)
    case keystoreVersion
    /// The path that cannot be read or written.
    case disk(String)
    // Service
    /// A key under `reason`, or what the network said.
    case unreachable(String, proxy: String?)
    case refused(status: Int, title: String, detail: String, rule: String?)
    /// A key under `badAnswer`.
    case badAnswer(String)
    // Logs
    case logUnverified(log: String, LogError)
    case rolledBack(log: String, pinned: UInt64, served: UInt64)
    case forked(log: String, size: UInt64)
    case serviceFaults([String])
    /// The labels, in the member's policy, of witnesses that have not signed.
    case notWitnessed(log: String, missing: [String])
    /// The policy names logs, and this one's key is not among theirs.
    case logNotInPolicy(log: String)
    case objectRolledBack
    case objectForged
    // Rules
    case rule(RuleViolation)
    case otherWorkplace
    case notMember
    case notOrganiser
    /// A key under `noun`.
    case noSuch(String)
    case ambiguous(String)
    case noGroupKey
    case rotationDue
    // Co-signing
    case notAnnounced
    case ringIncomplete(missing: Int)
    case notInRing
    case ringTooSmall(Int)
    /// With a name, a ring above the eligible count is refused: the name would stand among invented ones.
    case namedInLargeRing(ring: Int, eligible: UInt32)
    /// The counts at which names open in this petition.
    case noSuchLevel([UInt32])
    case closed
    case notClosed
    case stillPending
    /// What was sent before waits at the service to be mixed.
    case stillHeld
    case nothingToWithdraw
    // Trustees
    case notTrustee
    case nonceUsed
    case foreignSealKey
    case acceptancesMissing([NamedMember])
    case notAssembled
    case notPreviewed
    case assembledAlready(String)
    case offersMissing([NamedMember])
    case deadlineNotReached
    case levelNotReached(standing: Int, needed: Int)
    /// A key under `invalid`, and the values in its text.
    case invalid(String, [String: String] = [:])
    case invalidPerson(String, NamedMember)
}

extension ClientError {
    /// A stable word for each kind of error.
    public enum Code: String, CaseIterable, Sendable {
        case noKeystore, keystoreExists, keystoreLocked, wrongPassphrase, keystoreDamaged, keystoreVersion, disk
        case unreachable, unreachableByProxy, refused, badAnswer
        case logUnverified, rolledBack, forked, serviceFaults, notWitnessed, logNotInPolicy, objectRolledBack,
            objectForged
        case rule, brokenInvite, otherWorkplace, notMember, notOrganiser, noSuch, ambiguous, noGroupKey, rotationDue
        case notAnnounced, ringIncomplete, notInRing, ringTooSmall, namedInLargeRing, noSuchLevel, noLevels
        case closed, notClosed, stillPending, stillHeld, nothingToWithdraw
        case notTrustee, nonceUsed, foreignSealKey, acceptancesMissing, notAssembled, notPreviewed, assembledAlready
        case offersMissing, deadlineNotReached, levelNotReached, invalid
    }

    public var code: Code {
        switch self {
        case .noKeystore: .noKeystore
        case .keystoreExists: .keystoreExists
        case .keystoreLocked: .keystoreLocked
        case .wrongPassphrase: .wrongPassphrase
        case .keystoreDamaged: .keystoreDamaged
        case .keystoreVersion: .keystoreVersion
        case .disk: .disk
        case .unreachable(_, nil): .unreachable
        case .unreachable: .unreachableByProxy
        case .refused: .refused
        case .badAnswer: .badAnswer
        case .logUnverified: .logUnverified
        case .rolledBack: .rolledBack
        case .forked: .forked
        case .serviceFaults: .serviceFaults
        case .notWitnessed: .notWitnessed
        case .logNotInPolicy: .logNotInPolicy
        case .objectRolledBack: .objectRolledBack
        case .objectForged: .objectForged
        case .rule(.invite): .brokenInvite
        case .rule: .rule
        case .otherWorkplace: .otherWorkplace
        case .notMember: .notMember
        case .notOrganiser: .notOrganiser
        case .noSuch: .noSuch
        case .ambiguous: .ambiguous
        case .noGroupKey: .noGroupKey
        case .rotationDue: .rotationDue
        case .notAnnounced: .notAnnounced
        case .ringIncomplete: .ringIncomplete
        case .notInRing: .notInRing
        case .ringTooSmall: .ringTooSmall
        case .namedInLargeRing: .namedInLargeRing
        case .noSuchLevel(let levels): levels.isEmpty ? .noLevels : .noSuchLevel
        case .closed: .closed
        case .notClosed: .notClosed
        case .stillPending: .stillPending
        case .stillHeld: .stillHeld
        case .nothingToWithdraw: .nothingToWithdraw
        case .notTrustee: .notTrustee
        case .nonceUsed: .nonceUsed
        case .foreignSealKey: .foreignSealKey
        case .acceptancesMissing: .acceptancesMissing
        case .notAssembled: .notAssembled
        case .notPreviewed: .notPreviewed
        case .assembledAlready: .assembledAlready
        case .offersMissing: .offersMissing
        case .deadlineNotReached: .deadlineNotReached
        case .levelNotReached: .levelNotReached
        case .invalid, .invalidPerson: .invalid
        }
    }
}

extension ClientError {
    /// Whether an announced id has no petition of this workplace behind it: none yet, or another workplace's.
    var isNotOpened: Bool {
        switch self {
        case .refused(404, _, _, _), .otherWorkplace: true
        default: false
        }
    }

    /// Rules of the protocol that a call breaks, as errors of the client.
    static func rules<T: ~Copyable>(_ body: () throws(RuleViolation) -> T) throws(ClientError) -> T {
        do { return try body() } catch { throw .rule(error) }
    }
}

extension WorkplaceLog {
    /// A member by number and key.
    public func person(_ key: Bytes32, pseudonym: String? = nil) -> NamedMember {
        NamedMember(number: members.firstIndex { $0.signKey == key }.map { $0 + 1 }, key: key, pseudonym: pseudonym)
    }
}
