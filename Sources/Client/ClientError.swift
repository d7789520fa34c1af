import CoSigning
import Petitions
import ServiceAPI
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
    /// Whether that could be taken for what somebody else is called.
    public let isConfusable: Bool

    public init(number: Int?, key: Bytes32, pseudonym: String? = nil, isConfusable: Bool = false) {
        (self.number, self.key, self.pseudonym, self.isConfusable) = (number, key, pseudonym, isConfusable)
    }
}

extension WorkplaceLog {
    /// A member by number and key.
    public func person(_ key: Bytes32, pseudonym: String? = nil, isConfusable: Bool = false) -> NamedMember {
        NamedMember(
            number: members.firstIndex { $0.signKey == key }.map { $0 + 1 }, key: key, pseudonym: pseudonym,
            isConfusable: isConfusable)
    }
}

/// Why the client refuses or fails: a code and its values, no words. Those are in templates/messages, with what to do next. None
/// carries a member's content.
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
    /// - Parameter at: the address that was tried.
    case unreachable(Unreachable, at: String, proxy: String?)
    case refused(ServiceRefusal)
    /// A co-signature went out, and what came back is neither a receipt nor a promise: it may stand or not.
    case unanswered(ServiceRefusal)
    case badAnswer(BadAnswer)
    // Reading and co-signing
    case coSigning(CoSigningError)
    /// A receipt for a statement that is no co-signature does not verify.
    case receipt(LogError)
    case objectRolledBack
    case objectForged
    // Rules
    case rule(RuleViolation)
    case notMember
    case notOrganiser
    case noSuch(Noun)
    case ambiguous(Noun)
    case noGroupKey
    case rotationDue
    case notClosed
    // Trustees
    case notTrustee
    case nonceUsed
    case foreignSealKey
    case acceptancesMissing([NamedMember])
    case notAssembled
    case notPreviewed
    case assembledAlready(ID<Petition>)
    case offersMissing([NamedMember])
    case deadlineNotReached
    case levelNotReached(standing: Int, needed: UInt32)
    /// Where witnesses are named, a level opens only on a checkpoint that they signed within the last hour.
    case levelNotFresh
    case invalid(Invalid, [String: String] = [:])
    case invalidPerson(Invalid, NamedMember)

    /// Why nothing came back that could be read. Each has words, and what to do next; a library's own words are never shown.
    public enum Unreachable: String, Sendable, CaseIterable {
        case timedOut, notURL, noConnection, tooLong
        /// No such name; nobody at that port; the connection ended before an answer, over http in the clear or not.
        case nameUnknown, nobodyListens, closed, closedPlain
        /// What answers speaks no HTTP, over http in the clear or not; or no TLS; or no TLS of today.
        case notHTTP, notHTTPPlain, notTLS, handshake
        /// The certificate is not of anybody's that this device trusts; of another host; over; not begun.
        case certificateUntrusted, certificateOtherHost, certificateExpired, certificateNotYetValid
        /// The proxy does not run; reaches nobody for us; asks for a password.
        case proxyAbsent, proxyRefuses, proxyPassword

        /// Whether another attempt may go better. Somebody in between does not go away by trying.
        public var mayPass: Bool {
            switch self {
            case .timedOut, .noConnection, .nobodyListens, .closed, .proxyRefuses: true
            default: false
            }
        }
    }

    /// What an answer of the service should have been.
    public enum BadAnswer: String, Sendable, CaseIterable {
        case service, invitation, groupKey, members, texts, logKey
    }

    public enum Noun: String, Sendable, CaseIterable {
        case comment, demand, line, leaf, draft, petition, text, member, invite, keySet, plan, person, alarm
    }

    /// What is wrong with what a person asked for, or with a file that they gave.
    public enum Invalid: String, Sendable, CaseIterable {
        case nameMissing, commentLength, pseudonym, pseudonymTaken, notAdopted, draftNotAdopted, memory
        case inviteCount, leftAlready, onlyOrganiser, nobodyJoined, inviteNotOpen, serviceAddress, fileExists
        case noFile, emptyFile, noPetitionFits, ringTooSmall, notText, backupPassphrase, noBackup, documentFaulty,
            trustees, threshold
        case demands, levels, deadline, markers, conflict, passphraseShort, passphraseEmpty, passphrasesDiffer
        case descriptor, noTerminalForPassphrase, noTerminalToAsk, notDelivered, noResponse, responseUnreadable
        case nothingCountered, voteTerms, voteResponse, voteWording, formYAML, formAnswer, formKey, formRecord
        case answerOfKind, answersCount, oneRevision, noEditor, editorFailed, noTitle
        case wholePetitionID, serviceNeedsID, bundleDamaged, bundleLineEnds, bundlePacked, bundleTooLong,
            bundleUnreadable,
            directoryNotEmpty
        case tamperedNotCaught, nobodyToInvite, isMember, rosterFile, rosterHeading, rosterColumn, rosterNoName
        case rosterQuote, rosterCells, rosterSplit, rosterHidden, rosterLong, rosterBreak, rosterSeparator
        case rosterLanguage, rosterEmpty, rosterEncoding, directoryFull, nameTooLong, hiddenName
        case fileMissing, fileTooLong, controlCharacter, hidden, hiddenPreamble, hiddenForm
        case titleThenText, demandTitle, demandText, petitionTitle, petitionTooLong
        case personUnknown, personAmbiguous, personNotJoined, personWithoutInvite, deadlineForm, deadlineHour
        case sameNames, slipsExist, slipTooLong, stillOpen, describeName, letterWording, pageExists
        case letterOfVote, inviteElsewhere, inviteMisfit, removedKeystore, eraseInvited, isOrganiser, noOrganiser
        case replacesPresent, replacesReplaced, sameDraftTwice, quorumOrLevel, formUnchanged, formShape
        case directoryYours, policy, gossipFile, phrase, monitorState, noSuchWorkplace, wholeWorkplaceID
        case replacesUnconfirmed, adoptNewer, textTooLong, policyQuorum, evidenceWeak
        case invitesUnsent, directoryByFormer, alarmsFirst, inputEnded
        case addressScheme, addressUser, addressPath, addressPort
    }
}

