// docs/protocol.md, section 4

import Sodium

/// The last 100 bytes of every statement by an organiser, and of RingKeyRotated.
public struct Authorship: Hashable, Sendable {
    static let length = 4 + 32 + 64

    /// How many of this signer's statements the log had accepted before.
    public let sequence: UInt32
    /// The signer's sign key.
    public let signer: Bytes32
    let signature: [UInt8]

    init(_ reader: inout ByteReader) throws(RuleViolation) {
        sequence = try reader.uint32()
        signer = try reader.bytes32()
        signature = try reader.take(64)
    }

    /// - Parameter statement: the whole statement, ending with the signature.
    func verify(_ statement: [UInt8]) throws(RuleViolation) {
        guard Ed25519.verify(signature, of: Self.preimage(statement.dropLast(64)), by: signer) else {
            throw .signature
        }
    }

    static func preimage(_ unsigned: some Collection<UInt8>) -> [UInt8] { Domain.preimage("statement", unsigned) }

    /// Returns the body with sequence, signer and signature appended.
    static func sign(_ body: ByteWriter, sequence: UInt32, by key: borrowing SigningKey) -> [UInt8] {
        var writer = body
        writer.append(sequence)
        writer.append(key.publicKey)
        writer.append(key.sign(preimage(writer.bytes)))
        return writer.bytes
    }
}

/// The greatest length of a statement, in bytes.
public let maximalStatementLength = 65_535
