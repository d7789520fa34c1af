import CoSigning
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite(
    "Witnesses and log clients that others wrote understand this service, and catch it when it lies", .serialized,
    .takingTurns)
struct ForeignToolsTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test(
        "A foreign witness signs the logs, a foreign client verifies them by their tiles; a rewound and forked log is refused by both"
    )
    func witnessAndClient() async throws {
        var service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 3, service: service, directory: directory)
        let founder = workplace.members[0]
        let roster = try await founder.roster()
        let origin = roster.verifier.origin
        let logKey = NoteKey(name: origin, kind: .log, key: roster.verifier.key).text
        let config = directory("witness.json")
        let made = try await ForeignTools.run([
            "-m", "aics_witness", "init", "-c", config, "--name", "witness.test/foreign", "--listen", "127.0.0.1:0",
        ])
        let witnessKey = try NoteKey(
            parsing: #require(
                made.output.split(separator: "\n").map(String.init).first { $0.hasPrefix("witness.test") }))
        let added = try await ForeignTools.run([
            "-m", "aics_witness", "add-log", "-c", config, "--origin", origin, "--vkey", logKey,
        ])
        #expect(added.status == 0)
        let witness = try await ForeignTools.Server(
            ["-m", "aics_witness", "serve", "-c", config], log: directory("witness.log"))
        let policy = "witness foreign \(witnessKey.text) \(witness.url)\nquorum foreign\n"
        await service.stop()
        try DatabaseCopy.make(of: directory("a.sqlite"), as: directory("old.sqlite"))
        service = try await RunningService.start(database: directory("a.sqlite"), port: service.port, witnesses: policy)
        try await founder.declareEligible(30)
        #expect(try await founder.watch(by: policy).isSatisfied)
        let path = "/workplace/\(founder.workplaceID.hex)"
        let keys = [
            "--tiles", service.url + path, "--log-key", logKey, "--witness-key", witnessKey.text, "--quorum", "1",
        ]
        func client(_ arguments: String...) async throws -> (status: Int32, output: String) {
            try await ForeignTools.run(["-m", "aics_tlog"] + arguments + keys)
        }
        let (early, late) = (directory("early.note"), directory("late.note"))
        let first = try await client("verify-checkpoint", "--save-checkpoint", early)
        #expect(first.status == 0, "\(first.output)")
        try await founder.declareEligible(31)
        let second = try await client("verify-consistency", "--old-checkpoint", early, "--save-checkpoint", late)
        #expect(second.status == 0, "\(second.output)")
        // The leaf of the last receipt.
        let size = try await founder.roster().size
        let tile = try await service.send("GET", path + "/tile/entries/000.p/\(size)")
        let leaf = try #require(try EntryBundle.decode(tile.body, count: size).last)
        try Data(leaf).write(to: URL(filePath: directory("leaf")))
        let inclusion = try await client("verify-inclusion", "--leaf", directory("leaf"), "--index", "\(size - 1)")
        #expect(inclusion.status == 0, "\(inclusion.output)")
        #expect(try await client("verify-inclusion", "--leaf", directory("leaf"), "--index", "\(size - 2)").status != 0)
        // The same key on an older state: the log is rewound, and the leaf of a receipt is missing.
        await service.stop()
        service = try await RunningService.start(
            database: directory("old.sqlite"), port: service.port, witnesses: policy)
        #expect(try await client("verify-consistency", "--old-checkpoint", late).status != 0)
        _ = try await founder.roster()
        #expect(founder.alarmKinds.contains(.older))
        // It grows again, into a different log.
        for _ in 0..<3 { _ = try await workplace.members[2].rotateRingKey() }
        #expect(try await client("verify-consistency", "--old-checkpoint", late).status != 0)
        #expect(try await client("verify-checkpoint").status != 0, "the witness has not signed the fork")
        let kept = try await ForeignTools.run(["-m", "aics_witness", "evidence", "-c", config])
        #expect(kept.status == 0 && kept.output.contains(origin))
        witness.stop()
        await workplace.close()
        await service.stop()
    }

    /// Submits 10 leaves, then 25, then a fork of 30, and reports the result of each.
    private static let feederScript = #"""
        import sys
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from aics_tlog import Checkpoint, MerkleTree, sign_checkpoint
        from aics_witness.feeder import WitnessClient, WitnessRejected
        url, witness, seed, origin = sys.argv[1:]
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
        client = WitnessClient(url, witness)
        def submit(leaves):
            tree = MerkleTree(leaves)
            note = sign_checkpoint(Checkpoint(origin, len(leaves), tree.root()), key, origin)
            try: return client.submit(note.serialise(), tree.consistency_proof)
            except WitnessRejected as e: return f"rejected {e.status}"
        leaves = [bytes([i]) for i in range(40)]
        print(submit(leaves[:10]).startswith("\u2014 "))
        print(submit(leaves[:25]).startswith("\u2014 "))
        print(submit(leaves[:25]).startswith("\u2014 "))
        print(submit(leaves[:20] + leaves[:10]))
        """#

    @Test("A foreign log gets this witness's signatures, which its own verifier takes; its fork gets none")
    func feeder() async throws {
        let seed = Random.bytes32()
        let key = SigningKey(seed: SecretBytes(seed)).publicKey
        let log = NoteKey(name: "log.example/foreign", kind: .log, key: key)
        let witness = try await RunningWitness.start(database: directory("w.sqlite"), logs: [log])
        let result = try await ForeignTools.run([
            "-c", Self.feederScript, witness.url, witness.key.text, seed.hex, log.name,
        ])
        #expect(result.status == 0)
        #expect(result.output == "True\nTrue\nTrue\nrejected 422\n")
        await witness.stop()
    }
}
