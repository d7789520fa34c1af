import CoSigning
import Foundation
import MembershipProofs
import NIOHTTP1
import Petitions
import RequestSignatures
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Client
@testable import Service

@Suite("What the service answers over HTTP", .serialized, .takingTurns)
struct HTTPTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    struct Problem: Decodable {
        let type: String
        let title: String
        let status: Int
        let detail: String
        let rule: String?
    }

    @Test("Every error is problem+json, and changes nothing")
    func problems() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let founder = workplace.members[0]
        let id = try await workplace.openPetition().id.hex
        let place = founder.workplaceID.hex
        let before = try await service.send("GET", "/workplace/\(place)/checkpoint").body
        let none = String(repeating: "0", count: 64)
        let cases: [(String, String, [UInt8], Int)] = [
            ("GET", "/nothing", [], 404), ("GET", "/workplace/\(none)/checkpoint", [], 404),
            ("GET", "/workplace/XYZ/checkpoint", [], 400), ("GET", "/workplace/\(place)/tile/0/999", [], 404),
            ("GET", "/workplace/\(place)/tile/0/0", [], 400),
            ("GET", "/workplace/\(place)/tile/entries/x18446744073709551615", [], 400),
            ("POST", "/v1/workplaces", [], 400), ("POST", "/v1/workplaces", [1, 2, 3], 400),
            ("POST", "/v1/workplaces/\(place)/statements", [255], 400),
            ("POST", "/v1/workplaces/\(none)/statements", [UInt8](repeating: 5, count: 165), 404),
            ("POST", "/v1/workplaces/\(place)/statements", [UInt8](repeating: 2, count: 70_000), 413),
            ("POST", "/v1/petitions", [32], 400), ("POST", "/v1/petitions/\(id)/cosignatures", [], 400),
            ("POST", "/v1/petitions/\(id)/cosignatures", [UInt8](repeating: 0, count: 200_000), 413),
            ("POST", "/v1/petitions/\(id)/statements", [33], 400), ("GET", "/v1/petitions/\(none)/document", [], 404),
            ("GET", "/v1/petitions/\(none)/names", [], 404), ("GET", "/v1/workplaces/\(place)/objects?kind=1", [], 401),
            ("PUT", "/v1/workplaces/\(place)/objects/1/\(none)/1", [1], 401),
            ("PUT", "/v1/workplaces/\(place)/wraps", [1], 401),
            ("GET", "/v1/workplaces/\(place)/wraps/missing", [], 401),
            ("GET", "/v1/workplaces/\(place)/wraps/99", [], 404), ("GET", "/v1/invites/\(none)", [], 404),
        ]
        for (method, path, body, status) in cases {
            let answer = try await service.send(method, path, body: body)
            #expect(answer.status == status, "\(method) \(path.prefix(60))")
            #expect(answer.headers.first(name: "content-type") == "application/problem+json", "\(path.prefix(60))")
            let problem = try JSONDecoder().decode(Problem.self, from: Data(answer.body))
            #expect(
                problem.status == status && problem.type.hasPrefix("urn:roundrobin:problem:") && !problem.detail.isEmpty
            )
        }
        #expect(try await service.send("GET", "/workplace/\(place)/checkpoint").body == before)
        #expect(try await service.send("GET", "/healthz").status == 200)
        await workplace.close()
    }

    @Test("Logs are served as tlog-tiles that reproduce the checkpoint")
    func tiles() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 4, service: service, directory: directory)
        let roster = try await workplace.members[0].roster()
        let path = "/workplace/\(roster.id.hex)"
        let note = String(decoding: try await service.send("GET", path + "/checkpoint").body, as: UTF8.self)
        let size = Int(try roster.verifier.verify(note).size)
        let tile = Tile(kind: .hashes(level: 0), index: 0, count: size)
        let answer = try await service.send("GET", path + "/" + tile.path)
        #expect(answer.headers.first(name: "cache-control") == "public, max-age=60", "a partial tile")
        #expect(answer.headers.first(name: "set-cookie") == nil)
        let hashes = stride(from: 0, to: answer.body.count, by: 32).compactMap { Bytes32(answer.body[$0..<$0 + 32]) }
        #expect(hashes == (0..<size).compactMap { roster.tree.leafHash(at: $0) })
        await workplace.close()
    }

    @Test("The same co-signature sent again gets the same receipt, and a replay by the log's rules is refused")
    func resubmission() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        try await workplace.members[0].cosign(id, choices: [1])
        let leaf = try await workplace.members[0].view(id).bundle.petition.leaves[1]
        let request = CoSignatureRequest(statement: leaf, sealedName: nil).encoding
        let path = "/v1/petitions/\(id.hex)/cosignatures"
        let first = try await service.send("POST", path, body: request)
        try await workplace.members[1].cosign(id, choices: [1])
        let second = try await service.send("POST", path, body: request)
        #expect(first.status == 200 && first.body == second.body)
        #expect(first.headers.first(name: "set-cookie") == nil)
        let receipt = try Receipt(parsing: String(decoding: first.body, as: UTF8.self))
        #expect(receipt.index == 1)
        #expect(try await workplace.members[0].view(id).petition.size == 3)
        // Many times at once: one leaf and one receipt.
        let third = try await service.send("POST", path, body: request)
        let bodies = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<20 { group.addTask { try await service.send("POST", path, body: request).body } }
            return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
        }
        #expect(bodies == [third.body])
        await workplace.close()
    }

    @Test("Co-signatures that arrive together are all admitted, each once")
    func concurrency() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        let view = try await workplace.members[0].view(id)
        // Strangers' statements, with proofs for their own rings, and among them an honest one sent five times.
        try await workplace.members[0].cosign(id, choices: [1])
        let honest = try await workplace.members[0].view(id).bundle.petition.leaves[1]
        let forged = try (0..<5).map { _ -> [UInt8] in
            let person = Person()
            let ring = try Ring(Array(view.petition.ring.keys.dropLast()) + [person.ring.publicKey])
            let tag = person.ring.tag(in: Scope(id.bytes))
            let ballot = try Ballot(choices: [1], for: view.petition.manifest)
                .seal(for: id, view.petition.manifest, tag: tag, sequence: 0)
            return try CoSigned.make(
                .sign, petition: id, ring: ring, ringEpoch: 0, sequence: 0, sealedBallot: ballot, by: person.ring
            ).bytes
        }
        let path = "/v1/petitions/\(id.hex)/cosignatures"
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for bytes in forged + Array(repeating: honest, count: 5) {
                let body = CoSignatureRequest(statement: bytes, sealedName: nil).encoding
                group.addTask { try await service.send("POST", path, body: body).status }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses.sorted() == [200, 200, 200, 200, 200, 422, 422, 422, 422, 422])
        let audited = try AuditedPetition(auditing: try await workplace.members[0].view(id).bundle)
        #expect(audited.faults.isEmpty && audited.tally.cosignatures == 1)
        await workplace.close()
    }

    @Test("Signed requests: wrong key, changed body, old, replayed or uncanonical ones are refused")
    func signatures() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let world = try World(members: 1)
        let info =
            try JSONSerialization.jsonObject(with: Data(try await service.send("GET", "/v1/service").body))
            as? [String: Any]
        let logKey = try #require((info?["log_key"] as? String).flatMap { Bytes32(hex: $0) })
        let person = Person()
        let founding = try WorkplaceStatement.found(
            service: "test.example", logKey: logKey, eligible: 1, seed: person.seed, ring: person.ring)
        #expect(try await service.send("POST", "/v1/workplaces", body: founding.bytes).status == 200)
        #expect(
            try await service.send("POST", "/v1/workplaces", body: world.leaves[0]).status == 422, "another service's")
        let path = "/v1/workplaces/\(founding.workplace.hex)/objects"
        let now = Device.systemClock()
        func headers(_ person: Person, created: UInt64, body: [UInt8] = [], query: String = "kind=1") -> [(
            String, String
        )] {
            SignedRequest.headers(
                method: "GET", path: path, query: query, body: body, created: created, by: person.seed.signingKey()
            ).map { ($0.name, $0.value) }
        }
        func status(_ headers: [(String, String)], query: String = "kind=1") async throws -> Int {
            try await service.send("GET", path + "?" + query, headers: headers).status
        }
        let good = headers(person, created: now + 1)
        #expect(try await status(good) == 200)
        #expect(try await status(good) == 401, "replayed")
        #expect(try await status(headers(Person(), created: now + 1)) == 401, "not a member")
        #expect(try await status(headers(person, created: now - 1000)) == 401, "old")
        #expect(try await status(headers(person, created: now + 1000)) == 401, "from the future")
        #expect(try await status(headers(person, created: .max >> 2)) == 401, "far future")
        #expect(try await status(headers(person, created: now + 1, body: [1])) == 401, "another body's digest")
        #expect(try await status(headers(person, created: now + 1), query: "kind=2") == 401, "another query")
        for i in 0..<3 {
            var changed = headers(person, created: now + 1)
            changed[i].1 = changed[i].1.replacingOccurrences(of: "=", with: " =")
            #expect(try await status(changed) == 401)
            changed.remove(at: i)
            #expect(try await status(changed) == 401, "missing header")
        }
        await service.stop()
    }

    @Test("Objects: only their author puts them, under the newest group key, in order")
    func objects() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 3, service: service, directory: directory)
        let founder = workplace.members[0]
        let outsider = Person()
        let id = Bytes32.zero
        let object = try StoredObject.seal(
            [1], kind: .draft, id: ID(id), after: nil, in: founder.workplaceID, under: .generate(epoch: 0),
            by: outsider.seed.signingKey())
        let path = "/v1/workplaces/\(founder.workplaceID.hex)/objects/1/\(id.hex)/1"
        let headers = SignedRequest.headers(
            method: "PUT", path: path, query: "", body: object.bytes, created: Device.systemClock() + 1,
            by: outsider.seed.signingKey())
        let answer = try await service.send(
            "PUT", path, body: object.bytes, headers: headers.map { ($0.name, $0.value) })
        #expect(answer.status == 401)
        await workplace.close()
    }
}
