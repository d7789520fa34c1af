import Sodium
import TestSupport
import Testing
import TransparencyLog

/// A log that the test itself signs.
private final class SelfMadeLog {
    let key = SigningKey(seed: SecretBytes(Random.bytes32()))
    var tree = MerkleTree()

    init(_ leaves: Int, salt: UInt8 = 0) { for i in 0..<leaves { tree.append([salt, UInt8(truncatingIfNeeded: i)]) } }

    func note(_ size: Int) -> String {
        let checkpoint = Checkpoint(origin: "log.example/a", size: UInt64(size), root: tree.root(at: size)!)
        return checkpoint.signed(by: key).serialized
    }
}

@Suite("Keys of notes")
struct NoteKeyTests {
    @Test("A key is written and read back; nothing else is read")
    func roundTrip() throws {
        let key = NoteKey(name: "witness.example/w1", kind: .witness, key: Random.bytes32())
        #expect(try NoteKey(parsing: key.text) == key)
        let good = key.text
        for bad in [
            "", "a+b", good + "=", good + "\n", " " + good, "x" + good, good.replacing("+", with: " "),
            good.uppercased(), good.replacing("witness", with: "wit ness"), String(good.dropLast()),
        ] {
            #expect(throws: LogError.noteKey) { try NoteKey(parsing: bad) }
        }
    }

    @Test("The example of C2SP's signed-note is read")
    func known() throws {
        // The example of the package golang.org/x/mod/sumdb/note.
        let key = try NoteKey(parsing: "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
        #expect(key.kind == .log && Hex.encode(key.id) == "c74f20a3")
        let note = """
            If you think cryptography is the answer to your problem,
            then you don't know what your problem is.

            — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=

            """
        let parsed = try SignedNote(parsing: note)
        #expect(parsed.signatures[0].keyID == key.id)
        #expect(Ed25519.verify(parsed.signatures[0].bytes, of: Array(parsed.text.utf8), by: key.key))
    }
}

@Suite("A witness's signature and its rule")
struct WitnessRuleTests {
    @Test("What a witness signs verifies under its name, key, time and text, and under nothing else")
    func signature() throws {
        let log = SelfMadeLog(5)
        let witness = SigningKey(seed: SecretBytes(Random.bytes32()))
        let verifier = WitnessVerifier(name: "w.example", key: witness.publicKey)
        let log5 = LogVerifier(origin: "log.example/a", key: log.key.publicKey)
        let verified = try log5.verify(log.note(5))
        let line = verified.checkpoint.witnessed(at: 1_700_000_000, as: "w.example", by: witness)
        let shown = try log5.verify(verified.note.adding([line]).serialized)
        #expect(try verifier.signatureTime(on: shown) == 1_700_000_000)
        #expect(try verifier.signatureTime(on: verified) == nil)
        #expect(try WitnessVerifier(name: "v.example", key: witness.publicKey).signatureTime(on: shown) == nil)
        #expect(try WitnessVerifier(name: "w.example", key: .zero).signatureTime(on: shown) == nil)
        for i in line.bytes.indices {
            var bytes = line.bytes
            bytes[i] ^= 1
            let bad = SignedNote.Signature(name: line.name, keyID: line.keyID, bytes: bytes)
            #expect(throws: LogError.badSignature) { try verifier.signatureTime(in: [bad], on: verified.note.text) }
        }
        for length in [71, 73] {
            let bytes = Array((line.bytes + [0]).prefix(length))
            let bad = SignedNote.Signature(name: line.name, keyID: line.keyID, bytes: bytes)
            #expect(throws: LogError.badSignature) { try verifier.signatureTime(in: [bad], on: verified.note.text) }
        }
        #expect(throws: LogError.badSignature) { try verifier.signatureTime(in: [line], on: "another text\n") }
    }

