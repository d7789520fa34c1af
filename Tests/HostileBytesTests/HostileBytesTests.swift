import CoSigning
import Foundation
import HostileBytes
import MembershipProofs
import Petitions
import RequestSignatures
import Sodium
import TestSupport
import Testing
import TransparencyLog

@Suite("No decoder traps, whatever the bytes")
struct HostileBytesTests {
    /// The inputs that the fuzzer has kept because each takes a new path. The file has 32-bit lengths, each followed by
    /// an input.
    private static func corpus() throws -> [[UInt8]] {
        let file = Vectors.directory.deletingLastPathComponent().appending(path: "HostileBytesTests/decoders.corpus")
        let bytes = [UInt8](try Data(contentsOf: file))
        var inputs: [[UInt8]] = []
        var at = 0
        while at + 4 <= bytes.count {
            let length = bytes[at..<at + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
            guard at + 4 + length <= bytes.count else { throw Absent() }
            inputs.append(Array(bytes[at + 4..<at + 4 + length]))
            at += 4 + length
        }
        return inputs
    }

    @Test("An invite as people type it: another case, no hyphens, O for 0 and l for 1, spaces")
    func typedInvites() throws {
        let decoder = try #require(HostileBytes.decoders.firstIndex { $0.name == "invite" })
        for _ in 0..<50 {
            let url = Invite(workplace: ID(.zero), logKey: .zero, serviceURL: "https://a.example").url()
            let code = String(try #require(url.split(separator: "#").last))
            for typed in [
                code.lowercased(), code.replacing("-", with: ""), code.replacing("0", with: "O"),
                code.replacing("1", with: "l"), code.replacing("-", with: " - "), code + "\n",
            ] {
                let address = "https://a.example/join#" + typed
                HostileBytes.run([UInt8(decoder)] + Array(address.utf8))
                #expect(try Invite(parsing: address).url() == url)
            }
        }
    }

    @Test("The fuzzer's corpus")
    func replay() throws {
        let inputs = try Self.corpus()
        #expect(inputs.count > 500)
        var seen: Set<Int> = []
        for input in inputs {
            HostileBytes.run(input)
            if let first = input.first { seen.insert(Int(first) % HostileBytes.decoders.count) }
        }
        #expect(seen.count == HostileBytes.decoders.count, "every decoder is in it")
    }

    @Test("Whatever is well-formed, with parts changed, cut, doubled, moved and mixed")
    func mutations() throws {
        var chance = Chance(state: 3)
        let seeds = try Self.seeds()
        #expect(Set(seeds.map { $0[0] }).count == HostileBytes.decoders.count, "every decoder has a seed")
        for seed in seeds {
            HostileBytes.run(seed)
            for _ in 0..<60 {
                var bytes = Array(seed.dropFirst())
                for _ in 0..<Int.random(in: 1...3, using: &chance) { Self.mutate(&bytes, seeds, &chance) }
                HostileBytes.run([seed[0]] + bytes)
            }
        }
        // Writes seeds for the fuzzer, on request.
        guard let directory = ProcessInfo.processInfo.environment["ROUNDROBIN_SEEDS"] else { return }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for (i, seed) in seeds.enumerated() { try Data(seed).write(to: URL(filePath: "\(directory)/seed-\(i)")) }
    }

    private static func mutate(_ bytes: inout [UInt8], _ seeds: [[UInt8]], _ chance: inout Chance) {
        guard !bytes.isEmpty else { return bytes.append(UInt8.random(in: 0...255, using: &chance)) }
        let at = Int.random(in: 0..<bytes.count, using: &chance)
        let end = min(bytes.count, at + Int.random(in: 1...64, using: &chance))
        switch Int.random(in: 0..<7, using: &chance) {
        case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &chance)
        case 1: bytes[at] = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x22, 0x2d].randomElement(using: &chance) ?? 0
        case 2: bytes.removeSubrange(at..<end)
        case 3: bytes.insert(contentsOf: bytes[at..<end], at: at)
        case 4: bytes = Array(bytes[..<at])
        case 5:
            let other = seeds.randomElement(using: &chance) ?? []
            bytes.replaceSubrange(at..<end, with: other.dropFirst().prefix(end - at))
        default: bytes.swapAt(at, end - 1)
        }
    }

