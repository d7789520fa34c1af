import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("Named witnesses bind the service by their times", .serialized, .takingTurns)
struct WitnessedTests {
    let directory: TemporaryDirectory
    /// The service's clock; witnesses have their own.
    let clock = MovedClock()

    init() throws { directory = try TemporaryDirectory() }

    private func witnessed(
        members: Int, _ body: (LiveWorkplace, Operator) async throws -> Void
    ) async throws {
        let plain = try await RunningService.start(database: directory("a.sqlite"))
        let info = try JSONDecoder().decode(
            Answers.Service.self, from: Data(try await plain.send("GET", Route.service.path()).body))
        await plain.stop()
        let witness = try await RunningWitness.start(
            database: directory("w.sqlite"), name: "one.example/w", services: [try NoteKey(parsing: info.service_key)])
        let policy = "witness w \(witness.key.text) \(witness.url)\nquorum w\n"
        let service = try await RunningService.start(
            database: directory("a.sqlite"), witnesses: policy, clock: { [clock] in clock.now })
        let inspector = try await Operator.start(before: service.port)
        let workplace = try await LiveWorkplace(
            members: members, service: service, directory: directory, at: inspector.url)
        try await workplace.members[0].session { session in
            try await session.nameWitnesses(WitnessPolicy(parsing: Array(policy.utf8)))
        }
        try await body(workplace, inspector)
        await workplace.close()
        await inspector.stop()
        await witness.stop()
    }

    private func later(_ member: Member, by seconds: Int) throws -> Member {
        let path = directory("later-\(seconds)-\(Random.number(below: 1 << 30))")
        try FileManager.default.copyItem(atPath: member.device.keystore.directory, toPath: path)
        return try Member.open(
            path, passphrase: LiveWorkplace.passphrase(), clock: { UInt64(Int(Device.systemClock()) + seconds) })
    }

    @Test("A promise that a witness's time shows to be late is broken, and the evidence convinces anybody")
    func late() async throws {
        try await witnessed(members: 5) { workplace, inspector in
            let id = try await workplace.openPetition().id
            let member = workplace.members[3]
            let seed = try await Books(database: directory("a.sqlite")).seed()
            let until = (Device.systemClock() / 3600 - 1) * 3600
            inspector.answer { request in
                guard request.isSending, let sent = try? CoSignatureRequest(decoding: request.body),
                    let promise = try? Promise.make(
                        id, leafHash: MerkleTree.leafHash(sent.statement), until: until,
                        by: SigningKey(seed: SecretBytes(seed)))
                else { return nil }
                return .response(.text(promise.json, 202))
            }
            #expect(try await member.cosign(id, choices: [1]) == nil)
            _ = try await member.view(id)
            #expect(member.alarmKinds == [.promiseBroken])
            let evidence = try PromiseEvidence(parsing: try #require(member.device.alarms.first).evidence)
            #expect(try evidence.verify().breach == .late)
        }
    }

    @Test("A level is released, and a co-signature sent, only on checkpoints that the witnesses signed lately")
    func fresh() async throws {
        try await witnessed(members: 5) { workplace, inspector in
            let id = try await workplace.openPetition(levels: [1]).id
            #expect(try await workplace.members[3].cosign(id, choices: [1]) != nil)
            let trustee = try later(workplace.members[1], by: 2 * 3600)
            clock.set(ahead: 2 * 3600)
            let released = await inspector.watch {
                await #expect {
                    try await trustee.release(id, level: 1)
                } throws: { ($0 as? ClientError)?.code == .levelNotFresh }
            }
            #expect(!released.contains { $0.request.method == "POST" })
            trustee.close()
            clock.set(ahead: 0)
            // A clock that is slow, as the service's is, cannot tell how old the witnesses' signatures are.
            let slow = try later(workplace.members[1], by: -2 * 3600)
            clock.set(ahead: -2 * 3600)
            let early = await inspector.watch {
                await #expect {
                    try await slow.release(id, level: 1)
                } throws: { ($0 as? ClientError)?.code == .levelNotFresh }
            }
            #expect(!early.contains { $0.request.method == "POST" })
            slow.close()
            clock.set(ahead: 0)
            try await workplace.members[1].release(id, level: 1)
            let late = try later(workplace.members[2], by: 25 * 3600)
            let sent = await inspector.watch {
                await #expect {
                    try await late.cosign(id, choices: [1])
                } throws: { ($0 as? ClientError)?.code == .witnessesStale }
            }
            #expect(!sent.contains { $0.request.isSending })
            late.close()
        }
    }

    @Test("Without the signatures that the log asks for nothing is believed or sent; a change of witnesses is told")
    func stripped() async throws {
        try await witnessed(members: 5) { workplace, inspector in
            let id = try await workplace.openPetition().id
            let member = workplace.members[3]
            inspector.answer { request in
                guard request.path.hasSuffix("/checkpoint") else { return nil }
                return .changed { response in
                    let text = String(decoding: response.body, as: UTF8.self)
                    guard let note = try? SignedNote(parsing: text) else { return response }
                    let own = note.signatures.filter { !$0.name.hasPrefix("one.example") }
                    return .text(SignedNote(text: note.text, signatures: own).serialized)
                }
            }
            let exchanges = await inspector.watch {
                await #expect {
                    try await member.cosign(id, choices: [1])
                } throws: { ($0 as? ClientError)?.code == .notWitnessed }
            }
            #expect(!exchanges.contains { $0.request.isSending })
            inspector.beHonest()
            #expect(try await member.cosign(id, choices: [1]) != nil)
            #expect(member.device.witnessNews.count == 1)
            try member.device.sawWitnessNews()
            _ = try await member.view(id)
            #expect(member.device.witnessNews.isEmpty)
        }
    }
}
