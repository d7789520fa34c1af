import Foundation
import Logging
import Petitions
import Sodium
import Storage
import TestSupport
import Testing
import TransparencyLog

@testable import Service

@Suite("What is published", .takingTurns)
struct PublisherTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A publication waits in line, and the one before it may bring what it was made for.
    @Test(
        "A witness that has signed a checkpoint since somebody asked for it is not asked again, unless for a new time")
    func askedOnce() async throws {
        let clock = TestClock(1_900_000_000)
        let first = try await RunningService.start(database: directory("a.sqlite"), clock: clock.read)
        let kept = try await KeptWorld(members: 4, service: first, clock: clock.read)
        await first.stop()
        let store = try await Databases.open(
            directory("a.sqlite"), serviceName: "test.example", heads: nil)
        let log = NoteKey(name: "test.example", kind: .log, key: store.logKey().publicKey)
        let witness = try await RunningWitness.start(
            database: directory("w.sqlite"), services: [log], clock: clock.read)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let publisher = Publisher(
            store: store, policy: try WitnessPolicy(parsing: Array(RunningWitness.policy(witness).utf8)),
            patience: .seconds(30), silence: .seconds(1), logger: logger)
        let sequencer = Sequencer(
            store: store, publisher: publisher, logger: logger, capacity: 8, clock: clock.read)
        let name = LogName.workplace(kept.world.log.id)
        let early = try await #require(Receipts(sequencer: sequencer).candidate(name, again: true))
        #expect(early.witnessed.isEmpty)
        func publish(_ candidate: Publisher.Candidate) async throws -> String {
            guard case .shown(let shown) = try await publisher.publish(name, candidate) else { throw Absent() }
            return shown.note
        }
        let signed = try await publish(early)
        #expect(signed != early.note)
        clock.now += 60
        #expect(try await publish(early) == signed)
        let fresh = try await #require(
            Receipts(sequencer: sequencer).candidate(name, again: true, fresh: true))
        #expect(try await publish(fresh) != signed)
        await publisher.close()
        try await store.close()
        await witness.stop()
    }
}
