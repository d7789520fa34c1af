import CoSigning
import Foundation
import Petitions
import Sodium

/// A device's memory besides its secrets. It is encrypted with the keystore, because it shows what was signed.
/// docs/keystore.md describes the format.
struct DeviceState: Codable {
    static let version = 2

    /// The newest revision of a stored object that this device has seen.
    struct ObjectPin: Codable, Equatable {
        var revision: UInt32
        var digest: Bytes32
        /// The author of the first revision. Only they may write further revisions of a comment.
        var founder: Bytes32?
        /// The newest revision that this device believed while its author was entitled to write it.
        var entitled: Bytes32?
    }

    struct TrusteeOffer: Codable {
        var nonce: Bytes32
        /// The petition that was accepted under this nonce.
        var petition: ID<Petition>?
    }

    var version = DeviceState.version
    var workplace: ID<Workplace>
    /// The log's key, as the founding or the invite stated it.
    var logKey: Bytes32
    var serviceURL: String
    var memory = Memory()
    /// The founding statement, until its receipt has arrived.
    var founding: Data?
    /// A rotation of the ring key whose receipt has not arrived yet.
    var rotation: Data?
    /// For each log, the sequence that follows this member's newest accepted statement, even if no checkpoint shows
    /// that statement yet.
    var sequences: [LogName: UInt32] = [:]
    var objects: [StoredObject.Name: ObjectPin] = [:]
    /// By the plan that each answers.
    var offers: [ID<Object>: TrusteeOffer] = [:]
    /// Nonces of offers made ahead, for future petitions. Absent in keystores of earlier programs.
    var spareNonces: [Bytes32]?
    /// For each plan, the petition that this device showed last, which is the one that a trustee may accept.
    var previews: [ID<Object>: ID<Petition>] = [:]
    /// For each plan, the petition that this device assembled.
    var assembled: [ID<Object>: ID<Petition>] = [:]
    /// For each draft, the revision that this device showed last, which an organiser may adopt without naming it.
    var shown: [ID<Object>: UInt32] = [:]
    /// The tlog-policy file that this member requires to be met; nil for none.
    var witnessPolicy: String?
    /// Whom the organisers' directory named when this organiser read it last. Absent on other members' devices.
    var directoryNames: [DirectoryNames.Entry]?
    /// Notes that an organiser made on their invites.
    var inviteNotes: [Bytes32: String] = [:]
    /// The number of this member's next comment.
    var nextComment: UInt32 = 0
    /// When this device last sent something under the member's name, in seconds since 1970.
    var lastSigned: UInt64?
    /// Invites of an organiser's run that the service does not wholly have. Absent in keystores from before there were any.
    var unfinishedInvites: [UnfinishedInvite]?
    /// When this device last sent something anonymously, in seconds since 1970; not kept beyond the time for which it matters.
    var lastSent: UInt64?
    /// Whether the person was asked for a backup, and whether they are willing to be a trustee. Absent until then.
    var isSettledIn: Bool?
    /// For each petition, what the person has decided to send. Absent in keystores of earlier programs.
    var intentions: [ID<Petition>: Intention]?

    init(workplace: ID<Workplace>, logKey: Bytes32, serviceURL: String) {
        (self.workplace, self.logKey, self.serviceURL) = (workplace, logKey, serviceURL)
    }

    /// The state for a backup. It lacks everything about what was signed, and the offers: an offer's petition may be
    /// accepted after the backup, and the offer would then look unused.
    var withoutTraces: DeviceState {
        var state = self
        state.memory = memory.withoutStatements()
        state.offers = [:]
        state.spareNonces = nil
        state.lastSigned = nil
        state.lastSent = nil
        // The device that it is restored on needs a backup of its own.
        state.isSettledIn = nil
        state.intentions = nil
        state.unfinishedInvites = nil
        // The other device reads the directory itself.
        state.directoryNames = nil
        // Comments written after the backup use up numbers: the list shows which number is free.
        state.nextComment = 0
        return state
    }
}