    private struct Chance: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }

    private static let repository = Vectors.directory.deletingLastPathComponent().deletingLastPathComponent().path

    private static func seeds() throws -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        func add(_ decoder: String, _ inputs: [UInt8]...) throws {
            let number = try #require(HostileBytes.decoders.firstIndex { $0.name == decoder })
            for input in inputs { seeds.append([UInt8(number)] + input) }
        }
        let world = try World(members: 4)
        let (ann, ben) = (world.people[1], world.people[2])
        try world.organise(.organiserAppointed(ann.signKey))
        try world.organise(.eligibleDeclared(9))
        try world.rotateRing(of: ben)
        try world.organise(.organiserDismissed(ann.signKey))
        try world.organise(.memberRemoved(world.people[3].signKey))
        try world.organise(.groupKeyRotated(epoch: 0, commitment: .zero))
        for leaf in world.leaves { try add("workplace statement", leaf) }
        let petition = try PetitionWorld(world, levels: [1])
        try petition.cosign(ann, name: (1, "Ann"))
        try petition.cosign(ben)
        try petition.append(petition.coSignature(by: ben, .withdraw))
        try petition.close()
        try petition.release(0)
        for leaf in petition.leaves { try add("petition statement", leaf) }
        try add("manifest", petition.manifest.encoding)
        let coSigned = try #require(PetitionStatement(decoding: petition.leaves[1]).coSigned)
        try add(
            "co-signature request",
            CoSignatureRequest(statement: coSigned.bytes, sealedName: [1, 2, 3], length: 900).encoding)
        try add("proof", Array(petition.leaves[1].suffix(Proof.length(for: petition.log.ring))))
        try add("ballot", [1, 2, 1, 2, 0] + [UInt8](repeating: 0, count: 59))
        let note = world.note(world.log.tree, world.log.verifier)
        try add("note", Array(note.utf8), Array((note + "\u{2014} a AAAAAAA=\n").utf8))
        let checkpoint = Checkpoint(origin: world.log.verifier.origin, size: 3, root: .zero)
        try add("checkpoint", Array(checkpoint.text.utf8))
        let path = try #require(world.log.tree.inclusionProof(of: 2, at: world.log.size))
        try add("receipt", Array(Receipt(index: 2, path: path, note: note).serialized.utf8))
        try add("tile path", Array("tile/0/x001/234.p/7".utf8), Array("tile/entries/000".utf8))
        try add("entry bundle", [2] + EntryBundle.encode(Array(world.leaves.prefix(3))))
        let consistency = try #require(world.log.tree.consistencyProof(from: 3, to: world.log.size))
        try add(
            "add-checkpoint request", Array(AddCheckpoint(oldSize: 3, proof: consistency, note: note).serialized.utf8))
        let key = NoteKey(name: "w.example", kind: .witness, key: world.founder.signKey)
        let logKey = NoteKey(name: "l.example", kind: .log, key: world.founder.signKey)
        try add("note key", Array(key.text.utf8), Array(logKey.text.utf8))
        try add(
            "policy",
            Array("log \(logKey.text)\nwitness W1 \(key.text) https://w.example/\ngroup G any W1\nquorum G\n".utf8))
        let bundle = petition.bundle.serialized
        try add("bundle", bundle)
        for name in ["honest-17", "released-early", "ring-extended"] {
            let file = Vectors.directory.appending(path: "bundles/\(name).rrbundle")
            try add("bundle", [UInt8](Data(contentsOf: file)))
        }
        try add(
            "history",
            NegotiationHistory(petition: petition.bundle, records: [[1]], ratifications: [petition.bundle]).serialized)
        try add("document", petition.document.bytes)
        let record = try RecordDocument(
            .delivered, language: "en", date: "2026-11-25", party: "Employer", note: "n",
            demands: [.init(number: 1, text: "We ask.")])
        try add("record", record.bytes)
        let invite = Invite(workplace: world.log.id, logKey: .zero, serviceURL: "https://a.example")
        try add("invite", Array(invite.url().utf8))
        let object = try StoredObject.seal(
            [1, 2, 3], kind: .draft, id: ID(Random.bytes32()), after: nil, in: world.log.id,
            under: GroupKey.generate(epoch: 0), by: ann.seed.signingKey())
        try add("stored object", object.bytes)
        try add(
            "JSON", Array(#"{"a":[1,-2.5e3,"\u00e9\ud83d\ude00",true,null,{}],"b":""}"#.utf8), Array("[[[[]]]]".utf8))
        try add("base64 and hex", Array("AAECAw==".utf8), Array(Bytes32.zero.hex.utf8))
        let headers = SignedRequest.headers(
            method: "PUT", path: "/v1/x", query: "", body: [7], created: 1, by: ann.seed.signingKey())
        func header(_ name: String) -> String { headers.first { $0.name == name }?.value ?? "" }
        try add(
            "HTTP signature",
            Array("\(header("signature-input"))\n\(header("signature"))\n\(header("content-digest"))\n".utf8) + [7])
        let template = try #require(
            FileManager.default.enumerator(atPath: Self.repository + "/templates")?
                .compactMap { $0 as? String }.filter { $0.hasSuffix(".md") }.sorted().first)
        try add(
            "front matter", [UInt8](Data(contentsOf: URL(filePath: Self.repository + "/templates/" + template))),
            Array("---\n---\n".utf8), Array("---\ntitle: t\nsummary: s\nparameters: []\n---\nb {{x}}\n".utf8))
        func header(format: String) -> String { "{\"format\":\"\(format)\",\"workplace\":\"\(world.log.id.hex)\"}\n" }
        let line = "{\"log\":\"workplace\",\"checkpoint\":\(JSONValue.quoted(note))}\n"
        try add("gossip file", Array((header(format: "roundrobin-gossip/1") + line).utf8))
        let evidence =
            header(format: "roundrobin-fork/1") + "{\"founding\":\"\(Base64.encode(world.leaves[0]))\"}\n" + line + line
            + "{\"leaf_hashes\":\"\"}\n"
        try add("fork evidence", Array(evidence.utf8))
        try add("gossip phrase", Array("abandon ability able".utf8))
        try add("keystore", Array("roundrobin-keystore-v1\n".utf8) + [UInt8](repeating: 1, count: 160))
        let promise = try Promise.make(petition.log.id, leafHash: .zero, until: 7200, by: world.serviceKey)
        try add("promise", Array(promise.json.utf8))
        try add(
            "promise evidence",
            PromiseEvidence(
                workplaceID: world.log.id, petitionID: petition.log.id, statement: coSigned.bytes, promise: promise,
                workplace: petition.bundle.workplace, petition: petition.bundle.petition
            ).serialized)
        var memory = Memory()
        memory.raise(Alarm(.forked, .petition(petition.log.id), in: .member, seen: 3, served: 4, at: 5, evidence: [6]))
        try add("memory", Memory().encoding, memory.encoding)
        let wrap = try KeyWrap.make(
            GroupKey.generate(epoch: 0), for: try #require(world.log.member(ben.signKey)), in: world.log.id,
            by: ann.seed.signingKey())
        let entry =
            "{\"member\":\"\(wrap.member.hex)\",\"wrap\":\"\(Base64.encode(wrap.wrap))\",\"by\":\"\(wrap.by.hex)\","
            + "\"signature\":\"\(Base64.encode(wrap.signature))\"}"
        try add(
            "lists of a run", Array("{\"epoch\":0,\"wraps\":[\(entry),{}]}".utf8),
            Array("{\"names\":[\"AAECAw==\",7]}".utf8))
        return seeds
    }
}
