// docs/protocol.md, section 4, "Invites", and section 7 (the keys that an invite carries)

import Sodium

/// A secret that admits one person to a workplace: 16 random bytes, from which everything else about the invite is
/// derived.
public struct Invite: ~Copyable, Sendable {
    private static let context: StaticString = "rrinvite"
    private static let path = "/join#"

    private let seed: SecretBytes
    /// Digest("invite", seed).
    private let secret: SecretBytes
    /// The first 16 bytes of Digest("invite-pin", seed || workplace_id || log_key).
    private let pin: [UInt8]
    /// The service's URL, without a trailing slash.
    public let serviceURL: String

    /// Makes a new invite to a workplace.
    public init(workplace: ID<Workplace>, logKey: Bytes32, serviceURL: String) {
        let seed = SecretBytes.random(InviteCode.seedLength)
        let pin = Self.pin(seed, workplace, logKey)
        self.init(seed: seed, pin: pin, serviceURL: serviceURL)
    }

    /// For known answers, which give the secret and not the seed.
    init(secret: consuming SecretBytes) {
        self.secret = secret
        seed = SecretBytes(zeros: InviteCode.seedLength)
        (pin, serviceURL) = ([], "")
    }

    init(seed: consuming SecretBytes, pin: [UInt8], serviceURL: String) {
        secret = Domain.secretDigest("invite", of: seed)
        self.seed = seed
        self.pin = pin
        self.serviceURL = serviceURL
    }

    /// Reads `<service URL>/join#<code>`, even in the forms that messengers, mail and typing give it (`InviteText`).
    /// The fragment never reaches the service.
    /// - Throws: `RuleViolation.invite` if the address is not an invite's, `.inviteTyping` if the code was mistyped.
    public init(parsing url: String) throws(RuleViolation) {
        let text = try InviteText(url)
        let code = try InviteCode(parsing: text.code[...])
        self.init(seed: code.seed, pin: code.pin, serviceURL: text.serviceURL)
    }

    /// `<service URL>/join#<code>`. It reveals the invite's secret.
    public borrowing func url() -> String {
        serviceURL + Self.path + InviteCode(seed: seed.duplicate(), pin: pin).text()
    }

    private static func pin(_ seed: borrowing SecretBytes, _ workplace: ID<Workplace>, _ logKey: Bytes32) -> [UInt8] {
        let digest = Domain.digest("invite-pin", [], secret: seed, workplace.bytes.bytes + logKey.bytes)
        return Array(digest.bytes.prefix(InviteCode.pinLength))
    }

    /// Whether the inviter meant this workplace with this log key. The client must reject any other answer.
    public borrowing func fits(_ workplace: ID<Workplace>, logKey: Bytes32) -> Bool {
        Self.pin(seed, workplace, logKey) == pin
    }

    /// The key pair of invite_key.
    public borrowing func signingKey() -> SigningKey {
        SigningKey(seed: KDF.derive(secret, id: 1, context: Self.context))
    }

    /// The key with which the inviter encrypts the group keys for the newcomer.
    borrowing func wrapKey() -> SecretBytes { KDF.derive(secret, id: 2, context: Self.context) }

    /// The name under which the inviter leaves the group keys, and the only one under which the service returns them.
    /// Only the holder of the invite knows it.
    public borrowing func lookupName() -> Bytes32 {
        let name = KDF.derive(secret, id: 3, context: Self.context)
        return Bytes32.array(name.reveal())[0]
    }

    /// Encrypts group keys: nonce || AEAD of { uint32 epoch; opaque key[32] } each.
    public borrowing func seal(_ keys: borrowing GroupKeyRing, in workplace: ID<Workplace>) -> [UInt8] {
        let nonce = Random.bytes(AEAD.nonceLength)
        let key = wrapKey()
        let data = associatedData(workplace)
        return nonce
            + keys.packed().withUnsafeBytes {
                AEAD.seal($0, key: key, nonce: nonce, associatedData: data)
            }
    }

    /// Decrypts the group keys.
    /// - Throws: `RuleViolation.invite`.
    public borrowing func open(_ sealed: [UInt8], in workplace: ID<Workplace>) throws(RuleViolation) -> GroupKeyRing {
        guard sealed.count > AEAD.nonceLength + AEAD.tagLength else { throw .invite }
        let plaintext: SecretBytes
        do {
            plaintext = try AEAD.open(
                sealed[AEAD.nonceLength...], key: wrapKey(), nonce: Array(sealed[..<AEAD.nonceLength]),
                associatedData: associatedData(workplace))
        } catch { throw .invite }
        guard let ring = GroupKeyRing(packed: plaintext) else { throw .invite }
        return ring
    }

    private borrowing func associatedData(_ workplace: ID<Workplace>) -> [UInt8] {
        workplace.bytes.bytes + signingKey().publicKey.bytes
    }
}
