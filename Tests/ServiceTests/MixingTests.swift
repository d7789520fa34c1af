import CoSigning
import Foundation
import GRDB
import Petitions
import Service
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client

@Suite("Co-signatures are mixed before they are published", .serialized, .takingTurns)
struct MixingTests {
    let directory: TemporaryDirectory
    private static let never = ServiceConfiguration.Mix(every: .seconds(3600), atLeast: 3)
    private static let soon = ServiceConfiguration.Mix(every: .milliseconds(100), atLeast: 3)

    init() throws { directory = try TemporaryDirectory() }

    private func size(_ service: RunningService, _ id: ID<Petition>) async throws -> Int {
        let note = try await service.send("GET", "/petition/\(id.hex)/checkpoint")
        return Int(String(decoding: note.body, as: UTF8.self).split(separator: "\n")[1]) ?? 0
    }

    private func wait(for size: Int, _ service: RunningService, _ id: ID<Petition>) async throws {
        #expect(try await eventually { try await self.size(service, id) >= size })
        #expect(try await self.size(service, id) == size)
    }

    @Test("They wait until enough are there, durable, and receipts are made from what everybody reads")
    func waits() async throws {
        var service = try await RunningService.start(database: directory("a.sqlite"), mix: Self.soon)
        let workplace = try await LiveWorkplace(members: 6, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        let (first, second, third) = (workplace.members[0], workplace.members[1], workplace.members[2])
        #expect(try await first.cosign(id, choices: [1]) == nil)
        #expect(try await second.cosign(id, choices: [1]) == nil)
        #expect(try await size(service, id) == 1, "two are too few")
        #expect(first.isPromised(id))
        // Another one cannot be sent yet.
        await #expect {
            _ = try await first.cosign(id, choices: [1])
        } throws: { ($0 as? ClientError)?.code == .held }
        #expect(first.isPromised(id))
        // What was acknowledged survives the service.
        await service.stop()
        service = try await RunningService.start(database: directory("a.sqlite"), port: service.port, mix: Self.soon)
        #expect(try await third.cosign(id, choices: [1]) == nil)
        try await wait(for: 4, service, id)
        for member in [first, second, third] {
            #expect(member.isPromised(id), "nobody has told it yet")
            let status = try await member.status()
            #expect(status.petitions.first?.receipts == 1 && member.ownStatus(id) == .signed)
        }
        #expect(try await first.petition(id).cosignatures == 3)
        // A changed decision is mixed like everything else.
        #expect(try await first.cosign(id, choices: [1]) == nil)
        #expect(try await second.withdraw(id) == nil)
        #expect(try await third.cosign(id, choices: [1]) == nil)
        try await wait(for: 7, service, id)
        _ = try await second.view(id)
        #expect(second.ownStatus(id) == .withdrawn)
        #expect(try await first.petition(id).cosignatures == 2)
        await workplace.close()
        await service.stop()
    }

