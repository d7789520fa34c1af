// docs/keystore.md, "The organisers' directory"

import Foundation
import Petitions
import Sodium

/// What the organisers' register holds once it is opened.
enum DirectoryContents: Codable {
    /// The whole directory.
    case entries([DirectoryEntry])
    /// Where it is: the directory is longer than one object.
    case parts([DirectoryPart.Reference])

    private struct Index: Codable {
        let parts: [DirectoryPart.Reference]
    }

    init(from decoder: any Decoder) throws {
        if let index = try? Index(from: decoder) {
            self = .parts(index.parts)
        } else {
            self = .entries(try [DirectoryEntry](from: decoder))
        }
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .entries(let entries): try entries.encode(to: encoder)
        case .parts(let parts): try Index(parts: parts).encode(to: encoder)
        }
    }
}

/// JSON under a key that is drawn for it.
struct SealedJSON {
    /// Base64.
    let nonce: String
    let ciphertext: String
    /// Digest("directory-key", context || key): XChaCha20-Poly1305 alone would let one ciphertext open to two texts.
    let commitment: String

    /// - Parameter context: workplace_id, and the part's number for a part.
    init(_ value: some Encodable, under key: borrowing SecretBytes, _ context: [UInt8]) throws {
        let nonce = Random.bytes(AEAD.nonceLength)
        let plaintext = [UInt8](try JSONEncoder().encode(value))
        self.nonce = Base64.encode(nonce)
        ciphertext = Base64.encode(
            AEAD.seal(plaintext, key: key, nonce: nonce, associatedData: Self.associatedData(context)))
        commitment = Self.commitment(key, context).hex
    }

    init(nonce: String, ciphertext: String, commitment: String) {
        (self.nonce, self.ciphertext, self.commitment) = (nonce, ciphertext, commitment)
    }

    private static func associatedData(_ context: [UInt8]) -> [UInt8] { Domain.preimage("directory", context) }

    private static func commitment(_ key: borrowing SecretBytes, _ context: [UInt8]) -> Bytes32 {
        Domain.digest("directory-key", context, secret: key)
    }

    /// Nil when anything in it does not hold.
    func open<T: Decodable>(_ type: T.Type, under key: borrowing SecretBytes, _ context: [UInt8]) -> T? {
        guard let nonce = Base64.decode(nonce), nonce.count == AEAD.nonceLength,
            let ciphertext = Base64.decode(ciphertext), key.count == 32,
            Self.commitment(key, context).hex == commitment,
            let plaintext = try? AEAD.open(
                ciphertext, key: key, nonce: nonce, associatedData: Self.associatedData(context))
        else { return nil }
        return try? JSONDecoder().decode(type, from: Data(plaintext.reveal()))
    }
}

/// The organisers' register as it is stored: under a fresh key each time, which is sealed to every organiser of that moment. Inside an
/// object under the group key, and signed with it.
struct SealedDirectory: Codable {
    struct Box: Codable {
        let organiser: String
        let box: String
    }

    let nonce: String
    let ciphertext: String
    /// Digest("directory-key", workplace_id || key). XChaCha20-Poly1305 alone would allow a ciphertext that opens to
    /// two texts.
    let commitment: String
    let keys: [Box]

    /// - Parameter organisers: their sign and box keys.
    init(
        _ contents: DirectoryContents, in workplace: ID<Workplace>,
        for organisers: [(signKey: Bytes32, boxKey: Bytes32)]
    ) throws {
        let key = SecretBytes.random(32)
        let sealed = try SealedJSON(contents, under: key, workplace.bytes.bytes)
        (nonce, ciphertext, commitment) = (sealed.nonce, sealed.ciphertext, sealed.commitment)
        keys = try organisers.map {
            Box(organiser: $0.signKey.hex, box: Base64.encode(try SealedBox.seal(key, to: $0.boxKey)))
        }
    }

    /// Nil for anyone who was not an organiser at that moment, and when anything in it does not hold.
    func open(
        in workplace: ID<Workplace>, as signKey: Bytes32, by pair: borrowing BoxKeyPair
    ) -> DirectoryContents? {
        guard let box = keys.first(where: { $0.organiser == signKey.hex }).flatMap({ Base64.decode($0.box) }),
            let key = try? pair.open(box)
        else { return nil }
        return SealedJSON(nonce: nonce, ciphertext: ciphertext, commitment: commitment)
            .open(DirectoryContents.self, under: key, workplace.bytes.bytes)
    }
}
