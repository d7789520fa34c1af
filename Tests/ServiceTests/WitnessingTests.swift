import Foundation
import GRDB
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("Witnesses keep a service from rewinding and forking", .serialized, .takingTurns)
struct WitnessingTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func key(of service: RunningService) async throws -> NoteKey {
        struct Info: Decodable { let service_key: String }
        let answer = try await service.send("GET", "/v1/service")
        return try NoteKey(parsing: try JSONDecoder().decode(Info.self, from: Data(answer.body)).service_key)
    }

    /// A witness for the service whose key is in this database.
    private func witness(_ file: String, of key: NoteKey, name: String, port: Int = 0) async throws -> RunningWitness {
        try await RunningWitness.start(database: directory(file), name: name, port: port, services: [key])
    }

    private func checkpoint(_ service: RunningService, _ id: ID<Workplace>) async throws -> SignedNote {
        let answer = try await service.send("GET", "/workplace/\(id.hex)/checkpoint")
        return try SignedNote(parsing: String(decoding: answer.body, as: UTF8.self))
    }

    @Test("Over HTTP, a witness signs growth, and names each thing that it does not sign by the specification's status")
    func protocolOverHTTP() async throws {
        let key = SigningKey(seed: SecretBytes(Random.bytes32()))
        var tree = MerkleTree()
        for i in 0..<40 { tree.append([UInt8(i)]) }
        func note(_ size: Int, _ origin: String = "log.example/a", root: Bytes32? = nil) -> String {
            Checkpoint(origin: origin, size: UInt64(size), root: root ?? tree.root(at: size)!).signed(by: key)
                .serialized
        }
        let log = NoteKey(name: "log.example/a", kind: .log, key: key.publicKey)
        var witness = try await RunningWitness.start(database: directory("w.sqlite"), logs: [log])
        let verifier = WitnessVerifier(name: witness.key.name, key: witness.key.key)
        let first = try await witness.send(AddCheckpoint(oldSize: 0, proof: [], note: note(10)).serialized)
        #expect(first.status == 200)
        let text = try SignedNote(parsing: note(10)).text
        #expect(try verifier.signatureTime(in: SignedNote.signatures(parsing: first.body), on: text) != nil)
        func status(_ old: UInt64, _ proof: [Bytes32], _ note: String) async throws -> Int {
            try await witness.send(AddCheckpoint(oldSize: old, proof: proof, note: note).serialized).status
        }
        let conflict = try await witness.send(AddCheckpoint(oldSize: 0, proof: [], note: note(20)).serialized)
        #expect(conflict.status == 409 && conflict.type == "text/x.tlog.size" && conflict.body == "10\n")
        #expect(try await status(10, [], note(10)) == 200)
        #expect(try await status(10, tree.consistencyProof(from: 10, to: 25)!, note(25)) == 200)
        #expect(try await status(10, tree.consistencyProof(from: 10, to: 25)!, note(25)) == 409)
        #expect(try await status(25, [], note(25, root: .zero)) == 422)
        #expect(try await status(25, tree.consistencyProof(from: 24, to: 40)!, note(40)) == 422)
        #expect(try await status(26, [], note(25)) == 400)
        #expect(try await status(0, [], note(1, "log.example/b")) == 404)
        let stranger = Checkpoint(origin: "log.example/a", size: 40, root: tree.root)
            .signed(by: SigningKey(seed: SecretBytes(Random.bytes32()))).serialized
        #expect(try await status(25, tree.consistencyProof(from: 25, to: 40)!, stranger) == 403)
        #expect(try await witness.send("old 25\n").status == 400)
        #expect(try await witness.send(String(repeating: "a", count: 1 << 17)).status == 413)
        // What it has signed outlives it, and a fork of the signed size is evidence, whatever proof it came with.
        await witness.stop()
        witness = try await RunningWitness.start(database: directory("w.sqlite"), logs: [log])
        #expect(witness.key.key == verifier.key)
        #expect(try await status(3, [], note(25, root: .zero)) == 409)
        #expect(try await status(25, tree.consistencyProof(from: 25, to: 40)!, note(40)) == 200)
        let evidence = try await DatabaseQueue(path: directory("w.sqlite")).read { db in
            try String.fetchAll(db, sql: "SELECT signed || other FROM evidence")
        }
        #expect(evidence.count == 1, "a false proof beside a true checkpoint is no fork")
        #expect(evidence[0].contains(witness.key.name) && evidence[0].contains(Base64.encode(Bytes32.zero.bytes)))
        let head = try await HTTPGet.text(witness.url + "/\(SHA256.hash(Array("log.example/a".utf8)).hex)/checkpoint")
        #expect(try SignedNote(parsing: head).signatures.map(\.name) == ["log.example/a", witness.key.name])
        await witness.stop()
        // A different name would be a different witness.
        await #expect(throws: (any Error).self) {
            try await RunningWitness.start(database: directory("w.sqlite"), name: "other", logs: [log])
        }
    }

    @Test("Requests that race for one log are signed in one order, and never two at one size")
    func race() async throws {
        let key = SigningKey(seed: SecretBytes(Random.bytes32()))
        let log = NoteKey(name: "log.example/a", kind: .log, key: key.publicKey)
        let witness = try await RunningWitness.start(database: directory("w.sqlite"), logs: [log])
        // Twenty logs of one leaf each, all of them claiming to be the first.
        let requests = (0..<20).map { i in
            let checkpoint = Checkpoint(
                origin: "log.example/a", size: 1, root: MerkleTree.leafHash([UInt8(i)]))
            return AddCheckpoint(oldSize: 0, proof: [], note: checkpoint.signed(by: key).serialized).serialized
        }
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for request in requests { group.addTask { try await witness.send(request).status } }
            var all: [Int] = []
            for try await status in group { all.append(status) }
            return all
        }
        #expect(statuses.count { $0 == 200 } == 1 && statuses.count { $0 == 409 } == 19)
        await witness.stop()
    }

    @Test("Checkpoints and receipts carry the witnesses' signatures, and a member may insist on them")
    func signed() async throws {
        let plain = try await RunningService.start(database: directory("a.sqlite"))
        let key = try await key(of: plain)
        await plain.stop()
        let one = try await witness("w1.sqlite", of: key, name: "one.example/w")
        let two = try await witness("w2.sqlite", of: key, name: "two.example/w")
        let policy = RunningWitness.policy(one, two)
        let service = try await RunningService.start(database: directory("a.sqlite"), witnesses: policy)
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let note = try await checkpoint(service, workplace.members[0].workplaceID)
        #expect(Set(note.signatures.map(\.name)).isSuperset(of: ["one.example/w", "two.example/w"]))
        for member in workplace.members {
            let verdict = try await member.watch(by: RunningWitness.policy(one, two, urls: false))
            #expect(verdict.isSatisfied && verdict.times.count == 2)
        }
        let petition = try await workplace.openPetition()
        var receipts: [Receipt] = []
        for member in workplace.members.prefix(3) {
            receipts.append(try #require(try await member.cosign(petition.id, choices: [1])))
        }
        for receipt in receipts { #expect(try SignedNote(parsing: receipt.note).signatures.count == 3) }
        let bundle = try await workplace.members[0].bundle(petition.id)
        let wanted = try WitnessPolicy(parsing: Array(policy.utf8))
        let audited = try AuditedPetition(auditing: bundle, policy: wanted)
        #expect(audited.faults.isEmpty && audited.witnessedByPolicy.petition?.times.count == 2)
        // A key that has not signed, and a key of a different log.
        let stranger = NoteKey(name: "three.example", kind: .witness, key: Random.bytes32()).text
        let missed = try AuditedPetition(
            auditing: bundle, policy: WitnessPolicy(parsing: Array("witness x \(stranger)\nquorum x\n".utf8)))
        #expect(
            missed.faults.map(\.what) == Array(repeating: "checkpoint not witnessed as the policy asks, by x", count: 2)
        )
        let other = NoteKey(name: "other", kind: .log, key: Random.bytes32()).text
        let foreign = try AuditedPetition(
            auditing: bundle, policy: WitnessPolicy(parsing: Array("log \(other)\nquorum none\n".utf8)))
        #expect(foreign.faults.map(\.what) == Array(repeating: "its key is not in the policy", count: 2))
        await workplace.close()
        await one.stop()
        await two.stop()
    }

    @Test("A witness that is down delays nobody for long; who watches for it is told, and everybody goes on")
    func silent() async throws {
        let plain = try await RunningService.start(database: directory("a.sqlite"))
        let key = try await key(of: plain)
        await plain.stop()
        let up = try await witness("w1.sqlite", of: key, name: "up.example/w")
        var down = try await witness("w2.sqlite", of: key, name: "down.example/w")
        let port = down.port
        let policy = RunningWitness.policy(up, down)
        let service = try await RunningService.start(database: directory("a.sqlite"), witnesses: policy)
        let workplace = try await LiveWorkplace(members: 3, service: service, directory: directory)
        let (founder, strict, easy) = (workplace.members[0], workplace.members[1], workplace.members[2])
        #expect(try await strict.watch(by: policy).isSatisfied)
        await down.stop()
        try await founder.declareEligible(30)
        #expect(try await easy.roster().eligible(at: .max) == 30)
        #expect(try await strict.roster().eligible(at: .max) == 30)
        #expect(strict.alarms == ["policy member"] && easy.alarms.isEmpty)
        await service.stop()
        // It comes back, and the service after it: what was shown without it grows, and is signed.
        down = try await witness("w2.sqlite", of: key, name: "down.example/w", port: port)
        let again = try await RunningService.start(
            database: directory("a.sqlite"), port: service.port, witnesses: policy)
        try await founder.declareEligible(31)
        #expect(try await strict.roster().eligible(at: .max) == 31)
        try strict.device.settle(try #require(strict.device.alarms.first))
        #expect(try await strict.watch(by: policy).isSatisfied)
        await workplace.close()
        await again.stop()
        await up.stop()
        await down.stop()
    }

    @Test(
        "What a stop leaves between a commit and its publication is shown after the next start, with witnesses and without"
    )
    func leftovers() async throws {
        var service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 2, service: service, directory: directory)
        let id = workplace.members[0].workplaceID
        let key = try await key(of: service)
        let size = try await workplace.members[0].roster().size
        let witness = try await witness("w.sqlite", of: key, name: "one.example/w")
        for policy in [RunningWitness.policy(witness), nil] {
            await service.stop()
            try await DatabaseQueue(path: directory("a.sqlite")).write { db in
                try db.execute(
                    sql: """
                        UPDATE checkpoints SET published = 0
                        WHERE size = (SELECT size FROM logs WHERE logs.id = log)
                        """)
            }
            service = try await RunningService.start(
                database: directory("a.sqlite"), port: service.port, witnesses: policy)
            #expect(
                try await eventually {
                    try await checkpoint(service, id).text.split(separator: "\n")[1] == "\(size)"
                })
            let note = try await checkpoint(service, id)
            #expect(note.text.split(separator: "\n")[1] == "\(size)")
            #expect(note.signatures.contains { $0.name == "one.example/w" })
        }
        await workplace.close()
        await service.stop()
        await witness.stop()
    }

    @Test(
        "A service that went back, and one that forked, get no signature, and whoever is new and insists is not deceived"
    )
    func lies() async throws {
        var service = try await RunningService.start(database: directory("a.sqlite"))
        let key = try await key(of: service)
        await service.stop()
        let witness = try await witness("w.sqlite", of: key, name: "one.example/w")
        let policy = RunningWitness.policy(witness)
        service = try await RunningService.start(database: directory("a.sqlite"), witnesses: policy)
        let workplace = try await LiveWorkplace(members: 2, service: service, directory: directory)
        let invite = try await workplace.members[0].invite(count: 1, note: nil)[0]
        await service.stop()
        try DatabaseCopy.make(of: directory("a.sqlite"), as: directory("old.sqlite"))
        service = try await RunningService.start(database: directory("a.sqlite"), port: service.port, witnesses: policy)
        try await workplace.members[0].declareEligible(33)
        await service.stop()
        // The old state with the same key: what it appends now is a fork of what the witness has signed.
        service = try await RunningService.start(
            database: directory("old.sqlite"), port: service.port, witnesses: policy)
        let newcomer = try await workplace.join(invite)
        #expect(try await newcomer.watch(by: policy).missing == ["w0"])
        let evidence = try await DatabaseQueue(path: directory("w.sqlite")).read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM evidence") ?? 0
        }
        #expect(evidence >= 1)
        await workplace.close()
        await service.stop()
        await witness.stop()
    }
}
