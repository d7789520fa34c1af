import Client
import CoSigning
import Foundation
import MembershipProofs
import Petitions
import RequestSignatures
import Sodium
import Templates
import TransparencyLog

/// Runs every decoder of outside data on arbitrary bytes: the fuzzer's, and the corpus that `make test` replays. No
/// decoder may trap. And whatever it accepts must be exactly what an encoder would write, if there is only one way to
/// write it.
public enum HostileBytes {
    /// The decoders; the input's first byte chooses one.
    public static let decoders: [(name: String, run: @Sendable ([UInt8]) -> Void)] = [
        ("workplace statement", workplaceStatement), ("petition statement", petitionStatement),
        ("manifest", manifest), ("proof", proof), ("ballot", ballot), ("co-signature request", coSignatureRequest),
        ("note", note), ("checkpoint", checkpoint), ("receipt", receipt), ("tile path", tilePath),
        ("entry bundle", entryBundle), ("add-checkpoint request", addCheckpoint), ("policy", policy),
        ("note key", noteKey), ("bundle", bundle), ("history", history), ("document", document), ("record", record),
        ("invite", invite), ("stored object", storedObject), ("JSON", json), ("base64 and hex", base64),
        ("HTTP signature", httpSignature), ("front matter", frontMatter), ("gossip file", gossipFile),
        ("fork evidence", forkEvidence), ("gossip phrase", gossipPhrase), ("keystore", keystore),
        ("promise", promise), ("promise evidence", promiseEvidence), ("memory", memory), ("lists of a run", lists),
    ]

    public static func run(_ input: [UInt8]) {
        guard let first = input.first else { return }
        decoders[Int(first) % decoders.count].run(Array(input.dropFirst()))
    }

    private static func check(_ holds: Bool, _ what: StaticString) { if !holds { fatalError("\(what)") } }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func same(_ text: String, _ bytes: [UInt8]) -> Bool { text.utf8.elementsEqual(bytes) }

    // MARK: The protocol's encodings

    @Sendable private static func workplaceStatement(_ bytes: [UInt8]) {
        guard let statement = try? WorkplaceStatement(decoding: bytes) else { return }
        check(statement.bytes == bytes, "a workplace statement is not its own encoding")
        if case .founded = statement.body { _ = try? WorkplaceLog(founding: bytes) }
        _ = try? Fixture.shared.workplace.check(statement)
        _ = Fixture.shared.workplace.prove([bytes][...])
    }

    @Sendable private static func petitionStatement(_ bytes: [UInt8]) {
        guard let statement = try? PetitionStatement(decoding: bytes) else { return }
        check(statement.bytes == bytes, "a petition statement is not its own encoding")
        if let coSigned = statement.coSigned { _ = try? Fixture.shared.petition.check(coSigned) }
    }

    @Sendable private static func manifest(_ bytes: [UInt8]) {
        guard let manifest = try? Manifest(decoding: bytes) else { return }
        check(manifest.encoding == bytes, "a manifest is not its own encoding")
    }

    @Sendable private static func proof(_ bytes: [UInt8]) {
        let ring = Fixture.shared.petition.ring
        guard let proof = try? Proof(decoding: bytes, for: ring) else { return }
        check(proof.encoding == bytes, "a proof is not its own encoding")
    }

    @Sendable private static func ballot(_ bytes: [UInt8]) {
        _ = Ballot(padded: bytes, for: Fixture.shared.petition.manifest)
    }

    @Sendable private static func coSignatureRequest(_ bytes: [UInt8]) {
        guard let request = try? CoSignatureRequest(decoding: bytes) else { return }
        check(request.encoding == bytes, "a request to co-sign is not its own encoding")
    }

    @Sendable private static func storedObject(_ bytes: [UInt8]) {
        guard let object = try? StoredObject(decoding: bytes) else { return }
        check(object.bytes == bytes, "a stored object is not its own encoding")
        _ = try? object.open(under: GroupKey.generate(epoch: object.epoch))
    }