    @Test("A request is written and read back, and every change to its form is refused")
    func request() throws {
        let log = SelfMadeLog(9)
        let request = AddCheckpoint(
            oldSize: 5, proof: log.tree.consistencyProof(from: 5, to: 9)!, note: log.note(9))
        #expect(try AddCheckpoint(parsing: Array(request.serialized.utf8)) == request)
        let good = request.serialized
        let lines = good.split(separator: "\n", omittingEmptySubsequences: false)
        let tooLong = (["old 5"] + Array(repeating: Base64.encode(Bytes32.zero.bytes), count: 64) + ["", log.note(9)])
            .joined(separator: "\n")
        for bad in [
            "", "\n", "old", "old 5", "old 05\n\n" + log.note(9), "old +5\n\n" + log.note(9),
            "old -1\n\n" + log.note(9),
            "old 5 \n\n" + log.note(9), "new 5\n\n" + log.note(9), " " + good, good.replacing(lines[1], with: "AAAA"),
            good.replacing(lines[1], with: lines[1] + "="), tooLong, "old 18446744073709551616\n\n" + log.note(9),
        ] {
            #expect(throws: LogError.witnessRequest) { try AddCheckpoint(parsing: Array(bad.utf8)) }
        }
        #expect(throws: LogError.witnessRequest) { try AddCheckpoint(parsing: [0x6f, 0x6c, 0xff, 0x0a, 0x0a]) }
        let long = Array("old 0\n\n".utf8) + [UInt8](repeating: 0x61, count: AddCheckpoint.maximalLength)
        #expect(throws: LogError.witnessRequest) { try AddCheckpoint(parsing: long) }
    }

    @Test("A witness signs every growth by one to sixty leaves, and nothing that is not growth")
    func rule() throws {
        let log = SelfMadeLog(60)
        let verifier = LogVerifier(origin: "log.example/a", key: log.key.publicKey)
        func head(_ size: Int) -> AddCheckpoint.Head { .init(size: UInt64(size), root: log.tree.root(at: size)!) }
        for new in [1, 2, 7, 32, 60] {
            _ = try AddCheckpoint(oldSize: 0, proof: [], note: log.note(new)).judge(verifier, since: nil)
            for old in 1...new {
                let proof = log.tree.consistencyProof(from: old, to: new)!
                let request = AddCheckpoint(oldSize: UInt64(old), proof: proof, note: log.note(new))
                _ = try request.judge(verifier, since: head(old))
                let other = AddCheckpoint.Head(size: UInt64(old), root: Random.bytes32())
                #expect(throws: AddCheckpoint.Refusal.inconsistent) { try request.judge(verifier, since: other) }
                #expect(throws: AddCheckpoint.Refusal.otherSize(0)) { try request.judge(verifier, since: nil) }
                #expect(throws: AddCheckpoint.Refusal.otherSize(UInt64(new) + 1)) {
                    try request.judge(verifier, since: .init(size: UInt64(new) + 1, root: .zero))
                }
                for i in proof.indices {
                    var bad = proof
                    bad[i] = Random.bytes32()
                    #expect(throws: AddCheckpoint.Refusal.inconsistent) {
                        try AddCheckpoint(oldSize: UInt64(old), proof: bad, note: log.note(new))
                            .judge(verifier, since: head(old))
                    }
                }
                #expect(throws: AddCheckpoint.Refusal.inconsistent) {
                    try AddCheckpoint(oldSize: UInt64(old), proof: proof + [.zero], note: log.note(new))
                        .judge(verifier, since: head(old))
                }
            }
        }
        let stranger = LogVerifier(origin: "log.example/a", key: Random.bytes32())
        let request = AddCheckpoint(oldSize: 0, proof: [], note: log.note(3))
        #expect(throws: AddCheckpoint.Refusal.notSigned) { try request.judge(stranger, since: nil) }
        #expect(throws: AddCheckpoint.Refusal.malformed) {
            try AddCheckpoint(oldSize: 4, proof: [], note: log.note(3)).judge(verifier, since: head(4))
        }
        #expect(throws: AddCheckpoint.Refusal.malformed) {
            try request.judge(LogVerifier(origin: "log.example/b", key: log.key.publicKey), since: nil)
        }
        #expect(throws: AddCheckpoint.Refusal.inconsistent) {
            try AddCheckpoint(oldSize: 0, proof: [.zero], note: log.note(3)).judge(verifier, since: nil)
        }
        // The empty log has only one root.
        _ = try AddCheckpoint(oldSize: 0, proof: [], note: log.note(0)).judge(verifier, since: nil)
        let empty = Checkpoint(origin: "log.example/a", size: 0, root: .zero).signed(by: log.key).serialized
        #expect(throws: AddCheckpoint.Refusal.inconsistent) {
            try AddCheckpoint(oldSize: 0, proof: [], note: empty).judge(verifier, since: nil)
        }
    }
}

