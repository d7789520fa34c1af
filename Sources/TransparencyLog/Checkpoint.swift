// docs/protocol.md, section 3; C2SP tlog-checkpoint

import Sodium

/// A log's claim about itself: its size, and the root of its tree.
public struct Checkpoint: Sendable, Equatable, Hashable {
    /// The log's name.
    public let origin: String
    /// Number of leaves.
    public let size: UInt64
    /// The root at that size.
    public let root: Bytes32

    /// A claim that nobody has signed yet.
    public init(origin: String, size: UInt64, root: Bytes32) {
        (self.origin, self.size, self.root) = (origin, size, root)
    }

    /// The signed text: origin, size and root, one line each, and nothing else.
    public var text: String { "\(origin)\n\(size)\n\(Base64.encode(root.bytes))\n" }

    /// Parses the signed text.
    /// - Throws: `LogError.checkpoint` for anything that `text` would not produce.
    public init(parsing text: String) throws(LogError) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 4, let size = UInt64(lines[1]), let bytes = Base64.decode(lines[2]),
            let root = Bytes32(bytes)
        else { throw .checkpoint }
        self.init(origin: String(lines[0]), size: size, root: root)
        // This rejects leading zeros, signs and other spellings of the same number.
        guard !lines[0].isEmpty, self.text == text, self.text.utf8.elementsEqual(text.utf8) else { throw .checkpoint }
    }

    /// Signs the checkpoint as the log.
    public func signed(by key: borrowing SigningKey) -> SignedNote {
        let signature = SignedNote.Signature(
            name: origin, keyID: SignedNote.keyID(name: origin, type: LogVerifier.type, key: key.publicKey),
            bytes: key.sign(Array(text.utf8)))
        return SignedNote(text: text, signatures: [signature])
    }
}

/// A log's name and key, from a trusted source: WorkplaceFounded.
public struct LogVerifier: Sendable, Hashable {
    /// The type of an Ed25519 signature in a signed note.
    static let type: UInt8 = 1

    /// The log's name, which its checkpoints must carry.
    public let origin: String
    /// The log's Ed25519 key.
    public let key: Bytes32

    /// The caller vouches for both.
    public init(origin: String, key: Bytes32) { (self.origin, self.key) = (origin, key) }

    /// Checks a note's form, its origin and the log's signature.
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
    /// The verified claim.
    public let checkpoint: Checkpoint
    /// The note that carries it, with all its signature lines.
    public let note: SignedNote

    fileprivate init(checkpoint: Checkpoint, note: SignedNote) { (self.checkpoint, self.note) = (checkpoint, note) }

    /// Number of leaves.
    public var size: UInt64 { checkpoint.size }
    /// The root at that size.
    public var root: Bytes32 { checkpoint.root }
}
