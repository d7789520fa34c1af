import CoSigning
import Foundation
import GRDB
import Hummingbird
import NIOCore
import Petitions
import Service
import Sodium
import Synchronization
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("Services and witnesses that answer as they like", .serialized, .takingTurns)
struct HostileServiceTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static func text(_ text: String, _ status: HTTPResponse.Status = .ok) -> Response {
        Response(status: status, body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    private func faults(_ events: [MonitorEvent]) -> [MonitorFault] {
        events.compactMap { if case .fault(let fault) = $0 { fault } else { nil } }
    }

    @Test("A witness that begins to answer and goes on for ever, or answers with a hundred lines, stops nobody")
    func witnesses() async throws {
        let key = SigningKeyBox()
        let name = "many.example/w"
        let many = NoteKey(name: name, kind: .witness, key: key.key.publicKey)
        // Signs anything a hundred times, each at a different time.
        let eager = try await Interposer.start(before: nil)
        let slow = try await Interposer.start(before: nil) { _ in
            Response(
                status: .ok,
                body: .init { writer in
                    try await writer.write(ByteBuffer(string: "\u{2014} "))
                    try await Task.sleep(for: .seconds(600))
                    try await writer.finish(nil)
                })
        }
        let other = NoteKey(name: "slow.example/w", kind: .witness, key: Random.bytes32())
        let policy = """
            witness many \(many.text) \(eager.url)
            witness slow \(other.text) \(slow.url)
            quorum many

            """
        var service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 2, service: service, directory: directory)
        let (founder, id) = (workplace.members[0], workplace.members[0].workplaceID)
        await service.stop()
        // The lines for the next checkpoint, which only the service knows in advance, so they are taken from a response
        // that would have had none.
        service = try await RunningService.start(
            database: directory("a.sqlite"), port: service.port, witnesses: policy, patience: .seconds(1))
        try await founder.declareEligible(30)
        let note = try await service.send("GET", "/workplace/\(id.hex)/checkpoint")
        let shown = try SignedNote(parsing: String(decoding: note.body, as: UTF8.self))
        #expect(shown.signatures.count == 1, "nobody has signed")
        let checkpoint = try Checkpoint(parsing: shown.text)
        let lines = (0..<100).map { checkpoint.witnessed(at: UInt64(1000 + $0), as: name, by: key.key) }
        eager.lie { _ in Self.text(SignedNote(text: "", signatures: lines).signatureLines) }
        // Asked again after a while, although nothing new has arrived.
        var signed = shown
        for _ in 0..<300 where signed.signatures.count < 2 {
            try await Task.sleep(for: .milliseconds(100))
            let note = try await service.send("GET", "/workplace/\(id.hex)/checkpoint")
            signed = try SignedNote(parsing: String(decoding: note.body, as: UTF8.self))
        }
        #expect(signed.signatures.count == 2, "one line for a witness")
        #expect(try await founder.watch(by: policy).times.map(\.time) == [1099])
        await workplace.close()
        await service.stop()
        await eager.stop()
        await slow.stop()
    }

    private final class SigningKeyBox: Sendable { let key = SigningKey(seed: SecretBytes(Random.bytes32())) }

