// docs/protocol.md, section 3; C2SP signed-note

import Sodium

/// What a log's text breaks.
public enum LogError: Error, Equatable, Sendable {
    case note
    case noteKey
    case noSignature
    case badSignature
    case checkpoint
    case origin(expected: String, found: String)
    case receipt
    case notIncluded
    case entries
    case witnessRequest
}

/// Text with signature lines, as parsed. Nothing in it is believed before `VerifiedCheckpoint` has checked a signature.
public struct SignedNote: Sendable, Equatable {
    public struct Signature: Sendable, Equatable {
        public let name: String
        public let keyID: [UInt8]
        public let bytes: [UInt8]

        public init(name: String, keyID: [UInt8], bytes: [UInt8]) {
            (self.name, self.keyID, self.bytes) = (name, keyID, bytes)
        }

        /// Byte by byte: strings compare by canonical equivalence, under which the Kelvin sign is a K.
        func isNamed(_ name: String) -> Bool { self.name.utf8.elementsEqual(name.utf8) }
    }

    /// Ends in a newline.
    public let text: String
    public let signatures: [Signature]

    /// Bytes of a whole note, and signature lines, beyond which it is not read.
    public static let maximalLength = 1 << 20
    public static let maximalSignatures = 100

    private static let dash = "\u{2014} "

    /// - Throws: `LogError.note`.
    public init(parsing note: String) throws(LogError) {
        let utf8 = Array(note.utf8)
        guard utf8.count <= Self.maximalLength, !utf8.contains(where: { $0 < 0x20 && $0 != 0x0a }), utf8.last == 0x0a,
            // The text is separated from the signatures by the last empty line.
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

    /// Signature lines alone, as a witness answers with them.
    /// - Throws: `LogError.note`.
    public static func signatures(parsing text: String) throws(LogError) -> [Signature] {
        // The same rules as at the end of a note.
        try SignedNote(parsing: "-\n\n" + text).signatures
    }

    /// The same text with further signatures behind those that it has.
    public func adding(_ more: [Signature]) -> SignedNote { SignedNote(text: text, signatures: signatures + more) }

    /// By bytes and scalars: what a grapheme is differs between versions of Unicode, and a verdict must not.
    private static func signature(_ line: ArraySlice<UInt8>) throws(LogError) -> Signature {
        guard line.starts(with: dash.utf8) else { throw .note }
        let parts = line.dropFirst(dash.utf8.count).split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 2, let name = String(validating: parts[0], as: UTF8.self), isKeyName(name),
            let text = String(validating: parts[1], as: UTF8.self), let bytes = Base64.decode(text), bytes.count > 4
        else { throw .note }
        return Signature(name: name, keyID: Array(bytes[..<4]), bytes: Array(bytes[4...]))
    }

    private static func isKeyName(_ name: String) -> Bool {
        !name.isEmpty && !name.unicodeScalars.contains { $0.properties.isWhitespace || $0 == "+" }
    }

    public init(text: String, signatures: [Signature]) { (self.text, self.signatures) = (text, signatures) }

    /// The bytes that are served.
    public var serialized: String { text + "\n" + signatureLines }

    /// The lines behind the text.
    public var signatureLines: String {
        signatures.map { Self.dash + $0.name + " " + Base64.encode($0.keyID + $0.bytes) + "\n" }.joined()
    }

    /// The first four bytes of SHA-256(name || 0x0A || type || public key).
    public static func keyID(name: String, type: UInt8, key: Bytes32) -> [UInt8] {
        Array(SHA256.hash(Array(name.utf8) + [0x0a, type] + key.bytes).bytes[..<4])
    }
}