    @Test(
        "Nothing is lost at a close or when the ring grows, and only an organiser's statement that holds brings them in"
    )
    func flush() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"), mix: Self.never)
        let workplace = try await LiveWorkplace(members: 6, service: service, directory: directory)
        let founder = workplace.members[0]
        let id = try await workplace.openPetition().id
        #expect(try await workplace.members[1].cosign(id, choices: [1]) == nil)
        // Anybody may post a close; an invalid one does not let anything in.
        let view = try await founder.view(id)
        let (roster, log) = (view.workplace, view.petition)
        let forged = try PetitionStatement.close(
            id, size: 1, root: log.tree.root, roster: .init(size: UInt64(roster.size), root: roster.tree.root),
            sequence: 1, by: SigningKey(seed: SecretBytes(Random.bytes32())))
        #expect(try await service.send("POST", "/v1/petitions/\(id.hex)/statements", body: forged.bytes).status == 403)
        #expect(try await size(service, id) == 1)
        let invite = try await founder.invite(count: 1, note: nil)[0]
        let newcomer = try await workplace.join(invite)
        #expect(try await founder.extend(id) == 7)
        #expect(try await size(service, id) == 3, "before the ring grew")
        #expect(try await newcomer.cosign(id, choices: [1]) == nil)
        #expect(try await workplace.members[2].cosign(id, choices: [1]) == nil)
        try await founder.closePetition(id)
        #expect(try await size(service, id) == 6)
        let closed = try await founder.petition(id)
        #expect(closed.cosignatures == 3 && closed.closure != nil)
        _ = try await newcomer.view(id)
        #expect(newcomer.ownStatus(id) == .signed)
        await workplace.close()
    }

    @Test("A deadline brings in what waits, and so does a service that mixes no more")
    func deadline() async throws {
        let closes = (Device.systemClock() / 3600 + 2) * 3600
        var service = try await RunningService.start(database: directory("a.sqlite"), mix: Self.never)
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let open = try await workplace.openPetition().id
        let due = try await workplace.openPetition(closes: closes).id
        for id in [open, due] { #expect(try await workplace.members[1].cosign(id, choices: [1]) == nil) }
        // Anybody may say that the deadline has passed; before that, it does not let anything in.
        let early = try PetitionStatement.closeByDeadline(
            due, size: 1, root: try await workplace.members[2].petition(due).tree.root)
        let refused = try await service.send("POST", "/v1/petitions/\(due.hex)/statements", body: early.bytes)
        #expect(refused.status == 422)
        #expect(try await size(service, due) == 1)
        await service.stop()
        service = try await RunningService.start(
            database: directory("a.sqlite"), port: service.port, mix: Self.never, clock: { closes + 1 })
        try await wait(for: 3, service, due)
        let log = try await workplace.members[2].petition(due)
        #expect(log.cosignatures == 1 && log.closure != nil)
        #expect(try await size(service, open) == 1)
        await service.stop()
        service = try await RunningService.start(database: directory("a.sqlite"), port: service.port)
        try await wait(for: 2, service, open)
        await workplace.close()
        await service.stop()
    }

    @Test("Another co-signature under a tag that waits is refused; the same bytes are acknowledged again")
    func sameTag() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"), mix: Self.never)
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        let path = "/v1/petitions/\(id.hex)/cosignatures"
        _ = try await workplace.members[1].cosign(id, choices: [1])
        let held = try await DatabaseQueue(path: directory("a.sqlite")).read { db in
            try Data.fetchOne(db, sql: "SELECT bytes FROM held")!
        }
        let request = CoSignatureRequest(statement: [UInt8](held), sealedName: nil).encoding
        #expect(try await service.send("POST", path, body: request).status == 202)
        var other = [UInt8](held)
        other[other.count - 1] ^= 1
        let false1 = try await service.send(
            "POST", path, body: CoSignatureRequest(statement: other, sealedName: nil).encoding)
        #expect(false1.status == 409, "nobody's proof is looked at while another one of the tag waits")
        #expect(
            try await DatabaseQueue(path: directory("a.sqlite")).read { db in
                try Int.fetchOne(db, sql: "SELECT count(*) FROM held")
            } == 1)
        await workplace.close()
    }

    @Test("What is held is not in the write-ahead log, whose order would tell when each came")
    func writeAheadLog() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"), mix: Self.never)
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        for member in workplace.members {
            #expect(try await member.cosign(id, choices: [1]) == nil)
            let log = try Data(contentsOf: URL(filePath: directory("a.sqlite-wal")))
            #expect(log.isEmpty)
        }
        await workplace.close()
    }

    @Test("The order in the log is not the order of arrival, and nothing of the waiting stays in the file")
    func order() async throws {
        let mix = ServiceConfiguration.Mix(every: .milliseconds(100), atLeast: 12)
        let service = try await RunningService.start(database: directory("a.sqlite"), mix: mix)
        let workplace = try await LiveWorkplace(members: 12, service: service, directory: directory)
        let id = try await workplace.openPetition(levels: [2]).id
        for (i, member) in workplace.members.enumerated() {
            #expect(try await member.cosign(id, choices: [1], name: .init("Name \(i)", when: 2)) == nil)
        }
        try await wait(for: 13, service, id)
        var places: [UInt64] = []
        for member in workplace.members {
            _ = try await member.view(id)
            places.append(try #require(member.receipts(id).first).index)
        }
        #expect(Set(places) == Set(1...12) && places != Array(1...12))
        try await workplace.members[0].release(id, level: 2)
        #expect(try await workplace.members[3].names(id).claims.count == 12)
        let (rows, ids) = try await DatabaseQueue(path: directory("a.sqlite")).read { db in
            (
                try Int.fetchOne(db, sql: "SELECT (SELECT count(*) FROM held) + (SELECT count(*) FROM held_names)"),
                try Int.fetchOne(db, sql: "SELECT count(*) FROM leaves WHERE id <> (log << 32) + place")
            )
        }
        #expect(rows == 0 && ids == 0)
        await workplace.close()
    }
}

