// docs/protocol.md, section 3; C2SP tlog-proof

import Sodium

/// A receipt: proof that a leaf stands at an index of a log, under a signed checkpoint. It can be verified offline.
public struct Receipt: Sendable, Equatable {
    private static let header = "c2sp.org/tlog-proof@v1"

    /// The leaf's index in the log.
    public let index: UInt64
    /// The inclusion proof, from the leaf's sibling upwards.
    public let path: [Bytes32]
    /// The checkpoint as it was served, signatures included.
    public let note: String

    /// Checks nothing; `verify` does.
    public init(index: UInt64, path: [Bytes32], note: String) {
        (self.index, self.path, self.note) = (index, path, note)
    }

    /// The receipt's text.
    public var serialized: String {
        var lines = [Self.header, "index \(index)"]
        lines += path.map { Base64.encode($0.bytes) }
        return lines.joined(separator: "\n") + "\n\n" + note
    }

    /// Parses a receipt, without verifying it.
    /// - Throws: `LogError.receipt` for anything that `serialized` would not produce. Extra data, which the format
    ///   allows, is not used here and is rejected too.
    public init(parsing text: String) throws(LogError) {
        let utf8 = Array(text.utf8)
        guard utf8.count <= SignedNote.maximalLength,
            let blank = (1..<max(utf8.count, 1)).first(where: { utf8[$0] == 0x0a && utf8[$0 - 1] == 0x0a })
        else { throw .receipt }
        let lines = utf8[..<(blank - 1)].split(separator: 0x0a, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard lines.count >= 2, lines[0] == Self.header, lines[1].hasPrefix("index "),
            let index = UInt64(lines[1].dropFirst(6)), lines.count <= 2 + 64
        else { throw .receipt }
        var path: [Bytes32] = []
        for line in lines[2...] {
            guard let bytes = Base64.decode(line), let hash = Bytes32(bytes) else { throw .receipt }
            path.append(hash)
        }
        self.init(index: index, path: path, note: String(decoding: utf8[(blank + 1)...], as: UTF8.self))
        guard serialized.utf8.elementsEqual(utf8) else { throw .receipt }
    }

    /// Checks the log's signature and the path, and returns the checkpoint that covers the leaf.
    /// - Throws: `LogError`.
    public func verify(leaf: [UInt8], by verifier: LogVerifier) throws(LogError) -> VerifiedCheckpoint {
        let verified = try verifier.verify(note)
        guard
            MerkleProof.includes(
                MerkleTree.leafHash(leaf), at: index, size: verified.size, root: verified.root, path: path)
        else { throw .notIncluded }
        return verified
    }
}
