import Foundation
import Logging
import NIOHTTP1
import Petitions
import RequestSignatures
import Sodium
import Storage
import TestSupport
import Testing

@testable import Client
@testable import Service

@Suite("Two services on one database", .serialized, .takingTurns)
struct SeveralProcessesTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("Asking for workplaces that are not there leaves nothing in memory")
    func strangers() async throws {
        let store = try SQLiteStore(path: directory("b.sqlite"), serviceName: "test.example")
        let sequencer = Sequencer(store: store, logger: .init(label: "test"), capacity: 10, clock: { 0 })
        for _ in 0..<1000 {
            let id = ID<Workplace>(Random.bytes32())
            await #expect(throws: Refusal.self) { _ = try await sequencer.workplace(id) }
        }
        #expect(await sequencer.levels.workplaces == 0)
        try await store.close()
    }

    /// Where two services store their logs: a file, or a PostgreSQL server.
    private func database(_ isPostgres: Bool) throws -> (name: String, heads: String) {
        guard isPostgres else { return (directory("a.sqlite"), directory("heads")) }
        let server = try PostgresServer.shared.get()
        return (server.url(try server.makeDatabase()), directory("heads"))
    }

    @Test(
        "They take turns statement by statement, lose nothing for it, and no log is split", arguments: [false, true])
    func turns(isPostgres: Bool) async throws {
        let (database, heads) = try database(isPostgres)
        let first = try await RunningService.start(database: database, heads: heads)
        let second = try await RunningService.start(database: database, heads: heads)
        struct Info: Decodable { let log_key: String }
        let info = try JSONDecoder().decode(Info.self, from: Data(try await first.send("GET", "/v1/service").body))
        let world = try World(members: 7, logKey: Bytes32(hex: info.log_key))
        let petition = try PetitionWorld(world)
        // The roster, with leaves sent alternately to one service and the other.
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
        // Everybody at once, each statement to the other service than the one before, so both always want the same log.
        await withTaskGroup(of: Void.self) { group in
            for (i, own) in statements.enumerated() {
                group.addTask {
                    for (round, body) in own.enumerated() {
                        let service = (i + round) % 2 == 0 ? first : second
                        var answer = try? await service.send("POST", path, body: body)
                        // The other service was first too often, as can happen on a busy machine.
                        while answer?.status == 503, answer?.headers.first(name: "retry-after") == "1" {
                            answer = try? await service.send("POST", path, body: body)
                        }
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
        let copy = directory("checked.sqlite")
        if isPostgres { try await Databases.copy(database, to: copy) }
        let store = try SQLiteStore(inspecting: isPostgres ? copy : database)
        #expect(try store.check(record: heads).findings == [])
        #expect(try store.losses(against: heads) == [])
        try await store.close()
    }

    @Test("A signed request that one has answered is refused by the other")
    func replays() async throws {
        let (database, heads) = try database(true)
        let first = try await RunningService.start(database: database, heads: heads)
        let second = try await RunningService.start(database: database, heads: heads)
        struct Info: Decodable { let log_key: String }
        let info = try JSONDecoder().decode(Info.self, from: Data(try await first.send("GET", "/v1/service").body))
        let world = try World(members: 2, logKey: Bytes32(hex: info.log_key))
        #expect(try await first.send("POST", "/v1/workplaces", body: world.leaves[0]).status == 200)
        let path = "/v1/workplaces/\(world.log.id.hex)/wraps/missing"
        let headers = SignedRequest.headers(
            method: "GET", path: path, query: "", body: [], created: Device.systemClock(),
            by: world.founder.seed.signingKey()
        ).map { ($0.name, $0.value) }
        #expect(try await first.send("GET", path, headers: headers).status == 200)
        let again = try await second.send("GET", path, headers: headers)
        #expect(again.status == 401)
        #expect(String(decoding: again.body, as: UTF8.self).contains("used before"))
        await first.stop()
        await second.stop()
    }
}