extension MixingTests {
    @Test("What is acknowledged is on the disk by then: a copy of the files of the running service has it")
    func durable() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"), mix: Self.never)
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        #expect(try await workplace.members[1].cosign(id, choices: [1]) == nil)
        // As killing the service at this moment would leave them.
        try DatabaseCopy.make(of: directory("a.sqlite"), as: directory("killed.sqlite"))
        let after = try await RunningService.start(database: directory("killed.sqlite"))
        try await wait(for: 2, after, id)
        await after.stop()
        await workplace.close()
    }

    @Test("A name that was mixed and taken back is gone from the file and its write-ahead log")
    func erasure() async throws {
        let mix = ServiceConfiguration.Mix(every: .milliseconds(100), atLeast: 1)
        let service = try await RunningService.start(database: directory("a.sqlite"), mix: mix)
        let workplace = try await LiveWorkplace(members: 11, service: service, directory: directory)
        let id = try await workplace.openPetition(levels: [5]).id
        try await workplace.members[1].cosign(id, choices: [1], name: .init("Li Wei", when: 5))
        func bytes() throws -> Data {
            ["", "-wal"].reduce(into: Data()) {
                $0 += FileManager.default.contents(atPath: directory("a.sqlite") + $1) ?? Data()
            }
        }
        let path = directory("a.sqlite")
        let sealed = try await DatabaseQueue(path: path).read { db in
            try Data.fetchOne(db, sql: "SELECT sealed FROM names UNION ALL SELECT sealed FROM held_names")!
        }
        let piece = Data(sealed.prefix(48))
        try await wait(for: 2, service, id)
        #expect(try bytes().range(of: piece) != nil)
        _ = try await workplace.members[1].view(id)
        _ = try await workplace.members[1].withdraw(id)
        try await wait(for: 3, service, id)
        #expect(try await eventually { try bytes().range(of: piece) == nil })
        await workplace.close()
    }
}

@Suite("What goes over the wire says nothing of what is in it", .serialized, .takingTurns)
struct WireTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("Every request to co-sign one petition has one length: any choice, a remark, a name, a withdrawal")
    func lengths() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let proxy = try await ConnectProxy.start()
        let workplace = try await LiveWorkplace(
            members: 11, service: service, directory: directory, proxy: Proxy(host: "127.0.0.1", port: proxy.port))
        let id = try await workplace.openPetition(levels: [3], demands: 2).id
        _ = try await workplace.members[0].cosign(id, choices: [1, 1])
        _ = try await workplace.members[1].cosign(id, choices: [0, 1], remark: "because")
        _ = try await workplace.members[2].cosign(id, choices: [1, 0], name: .init("李伟", when: 3))
        _ = try await workplace.members[2].cosign(id, choices: [2, 1])
        _ = try await workplace.members[1].withdraw(id)
        let sent = proxy.pieces.joined()
        let lengths = sent.matches(of: /POST \/v1\/petitions\/[0-9a-f]+\/cosignatures HTTP\/1.1\r\n([\s\S]*?)\r\n\r\n/)
            .map {
                head in
                head.1.lowercased().firstMatch(of: /content-length: ([0-9]+)/).flatMap { Int($0.1) } ?? 0
            }
        #expect(lengths.count == 5 && Set(lengths).count == 1 && lengths[0] > 1000, "\(lengths)")
        await workplace.close()
        await proxy.stop()
    }

    @Test("Zeros that are not zeros, or not counted, are refused")
    func padding() throws {
        let request = CoSignatureRequest(statement: [1, 2, 3], sealedName: [4], length: 40)
        #expect(request.encoding.count == 40)
        #expect(try CoSignatureRequest(decoding: request.encoding) == request)
        for place in request.encoding.indices.suffix(30) {
            var bad = request.encoding
            bad[place] ^= 1
            #expect(throws: RuleViolation.self) { try CoSignatureRequest(decoding: bad) }
        }
        #expect(throws: RuleViolation.self) { try CoSignatureRequest(decoding: request.encoding + [0]) }
        #expect(CoSignatureRequest(statement: [1, 2, 3], sealedName: nil, length: 2).encoding.count == 9)
    }
}
