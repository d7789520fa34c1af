import Foundation
import Petitions
import RequestSignatures
import ServiceAPI
import Sodium
import Synchronization
import TestSupport
import Testing
import TransparencyLog

/// A world whose logs a running service stores.
final class KeptWorld {
    let service: RunningService
    let world: World
    let petition: PetitionWorld
    let clock: @Sendable () -> UInt64
    var path: String { Route.cosignatures.path(petition.log.id.hex) }
    var id: ID<Petition> { petition.log.id }

    init(
        members: Int, service: RunningService, levels: [UInt32] = [], closes: UInt64 = 0,
        clock: @escaping @Sendable () -> UInt64 = { UInt64(Date().timeIntervalSince1970) + 1 },
        before: (World) throws -> Void = { _ in }
    ) async throws {
        let answer = try await service.send("GET", Route.service.path()).body
        let info = try JSONDecoder().decode(Answers.Service.self, from: Data(answer))
        world = try World(members: members, logKey: Bytes32(hex: info.log_key))
        try before(world)
        petition = try PetitionWorld(world, levels: levels, closes: closes)
        (self.service, self.clock) = (service, clock)
        for (i, leaf) in world.leaves.enumerated() {
            let path = i == 0 ? Route.workplaces.path() : Route.workplaceStatements.path(world.log.id.hex)
            #expect(try await service.send("POST", path, body: leaf).status == 200)
        }
        #expect(try await service.send("POST", Route.petitions.path(), body: petition.leaves[0]).status == 200)
    }

    // MARK: Statements

    func request(_ statement: PetitionStatement, name: [UInt8]? = nil) -> [UInt8] {
        CoSignatureRequest(statement: statement.bytes, sealedName: name).encoding
    }

    typealias Answer = (status: Int, body: [UInt8])

    /// Sends a co-signature as it is.
    func cosign(_ statement: PetitionStatement) async throws -> Answer {
        let answer = try await service.send("POST", path, body: request(statement))
        return (answer.status, answer.body)
    }

    func post(_ statement: WorkplaceStatement) async throws -> Answer {
        let answer = try await service.send(
            "POST", Route.workplaceStatements.path(world.log.id.hex), body: statement.bytes)
        return (answer.status, answer.body)
    }

    func post(_ statement: PetitionStatement) async throws -> Answer {
        let answer = try await service.send("POST", Route.petitionStatements.path(id.hex), body: statement.bytes)
        return (answer.status, answer.body)
    }

    /// Sends an organiser's statement, and appends it here once the service has accepted it.
    @discardableResult
    func organise(_ body: WorkplaceStatement.Body, by person: Person? = nil) async throws -> Answer {
        let statement = try world.statement(body, by: person)
        let answer = try await post(statement)
        if answer.status < 300 { try world.append(statement) }
        return answer
    }

    static func code(_ answer: Answer) -> ProblemCode? {
        (try? JSONDecoder().decode(Answers.Problem.self, from: Data(answer.body)))?.code
    }

    /// Sends all bodies at once; the responses are in order.
    func sendTogether(_ bodies: [[UInt8]]) async throws -> [Int] {
        let (service, path) = (service, path)
        return try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for (i, body) in bodies.enumerated() {
                group.addTask { (i, try await service.send("POST", path, body: body).status) }
            }
            return try await group.reduce(into: [Int](repeating: 0, count: bodies.count)) { $0[$1.0] = $1.1 }
        }
    }

    // MARK: Members' requests

    func member(
        _ method: String, _ path: String, query: String = "", body: [UInt8] = [], by person: Person
    ) async throws -> Answer {
        let headers = SignedRequest.headers(
            method: method, path: path, query: query, body: body, created: clock(), by: person.seed.signingKey())
        let answer = try await service.send(
            method, path + (query.isEmpty ? "" : "?" + query), body: body, headers: headers.map { ($0.name, $0.value) })
        return (answer.status, answer.body)
    }

    func member(
        _ method: String, _ path: String, json body: some Encodable, by person: Person
    ) async throws -> Answer {
        try await member(method, path, body: Array(try JSONEncoder().encode(body)), by: person)
    }

    // MARK: What is shown

    func note(_ path: String) async throws -> String {
        String(decoding: try await service.send("GET", path + "/checkpoint").body, as: UTF8.self)
    }

    func shown() async throws -> VerifiedCheckpoint {
        try world.log.verifier(of: id).verify(await note(LogPath.petition(id)))
    }

    func shownRoster() async throws -> VerifiedCheckpoint {
        try world.log.verifier.verify(await note(LogPath.workplace(world.log.id)))
    }

    func size() async throws -> UInt64 { try await shown().size }

    func wait(for size: UInt64) async throws {
        #expect(try await eventually { try await self.size() >= size })
        #expect(try await self.size() == size)
    }

    /// The leaves of the petition's log as the service shows it.
    func leaves() async throws -> [[UInt8]] {
        let count = Int(try await size())
        let tile = Tile(kind: .entries, index: 0, count: count)
        let answer = try await service.send("GET", LogPath.petition(id) + "/" + tile.path)
        return try EntryBundle.decode(answer.body, count: count)
    }

    /// Checks a receipt, under a checkpoint that these witnesses have signed.
    func check(
        _ answer: Answer, of leaf: [UInt8], by witnesses: WitnessQuorum = .empty, _ comment: Comment? = nil,
        in log: LogVerifier? = nil
    ) throws {
        #expect(answer.status == 200, comment)
        let receipt = try Receipt(parsing: String(decoding: answer.body, as: UTF8.self))
        let verifier = log ?? world.log.verifier(of: id)
        let verified = try receipt.verify(leaf: leaf, by: verifier)
        #expect(witnesses.judge(verified).isSatisfied, comment)
    }

    /// The promise in a response, checked for exactly this leaf.
    func promise(_ answer: Answer, of statement: PetitionStatement) throws -> Promise {
        #expect(answer.status == 202)
        let promise = try Promise(parsing: answer.body)
        #expect(promise.isSigned(for: statement.bytes, in: id, by: world.log.founding.logKey))
        return promise
    }
}

/// A clock that a test sets.
final class TestClock: Sendable {
    private let time: Mutex<UInt64>
    private let readings = Mutex(0)

    init(_ time: UInt64) { self.time = Mutex(time) }

    var now: UInt64 {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }

    /// The clock as a service reads it.
    var read: @Sendable () -> UInt64 {
        {
            self.readings.withLock { $0 += 1 }
            return self.now
        }
    }

    /// Waits until this clock has been read `count` more times, by whoever reads it now and then.
    func wait(forReadings count: Int) async throws {
        let end = readings.withLock { $0 } + count
        #expect(try await eventually { self.readings.withLock { $0 } >= end })
    }
}