extension ClientError {
    /// A stable word for each kind of error.
    public enum Code: String, CaseIterable, Sendable {
        case noKeystore, keystoreExists, keystoreLocked, wrongPassphrase, keystoreDamaged, keystoreVersion, disk
        case unreachable, unreachableByProxy, refused, unanswered, badAnswer, receipt, objectRolledBack, objectForged
        case rule, brokenInvite, mistypedInvite, notMember, notOrganiser, noSuch, ambiguous, noGroupKey, rotationDue
        case notClosed, notTrustee, nonceUsed, foreignSealKey, acceptancesMissing, notAssembled, notPreviewed
        case assembledAlready, offersMissing, deadlineNotReached, levelNotReached, levelNotFresh
        case logMissing, logUnreadable, logUnverified, logRootDiffers, firstLeaf, otherWorkplace, serviceFaults
        case notWitnessed, witnessesStale, closed, closesLate, notAnnounced, wording, notInRing, noOwnWrap
        case tooFewLiveSeats, voteTerms, voteResponse, namedAmongFew, namedInLargeRing, noSuchLevel, noLevels
        case nameLength, nameHidden, remarkLength, answersCount, supportsNothing, nothingToWithdraw, tagExhausted
        case unseenWarnings, unsettled, held, promiseInvalid, receiptInvalid, memoryDamaged, tooManyRingKeys
        case invalid
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
        case .unreachable(_, _, nil): .unreachable
        case .unreachable: .unreachableByProxy
        case .refused: .refused
        case .unanswered: .unanswered
        case .badAnswer: .badAnswer
        case .coSigning(let error): error.code
        case .receipt: .receipt
        case .objectRolledBack: .objectRolledBack
        case .objectForged: .objectForged
        case .rule(.invite): .brokenInvite
        case .rule(.inviteTyping): .mistypedInvite
        case .rule: .rule
        case .notMember: .notMember
        case .notOrganiser: .notOrganiser
        case .noSuch: .noSuch
        case .ambiguous: .ambiguous
        case .noGroupKey: .noGroupKey
        case .rotationDue: .rotationDue
        case .notClosed: .notClosed
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
        case .levelNotFresh: .levelNotFresh
        case .invalid, .invalidPerson: .invalid
        }
    }

    /// Rules of the protocol that a call breaks, as errors of the client.
    static func rules<T: ~Copyable>(_ body: () throws(RuleViolation) -> T) throws(ClientError) -> T {
        do { return try body() } catch { throw .rule(error) }
    }

    /// Errors of what a device decides, as errors of the client.
    static func coSigning<T>(_ body: () throws(CoSigningError) -> T) throws(ClientError) -> T {
        do { return try body() } catch { throw .coSigning(error) }
    }

    /// Whether the service refuses with this code.
    func isRefusal(_ code: ProblemCode) -> Bool {
        if case .refused(let refusal) = self { refusal.code == code } else { false }
    }

    /// Whether the ring was extended between the reading and the sending: another run reads the new one.
    public var isRingGrown: Bool { breaks(.actionOrRingEpoch) }

    /// Whether the service refuses because a statement breaks one of these rules.
    func breaks(_ rules: RuleViolation...) -> Bool {
        guard case .refused(let refusal) = self, refusal.code == .rule else { return false }
        return rules.contains { $0.rawValue == refusal.rule }
    }
}

extension CoSigningError {
    var code: ClientError.Code {
        switch self {
        case .logMissing: .logMissing
        case .logUnreadable: .logUnreadable
        case .logUnverified: .logUnverified
        case .logRootDiffers: .logRootDiffers
        case .firstLeaf: .firstLeaf
        case .otherWorkplace: .otherWorkplace
        case .serviceFaults: .serviceFaults
        case .notWitnessed: .notWitnessed
        case .witnessesStale: .witnessesStale
        case .closed: .closed
        case .closesLate: .closesLate
        case .notAnnounced: .notAnnounced
        case .wording: .wording
        case .notInRing: .notInRing
        case .notMember: .notMember
        case .noOwnWrap: .noOwnWrap
        case .tooFewLiveSeats: .tooFewLiveSeats
        case .voteTerms: .voteTerms
        case .voteResponse: .voteResponse
        case .namedAmongFew: .namedAmongFew
        case .namedInLargeRing: .namedInLargeRing
        case .noSuchLevel(let levels): levels.isEmpty ? .noLevels : .noSuchLevel
        case .nameLength: .nameLength
        case .nameHidden: .nameHidden
        case .remarkLength: .remarkLength
        case .answersCount: .answersCount
        case .supportsNothing: .supportsNothing
        case .nothingToWithdraw: .nothingToWithdraw
        case .tagExhausted: .tagExhausted
        case .unseenWarnings: .unseenWarnings
        case .unsettled: .unsettled
        case .held: .held
        case .promiseInvalid: .promiseInvalid
        case .receiptInvalid: .receiptInvalid
        case .identityDamaged: .keystoreDamaged
        case .memoryDamaged: .memoryDamaged
        case .tooManyRingKeys: .tooManyRingKeys
        case .rule: .rule
        }
    }
}
