// docs/protocol.md, section 4 (the invite's URL) and section 7 (the keys it carries)

import Sodium

/// A secret that admits one person to a workplace.
public struct Invite: ~Copyable, Sendable {
    private static let context: StaticString = "rrinvite"
    private static let path = "/join#"

    public let workplace: ID<Workplace>
    /// The log's key, so that the newcomer does not depend on the service to learn it.
    public let logKey: Bytes32
    private let secret: SecretBytes

    /// Where the newcomer finds the service: a URL without a slash at the end.
    public let serviceURL: String

    public init(workplace: ID<Workplace>, logKey: Bytes32, serviceURL: String) {
        self.init(workplace: workplace, logKey: logKey, serviceURL: serviceURL, secret: .random(32))
    }

    private init(workplace: ID<Workplace>, logKey: Bytes32, serviceURL: String, secret: consuming SecretBytes) {
        self.workplace = workplace
        self.logKey = logKey
        self.serviceURL = serviceURL
        self.secret = secret
    }

    /// `<service URL>/join#` and 96 bytes in base64url. The fragment never reaches the service.
    /// - Throws: `RuleViolation.invite`.
    public init(parsing url: String) throws(RuleViolation) {
        let utf8 = Array(url.utf8)
        guard let hash = utf8.firstIndex(of: UInt8(ascii: "#")) else { throw .invite }
        let head = String(decoding: utf8[...hash], as: UTF8.self)
        let fragment = String(decoding: utf8[(hash + 1)...], as: UTF8.self)
        guard head.hasSuffix(Self.path), head.count > Self.path.count,
            var bytes = Base64.decode(fragment, .urlUnpadded), bytes.count == 96,
            let workplace = Bytes32(bytes[0..<32]), let logKey = Bytes32(bytes[32..<64]),
            let secret = SecretBytes(moving: &bytes).slice(64..<96)
        else { throw .invite }
        self.init(
            workplace: ID(workplace), logKey: logKey, serviceURL: String(head.dropLast(Self.path.count)),
            secret: secret)
    }

    public borrowing func url() -> String {
        serviceURL + Self.path + Base64.encode(workplace.bytes.bytes + logKey.bytes + secret.reveal(), .urlUnpadded)
    }

    /// invite_key.
    public borrowing func signingKey() -> SigningKey {
        SigningKey(seed: KDF.derive(secret, id: 1, context: Self.context))
    }

    /// The key under which the inviter leaves the group keys.
    borrowing func wrapKey() -> SecretBytes { KDF.derive(secret, id: 2, context: Self.context) }

    /// nonce || AEAD of { uint32 epoch; opaque key[32] } each.
    public borrowing func seal(_ keys: borrowing GroupKeyRing) -> [UInt8] {
        let nonce = Random.bytes(AEAD.nonceLength)
        let key = wrapKey()
        let data = associatedData()
        return nonce
            + keys.packed().withUnsafeBytes {
                AEAD.seal($0, key: key, nonce: nonce, associatedData: data)
            }
    }

    /// - Throws: `RuleViolation.invite`.
    public borrowing func open(_ sealed: [UInt8]) throws(RuleViolation) -> GroupKeyRing {
        guard sealed.count > AEAD.nonceLength + AEAD.tagLength else { throw .invite }
        let plaintext: SecretBytes
        do {
            plaintext = try AEAD.open(
                sealed[AEAD.nonceLength...], key: wrapKey(), nonce: Array(sealed[..<AEAD.nonceLength]),
                associatedData: associatedData())
        } catch { throw .invite }
        guard let ring = GroupKeyRing(packed: plaintext) else { throw .invite }
        return ring
    }

    private borrowing func associatedData() -> [UInt8] { workplace.bytes.bytes + signingKey().publicKey.bytes }
}

/// The group keys that somebody holds, by epoch, in one piece of guarded memory: { uint32 epoch; opaque key[32] } each.
public struct GroupKeyRing: ~Copyable, Sendable {
    private static let entry = 36
    private var memory: SecretBytes
    public private(set) var epochs: [UInt32]

    public init() {
        memory = SecretBytes(zeros: 0)
        epochs = []
    }

    /// Nil when the bytes are not whole entries of different epochs.
    public init?(packed: borrowing SecretBytes) {
        guard packed.count % Self.entry == 0 else { return nil }
        let epochs = packed.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: Self.entry).map { start in
                (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[start + $1]) }
            }
        }
        guard Set(epochs).count == epochs.count else { return nil }
        self.epochs = epochs
        memory = packed.duplicate()
    }

    public borrowing func packed() -> SecretBytes { memory.duplicate() }

    public borrowing func key(epoch: UInt32) -> GroupKey? {
        guard let place = epochs.firstIndex(of: epoch),
            let key = memory.slice(place * Self.entry + 4..<(place + 1) * Self.entry)
        else { return nil }
        return GroupKey(epoch: epoch, stored: key)
    }

    /// Adds a key; an epoch that is there already keeps its own.
    public mutating func insert(_ key: borrowing GroupKey) {
        guard !epochs.contains(key.epoch) else { return }
        let head = SecretBytes([UInt8](), memory)
        var grown = SecretBytes(zeros: epochs.count * Self.entry + Self.entry)
        let offset = epochs.count * Self.entry
        let epoch = key.epoch
        head.withUnsafeBytes { source in
            key.key.withUnsafeBytes { secret in
                grown.withUnsafeMutableBytes { target in
                    target.copyBytes(from: source)
                    for i in 0..<4 { target[offset + i] = UInt8(truncatingIfNeeded: epoch >> UInt32(24 - 8 * i)) }
                    UnsafeMutableRawBufferPointer(rebasing: target[(offset + 4)...]).copyBytes(from: secret)
                }
            }
        }
        memory = grown
        epochs.append(key.epoch)
    }

    /// Forgets the keys of some epochs.
    public mutating func keep(_ keep: (borrowing GroupKey) -> Bool) {
        var kept = GroupKeyRing()
        for epoch in epochs {
            guard let key = key(epoch: epoch), keep(key) else { continue }
            kept.insert(key)
        }
        self = kept
    }

    public var newest: UInt32? { epochs.max() }
}
