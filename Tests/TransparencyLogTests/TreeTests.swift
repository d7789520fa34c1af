import Sodium
import TestSupport
import Testing
import TransparencyLog

@Suite("Merkle trees, notes, receipts and tiles")
struct TreeTests {
    struct File: Decodable {
        struct Root: Decodable { let leaves: Int; let root: HexBytes }
        let leaf_roots: [Root]
    }

    private func tree(_ count: Int) -> MerkleTree {
        var tree = MerkleTree()
        for i in 0..<count { tree.append([UInt8(truncatingIfNeeded: i)]) }
        return tree
    }

    @Test("Roots give the known answers, and former roots stay at hand")
    func roots() throws {
        let file: File = try Vectors.load("hashing")
        let large = tree(300)
        for known in file.leaf_roots {
            #expect(tree(known.leaves).root.bytes == known.root.bytes)
            #expect(large.root(at: known.leaves)?.bytes == known.root.bytes)
        }
        #expect(large.root(at: 301) == nil)
        #expect(large.root(at: -1) == nil)
    }

    @Test("Every inclusion proof verifies, and for nothing else")
    func inclusion() throws {
        let tree = tree(37)
        for size in 1...37 {
            let root = try #require(tree.root(at: size))
            for index in 0..<size {
                let path = try #require(tree.inclusionProof(of: index, at: size))
                let hash = try #require(tree.leafHash(at: index))
                func holds(_ hash: Bytes32, _ index: Int, _ size: Int, _ path: [Bytes32]) -> Bool {
                    MerkleProof.includes(hash, at: UInt64(index), size: UInt64(size), root: root, path: path)
                }
                #expect(holds(hash, index, size, path))
                #expect(!holds(.zero, index, size, path))
                #expect(!holds(hash, index, size, path + [.zero]))
                if index + 1 < size { #expect(!holds(hash, index + 1, size, path)) }
                if !path.isEmpty { #expect(!holds(hash, index, size, Array(path.dropLast()))) }
            }
            #expect(tree.inclusionProof(of: size, at: size) == nil)
        }
        #expect(tree.inclusionProof(of: 0, at: 38) == nil)
    }

    @Test("Every consistency proof verifies, and not with another root")
    func consistency() throws {
        let tree = tree(37)
        for new in 1...37 {
            for old in 1...new {
                let proof = try #require(tree.consistencyProof(from: old, to: new))
                let (a, b) = (try #require(tree.root(at: old)), try #require(tree.root(at: new)))
                func holds(_ a: Bytes32, _ b: Bytes32, _ proof: [Bytes32]) -> Bool {
                    MerkleProof.extends(old: UInt64(old), oldRoot: a, new: UInt64(new), newRoot: b, proof: proof)
                }
                #expect(holds(a, b, proof))
                #expect(!holds(.zero, b, proof))
                #expect(!holds(a, .zero, proof))
                #expect(!holds(a, b, proof + [.zero]))
            }
        }
    }

    @Test("A receipt survives being written and read, and verifies only for its leaf and its log")
    func receipts() throws {
        let key = SigningKey(seed: .random(32))
        let tree = tree(7)
        let verifier = LogVerifier(origin: "test.example/petition/ab", key: key.publicKey)
        let note = Checkpoint(origin: verifier.origin, size: 7, root: tree.root).signed(by: key).serialized
        let receipt = Receipt(index: 3, path: try #require(tree.inclusionProof(of: 3, at: 7)), note: note)
        let parsed = try Receipt(parsing: receipt.serialized)
        #expect(parsed == receipt)
        #expect(try parsed.verify(leaf: [3], by: verifier).size == 7)
        #expect(throws: LogError.notIncluded) { try parsed.verify(leaf: [4], by: verifier) }
        let stranger = SigningKey(seed: .random(32))
        #expect(throws: LogError.noSignature) {
            try parsed.verify(leaf: [3], by: LogVerifier(origin: verifier.origin, key: stranger.publicKey))
        }
        #expect(throws: LogError.self) {
            try parsed.verify(leaf: [3], by: LogVerifier(origin: "test.example/petition/ac", key: key.publicKey))
        }
        for flipped in Array(receipt.serialized.utf8).flips() {
            guard let text = String(validating: flipped, as: UTF8.self), let other = try? Receipt(parsing: text) else {
                continue
            }
            #expect(throws: LogError.self) { try other.verify(leaf: [3], by: verifier) }
        }
    }

    @Test("A checkpoint has three lines and nothing else")
    func checkpoints() throws {
        let root = Base64.encode(Random.bytes(32))
        #expect(throws: Never.self) { try Checkpoint(parsing: "a/b\n12\n\(root)\n") }
        let bad = [
            "a/b\n012\n\(root)\n", "a/b\n+12\n\(root)\n", "a/b\n12\n\(root)\nextension\n", "a/b\n12\n\(root)",
            "\n12\n\(root)\n", "a/b\n-1\n\(root)\n", "a/b\n12\nAAAA\n", "a/b\n18446744073709551616\n\(root)\n", "",
        ]
        for text in bad { #expect(throws: LogError.checkpoint, "\(text)") { try Checkpoint(parsing: text) } }
    }

    @Test("Notes: unknown signatures are ignored, known ones must hold")
    func notes() throws {
        let key = SigningKey(seed: .random(32))
        let other = SigningKey(seed: .random(32))
        let checkpoint = Checkpoint(origin: "a/b", size: 1, root: .zero)
        let verifier = LogVerifier(origin: "a/b", key: key.publicKey)
        let (own, foreign) = (checkpoint.signed(by: key), checkpoint.signed(by: other))
        let both = SignedNote(text: own.text, signatures: foreign.signatures + own.signatures)
        #expect(try verifier.verify(both.serialized).size == 1)
        #expect(throws: LogError.noSignature) { try verifier.verify(foreign.serialized) }
        let signature = try #require(own.signatures.first)
        let broken = SignedNote.Signature(
            name: signature.name, keyID: signature.keyID, bytes: [UInt8](repeating: 1, count: 64))
        let oneBroken = SignedNote(text: own.text, signatures: own.signatures + [broken])
        #expect(throws: LogError.badSignature) { try verifier.verify(oneBroken.serialized) }
        let text = own.serialized
        for bad in [text + "\n", String(text.dropLast()), text.replacingFirst("\n\n", "\n"), "\u{1}" + text, ""] {
            #expect(throws: LogError.self) { try SignedNote(parsing: bad) }
        }
    }

    @Test("Key names are judged by scalars, not by what a Unicode version holds for one character")
    func keyNames() throws {
        let key = SigningKey(seed: .random(32))
        let note = Checkpoint(origin: "a/b", size: 1, root: .zero).signed(by: key)
        let verifier = LogVerifier(origin: "a/b", key: key.publicKey)
        func verifies(_ name: String) -> Bool {
            let foreign = SignedNote.Signature(name: name, keyID: [1, 2, 3, 4], bytes: [5])
            let text = SignedNote(text: note.text, signatures: note.signatures + [foreign]).serialized
            return (try? verifier.verify(text)) != nil
        }
        for good in ["w", "\u{301}w", "\u{200d}w", "\u{fe0f}", "w\u{600}", "李"] { #expect(verifies(good), "\(good)") }
        for bad in ["", "a+b", "+\u{301}", "\u{600}+", "\u{600}\u{a0}", "a\u{2003}b", "a b", "\u{1}"] {
            #expect(!verifies(bad), "\(bad)")
        }
    }

    @Test("A witness signature is found, dated and checked")
    func witnesses() throws {
        let log = SigningKey(seed: .random(32))
        let witness = SigningKey(seed: .random(32))
        let note = Checkpoint(origin: "a/b", size: 1, root: .zero).signed(by: log)
        let time: UInt64 = 1_800_000_000
        let message = Array("cosignature/v1\ntime \(time)\n".utf8) + Array(note.text.utf8)
        let line = SignedNote.Signature(
            name: "w.example", keyID: SignedNote.keyID(name: "w.example", type: 4, key: witness.publicKey),
            bytes: (0..<8).map { UInt8(truncatingIfNeeded: time >> (56 - 8 * $0)) } + witness.sign(message))
        let verified = try LogVerifier(origin: "a/b", key: log.publicKey).verify(
            SignedNote(text: note.text, signatures: note.signatures + [line]).serialized)
        #expect(try WitnessVerifier(name: "w.example", key: witness.publicKey).signatureTime(on: verified) == time)
        #expect(try WitnessVerifier(name: "v.example", key: witness.publicKey).signatureTime(on: verified) == nil)
        let bent = SignedNote.Signature(name: line.name, keyID: line.keyID, bytes: [9] + line.bytes.dropFirst())
        let forged = try LogVerifier(origin: "a/b", key: log.publicKey).verify(
            SignedNote(text: note.text, signatures: note.signatures + [bent]).serialized)
        #expect(throws: LogError.badSignature) {
            try WitnessVerifier(name: "w.example", key: witness.publicKey).signatureTime(on: forged)
        }
    }

    @Test("Tile paths are written one way only")
    func tiles() {
        let good = [
            "tile/0/000", "tile/0/x001/234", "tile/1/x001/x234/067.p/3", "tile/entries/000.p/255", "tile/63/999",
        ]
        for path in good { #expect(Tile(path: path)?.path == path, "\(path)") }
        let bad = [
            "tile/0/0", "tile/0/001/234", "tile/64/000", "tile/00/000", "tile/0/x000/001", "tile/0/000.p/256",
            "tile/0/000.p/0", "tile/0/000.p/01", "tile/0/x001", "tile/entries/", "tile/0", "", "tile//000",
            "tile/0/-01",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999", "tile/-1/000", "tile/0/1000",
        ]
        for path in bad { #expect(Tile(path: path) == nil, "\(path)") }
        #expect(Tile.entries(upTo: 0).isEmpty)
        #expect(
            Tile.entries(upTo: 600).map(\.path) == ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"])
    }

    @Test("Entry bundles hold exactly their leaves")
    func entries() throws {
        let leaves: [[UInt8]] = [[], [1], Random.bytes(65_535)]
        let bytes = EntryBundle.encode(leaves)
        #expect(try EntryBundle.decode(bytes, count: 3) == leaves)
        for count in [0, 2, 4] { #expect(throws: LogError.entries) { try EntryBundle.decode(bytes, count: count) } }
        #expect(throws: LogError.entries) { try EntryBundle.decode(Array(bytes.dropLast()), count: 3) }
        #expect(throws: LogError.entries) { try EntryBundle.decode(bytes + [0], count: 3) }
    }
}

extension String {
    fileprivate func replacingFirst(_ a: String, _ b: String) -> String {
        guard let range = self.ranges(of: a).first else { return self }
        return replacingCharacters(in: range, with: b)
    }

    private func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
