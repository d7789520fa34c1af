import Client
import Foundation
import Logging
import Petitions
import Sodium
import Storage
import TestSupport
import Testing

@testable import Service

@Suite("Two services on one database", .serialized)
struct SeveralProcessesTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("Asking for workplaces that are not there leaves nothing in memory")
    func strangers() async throws {
        let store = try SQLiteStore(path: directory("b.sqlite"), serviceName: "test.example")
        let sequencer = Sequencer(store: store, logger: .init(label: "test"), capacity: 10, clock: { 0 })
        for _ in 0..<1000 {
            let id = ID<Workplace>(Random.bytes32())
            await #expect(throws: Refusal.self) { try await sequencer.isMember(.zero, of: id) }
        }
        #expect(await sequencer.uses.isEmpty)
        #expect(await sequencer.levels.workplaces == 0)
        try await store.close()
    }

    @Test("They take turns statement by statement, refuse nobody for it, and no log is split")
    func turns() async throws {
        let first = try await RunningService.start(database: directory("a.sqlite"))
        let second = try await RunningService.start(database: directory("a.sqlite"))
        struct Info: Decodable { let log_key: String }
        let info = try JSONDecoder().decode(Info.self, from: Data(try await first.send("GET", "/v1/service").body))
        let world = try World(members: 7, logKey: Bytes32(hex: info.log_key))
        let petition = try PetitionWorld(world)
        // The roster, one leaf here and one there.
        for (i, leaf) in world.leaves.enumerated() {
            let path = "/v1/workplaces" + (i == 0 ? "" : "/\(world.log.id.hex)/statements")
            #expect(try await [first, second][i % 2].send("POST", path, body: leaf).status == 200, "\(i)")
        }
        #expect(try await second.send("POST", "/v1/petitions", body: petition.leaves[0]).status == 200)
        let path = "/v1/petitions/\(petition.log.id.hex)/cosignatures"
        let rounds = 5
        let statements = try world.people.map { person in
            try (0..<rounds).map { round in
                CoSignatureRequest(
                    statement: try petition.coSignature(
                        by: person, choices: [UInt8(round % 3), 1], sequence: UInt32(round)
                    ).bytes, sealedName: nil
                ).encoding
            }
        }
        // Everybody at once, each statement to the other service than the one before: both want the same log all the time.
        await withTaskGroup(of: Void.self) { group in
            for (i, own) in statements.enumerated() {
                group.addTask {
                    for (round, body) in own.enumerated() {
                        let service = (i + round) % 2 == 0 ? first : second
                        let answer = try? await service.send("POST", path, body: body)
                        #expect(
                            answer?.status == 200, "\(answer.map { String(decoding: $0.body, as: UTF8.self) } ?? "")")
                    }
                }
            }
        }
        for service in [first, second] {
            let bundle = try await PublicReader.bundle(of: petition.log.id, at: service.url, proxy: nil)
            let audited = try AuditedPetition(auditing: bundle)
            #expect(audited.faults.isEmpty && audited.petition.cosignatures == 7)
            #expect(audited.petition.size == 1 + 7 * rounds)
        }
        await first.stop()
        await second.stop()
        let store = try SQLiteStore(inspecting: directory("a.sqlite"))
        #expect(try store.check(record: SignedHeads.path(besides: directory("a.sqlite"))).findings == [])
        try await store.close()
    }
}
