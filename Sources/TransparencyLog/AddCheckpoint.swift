// C2SP tlog-witness v1.1.0

import Sodium

/// A log's request to a witness: a checkpoint, and a proof that it extends the one that the witness signed last.
public struct AddCheckpoint: Sendable, Equatable {
    /// The size of the checkpoint that the witness signed last, as the log believes; 0 for none.
    public let oldSize: UInt64
    /// The consistency proof from `oldSize` to the checkpoint's size.
    public let proof: [Bytes32]
    /// The signed checkpoint.
    public let note: String

    /// The greatest number of lines of a proof.
    public static let maximalProof = 63
    /// The greatest length of a request, in bytes.
    public static let maximalLength = 1 << 16
    /// The path to which it is posted, below the witness's address.
    public static let path = "add-checkpoint"
    /// The content type of a response that states the size which the witness has seen.
    public static let sizeType = "text/x.tlog.size"

    /// Checks nothing; `judge` does.
    public init(oldSize: UInt64, proof: [Bytes32], note: String) {
        (self.oldSize, self.proof, self.note) = (oldSize, proof, note)
    }

    /// The request's body.
    public var serialized: String {
        (["old \(oldSize)"] + proof.map { Base64.encode($0.bytes) } + ["", note]).joined(separator: "\n")
    }

    /// Parses a request's body.
    /// - Throws: `LogError.witnessRequest` for anything that `serialized` would not produce.
    public init(parsing bytes: [UInt8]) throws(LogError) {
        guard bytes.count <= Self.maximalLength, let text = String(validating: bytes, as: UTF8.self),
            let blank = bytes.indices.dropFirst().first(where: { bytes[$0] == 0x0a && bytes[$0 - 1] == 0x0a })
        else { throw .witnessRequest }
        let lines = bytes[..<(blank - 1)].split(separator: 0x0a, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard let first = lines.first, first.hasPrefix("old "), let old = UInt64(first.dropFirst(4)),
            lines.count <= 1 + Self.maximalProof
        else { throw .witnessRequest }
        var proof: [Bytes32] = []
        for line in lines.dropFirst() {
            guard let bytes = Base64.decode(line), let hash = Bytes32(bytes) else { throw .witnessRequest }
            proof.append(hash)
        }
        self.init(oldSize: old, proof: proof, note: String(decoding: bytes[(blank + 1)...], as: UTF8.self))
        guard serialized.utf8.elementsEqual(text.utf8) else { throw .witnessRequest }
    }

    /// A witness's knowledge of a log: the newest checkpoint that it signed.
    public struct Head: Sendable, Equatable {
        /// Number of leaves.
        public let size: UInt64
        /// The root at that size.
        public let root: Bytes32

        /// A head that the witness has stored.
        public init(size: UInt64, root: Bytes32) { (self.size, self.root) = (size, root) }
    }

    /// Why a witness does not sign, in the order of the specification.
    public enum Refusal: Error, Equatable, Sendable {
        /// The checkpoint is malformed, or smaller than the old size.
        case malformed
        /// The log's key has not signed it, or its signature is false.
        case notSigned
        /// The witness has signed another size than the request assumes; the value is that size.
        case otherSize(UInt64)
        /// The checkpoint does not extend the one that the witness signed: a fork, under the log's own signature.
        case inconsistent
    }

    /// The rule of a witness: decides whether it may sign this, given what it signed last.
    /// - Parameter head: nil if it never signed for this log.
    /// - Throws: `Refusal`.
    public func judge(_ verifier: LogVerifier, since head: Head?) throws(Refusal) -> VerifiedCheckpoint {
        let verified: VerifiedCheckpoint
        do { verified = try verifier.verify(note) } catch {
            switch error {
            case .noSignature, .badSignature: throw .notSigned
            default: throw .malformed
            }
        }
        let size = verified.size
        guard oldSize <= size, size <= UInt64(Int64.max) else { throw .malformed }
        guard oldSize == head?.size ?? 0 else { throw .otherSize(head?.size ?? 0) }
        guard let head, head.size > 0 else {
            guard proof.isEmpty, size > 0 || verified.root == SHA256.hash([]) else { throw .inconsistent }
            return verified
        }
        guard
            MerkleProof.extends(old: head.size, oldRoot: head.root, new: size, newRoot: verified.root, proof: proof)
        else { throw .inconsistent }
        return verified
    }
}
