import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Petitions

@Suite("Promises are the log key's word, and a broken one convinces anybody")
struct PromiseTests {
    struct Logs: Decodable {
        struct Promises: Decodable {
            struct Changed: Decodable {
                let why: String?
                let until: UInt64?
                let leaf, petition_id, signature: HexBytes?
            }
            let log_seed, log_key, petition_id, leaf, leaf_hash: HexBytes
            let now, until: UInt64
            let preimage, signature: HexBytes
            let valid, invalid: [Changed]
        }
        struct WitnessCase: Decodable {
            struct Invalid: Decodable { let why, line: String }
            let seed: HexBytes
            let name: String
            let key: HexBytes
            let time: UInt64
            let message, line: String
            let invalid: [Invalid]
        }
        struct CheckpointCase: Decodable {
            let log_key: HexBytes
            let origin, text, line: String
        }
        let promise: Promises
        let witness: WitnessCase
        let checkpoint: CheckpointCase
    }

    @Test("Known answers, valid and invalid")
    func vectors() throws {
        let file = try Vectors.load("logs", as: Logs.self).promise
        func holds(_ changed: Logs.Promises.Changed?) -> Bool {
            guard
                let promise = try? Promise(
                    until: changed?.until ?? file.until, signature: (changed?.signature ?? file.signature).bytes)
            else { return false }
            return promise.isTimely(at: file.now)
                && promise.isSigned(
                    for: (changed?.leaf ?? file.leaf).bytes, in: ID((changed?.petition_id ?? file.petition_id).bytes32),
                    by: file.log_key.bytes32)
        }
        #expect(MerkleTree.leafHash(file.leaf.bytes).bytes == file.leaf_hash.bytes)
        #expect(
            Promise.preimage(ID(file.petition_id.bytes32), file.leaf_hash.bytes32, file.until) == file.preimage.bytes)
        #expect(holds(nil))
        for changed in file.valid { #expect(holds(changed)) }
        #expect(file.invalid.count == 10)
        for changed in file.invalid { #expect(!holds(changed), "\(changed.why ?? "")") }
        let made = try Promise.make(
            ID(file.petition_id.bytes32), leafHash: file.leaf_hash.bytes32, until: file.until - 1,
            by: SigningKey(seed: file.log_seed.secret))
        #expect(made.until == file.until && made.signature == file.signature.bytes)
        #expect(try Promise(parsing: Array(made.json.utf8)) == made)
        for text in [
            "{}", made.json + " x", made.json.replacing("\"held\"", with: "\"Held\""),
            made.json.replacing("\(made.until)", with: "\(made.until).0"),
            made.json.replacing("\(made.until)", with: "\"\(made.until)\""), "held\n",
        ] {
            #expect(throws: RuleViolation.promise, "\(text)") { try Promise(parsing: Array(text.utf8)) }
        }
        #expect(throws: RuleViolation.promise) {
            try Promise.make(ID(.zero), leafHash: .zero, until: .max, by: SigningKey(seed: file.log_seed.secret))
        }
    }

