import CoSigning
import Foundation
import Petitions
import Sodium

/// What a device remembers besides secrets. Encrypted with the keystore: it shows what was signed. docs/keystore.md has the form.
struct DeviceState: Codable {
    static let version = 2

    /// A revision of a stored object that was seen here.
    struct ObjectPin: Codable, Equatable {
        var revision: UInt32
        var digest: Bytes32
        /// Who wrote the first revision: of a comment, the only one who may write more.
        var founder: Bytes32?
        /// The newest revision that this device believed while its author was entitled to write it.
        var entitled: Bytes32?
    }

    struct TrusteeOffer: Codable {
        var nonce: Bytes32
        /// The petition accepted under this nonce.
        var petition: ID<Petition>?
    }

    var version = DeviceState.version
    var workplace: ID<Workplace>
    /// The log's key, as the founding or the invite said it.
    var logKey: Bytes32
    var serviceURL: String
    var memory = Memory()
    /// The founding statement until its receipt has come.
    var founding: Data?
    /// A rotation of the ring key whose receipt has not come.
    var rotation: Data?
    /// For each log the sequence after this member's newest accepted statement, also where no checkpoint shows that one yet.
    var sequences: [LogName: UInt32] = [:]
    var objects: [StoredObject.Name: ObjectPin] = [:]
    /// By the plan that they answer.
    var offers: [ID<Object>: TrusteeOffer] = [:]
    /// Nonces of offers made ahead, for petitions to come. Absent in keystores from before there were any.
    var spareNonces: [Bytes32]?
    /// By plan, the petition that this device was shown last: what a trustee may accept.
    var previews: [ID<Object>: ID<Petition>] = [:]
    /// By plan, the petition that this device assembled.
    var assembled: [ID<Object>: ID<Petition>] = [:]
    /// By draft, the revision that this device showed last: what an organiser may adopt without naming it.
    var shown: [ID<Object>: UInt32] = [:]
    /// The tlog-policy file that this member wants met. Nil for none.
    var witnessPolicy: String?
    /// What an organiser noted beside an invite they made.
    var inviteNotes: [Bytes32: String] = [:]
    /// The number of this member's next comment.
    var nextComment: UInt32 = 0
    /// Unix seconds at which this device last sent something under the member's name.
    var lastSigned: UInt64?
    /// What the person has decided to send, by petition. Absent in keystores from before there were any.
    var intentions: [ID<Petition>: Intention]?

    init(workplace: ID<Workplace>, logKey: Bytes32, serviceURL: String) {
        (self.workplace, self.logKey, self.serviceURL) = (workplace, logKey, serviceURL)
    }

    /// What a backup holds: nothing of what was signed, and no offer, whose petition may be accepted after the backup and would
    /// look unspent.
    var withoutTraces: DeviceState {
        var state = self
        state.memory = memory.withoutStatements()
        state.offers = [:]
        state.spareNonces = nil
        state.lastSigned = nil
        state.intentions = nil
        // Comments that are written after the backup take numbers: the list says which is free.
        state.nextComment = 0
        return state
    }
}