    @Test("A false line of a witness in one's own policy is an alarm, and stops nothing")
    func falseLine() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let interposer = try await Interposer.start(before: service.url)
        let founder = try await Enrolment.found(
            at: interposer.url, eligible: 9, in: directory("home"), passphrase: LiveWorkplace.passphrase(),
            cost: LiveWorkplace.cost)
        let key = SigningKeyBox()
        let witness = NoteKey(name: "w.example", kind: .witness, key: key.key.publicKey)
        let (roster, id) = (try await founder.roster(), founder.workplaceID)
        let checkpoint = Checkpoint(
            origin: roster.verifier.origin, size: UInt64(roster.size), root: roster.tree.root)
        let served = try SignedNote(
            parsing: String(
                decoding: try await service.send("GET", "/workplace/\(id.hex)/checkpoint").body, as: UTF8.self))
        let good = checkpoint.witnessed(at: 5, as: witness.name, by: key.key)
        interposer.lie { $0.hasSuffix("/checkpoint") ? Self.text(served.adding([good]).serialized) : nil }
        #expect(try await founder.watch(by: "witness w \(witness.text)\nquorum w\n").isSatisfied)
        var bad = good.bytes
        bad[20] ^= 1
        let line = SignedNote.Signature(name: witness.name, keyID: witness.id, bytes: bad)
        interposer.lie { $0.hasSuffix("/checkpoint") ? Self.text(served.adding([line]).serialized) : nil }
        _ = try await founder.cosigner.look(.roster)
        #expect(founder.alarms == ["policy anonymous"])
        founder.close()
        await interposer.stop()
        await service.stop()
    }

    @Test("A monitor that has seen a petition is not talked out of it, and one bad answer hides no other fault")
    func monitor() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let interposer = try await Interposer.start(before: service.url)
        let (first, second) = (try await workplace.openPetition().id, try await workplace.openPetition().id)
        _ = try await workplace.members[1].cosign(first, choices: [1])
        let id = workplace.members[0].workplaceID
        func monitor() throws -> Monitor { try Monitor(of: id, at: interposer.url, state: directory("seen.json")) }
        #expect(try await faults(monitor().look()).isEmpty)
        let other = try await service.send("GET", "/petition/\(second.hex)/checkpoint").body
        let junk = String(decoding: other, as: UTF8.self)
        for (lie, expected) in [
            (Self.Lie.notFound, MonitorFault.gone(.petition(first))), (.otherLog(junk), .unsigned(.petition(first))),
            (.garbage, .unreadable(.petition(first))), (.serverError, .unreadable(.petition(first))),
        ] {
            interposer.lie { path in
                guard path.hasPrefix("/petition/\(first.hex)/") else { return nil }
                switch lie {
                case .notFound: return Response(status: .notFound)
                case .garbage: return Self.text("nonsense")
                case .serverError: return Response(status: .internalServerError)
                case .otherLog(let note): return path.hasSuffix("checkpoint") ? Self.text(note) : nil
                }
            }
            #expect(try await faults(monitor().look()) == [expected], "\(lie)")
        }
        // The workplace's own log is missing.
        interposer.lie { $0.hasPrefix("/workplace/") ? Response(status: .notFound) : nil }
        #expect(try await faults(monitor().look()) == [.gone(.workplace)])
        // A condition that has passed is reported again when it recurs.
        let running = try monitor()
        #expect(try await faults(running.look()) == [.gone(.workplace)])
        #expect(try await faults(running.look()).isEmpty)
        interposer.lie { _ in nil }
        #expect(try await faults(running.look()).isEmpty)
        interposer.lie { $0.hasPrefix("/petition/\(first.hex)/") ? Response(status: .notFound) : nil }
        #expect(try await faults(running.look()) == [.gone(.petition(first))])
        await workplace.close()
        await interposer.stop()
    }

    private enum Lie: Sendable {
        case notFound
        case garbage
        case serverError
        case otherLog(String)
    }

    @Test("A petition that is hidden from one of two is named by both ways of comparing; an early reading is no fork")
    func hidden() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let interposer = try await Interposer.start(before: service.url)
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let invite = try await workplace.members[0].invite(count: 1, note: nil)[0]
        let reader = try await Enrolment.join(
            .init(parsing: invite.replacing(service.url, with: interposer.url)), in: directory("reader"),
            passphrase: LiveWorkplace.passphrase(), cost: LiveWorkplace.cost)
        let id = try await workplace.openPetition().id
        // As if the petition were not open yet.
        interposer.lie { $0.hasPrefix("/petition/\(id.hex)/") ? Response(status: .notFound) : nil }
        let (file, phrase) = (try await reader.gossip(), try await reader.phrase())
        #expect(file.checkpoints.count == 1 && phrase.sizes.last == 0)
        let comparison = try await workplace.members[1].compare(file)
        #expect(comparison.holds && comparison.findings.contains(.absent(id)))
        #expect(try await workplace.members[1].compare(phrase) == .same(absent: [id]))
        // Once the reader has seen it, hiding it raises an alarm; without the roster there is nothing to compare.
        interposer.lie { _ in nil }
        #expect(try await reader.gossip().checkpoints.count == 2)
        interposer.lie { $0.hasPrefix("/petition/\(id.hex)/") ? Response(status: .notFound) : nil }
        #expect(try await reader.gossip().checkpoints.count == 1)
        #expect(reader.alarms == ["gone anonymous"])
        interposer.lie { $0.hasPrefix("/workplace/") ? Response(status: .notFound) : nil }
        await #expect {
            _ = try await reader.gossip()
        } throws: { ($0 as? ClientError)?.code == .logMissing }
        #expect(reader.alarms == ["gone anonymous", "gone anonymous"])
        reader.close()
        await workplace.close()
        await interposer.stop()
    }
}
