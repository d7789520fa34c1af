// docs/keystore.md, "The organisers' directory"

import Foundation
import Petitions
import Sodium

/// The organisers' notes on a person. Only organisers can read them.
public struct DirectoryEntry: Codable, Sendable, Hashable, Identifiable {
    /// 16 random bytes in hexadecimal.
    public let id: String
    /// The person's name.
    public var name: String
    /// The person's team; may be empty.
    public var team: String
    /// A remark; may be empty.
    public var note: String
    /// The language of the person's slip; nil for the organiser's own.
    public var language: String?
    /// The public key of their newest invite.
    public var invite: String?
    /// The sign key of a person who has no invite in the directory.
    public var member: String?
    /// The time from which the invite is to be revoked, in seconds since 1970.
    public var expires: UInt64?

    /// The greatest length of a name, a team or a note, in characters and in bytes, because one character may have any
    /// number of marks.
    static let lengths = (characters: 200, bytes: 800)

    /// Checks that a name reads as it is written, without characters that do not show.
    /// - Throws: `ClientError.invalid(.hiddenName)` with the character.
    static func checkShown(_ name: String) throws {
        guard let hidden = ReadableText.firstHidden(inLine: name) else { return }
        throw ClientError.invalid(.hiddenName, ["name": name, "code": ReadableText.code(hidden)])
    }

    /// Checks that an entry may be written: it has a name, and its texts are single lines that lists can show.
    /// - Throws: `ClientError.invalid(.nobodyToInvite)`, `.hiddenName`, `.nameTooLong`.
    func check() throws {
        guard !name.isBlank else { throw ClientError.invalid(.nobodyToInvite) }
        for text in [name, team, note] {
            try Self.checkShown(text)
            guard text.count <= Self.lengths.characters, text.utf8.count <= Self.lengths.bytes else {
                throw ClientError.invalid(
                    .nameTooLong, ["most": "\(Self.lengths.characters)", "bytes": "\(Self.lengths.bytes)"])
            }
        }
    }

    /// An entry with a new id; `check` checks the rest.
    public init(name: String, team: String = "", note: String = "", language: String? = nil) {
        id = Hex.encode(Random.bytes(16))
        (self.name, self.team, self.note, self.language) = (name, team, note, language)
    }
}

/// The directory as it is stored: encrypted under a new key each time, which is sealed to every current organiser. It
/// is inside an object that is encrypted under the group key and signed.
struct SealedDirectory: Codable {
    struct Box: Codable {
        let organiser: String
        let box: String
    }

    /// Base64.
    let nonce: String
    let ciphertext: String
    /// Digest("directory-key", workplace_id || key). XChaCha20-Poly1305 alone would allow a ciphertext that opens to
    /// two texts.
    let commitment: String
    let keys: [Box]

    /// - Parameter organisers: their sign and box keys.
    init(
        _ entries: [DirectoryEntry], in workplace: ID<Workplace>, for organisers: [(signKey: Bytes32, boxKey: Bytes32)]
    ) throws {
        let key = SecretBytes.random(32)
        let nonce = Random.bytes(AEAD.nonceLength)
        let plaintext = [UInt8](try JSONEncoder().encode(entries))
        self.nonce = Base64.encode(nonce)
        ciphertext = Base64.encode(
            AEAD.seal(plaintext, key: key, nonce: nonce, associatedData: Self.associatedData(workplace)))
        commitment = Self.commitment(key, workplace).hex
        keys = try organisers.map {
            Box(organiser: $0.signKey.hex, box: Base64.encode(try SealedBox.seal(key, to: $0.boxKey)))
        }
    }

    private static func associatedData(_ workplace: ID<Workplace>) -> [UInt8] {
        Domain.preimage("directory", workplace.bytes.bytes)
    }

    private static func commitment(_ key: borrowing SecretBytes, _ workplace: ID<Workplace>) -> Bytes32 {
        Domain.digest("directory-key", workplace.bytes.bytes, secret: key)
    }

    /// Nil for somebody who was not an organiser at that moment, and if anything in it is invalid.
    func open(
        in workplace: ID<Workplace>, as signKey: Bytes32, by pair: borrowing BoxKeyPair
    ) -> [DirectoryEntry]? {
        guard let box = keys.first(where: { $0.organiser == signKey.hex }).flatMap({ Base64.decode($0.box) }),
            let nonce = Base64.decode(nonce), nonce.count == AEAD.nonceLength,
            let ciphertext = Base64.decode(ciphertext), let key = try? pair.open(box), key.count == 32,
            Self.commitment(key, workplace).hex == commitment,
            let plaintext = try? AEAD.open(
                ciphertext, key: key, nonce: nonce, associatedData: Self.associatedData(workplace))
        else { return nil }
        return try? JSONDecoder().decode([DirectoryEntry].self, from: Data(plaintext.reveal()))
    }
}
