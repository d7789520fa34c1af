// C2SP signed-note, "Verifier keys"

import ScalarClasses
import Sodium

/// A public key that signs notes, with the name under which it signs: `<name>+<key id>+<base64(type || key)>`.
public struct NoteKey: Sendable, Hashable {
    /// The signature type, by its byte in the encoded key.
    public enum Kind: UInt8, Sendable {
        /// A log's Ed25519 key.
        case log = 1
        /// A witness's Ed25519 key, for timestamped signatures (C2SP tlog-cosignature).
        case witness = 4
    }

    /// The name in its signature lines.
    public let name: String
    /// The signature type.
    public let kind: Kind
    /// The Ed25519 key.
    public let key: Bytes32

    /// Checks nothing; see `isName`.
    public init(name: String, kind: Kind, key: Bytes32) { (self.name, self.kind, self.key) = (name, kind, key) }

    /// Parses the text of a key.
    /// - Throws: `LogError.noteKey` for anything that `text` would not produce.
    public init(parsing text: String) throws(LogError) {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, Self.isName(String(parts[0])), let material = Base64.decode(parts[2]),
            let kind = material.first.flatMap({ Kind(rawValue: $0) }), let key = Bytes32(Array(material.dropFirst()))
        else { throw .noteKey }
        self.init(name: String(parts[0]), kind: kind, key: key)
        // Compared as bytes, because strings compare by canonical equivalence: the key id and every other part must be
        // spelt as in `text`.
        guard self.text.utf8.elementsEqual(text.utf8) else { throw .noteKey }
    }

    /// The first four bytes of SHA-256(name || 0x0A || type || key).
    public var id: [UInt8] { SignedNote.keyID(name: name, type: kind.rawValue, key: key) }

    /// The key as policies and configurations write it.
    public var text: String { "\(name)+\(Hex.encode(id))+\(Base64.encode([kind.rawValue] + key.bytes))" }

    /// Whether a name can be used in a signature line: it has no white space and no plus, and at most 255 bytes.
    public static func isName(_ name: String) -> Bool {
        (1...255).contains(name.utf8.count)
            && !name.unicodeScalars.contains { $0.isWhiteSpace || $0 == "+" || $0.value < 0x20 }
    }
}
