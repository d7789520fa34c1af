// docs/protocol.md, section 3; C2SP tlog-checkpoint

import Sodium

/// What a log says of itself: so many leaves under this root.
public struct Checkpoint: Sendable, Equatable, Hashable {
    public let origin: String
    public let size: UInt64
    public let root: Bytes32

    public init(origin: String, size: UInt64, root: Bytes32) {
        (self.origin, self.size, self.root) = (origin, size, root)
    }

    /// The text that is signed: origin, size and root, a line each, and nothing more.
    public var text: String { "\(origin)\n\(size)\n\(Base64.encode(root.bytes))\n" }

    /// - Throws: `LogError.checkpoint` for anything that `text` would not produce.
    public init(parsing text: String) throws(LogError) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 4, let size = UInt64(lines[1]), let bytes = Base64.decode(lines[2]),
            let root = Bytes32(bytes)
        else { throw .checkpoint }
        self.init(origin: String(lines[0]), size: size, root: root)
        // Leading zeros, signs and other spellings of the same number do not survive this.
        guard !lines[0].isEmpty, self.text == text, self.text.utf8.elementsEqual(text.utf8) else { throw .checkpoint }
    }

    /// Signs as the log.
    public func signed(by key: borrowing SigningKey) -> SignedNote {
        let signature = SignedNote.Signature(
            name: origin, keyID: SignedNote.keyID(name: origin, type: LogVerifier.type, key: key.publicKey),
            bytes: key.sign(Array(text.utf8)))
        return SignedNote(text: text, signatures: [signature])
    }
}

/// A log's name and key, from a source that is believed: WorkplaceFounded.
public struct LogVerifier: Sendable, Hashable {
    /// Ed25519 in a signed note.
    static let type: UInt8 = 1

    public let origin: String
    public let key: Bytes32

    public init(origin: String, key: Bytes32) { (self.origin, self.key) = (origin, key) }

    /// - Throws: `LogError`.
    public func verify(_ note: String) throws(LogError) -> VerifiedCheckpoint {
        let parsed = try SignedNote(parsing: note)
        let checkpoint = try Checkpoint(parsing: parsed.text)
        guard checkpoint.origin.utf8.elementsEqual(origin.utf8) else {
            throw .origin(expected: origin, found: checkpoint.origin)
        }
        let id = SignedNote.keyID(name: origin, type: Self.type, key: key)
        let own = parsed.signatures.filter { $0.keyID == id && $0.isNamed(origin) }
        guard !own.isEmpty else { throw .noSignature }
        for signature in own {
            guard Ed25519.verify(signature.bytes, of: Array(parsed.text.utf8), by: key) else { throw .badSignature }
        }
        return VerifiedCheckpoint(checkpoint: checkpoint, note: parsed)
    }
}

/// Evidence that the log's key signed this checkpoint.
public struct VerifiedCheckpoint: Sendable, Equatable {
    public let checkpoint: Checkpoint
    public let note: SignedNote

    fileprivate init(checkpoint: Checkpoint, note: SignedNote) { (self.checkpoint, self.note) = (checkpoint, note) }

    public var size: UInt64 { checkpoint.size }
    public var root: Bytes32 { checkpoint.root }
}