    @Test("Lines of a witness behind a checkpoint, valid and invalid")
    func witnessLines() throws {
        let file = try Vectors.load("logs", as: Logs.self)
        let verifier = LogVerifier(origin: file.checkpoint.origin, key: file.checkpoint.log_key.bytes32)
        let quorum = WitnessQuorum(
            threshold: 1, witnesses: [WitnessVerifier(name: file.witness.name, key: file.witness.key.bytes32)])
        func judge(_ line: String) throws -> WitnessQuorum.Verdict {
            quorum.judge(try verifier.verify(file.checkpoint.text + "\n" + file.checkpoint.line + line))
        }
        let good = try judge(file.witness.line)
        #expect(good.isSatisfied && good.time == file.witness.time)
        #expect(file.witness.invalid.count == 5)
        for bad in file.witness.invalid { #expect(try !judge(bad.line).isSatisfied, "\(bad.why)") }
        // Two lines of one witness count once, and a false line next to a good one is a fault.
        let two = WitnessQuorum(threshold: 2, witnesses: quorum.witnesses + [TestWitness().verifier])
        let note = file.checkpoint.text + "\n" + file.checkpoint.line + file.witness.line
        #expect(try !two.judge(verifier.verify(note + file.witness.line)).isSatisfied)
        #expect(try !quorum.judge(verifier.verify(note + file.witness.invalid[1].line)).isSatisfied)
    }

    private struct Held {
        let world: World
        let petition: PetitionWorld
        let statement: PetitionStatement
        let promise: Promise

        init(witness: TestWitness? = nil) throws {
            world = try World(members: 4)
            if let witness {
                try world.organise(.witnessesNamed(WitnessQuorum(threshold: 1, witnesses: [witness.verifier])))
            }
            petition = try PetitionWorld(world)
            statement = try petition.coSignature(by: world.people[1])
            promise = try Promise.make(
                petition.log.id, leafHash: MerkleTree.leafHash(statement.bytes), until: 7200, by: world.serviceKey)
        }

        var evidence: PromiseEvidence {
            PromiseEvidence(
                workplaceID: world.log.id, petitionID: petition.log.id, statement: statement.bytes, promise: promise,
                workplace: petition.bundle.workplace, petition: petition.bundle.petition)
        }

        func breach(_ change: (inout PromiseEvidence) throws -> Void = { _ in }) throws -> BrokenPromise {
            var evidence = evidence
            try change(&evidence)
            return try PromiseEvidence(parsing: evidence.serialized).verify().breach
        }
    }

    @Test("A promise that is kept, or still can be, is no evidence")
    func kept() throws {
        let held = try Held()
        #expect(throws: PromiseEvidence.Weakness.kept) { try held.breach() }
        try held.petition.append(held.statement)
        #expect(throws: PromiseEvidence.Weakness.kept) { try held.breach() }
        try held.petition.close()
        #expect(throws: PromiseEvidence.Weakness.kept) { try held.breach() }
        // The member's own next statement does not break a promise.
        let again = try Held()
        try again.petition.append(again.statement)
        try again.petition.cosign(again.world.people[1])
        #expect(throws: PromiseEvidence.Weakness.kept) { try again.breach() }
    }

    @Test("A close, a new ring or another leaf in its place without the promised one breaks it")
    func broken() throws {
        let closed = try Held()
        try closed.petition.close()
        #expect(try closed.breach() == .closed)
        let extended = try Held()
        try extended.world.admit()
        try extended.petition.extend()
        #expect(try extended.breach() == .extended)
        let void = try Held()
        try void.petition.append(void.petition.coSignature(by: void.world.people[1], choices: [1, 0]))
        #expect(try void.breach() == .void)
    }

    @Test(
        "A checkpoint that a named witness signed after the time breaks it; the reader's clock convinces only the reader"
    )
    func late() throws {
        let witness = TestWitness()
        let held = try Held(witness: witness)
        let note = held.petition.bundle.petition.checkpoint
        func signed(_ time: UInt64) throws -> BrokenPromise {
            try held.breach { $0.petition.checkpoint = try witness.sign(note, at: time) }
        }
        #expect(throws: PromiseEvidence.Weakness.kept) { try signed(7200) }
        #expect(try signed(7201) == .late)
        #expect(throws: PromiseEvidence.Weakness.kept, "a stranger's time") {
            try held.breach { $0.petition.checkpoint = try TestWitness().sign(note, at: 9000) }
        }
        let plain = try Held()
        let coSigned = try #require(plain.statement.coSigned)
        let reading = Promise.Reading(
            leaves: plain.petition.leaves, audited: try PetitionLog.audit(plain.petition.leaves, in: plain.world.log),
            witnessTimes: [])
        #expect(plain.promise.broken(coSigned, in: reading, witnesses: .empty, clock: 7200) == nil)
        #expect(plain.promise.broken(coSigned, in: reading, witnesses: .empty, clock: 7201) == .overdue)
    }

    @Test("Forged evidence frames nobody")
    func forged() throws {
        let (held, other) = (try Held(), try Held())
        try held.petition.close()
        #expect(throws: PromiseEvidence.Weakness.promise, "another key's") {
            try held.breach {
                $0.promise = try Promise.make(
                    held.petition.log.id, leafHash: MerkleTree.leafHash(held.statement.bytes), until: 7200,
                    by: other.world.serviceKey)
            }
        }
        #expect(throws: PromiseEvidence.Weakness.promise, "another leaf's") {
            try held.breach { $0.statement = try held.petition.coSignature(by: held.world.people[2]).bytes }
        }
        #expect(throws: PromiseEvidence.Weakness.statement) { try held.breach { $0.statement = other.statement.bytes } }
        #expect(throws: PromiseEvidence.Weakness.checkpoint, "a log of one's own") {
            try held.breach {
                $0.petition.leaves.removeLast(); $0.petition.leaves.append(held.statement.bytes)
            }
        }
        #expect(throws: PromiseEvidence.Weakness.unreadable) {
            try held.breach { $0.petitionID = other.petition.log.id }
        }
        #expect(throws: PetitionBundle.Unreadable.format) {
            try PromiseEvidence(parsing: held.evidence.serialized + Array("{}\n".utf8))
        }
    }
}
