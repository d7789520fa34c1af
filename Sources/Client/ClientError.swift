import CoSigning
import Petitions
import ServiceAPI
import Sodium
import TransparencyLog

/// Why the client refuses or fails: codes with their values, without words. The words are in templates/messages, with
/// what to do next. No error contains anything that a member wrote as content.
public enum ClientError: Error, Sendable {
    // Keystore
    /// The directory of this path has no keystore.
    case noKeystore(String)
    /// The directory of this path has a keystore already.
    case keystoreExists(String)
    /// Another process holds the keystore.
    case keystoreLocked
    case wrongPassphrase
    /// The file of this name is damaged.
    case keystoreDamaged(String)
    /// The keystore was made by an earlier program.
    case keystoreVersion
    /// The value is the path that cannot be read or written.
    case disk(String)
    // Service
    /// - Parameter at: the address that was tried.
    case unreachable(Unreachable, at: String, proxy: String?)
    /// The service refused a request.
    case refused(ServiceRefusal)
    /// A co-signature went out, and the response is neither a receipt nor a promise: the co-signature may stand or not.
    case unanswered(ServiceRefusal)
    /// The service's response is not of the expected form.
    case badAnswer(BadAnswer)
    // Reading and co-signing
    /// The device refuses to read on, to sign or to send.
    case coSigning(CoSigningError)
    /// The receipt for a statement other than a co-signature does not verify.
    case receipt(LogError)
    /// A stored text is older than it was, or gone.
    case objectRolledBack
    /// A stored text breaks a rule that an honest service enforces.
    case objectForged
    // Rules
    /// A call would break a rule of the protocol.
    case rule(RuleViolation)
    /// This device's owner is not a member.
    case notMember
    /// This device's owner is not an organiser.
    case notOrganiser
    /// Nothing fits what was asked for.
    case noSuch(Noun)
    /// More than one thing fits what was asked for.
    case ambiguous(Noun)
    /// This device lacks the group key of a text.
    case noGroupKey
    /// A new group key is due before anything may be written.
    case rotationDue
    /// The petition must be closed first.
    case notClosed
    // Trustees
    /// This device's owner is not a trustee of the petition.
    case notTrustee
    /// The nonce of the offer has served another petition.
    case nonceUsed
    /// The petition has another key at this trustee's place.
    case foreignSealKey
    /// These trustees have not accepted.
    case acceptancesMissing([NamedMember])
    /// The plan has not been assembled yet.
    case notAssembled
    /// This device has not shown the petition in its present wording.
    case notPreviewed
    /// The plan has been assembled to this petition already.
    case assembledAlready(ID<Petition>)
    /// These trustees have not made an offer.
    case offersMissing([NamedMember])
    /// The deadline has not passed by this device's clock.
    case deadlineNotReached
    /// Fewer co-signatures stand than the level needs.
    case levelNotReached(standing: Int, needed: UInt32)
    /// If witnesses are named, a level opens only on a checkpoint that they signed within the last hour.
    case levelNotFresh
    /// A request or a file is rejected; the dictionary has values for the words.
    case invalid(Invalid, [String: String] = [:])
    /// The same, about a person.
    case invalidPerson(Invalid, NamedMember)

    /// Why no readable response arrived. Each reason has its own words, and what to do next; a library's own words are
    /// never shown.
    public enum Unreachable: String, Sendable, CaseIterable {
        case timedOut, notURL, noConnection, tooLong
        /// The name does not exist; nobody listens at the port; the connection ended before a response, over encrypted
        /// or plain http.
        case nameUnknown, nobodyListens, closed, closedPlain
        /// The other side does not speak HTTP, encrypted or plain; or not TLS; or only an outdated TLS.
        case notHTTP, notHTTPPlain, notTLS, handshake
        /// The certificate is not from anybody whom this device trusts; it is another host's; it has expired; it is not
        /// valid yet.
        case certificateUntrusted, certificateOtherHost, certificateExpired, certificateNotYetValid
        /// The proxy is not running; it cannot connect; it asks for a password.
        case proxyAbsent, proxyRefuses, proxyPassword

        /// Whether another attempt may succeed. Somebody who interferes does not go away if one tries again.
        public var mayPass: Bool {
            switch self {
            case .timedOut, .noConnection, .nobodyListens, .closed, .proxyRefuses: true
            default: false
            }
        }
    }

    /// The kind of response that was expected of the service.
    public enum BadAnswer: String, Sendable, CaseIterable {
        case service, invitation, groupKey, members, texts, logKey
    }