@Suite("Policies: whose signatures make a checkpoint believable")
struct WitnessPolicyTests {
    private let witnesses = (0..<6).map { _ in SigningKeyBox() }

    private final class SigningKeyBox: Sendable {
        let key = SigningKey(seed: SecretBytes(Random.bytes32()))
    }

    private func vkey(_ i: Int) -> String {
        NoteKey(name: "w\(i).example", kind: .witness, key: witnesses[i].key.publicKey).text
    }

    private var lines: String {
        """
        # The example of C2SP tlog-policy.
        witness X1 \(vkey(0))
        witness X2 \(vkey(1)) https://x2.example/
        \twitness   X3\t\(vkey(2))\u{20}\u{20}
        group X-witnesses 2 X1 X2 X3

        witness Y1 \(vkey(3))
        witness Y2 \(vkey(4))
        witness Y3 \(vkey(5))
        group Y-witnesses any Y1 Y2 Y3
        group X-and-Y all X-witnesses Y-witnesses

        """
    }

    private func policy(_ text: String) throws -> WitnessPolicy { try WitnessPolicy(parsing: Array(text.utf8)) }

    @Test("Of every subset of six witnesses, exactly those with two X and one Y satisfy the example")
    func subsets() throws {
        let log = SelfMadeLog(3)
        let verifier = LogVerifier(origin: "log.example/a", key: log.key.publicKey)
        let bare = try verifier.verify(log.note(3))
        let policy = try policy(lines + "quorum X-and-Y\n")
        #expect(policy.witnesses.map(\.url) == [nil, "https://x2.example/", nil, nil, nil, nil])
        for subset in 0..<64 {
            let present = (0..<6).filter { subset >> $0 & 1 == 1 }
            let signatures = present.map {
                bare.checkpoint.witnessed(at: UInt64(100 + $0), as: "w\($0).example", by: witnesses[$0].key)
            }
            let verdict = policy.judge(try verifier.verify(bare.note.adding(signatures).serialized))
            #expect(verdict.isSatisfied == (present.count { $0 < 3 } >= 2 && present.contains { $0 >= 3 }))
            #expect(verdict.times.map(\.time) == present.map { UInt64(100 + $0) })
            #expect(verdict.missing.count == 6 - present.count)
        }
        // A false line of one of them is worse than a missing signature.
        let bad = SignedNote.Signature(
            name: "w0.example", keyID: policy.witnesses[0].verifier.noteKey.id,
            bytes: [UInt8](repeating: 1, count: 72))
        let shown = try verifier.verify(bare.note.adding([bad]).serialized)
        let enough = [0, 1, 3].map { bare.checkpoint.witnessed(at: 1, as: "w\($0).example", by: witnesses[$0].key) }
        #expect(policy.judge(shown).missing.contains("X1") && !policy.judge(shown).isSatisfied)
        let both = try verifier.verify(bare.note.adding(enough + [bad]).serialized)
        #expect(!policy.judge(both).isSatisfied, "what is false is no mere surplus")
        #expect(policy.judge(try verifier.verify(bare.note.adding(enough).serialized)).isSatisfied)
    }

