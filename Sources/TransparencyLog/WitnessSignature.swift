// docs/protocol.md, section 3; C2SP tlog-cosignature

import Sodium

/// A witness of logs, by name and Ed25519 key.
public struct WitnessVerifier: Sendable, Hashable {
    /// A timestamped witness signature.
    static let type: UInt8 = 4

    public let name: String
    public let key: Bytes32

    public init(name: String, key: Bytes32) { (self.name, self.key) = (name, key) }

    /// When this witness signed the checkpoint, in Unix seconds. Nil when it did not.
    /// - Throws: `LogError.badSignature` when a line of this witness does not verify.
    public func signatureTime(on verified: VerifiedCheckpoint) throws(LogError) -> UInt64? {
        let id = SignedNote.keyID(name: name, type: Self.type, key: key)
        var newest: UInt64?
        for line in verified.note.signatures where line.name == name && line.keyID == id {
            guard line.bytes.count == 72 else { throw .badSignature }
            let time = line.bytes[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let message = Array("cosignature/v1\ntime \(time)\n".utf8) + Array(verified.note.text.utf8)
            guard Ed25519.verify(line.bytes[8...], of: message, by: key) else { throw .badSignature }
            newest = max(newest ?? 0, time)
        }
        return newest
    }
}
