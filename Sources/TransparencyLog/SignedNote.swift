// docs/protocol.md, section 3; C2SP signed-note

import ScalarClasses
import Sodium

/// Why a text of a log is rejected.
public enum LogError: Error, Equatable, Sendable {
    /// The text is not a signed note.
    case note
    /// The text is not a key of a note.
    case noteKey
    /// The log's key has not signed the note.
    case noSignature
    /// A signature does not verify.
    case badSignature
    /// The signed text is not a checkpoint.
    case checkpoint
    /// The checkpoint belongs to another log.
    case origin(expected: String, found: String)
    /// The text is not a receipt.
    case receipt
    /// The path does not lead from the leaf to the root.
    case notIncluded
    /// The bytes are not a tile of this many leaves.
    case entries
    /// The bytes are not a request to a witness.
    case witnessRequest
}

/// A text with signature lines, as parsed. Nothing in it is believed until `LogVerifier` has checked a signature.
public struct SignedNote: Sendable, Equatable {
    /// One signature line.
    public struct Signature: Sendable, Equatable {
        /// The signer's name.
        public let name: String
        /// The first four bytes of a hash of name, type and key.
        public let keyID: [UInt8]
        /// The signature itself, without the key id.
        public let bytes: [UInt8]

        /// Checks nothing.
        public init(name: String, keyID: [UInt8], bytes: [UInt8]) {
            (self.name, self.keyID, self.bytes) = (name, keyID, bytes)
        }

        /// Compared as bytes, because strings compare by canonical equivalence, under which the Kelvin sign equals K.
        func isNamed(_ name: String) -> Bool { self.name.utf8.elementsEqual(name.utf8) }
    }

    /// The signed text, which ends in a newline.
    public let text: String
    /// The signature lines, in order.
    public let signatures: [Signature]

    /// Longer notes, in bytes, are not read.
    public static let maximalLength = 1 << 20
    /// Notes with more signature lines are not read.
    public static let maximalSignatures = 100

    private static let dash = "\u{2014} "

    /// Parses a note without checking any signature.
    /// - Throws: `LogError.note`.
    public init(parsing note: String) throws(LogError) {
        let utf8 = Array(note.utf8)
        guard utf8.count <= Self.maximalLength, !utf8.contains(where: { $0 < 0x20 && $0 != 0x0a }), utf8.last == 0x0a,
            // The last empty line separates the text from the signatures.
            let blank = (1..<max(utf8.count, 1)).last(where: { utf8[$0] == 0x0a && utf8[$0 - 1] == 0x0a })
        else { throw .note }
        text = String(decoding: utf8[..<blank], as: UTF8.self)
        let lines = utf8[(blank + 1)...].split(separator: 0x0a, omittingEmptySubsequences: false).dropLast()
        guard (1...Self.maximalSignatures).contains(lines.count) else { throw .note }
        var signatures: [Signature] = []
        for line in lines { signatures.append(try Self.signature(line)) }
        self.signatures = signatures
        guard serialized.utf8.elementsEqual(utf8) else { throw .note }
    }

    /// Parses signature lines alone, as a witness returns them.
    /// - Throws: `LogError.note`.
    public static func signatures(parsing text: String) throws(LogError) -> [Signature] {
        // The same rules as at the end of a note.
        try SignedNote(parsing: "-\n\n" + text).signatures
    }

    /// The same text with more signatures, after those that it has.
    public func adding(_ more: [Signature]) -> SignedNote { SignedNote(text: text, signatures: signatures + more) }

    /// Works on bytes and scalars: grapheme boundaries differ between versions of Unicode, and a verdict must not.
    private static func signature(_ line: ArraySlice<UInt8>) throws(LogError) -> Signature {
        guard line.starts(with: dash.utf8) else { throw .note }
        let parts = line.dropFirst(dash.utf8.count).split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 2, let name = String(validating: parts[0], as: UTF8.self), isKeyName(name),
            let text = String(validating: parts[1], as: UTF8.self), let bytes = Base64.decode(text), bytes.count > 4
        else { throw .note }
        return Signature(name: name, keyID: Array(bytes[..<4]), bytes: Array(bytes[4...]))
    }

    private static func isKeyName(_ name: String) -> Bool {
        !name.isEmpty && !name.unicodeScalars.contains { $0.isWhiteSpace || $0 == "+" }
    }

    /// Checks nothing.
    public init(text: String, signatures: [Signature]) { (self.text, self.signatures) = (text, signatures) }

    /// The whole note, as it is served.
    public var serialized: String { text + "\n" + signatureLines }

    /// The lines after the text.
    public var signatureLines: String {
        signatures.map { Self.dash + $0.name + " " + Base64.encode($0.keyID + $0.bytes) + "\n" }.joined()
    }

    /// The first four bytes of SHA-256(name || 0x0A || type || public key).
    public static func keyID(name: String, type: UInt8, key: Bytes32) -> [UInt8] {
        Array(SHA256.hash(Array(name.utf8) + [0x0a, type] + key.bytes).bytes[..<4])
    }
}
