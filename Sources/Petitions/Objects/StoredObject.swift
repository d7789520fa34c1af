// docs/protocol.md, section 7

import Sodium

/// A text that members keep on the service: a signed ciphertext in a chain of revisions.
public struct StoredObject: Sendable, Hashable {
    /// What the plaintext is.
    public enum Kind: UInt8, Sendable, CaseIterable {
        case draft = 1
        case comment, document, directory, record
        /// Records which revision of a draft is adopted.
        case adoption
        /// A petition in preparation.
        case plan
        /// A trustee's offers and acceptances.
        case trustee
    }

    /// Kind and id together name an object: the same id under another kind is another object.
    public struct Name: Hashable, Sendable {
        /// What the plaintext is.
        public let kind: Kind
        /// The id within the kind.
        public let id: ID<Object>

        /// A name of both.
        public init(_ kind: Kind, _ id: ID<Object>) { (self.kind, self.id) = (kind, id) }
    }

    /// Kind and id together.
    public var name: Name { Name(kind, id) }

    /// What the plaintext is.
    public let kind: Kind
    /// The workplace whose members can read it.
    public let workplace: ID<Workplace>
    /// The id within the kind; the same in all revisions.
    public let id: ID<Object>
    /// From 1.
    public let revision: UInt32
    /// Digest of the parent revision's bytes; zeros for the first.
    public let parent: Bytes32
    /// The epoch of the group key that encrypts it.
    public let epoch: UInt32
    let nonce: [UInt8]
    let commitment: Bytes32
    let ciphertext: [UInt8]
    /// The sign key of the member who wrote this revision.
    public let author: Bytes32
    private let header: [UInt8]
    /// The exact bytes.
    public let bytes: [UInt8]

    /// The greatest length of one object's ciphertext, in bytes.
    public static let maximalCiphertext = (1 << 24) - 1

    /// Decodes an object and verifies its signature.
    /// - Throws: `RuleViolation` for any bytes that are not exactly one object with a valid signature.
    public init(decoding bytes: [UInt8]) throws(RuleViolation) {
        var reader = ByteReader(bytes)
        guard try reader.uint8() == 1 else { throw .version }
        guard let kind = Kind(rawValue: try reader.uint8()) else { throw .objectKind }
        self.kind = kind
        workplace = try reader.id()
        id = try reader.id()
        revision = try reader.uint32()
        parent = try reader.bytes32()
        epoch = try reader.uint32()
        nonce = try reader.take(AEAD.nonceLength)
        commitment = try reader.bytes32()
        header = reader.consumed()
        ciphertext = try reader.vector24(0...Self.maximalCiphertext)
        author = try reader.bytes32()
        let signed = reader.consumed()
        let signature = try reader.take(64)
        try reader.finish()
        self.bytes = bytes
        guard revision > 0, (revision == 1) == parent.isZero else { throw .sequence }
        guard Ed25519.verify(signature, of: Domain.preimage("object", signed), by: author) else { throw .signature }
    }

    /// Encrypts and signs a revision.
    /// - Parameter previous: the newest revision; nil for the first.
    public static func seal(
        _ plaintext: [UInt8], kind: Kind, id: ID<Object>, after previous: StoredObject?, in workplace: ID<Workplace>,
        under key: borrowing GroupKey, by author: borrowing SigningKey
    ) throws(RuleViolation) -> StoredObject {
        let (revision, overflow) = (previous?.revision ?? 0).addingReportingOverflow(1)
        guard !overflow, let padded = Padding.pad(plaintext, to: Padding.padme(plaintext.count + 1)),
            padded.count + AEAD.tagLength <= maximalCiphertext
        else { throw .tooLong }
        let objectKey = Self.key(of: id, under: key)
        let nonce = Random.bytes(AEAD.nonceLength)
        var writer = ByteWriter()
        writer.append(UInt8(1))
        writer.append(kind.rawValue)
        writer.append(workplace)
        writer.append(id)
        writer.append(revision)
        writer.append(previous?.digest ?? .zero)
        writer.append(key.epoch)
        writer.append(nonce)
        writer.append(Self.commitment(to: objectKey, nonce))
        let header = writer.bytes
        writer.vector24(AEAD.seal(padded, key: objectKey, nonce: nonce, associatedData: header))
        writer.append(author.publicKey)
        writer.append(author.sign(Domain.preimage("object", writer.bytes)))
        return try StoredObject(decoding: writer.bytes)
    }

    /// Decrypts the text.
    /// - Throws: `RuleViolation.commitment` if this is not the key, or the ciphertext was changed.
    public func open(under key: borrowing GroupKey) throws(RuleViolation) -> [UInt8] {
        let objectKey = Self.key(of: id, under: key)
        // Checked first, so that no ciphertext can open under two keys.
        guard key.epoch == epoch, Self.commitment(to: objectKey, nonce) == commitment,
            let padded = try? AEAD.open(ciphertext, key: objectKey, nonce: nonce, associatedData: header)
        else { throw .commitment }
        guard let plaintext = Padding.unpad(padded.reveal()), Padding.padme(plaintext.count + 1) == padded.count else {
            throw .padding
        }
        return plaintext
    }

    /// Digest("object", bytes), by which the next revision names its parent.
    public var digest: Bytes32 { Domain.digest("object", bytes) }

    private static func key(of id: ID<Object>, under key: borrowing GroupKey) -> SecretBytes {
        BLAKE2b.keyed(Array("object".utf8) + id.bytes.bytes, key: key.key, length: 32)
    }

    private static func commitment(to key: borrowing SecretBytes, _ nonce: [UInt8]) -> Bytes32 {
        Domain.digest("object-key", [], secret: key, nonce)
    }
}