    @Sendable private static func invite(_ bytes: [UInt8]) {
        guard let invite = try? Invite(parsing: text(bytes)) else { return }
        // People type it, so case, hyphens and spaces do not matter: only what is read again must be the same.
        let again = try? Invite(parsing: invite.url())
        check(again?.url() == invite.url(), "an invite's address is not the invite's")
        _ = try? invite.open(bytes, in: Fixture.shared.workplace.id)
    }

    // MARK: Logs

    @Sendable private static func note(_ bytes: [UInt8]) {
        guard let note = try? SignedNote(parsing: text(bytes)) else { return }
        check(same(note.serialized, Array(text(bytes).utf8)), "a note is not its own text")
        _ = try? Fixture.shared.workplace.verifier.verify(text(bytes))
    }

    @Sendable private static func checkpoint(_ bytes: [UInt8]) {
        guard let checkpoint = try? Checkpoint(parsing: text(bytes)) else { return }
        check(same(checkpoint.text, Array(text(bytes).utf8)), "a checkpoint is not its own text")
    }

    @Sendable private static func receipt(_ bytes: [UInt8]) {
        guard let receipt = try? Receipt(parsing: text(bytes)) else { return }
        check(same(receipt.serialized, Array(text(bytes).utf8)), "a receipt is not its own text")
        _ = try? receipt.verify(leaf: bytes, by: Fixture.shared.workplace.verifier)
    }

    @Sendable private static func tilePath(_ bytes: [UInt8]) {
        guard let tile = Tile(path: text(bytes)) else { return }
        check(same(tile.path, Array(text(bytes).utf8)), "a tile is not its own path")
    }

    @Sendable private static func entryBundle(_ bytes: [UInt8]) {
        guard let count = bytes.first.map({ Int($0) + 1 }) else { return }
        let rest = Array(bytes.dropFirst())
        guard let leaves = try? EntryBundle.decode(rest, count: count) else { return }
        check(EntryBundle.encode(leaves) == rest, "entries are not their own encoding")
    }

    @Sendable private static func addCheckpoint(_ bytes: [UInt8]) {
        guard let request = try? AddCheckpoint(parsing: bytes) else { return }
        check(same(request.serialized, bytes), "a request to a witness is not its own text")
        _ = try? request.judge(Fixture.shared.workplace.verifier, since: .init(size: request.oldSize, root: .zero))
    }

    @Sendable private static func policy(_ bytes: [UInt8]) { _ = try? WitnessPolicy(parsing: bytes) }

    @Sendable private static func noteKey(_ bytes: [UInt8]) {
        guard let key = try? NoteKey(parsing: text(bytes)) else { return }
        check(same(key.text, Array(text(bytes).utf8)), "a key is not its own text")
    }

    // MARK: Files and JSON

    @Sendable private static func bundle(_ bytes: [UInt8]) {
        guard let bundle = try? PetitionBundle(parsing: bytes) else { return }
        let written = bundle.serialized
        check((try? PetitionBundle(parsing: written))?.serialized == written, "a bundle does not survive writing")
        _ = try? AuditedPetition(auditing: bundle)
    }

    @Sendable private static func history(_ bytes: [UInt8]) {
        guard let history = try? NegotiationHistory(parsing: bytes) else { return }
        let written = history.serialized
        check(
            (try? NegotiationHistory(parsing: written))?.serialized == written, "a history does not survive writing")
    }

    @Sendable private static func document(_ bytes: [UInt8]) {
        for questions in [1, 2] { _ = try? PetitionDocument(parsing: bytes, questions: questions) }
    }

    @Sendable private static func record(_ bytes: [UInt8]) { _ = try? RecordDocument(parsing: bytes) }