    @Test("A policy may ask for nobody, and may name the keys of logs")
    func logs() throws {
        let log = SelfMadeLog(3)
        let verified = try LogVerifier(origin: "log.example/a", key: log.key.publicKey).verify(log.note(3))
        let none = try policy("quorum none\n")
        #expect(none.judge(verified).isSatisfied && none.plainThreshold == 0 && none.accepts(logKey: .zero))
        let key = NoteKey(name: "log.example/a", kind: .log, key: log.key.publicKey)
        let named = try policy("log \(key.text) https://log.example\nquorum none")
        #expect(named.accepts(logKey: log.key.publicKey) && !named.accepts(logKey: .zero))
    }

    @Test("What breaks the format is refused, with its line and what is wrong there")
    func broken() throws {
        func expect(_ text: String, _ line: Int, _ what: WitnessPolicy.ParsingError.What) {
            #expect(throws: WitnessPolicy.ParsingError(line: line, what: what), "\(text)") { try policy(text) }
        }
        let w = "witness a \(vkey(0))\n"
        expect("", 0, .noQuorum)
        for address in [
            "http://127.0.0.1:99999/", "http://127.0.0.1:65536", "https://w.example:0/x", "http://[::1]:70000/",
            "http://w.example:/", "http://w.example:80a/", "https://user:pw@w.example/", "https://user@w.example:1/",
        ] {
            expect(w.replacing("\n", with: " " + address + "\n", maxReplacements: 1), 1, .address)
        }
        for address in ["https://w.example/a:b@c", "http://[::1]:65535/", "http://[::1]", "https://w.example:1/x"] {
            #expect(throws: Never.self, "\(address)") {
                _ = try WitnessPolicy(
                    parsing: Array(
                        (w.replacing("\n", with: " " + address + "\n", maxReplacements: 1) + "quorum none\n").utf8))
            }
        }
        expect(w, 0, .noQuorum)
        expect(w + "quorum b\n", 2, .noSuchName)
        expect(w + "quorum a\nquorum a\n", 3, .quorumRepeats)
        expect("quorum none\r\n", 1, .character)
        expect("quorum\u{7f} none\n", 1, .character)
        expect("quorum none none\n", 1, .line)
        expect("nonsense\nquorum none\n", 1, .line)
        expect(w + "witness a \(vkey(1))\nquorum a\n", 2, .nameRepeats)
        expect(w + "witness b \(vkey(0))\nquorum a\n", 2, .keyRepeats)
        expect("witness none \(vkey(0))\nquorum none\n", 1, .name)
        expect("witness a \(vkey(0))x\nquorum a\n", 1, .key)
        let logKey = NoteKey(name: "l", kind: .log, key: .zero).text
        expect("witness a \(logKey)\nquorum a\n", 1, .key)
        expect("log \(vkey(0))\nquorum none\n", 1, .key)
        expect("log \(logKey)\nlog \(logKey)\nquorum none\n", 2, .keyRepeats)
        for threshold in ["0", "2", "01", "+1", "-1", "some", "99999999999999999999"] {
            expect(w + "group g \(threshold) a\nquorum g\n", 2, .threshold)
        }
        expect(w + "group g all\nquorum g\n", 2, .line)
        expect(w + "group g all a a\nquorum g\n", 2, .memberRepeats)
        expect(w + "group g all a\ngroup h all a\nquorum h\n", 3, .memberRepeats)
        expect(w + "group g all g\nquorum g\n", 2, .noSuchName)
        expect(w + "group g all none\nquorum g\n", 2, .noSuchName)
        expect(w + "group a all a\nquorum a\n", 2, .nameRepeats)
        // Equal by Unicode, but not by bytes.
        let both = try policy("witness \u{e9} \(vkey(0))\nwitness e\u{301} \(vkey(1))\nquorum e\u{301}\n")
        #expect(both.witnesses.count == 2)
        #expect(throws: WitnessPolicy.ParsingError(line: 0, what: .tooLong)) {
            try WitnessPolicy(parsing: [UInt8](repeating: 0x0a, count: 1 << 19))
        }
    }
}
