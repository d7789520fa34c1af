import Foundation
import GRDB
import Logging
import MembershipProofs
import Petitions
import ServiceAPI
import Sodium
import Storage
import TestSupport
import Testing
import TransparencyLog

@testable import Service

@Suite("What the service holds back is promised, and the promise is kept", .serialized, .takingTurns)
struct PromiseTests {
    let directory: TemporaryDirectory
    static let patient = ServiceConfiguration.Mix(every: .milliseconds(50), atLeast: 100)
    private let start: UInt64 = 1_900_001_234

    init() throws { directory = try TemporaryDirectory() }

    @Test("Who co-signs gets a promise by the log's key, the same for the same bytes; nobody else gets one")
    func promised() async throws {
        let clock = TestClock(start)
        var service = try await RunningService.start(
            database: directory("a.sqlite"), mix: Self.patient, clock: clock.read)
        let kept = try await KeptWorld(members: 6, service: service, clock: clock.read)
        let people = kept.world.people
        let statement = try kept.petition.coSignature(by: people[1])
        let first = try await kept.cosign(statement)
        let promise = try kept.promise(first, of: statement)
        #expect(promise.until % 3600 == 0 && promise.isTimely(at: start))
        #expect(promise.until > start + 22 * 3600 && promise.until <= start + 24 * 3600)
        // Later, and also after a restart.
        clock.now += 7200
        #expect(try await kept.cosign(statement).body == first.body)
        await service.stop()
        service = try await RunningService.start(
            database: directory("a.sqlite"), port: service.port, mix: Self.patient, clock: clock.read)
        #expect(try await kept.cosign(statement).body == first.body)
        // Another statement of the tag, and statements that could not count.
        let other = try await kept.cosign(try kept.petition.coSignature(by: people[1], choices: [2, 1]))
        #expect(other.status == 409 && KeptWorld.code(other) == .held)
        let next = try await kept.cosign(
            try kept.petition.coSignature(by: people[1], choices: [2, 2], sequence: 1))
        #expect(next.status == 409 && KeptWorld.code(next) == .held, "and not that its sequence is wrong")
        let wrong = try await kept.cosign(try kept.petition.coSignature(by: people[2], sequence: 1))
        #expect(wrong.status == 409 && KeptWorld.code(wrong) == .rule)
        var forged = try kept.petition.coSignature(by: people[3]).bytes
        forged[forged.count - 32] ^= 1
        let false1 = try await service.send(
            "POST", kept.path, body: CoSignatureRequest(statement: forged, sealedName: nil).encoding)
        #expect(false1.status == 422)
        let held = try await DatabaseQueue(path: directory("a.sqlite")).read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM held")
        }
        #expect(held == 1 && promise.until == promise.until / 3600 * 3600)
        #expect(try await kept.size() == 1)
        await service.stop()
    }

    @Test("However few wait, each is in the log and shown before the time that was promised, and then has its receipt")
    func flushed() async throws {
        let clock = TestClock(start)
        let service = try await RunningService.start(
            database: directory("a.sqlite"), mix: Self.patient, clock: clock.read)
        let kept = try await KeptWorld(members: 5, service: service, clock: clock.read)
        let (one, two) = (
            try kept.petition.coSignature(by: kept.world.people[1]),
            try kept.petition.coSignature(by: kept.world.people[2])
        )
        let promise = try kept.promise(try await kept.cosign(one), of: one)
        clock.now += 3600
        // A later co-signature is promised a later time, and is nevertheless appended with those that are due.
        let later = try kept.promise(try await kept.cosign(two), of: two)
        #expect(later.until == promise.until + 3600)
        clock.now = promise.until - Self.patient.margin - 1
        try await clock.wait(forReadings: 8)
        #expect(try await kept.size() == 1)
        clock.now += 1
        try await kept.wait(for: 3)
        #expect(clock.now < promise.until)
        for statement in [one, two] { try kept.check(try await kept.cosign(statement), of: statement.bytes) }
        let leaves = try await kept.leaves()
        let reading = Promise.Reading(
            leaves: leaves, audited: try PetitionLog.audit(leaves, in: kept.world.log), witnessTimes: [])
        for (promise, statement) in [(promise, one), (later, two)] {
            let coSigned = try #require(statement.coSigned)
            #expect(promise.broken(coSigned, in: reading, witnesses: .empty, clock: .max) == nil)
        }
        await service.stop()
    }

    @Test("What was promised while nothing ran is in the log soon after the start")
    func overdue() async throws {
        let clock = TestClock(start)
        let rare = ServiceConfiguration.Mix(every: .seconds(3600), atLeast: 100)
        var service = try await RunningService.start(database: directory("a.sqlite"), mix: rare, clock: clock.read)
        let kept = try await KeptWorld(members: 5, service: service, clock: clock.read)
        let statement = try kept.petition.coSignature(by: kept.world.people[1])
        let promise = try kept.promise(try await kept.cosign(statement), of: statement)
        await service.stop()
        clock.now = promise.until - 3600
        service = try await RunningService.start(
            database: directory("a.sqlite"), port: service.port, mix: rare, clock: clock.read)
        try await kept.wait(for: 2)
        await service.stop()
    }

    @Test("A close and a longer ring come after what was promised, however they are sent")
    func before() async throws {
        let clock = TestClock(start)
        let service = try await RunningService.start(
            database: directory("a.sqlite"), mix: Self.patient, clock: clock.read)
        let kept = try await KeptWorld(members: 6, service: service, clock: clock.read)
        let (world, petition) = (kept.world, kept.petition)
        let statements = try world.people[1...3].map { try petition.coSignature(by: $0) }
        var promises: [Promise] = []
        for statement in statements {
            promises.append(try kept.promise(try await kept.cosign(statement), of: statement))
        }
        let founder = world.founder
        let close = try PetitionStatement.close(
            kept.id, size: 1, root: petition.log.tree.root, roster: world.point, sequence: 1,
            by: founder.seed.signingKey())
        // Sent together with others of the same tags, which must not come in between.
        let rivals = try world.people[1...3].map { kept.request(try petition.coSignature(by: $0, choices: [2, 1])) }
        let path = kept.path
        let sending = Task {
            var statuses: [Int] = []
            for body in rivals { statuses.append(try await service.send("POST", path, body: body).status) }
            return statuses
        }
        #expect(try await kept.post(close).status == 200)
        #expect(try await sending.value.allSatisfy { $0 == 409 })
        let leaves = try await kept.leaves()
        #expect(leaves.count == 5 && leaves.last == close.bytes)
        let audited = try PetitionLog.audit(leaves, in: world.log)
        #expect(audited.faults.isEmpty && audited.log.cosignatures == 3)
        for (promise, statement) in zip(promises, statements) {
            let coSigned = try #require(statement.coSigned)
            let reading = Promise.Reading(leaves: leaves, audited: audited, witnessTimes: [])
            #expect(promise.broken(coSigned, in: reading, witnesses: .empty, clock: .max) == nil)
        }
        await service.stop()
    }

    // MARK: The sequencer alone

    /// A store with the contents of `StoredWorld`, and one waiting co-signature.
    private func holding(_ until: UInt64) async throws -> (SQLiteStore, KeptWorldInStore) {
        let store = try SQLiteStore(path: directory("s.sqlite"), serviceName: "test.example")
        let kept = try await KeptWorldInStore(members: 5, store: store)
        return (store, kept)
    }

    @Test(
        "A service that mixes no more still keeps what was promised: it takes no other statement of that tag meanwhile")
    func mixesNoMore() async throws {
        let (store, kept) = try await holding(start)
        let mixing = Sequencer(
            store: store, mix: Self.patient, logger: .init(label: "test"), capacity: 10, clock: { 1_900_000_000 })
        let statement = try kept.petition.coSignature(by: kept.world.people[1])
        guard case .promise(let promise) = try await mixing.submit(.petition(statement)) else { throw Absent() }
        let plain = Sequencer(store: store, logger: .init(label: "test"), capacity: 10, clock: { 1_900_009_999 })
        let other = try kept.petition.coSignature(by: kept.world.people[1], choices: [2, 1])
        await #expect(throws: Refusal.held) { try await plain.submit(.petition(other)) }
        guard case .promise(let again) = try await plain.submit(.petition(statement)) else { throw Absent() }
        #expect(again == promise)
        // Others are appended as they arrive.
        guard case .receipt = try await plain.submit(.petition(kept.petition.coSignature(by: kept.world.people[2])))
        else { throw Absent() }
        await Mixer(sequencer: plain).mixDue()
        guard case .receipt = try await plain.submit(.petition(statement)) else { throw Absent() }
        #expect(try await store.heldCounts() == [:])
        try await store.close()
    }

    @Test("What waits and is in the log already, as after a restore, is dropped and not appended twice")
    func twice() async throws {
        let (store, kept) = try await holding(start)
        let plain = Sequencer(store: store, logger: .init(label: "test"), capacity: 10, clock: { 1_900_009_999 })
        let statement = try kept.petition.coSignature(by: kept.world.people[1])
        guard case .receipt = try await plain.submit(.petition(statement)) else { throw Absent() }
        let tag = try #require(statement.coSigned).tag.encoding
        let held = HeldCoSignature(tag: tag, bytes: statement.bytes, sealedName: nil, until: 1_900_000_800)
        try await store.commit([], holding: [kept.petition.log.id: [held]])
        guard case .receipt = try await plain.submit(.petition(statement)) else { throw Absent() }
        await Mixer(sequencer: plain).mixDue()
        #expect(try await store.heldCounts() == [:])
        #expect(try await store.leaves(of: .petition(kept.petition.log.id))?.count == 2)
        try await store.close()
    }

    @Test("A service whose mixing could not keep a promise does not start")
    func configuration() async throws {
        func isValid(_ every: Duration, longest: Duration? = nil) -> Bool {
            var configuration = ServiceConfiguration(host: "", port: 0, database: "", name: "a")
            configuration.mix = .init(every: every, atLeast: 1)
            if let longest { configuration.mix?.longest = longest }
            return (try? configuration.validate()) != nil
        }
        #expect(isValid(.seconds(1)) && isValid(.seconds(6 * 3600)) && isValid(.milliseconds(10)))
        #expect(!isValid(.seconds(8 * 3600)) && !isValid(.zero) && !isValid(.seconds(-5)))
        #expect(!isValid(.seconds(60), longest: .seconds(24 * 3600)) && !isValid(.seconds(60), longest: .seconds(600)))
        let mix = ServiceConfiguration.Mix(every: .seconds(60), atLeast: 1)
        for now in [0, 1, 3599, 3600, 1_900_000_799, 1_900_000_800] as [UInt64] {
            let until = mix.until(now)
            #expect(until % 3600 == 0 && until > now + mix.margin + 120 && until <= now + 24 * 3600)
        }
        #expect(mix.until(.max) % 3600 == 0)
        await #expect(throws: ServiceConfiguration.Invalid.mixing) {
            try await RunningService.start(
                database: directory("b.sqlite"), mix: .init(every: .seconds(40_000), atLeast: 1))
        }
    }
}

/// A world in a store, without a service.
final class KeptWorldInStore {
    let world: World
    let petition: PetitionWorld

    init(members: Int, store: any Store) async throws {
        world = try World(members: members, logKey: store.logKey().publicKey)
        petition = try PetitionWorld(world)
        let sequencer = Sequencer(store: store, logger: .init(label: "test"), capacity: 100, clock: { 0 })
        for leaf in world.leaves { _ = try await sequencer.submit(.workplace(WorkplaceStatement(decoding: leaf))) }
        _ = try await sequencer.submit(.petition(PetitionStatement(decoding: petition.leaves[0])))
    }
}
