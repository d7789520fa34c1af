import Foundation
import GRDB
import NIOHTTP1
import Petitions
import Service
import Sodium
import TestSupport
import Testing
import TransparencyLog

@Suite("Co-signatures that arrive together", .serialized, .takingTurns)
struct BatchingTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test(
        "Each gets its own answer: good ones, the same bytes twice, a wrong proof, a wrong sequence, a second of one tag"
    )
    func together() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let kept = try await KeptWorld(members: 9, service: service)
        let people = kept.petition.world.people
        let good = try people.prefix(8).map { kept.request(try kept.petition.coSignature(by: $0)) }
        var forged = kept.request(try kept.petition.coSignature(by: people[8]))
        // The last scalar's lowest bit: well-formed, but not a proof.
        forged[forged.count - 4 - 32] ^= 1
        let late = kept.request(try kept.petition.coSignature(by: people[1], sequence: 5))
        let other = kept.request(try kept.petition.coSignature(by: people[2], choices: [2, 2]))
        let statuses = try await kept.sendTogether(good + [good[3], good[3], forged, late, other])
        // Of two different first co-signatures by one tag, one is accepted, whichever comes first.
        #expect(Set([statuses[2], statuses[12]]) == [200, 409])
        var others = statuses
        (others[2], others[12]) = (200, 409)
        #expect(others == Array(repeating: 200, count: 8) + [200, 200, 422, 409, 409])
        #expect(try await kept.size() == 9)
        // The same bytes again: the same receipt, and no new leaf.
        let first = try await service.send("POST", kept.path, body: good[4])
        let again = try await service.send("POST", kept.path, body: good[4])
        #expect(first.status == 200 && first.body == again.body)
        #expect(try await kept.size() == 9)
        await service.stop()
    }

    @Test("False co-signatures under somebody's tag, sent before and with theirs, do not hold theirs up")
    func somebodysTag() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let kept = try await KeptWorld(members: 5, service: service)
        let person = kept.petition.world.people[2]
        let own = try kept.petition.coSignature(by: person)
        let forged = (0..<20).map { i -> [UInt8] in
            var bytes = kept.request(own)
            // Different scalars near the end of the proof: well-formed, but not proofs.
            bytes[bytes.count - 4 - 32] ^= UInt8(i + 1)
            return bytes
        }
        var statuses = try await kept.sendTogether(forged + [kept.request(own)] + forged)
        #expect(statuses.remove(at: 20) == 200)
        #expect(statuses.allSatisfy { $0 == 422 || $0 == 409 })
        // And the tag's next statement, among copies of the first.
        try kept.petition.append(own)
        let next = kept.request(try kept.petition.coSignature(by: person, choices: [2, 1]))
        let again = Array(repeating: kept.request(own), count: 10)
        #expect(try await kept.sendTogether(again + [next] + again).allSatisfy { $0 == 200 })
        #expect(try await kept.size() == 3)
        await service.stop()
    }

    @Test("While nothing can be written everything can be read, a full queue is told, and then all goes through")
    func readingWhileWriting() async throws {
        var limits = ServiceConfiguration.Limits()
        limits.queue = 2
        let service = try await RunningService.start(database: directory("a.sqlite"), limits: limits)
        let kept = try await KeptWorld(members: 8, service: service)
        let bodies = try kept.petition.world.people.map { kept.request(try kept.petition.coSignature(by: $0)) }
        // Another process holds the database's only write lock.
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: directory("a.sqlite"), configuration: configuration)
        try await other.writeWithoutTransaction { db in try db.execute(sql: "BEGIN IMMEDIATE") }
        let path = kept.path
        // At most two wait, two are being checked meanwhile, and two are on their way to the disk: of eight, somebody
        // is refused.
        var answers: [(place: Int, status: Int, retry: String?)] = []
        try await withThrowingTaskGroup(of: (Int, Int, String?).self) { group in
            for (i, body) in bodies.enumerated() {
                group.addTask {
                    let answer = try await service.send("POST", path, body: body)
                    return (i, answer.status, answer.headers.first(name: "retry-after"))
                }
            }
            answers.append(try #require(try await group.next()))
            let id = kept.petition.log.id.hex
            for path in [
                "/v1/service", "/healthz", "/petition/\(id)/checkpoint", "/petition/\(id)/tile/entries/000.p/1",
                "/v1/petitions/\(id)/names",
            ] {
                #expect(try await service.send("GET", path).status == 200, "\(path)")
            }
            #expect(try await kept.size() == 1, "nothing has been written yet")
            try await other.writeWithoutTransaction { db in try db.execute(sql: "ROLLBACK") }
            for try await answer in group { answers.append(answer) }
        }
        let refused = answers.filter { $0.status == 503 }
        #expect(!refused.isEmpty && answers.allSatisfy { $0.status == 200 || $0.status == 503 })
        // The first response was an immediate refusal. SQLite itself gives up on a lock after ten seconds, which can
        // happen here on a slow machine: that is a failed commit, which does not say when to retry.
        #expect(answers[0].status == 503 && answers[0].retry == "1")
        for one in refused { #expect(try await service.send("POST", path, body: bodies[one.place]).status == 200) }
        #expect(try await kept.size() == 9)
        await service.stop()
    }
}
