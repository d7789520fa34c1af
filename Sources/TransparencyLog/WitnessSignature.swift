// docs/protocol.md, section 3; C2SP tlog-cosignature

import Sodium

/// A witness of logs: its name and its Ed25519 key.
public struct WitnessVerifier: Sendable, Hashable {
    /// The type of a timestamped witness signature.
    static let type: UInt8 = NoteKey.Kind.witness.rawValue
    /// The greatest time that can be signed, in seconds (C2SP tlog-cosignature, "Format").
    static let latestTime = UInt64(Int64.max)

    /// The name in its signature lines.
    public let name: String
    /// Its Ed25519 key.
    public let key: Bytes32

    /// Checks nothing.
    public init(name: String, key: Bytes32) { (self.name, self.key) = (name, key) }

    /// The key as policies and configurations write it.
    public var noteKey: NoteKey { NoteKey(name: name, kind: .witness, key: key) }

    /// When this witness signed the checkpoint, in seconds since 1970. Nil if it did not.
    /// - Throws: `LogError.badSignature` if a line of this witness does not verify.
    public func signatureTime(on verified: VerifiedCheckpoint) throws(LogError) -> UInt64? {
        try signatureTime(in: verified.note.signatures, on: verified.note.text)
    }

    /// The same for lines that are not in the note yet.
    public func signatureTime(
        in signatures: [SignedNote.Signature], on text: String
    ) throws(LogError) -> UInt64? {
        let id = noteKey.id
        var newest: UInt64?
        for line in signatures where line.keyID == id && line.isNamed(name) {
            guard line.bytes.count == 72 else { throw .badSignature }
            let time = line.bytes[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard time <= Self.latestTime,
                Ed25519.verify(line.bytes[8...], of: Self.message(text, at: time), by: key)
            else { throw .badSignature }
            newest = max(newest ?? 0, time)
        }
        return newest
    }

    static func message(_ text: String, at time: UInt64) -> [UInt8] {
        Array("cosignature/v1\ntime \(time)\n".utf8) + Array(text.utf8)
    }
}

extension Checkpoint {
    /// Signs as a witness that has seen this log grow to this size.
    /// - Parameter time: seconds since 1970, below 2^63.
    public func witnessed(at time: UInt64, as name: String, by key: borrowing SigningKey) -> SignedNote.Signature {
        let time = min(time, WitnessVerifier.latestTime)
        let stamp = (0..<8).map { UInt8(truncatingIfNeeded: time >> (56 - 8 * $0)) }
        return SignedNote.Signature(
            name: name, keyID: SignedNote.keyID(name: name, type: WitnessVerifier.type, key: key.publicKey),
            bytes: stamp + key.sign(WitnessVerifier.message(text, at: time)))
    }
}