    /// What was looked for and not found, or not found uniquely.
    public enum Noun: String, Sendable, CaseIterable {
        case comment, demand, line, leaf, draft, petition, text, member, invite, keySet, plan, person, alarm
    }

    /// Why a person's request, or a file that they gave, is rejected.
    public enum Invalid: String, Sendable, CaseIterable {
        case nameMissing, commentLength, pseudonym, pseudonymTaken, notAdopted, draftNotAdopted, memory
        case inviteCount, leftAlready, onlyOrganiser, nobodyJoined, inviteNotOpen, serviceAddress, fileExists
        case noFile, emptyFile, noPetitionFits, ringTooSmall, notText, backupPassphrase, noBackup, documentFaulty,
            trustees, threshold
        case demands, levels, deadline, markers, conflict, passphraseShort, passphraseEmpty, passphrasesDiffer
        case descriptor, noTerminalForPassphrase, noTerminalToAsk, notDelivered, noResponse, responseUnreadable
        case nothingCountered, voteTerms, voteResponse, voteWording, formYAML, formColon, formAnswer, formKey,
            formRecord
        case answerOfKind, answersCount, oneRevision, noEditor, editorFailed, noTitle
        case wholePetitionID, serviceNeedsID, bundleDamaged, bundleLineEnds, bundlePacked, bundleTooLong,
            bundleUnreadable,
            directoryNotEmpty, bundleCut, fileIsDirectory, serviceUnreadable, otherPetition, mistypedPetition,
            verifyFile, noPetitionYet
        case tamperedNotCaught, nobodyToInvite, isMember, rosterFile, rosterHeading, rosterColumn, rosterNoName
        case rosterQuote, rosterCells, rosterSplit, rosterHidden, rosterLong, rosterBreak, rosterSeparator
        case rosterLanguage, rosterEmpty, rosterEncoding, directoryFull, directoryPart, directoryClosed, nameTooLong,
            hiddenName
        case fileMissing, noDirectory, fileTooLong, controlCharacter, hidden, hiddenPreamble, hiddenForm
        case titleThenText, demandTitle, demandText, petitionTitle, petitionTooLong
        case personUnknown, personAmbiguous, personNotJoined, personWithoutInvite, deadlineForm, deadlineHour
        case sameNames, slipsExist, slipTooLong, stillOpen, describeName, letterWording, pageExists
        case letterOfVote, inviteElsewhere, inviteMisfit, removedKeystore, eraseInvited, isOrganiser, noOrganiser
        case replacesPresent, replacesReplaced, sameDraftTwice, quorumOrLevel, formUnchanged, formShape
        case directoryYours, policy, gossipFile, phrase, monitorState, noSuchWorkplace, wholeWorkplaceID
        case replacesUnconfirmed, adoptNewer, textTooLong, policyQuorum, evidenceWeak
        case invitesUnsent, directoryByFormer, alarmsFirst, inputEnded, consentMissing,
            rosterOtherEncoding
        case addressScheme, addressUser, addressPath, addressPort, noPage
        case rosterUnsettled
        case noneToRelease, noneToReleaseNames, noneWithNames, noneToWithdraw, noneToForget
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
        case nameLength, nameHidden, remarkLength, remarkHidden, answersCount, supportsNothing, nothingToWithdraw,
            tagExhausted
        case unseenWarnings, unsettled, held, promiseInvalid, receiptInvalid, memoryDamaged, tooManyRingKeys
        case invalid
    }

    /// The kind of this error.
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

    /// Turns a broken rule of the protocol into an error of the client.
    static func rules<T: ~Copyable>(_ body: () throws(RuleViolation) -> T) throws(ClientError) -> T {
        do { return try body() } catch { throw .rule(error) }
    }

    /// Turns an error of what a device decides into an error of the client.
    static func coSigning<T>(_ body: () throws(CoSigningError) -> T) throws(ClientError) -> T {
        do { return try body() } catch { throw .coSigning(error) }
    }

    /// Whether the service refused with this code.
    func isRefusal(_ code: ProblemCode) -> Bool {
        if case .refused(let refusal) = self { refusal.code == code } else { false }
    }

    /// Whether the ring was extended between the reading and the sending; another run will read the new ring.
    public var isRingGrown: Bool { breaks(.actionOrRingEpoch) }

    /// Whether the service refused because a statement breaks one of these rules.
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
        case .remarkHidden: .remarkHidden
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
