import Foundation
import Petitions
import Sodium

/// What a member's client remembers besides secrets. Encrypted with the keystore: it shows what was signed.
struct LocalState: Codable {
    struct Pin: Codable, Equatable {
        var size: UInt64
        var root: String
        /// The checkpoint with the log's own signature and no witness's, whose time would say when this device read it. Nil for
        /// receipts, and in keystores from before.
        var note: String?
    }

    /// What a log has shown this device: the newest checkpoint that was verified whole, and those of receipts since, which the
    /// next reading must contain too.
    struct Pins: Codable {
        var verified: [String: Pin] = [:]
        var promised: [String: [Pin]] = [:]
    }

    struct ObjectPin: Codable, Equatable {
        var revision: UInt32
        var digest: String
        /// Nil in keystores from before lists were checked for what they leave out.
        var kind: UInt8?
    }

    /// A statement that was sent, and its receipt once there is one.
    struct Sent: Codable {
        /// Base64 of the statement's bytes.
        var statement: String
        /// Base64 of the sealed name that went with it.
        var sealedName: String?
        var receipt: String?
        /// Whether the service has said that it keeps the statement to mix it with others. Nil in keystores from before.
        var isHeld: Bool?

        /// Sent, and neither in the log nor given up.
        var isLive: Bool { receipt == nil }
    }

    struct CoSigning: Codable {
        /// The ring key that it was signed with.
        var ringKey: String
        /// In order; only the last may be without a receipt.
        var sent: [Sent] = []
    }

    struct TrusteeOffer: Codable {
        var nonce: String
        /// The petition accepted under this nonce.
        var petition: String?
    }

    var workplace: String
    var serviceURL: String
    /// Whether the log shows us as a member: false between making the keys and the receipt of the admission.
    var isAdmitted = false
    /// By log origin, what this device has verified whole.
    var pins = Pins()
    /// The founding statement, in base64, until its receipt has come.
    var founding: String?
    var objects: [String: ObjectPin] = [:]
    /// By petition.
    var cosignatures: [String: CoSigning] = [:]
    /// By the plan that they answer.
    var offers: [String: TrusteeOffer] = [:]
    /// By plan, the petition that this device was shown last: what a trustee may accept.
    var previews: [String: String] = [:]
    /// By plan, the petition that this device assembled. Nil in keystores from before.
    var assembled: [String: String]?
    /// By object, the revision that was read last where later ones said nothing. Nil in keystores from before.
    var readRevisions: [String: UInt32]?
    var read: [String: UInt32] {
        get { readRevisions ?? [:] }
        set { readRevisions = newValue }
    }
    /// The tlog-policy file that this member wants met. Nil for none.
    var witnessPolicy: String?
    /// What an organiser noted beside an invite they made, by invite key.
    var inviteNotes: [String: String] = [:]

    init(workplace: ID<Workplace>, serviceURL: String) {
        self.workplace = workplace.hex
        self.serviceURL = serviceURL
    }
}
