import ChildProcesses
import CoSigning
import Foundation
import Petitions
import Service
import ServiceAPI
import Sodium
import Storage
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("A co-signature that is held to be mixed, and a database that is lost and restored", .serialized, .takingTurns)
struct HeldBackupTests {
    let directory: TemporaryDirectory
    /// Everybody's: the service's, the witness's and the devices'.
    let clock = MovedClock()
    /// Looks often, and never finds enough of them: only the promised hour brings them in.
    private static let mix = ServiceConfiguration.Mix(every: .milliseconds(100), atLeast: 10)

    init() throws {
        directory = try TemporaryDirectory()
        try Data("passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
    }

    private var database: String { directory("a.sqlite") }

    private func loseDisk() throws {
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: database + suffix) }
    }

    /// Runs a built program.
    private func run(_ program: String, _ arguments: String...) async throws -> ChildProcess.Said {
        try await Blocking.run { Result { try ChildProcess.run([program] + arguments) } }.get()
    }

    private func backUp() async throws {
        let said = try await run(
            BuiltProgram.service, "backup", "--database", database, "--to", directory("backup"))
        #expect(said.status == 0, "\(said.output)\(said.error)")
    }

    private func restore() async throws {
        try loseDisk()
        let said = try await run(
            BuiltProgram.service, "restore", "--from", directory("backup"), "--database", database)
        #expect(said.status == 0, "\(said.output)\(said.error)")
    }

    private func start(port: Int = 0, witnesses: String? = nil) async throws -> RunningService {
        try await RunningService.start(
            database: database, port: port, witnesses: witnesses, mix: Self.mix,
            refresh: witnesses.map { _ in (age: .seconds(11 * 3600), look: .milliseconds(50)) },
            clock: { [clock] in clock.now })
    }

    private func workplace(_ service: RunningService) async throws -> LiveWorkplace {
        try await LiveWorkplace(
            members: 5, service: service, directory: directory, clock: { [clock] in clock.now })
    }

    private func size(_ service: RunningService, _ id: ID<Petition>) async throws -> UInt64 {
        let note = try await service.send("GET", "/petition/\(id.hex)/checkpoint").body
        return try Checkpoint(parsing: SignedNote(parsing: String(decoding: note, as: UTF8.self)).text).size
    }

    /// What a member's device has sent and not seen settled.
    private func sent(_ member: Member, _ id: ID<Petition>) throws -> (statement: [UInt8], promise: Promise) {
        let sent = try #require(member.device.state.memory.petitions[id]?.unsettled)
        guard case .promised(let promise) = sent.state else { throw Absent() }
        return (sent.bytes, promise)
    }

    @Test("It is in the backup: the restored service promises the same, and keeps it by the promised hour")
    func survives() async throws {
        var service = try await start()
        let workplace = try await workplace(service)
        let (member, other) = (workplace.members[2], workplace.members[3])
        let id = try await workplace.openPetition().id
        #expect(try await member.cosign(id, choices: [1]) == nil)
        let (statement, promise) = try sent(member, id)
        try await backUp()
        await service.stop()
        try await restore()
        service = try await start(port: service.port)

        let request = CoSignatureRequest(statement: statement, sealedName: nil).encoding
        let again = try await service.send("POST", Route.cosignatures.path(id.hex), body: request)
        #expect(again.status == 202 && again.body == Array(promise.json.utf8), "the same promise")
        #expect(try await size(service, id) == 1)
        _ = try await member.view(id)
        #expect(member.isPromised(id) && member.alarms.isEmpty, "not yet due")
        // What comes after the restore waits beside it.
        #expect(try await other.cosign(id, choices: [1]) == nil)
        clock.set(ahead: Int(promise.until) - Int(Device.systemClock()) - 600)
        #expect(try await eventually { try await size(service, id) == 3 })
        // A device that looks only after the hours that it and the other were promised.
        clock.set(ahead: Int(promise.until) - Int(Device.systemClock()) + 2 * 3600)
        for member in [member, other] {
            let view = try await member.view(id)
            #expect(member.ownStatus(id) == .signed && member.alarms.isEmpty)
            #expect(member.verifiedReceipts(view) == 1, "made from the log")
        }
        let index = try #require(member.receipts(id).first).index
        #expect(try await member.bundle(id).petition.leaves[Int(index)] == statement)
        await workplace.close()
        await service.stop()
    }

    @Test("An older backup lacks it: its device tells so after the hour, and has evidence that convinces others")
    func lost() async throws {
        let plain = try await start()
        let info = try JSONDecoder().decode(
            Answers.Service.self, from: Data(try await plain.send("GET", Route.service.path()).body))
        await plain.stop()
        let witness = try await RunningWitness.start(
            database: directory("w.sqlite"), name: "one.example/w", services: [try NoteKey(parsing: info.service_key)],
            clock: { [clock] in clock.now })
        let policy = "witness w \(witness.key.text) \(witness.url)\nquorum w\n"
        var service = try await start(witnesses: policy)
        let workplace = try await workplace(service)
        let (member, home) = (workplace.members[2], workplace.members[2].device.keystore.directory)
        try await workplace.members[0].session { session in
            try await session.nameWitnesses(WitnessPolicy(parsing: Array(policy.utf8)))
        }
        let id = try await workplace.openPetition().id
        try await backUp()
        #expect(try await member.cosign(id, choices: [1]) == nil)
        let until = try sent(member, id).promise.until
        await service.stop()
        try await restore()
        service = try await start(port: service.port, witnesses: policy)

        _ = try await member.view(id)
        #expect(member.isPromised(id) && member.alarms.isEmpty, "nobody can tell before the hour")
        clock.set(ahead: Int(until) - Int(Device.systemClock()) + 60)
        // The witness signs the log again, by then without the co-signature.
        #expect(
            try await eventually {
                _ = try await member.view(id)
                return !member.alarms.isEmpty
            })
        #expect(member.alarmKinds == [.promiseBroken])
        #expect(try await size(service, id) == 1)
        let evidence = try #require(member.device.alarms.first).evidence
        let verdict = try PromiseEvidence(parsing: evidence).verify()
        #expect(verdict.breach == .late && verdict.until == until)
        await workplace.close()

        // As the person hands it on, and somebody else checks it without a keystore.
        let file = directory("evidence")
        let keystore = ["--home", home, "--passphrase-file", directory("pass")]
        let alarms = [BuiltProgram.roundrobin, "alarms", "--evidence", "1", "--file", file] + keystore
        let written = try await Blocking.run { Result { try ChildProcess.run(alarms) } }.get()
        #expect(written.status == 0, "\(written.error)")
        #expect(FileManager.default.contents(atPath: file) == Data(evidence))
        let checked = try await run(BuiltProgram.roundrobin, "verify", file, "--json")
        #expect(checked.status == 0 && checked.output.contains("\"late\""), "\(checked.output)\(checked.error)")
        // Evidence with the promised statement, or anything else, changed convinces nobody.
        for place in stride(from: 200, to: evidence.count, by: evidence.count / 12) {
            var changed = evidence
            changed[place] ^= 1
            try Data(changed).write(to: URL(filePath: file))
            #expect(try await run(BuiltProgram.roundrobin, "verify", file, "--json").status != 0, "\(place)")
        }
        await service.stop()
        await witness.stop()
    }
}