    @Sendable private static func json(_ bytes: [UInt8]) {
        guard let value = try? JSONValue(parsing: bytes) else { return }
        // The lenient parser must accept what the strict one accepts, except numbers beyond its own range: ours keeps
        // a number as it was written.
        guard isWithinDoubles(value) else { return }
        check(
            (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
                || bytes.contains { $0 >= 0x80 } || bytes.count > 1 << 16, "our JSON is nobody else's")
    }

    private static func isWithinDoubles(_ value: JSONValue) -> Bool {
        switch value {
        case .number(let text): Double(text)?.isFinite ?? false
        case .array(let values): values.allSatisfy(isWithinDoubles)
        case .object(let members): members.allSatisfy { isWithinDoubles($0.value) }
        default: true
        }
    }

    @Sendable private static func base64(_ bytes: [UInt8]) {
        let text = text(bytes)
        if let decoded = Base64.decode(text) { check(Base64.encode(decoded) == text, "base64 is not its own") }
        if let id = Bytes32(hex: text) { check(same(id.hex, Array(text.utf8)), "hexadecimal digits are not their own") }
    }

    @Sendable private static func httpSignature(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0x0a, maxSplits: 3, omittingEmptySubsequences: false).map { Array($0) }
        guard parts.count == 4 else { return }
        let claim = SignedRequest.Claim(
            method: "PUT", path: "/v1/x", query: "", signatureInput: text(parts[0]), signature: text(parts[1]),
            contentDigest: text(parts[2]))
        _ = (try? SignedRequest.verify(claim))?.1.isOf(parts[3])
    }

    @Sendable private static func frontMatter(_ bytes: [UInt8]) {
        guard
            let template = try? DemandTemplate(parsing: text(bytes), name: "fuzz", language: "en", file: "fuzz.md")
        else { return }
        _ = try? template.render([:])
    }

    @Sendable private static func gossipFile(_ bytes: [UInt8]) { _ = try? GossipFile(parsing: bytes) }

    @Sendable private static func forkEvidence(_ bytes: [UInt8]) { _ = try? ForkEvidence(parsing: bytes) }

    @Sendable private static func gossipPhrase(_ bytes: [UInt8]) { _ = try? GossipPhrase(parsing: text(bytes)) }

    @Sendable private static func promise(_ bytes: [UInt8]) {
        guard let promise = try? Promise(parsing: bytes) else { return }
        let again = try? Promise(parsing: Array(promise.json.utf8))
        check(again == promise, "a promise does not survive writing")
        _ = promise.isSigned(for: bytes, in: Fixture.shared.petition.id, by: Fixture.shared.workplace.founding.logKey)
    }

    @Sendable private static func promiseEvidence(_ bytes: [UInt8]) {
        guard let evidence = try? PromiseEvidence(parsing: bytes) else { return }
        check(
            (try? PromiseEvidence(parsing: evidence.serialized))?.serialized == evidence.serialized,
            "evidence does not survive writing")
        _ = try? evidence.verify()
    }

    @Sendable private static func memory(_ bytes: [UInt8]) {
        guard let memory = try? Memory(decoding: bytes) else { return }
        check(memory.encoding == bytes, "a memory is not its own encoding")
    }

    /// Lists of wraps and of sealed names, as the service answers anybody.
    @Sendable private static func lists(_ bytes: [UInt8]) {
        for wrap in Reading.wraps(.bytes(bytes), epoch: 0) { _ = wrap.claim(in: Fixture.shared.workplace.id) }
        _ = Fixture.shared.petition.due(among: Reading.names(.bytes(bytes)))
    }

    @Sendable private static func keystore(_ bytes: [UInt8]) {
        var passphrase = Array("fuzz".utf8)
        _ = try? PassphraseBox.open(
            bytes, magic: Array("roundrobin-keystore-v1\n".utf8), passphrase: SecretBytes(moving: &passphrase),
            name: "fuzz")
    }
}

/// A small workplace and a petition for judging other inputs, the same in every run.
final class Fixture: Sendable {
    let workplace: WorkplaceLog
    let petition: PetitionLog

    static let shared = Fixture()

    private init() {
        guard let url = Bundle.module.url(forResource: "fixture", withExtension: "rrbundle"),
            let data = try? Data(contentsOf: url), let bundle = try? PetitionBundle(parsing: [UInt8](data)),
            let workplace = try? WorkplaceLog.audit(bundle.workplace.leaves),
            let petition = try? PetitionLog.audit(bundle.petition.leaves, in: workplace.log)
        else { fatalError("the fixture is not where it belongs") }
        (self.workplace, self.petition) = (workplace.log, petition.log)
    }
}
