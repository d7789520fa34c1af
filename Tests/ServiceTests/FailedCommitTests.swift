import Foundation
import GRDB
import Logging
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Service
@testable import Storage

@Suite("What cannot be written or read is refused, told once, and taken up where it was", .serialized, .takingTurns)
struct FailedCommitTests {
    let directory: TemporaryDirectory
    private let said = Said()
    private let metrics = Metrics()

    init() throws { directory = try TemporaryDirectory() }

    private func sequencer(
        _ store: any Store, mix: ServiceConfiguration.Mix? = nil,
        clock: @escaping @Sendable () -> UInt64 = { 1_900_000_000 }
    ) -> Sequencer {
        Sequencer(
            store: store, mix: mix, logger: Logger(label: "test") { _ in SaidLines(said: said) }, capacity: 100,
            metrics: metrics, clock: clock)
    }

    private var commitFailures: Int {
        metrics.text(.init()).split(separator: "\n").lazy.compactMap { line in
            line.hasPrefix("roundrobin_commit_failures_total ") ? Int(line.split(separator: " ")[1]) : nil
        }.first ?? -1
    }

    @Test("A full disk and a read-only database: refused with the reason, told once each, and then it goes on")
    func commits() async throws {
        let store = try SQLiteStore(path: directory("a.sqlite"), serviceName: "test.example")
        let kept = try await KeptWorldInStore(members: 5, store: store)
        let sequencer = sequencer(store)
        let id = kept.petition.log.id
        let statements = try kept.world.people.map { try kept.petition.coSignature(by: $0) }
        _ = try await sequencer.submit(.petition(statements[0]))
        // Not one more page: SQLite reports that the disk is full.
        try await store.pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA max_page_count = 1")
        }
        let large = try kept.world.statement(
            .invitesIssued((0..<800).map { _ in .init(key: Random.bytes32(), replaces: nil) }))
        for _ in 0..<3 {
            await #expect(throws: Refusal.storage(.diskFull)) { try await sequencer.submit(.workplace(large)) }
        }
        #expect(said.lines == ["error a commit failed [error: storage, why: the disk is full]"])
        #expect(try await sequencer.workplace(kept.world.log.id).size == kept.world.leaves.count)
        try await store.pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA max_page_count = 1000000")
            try db.execute(sql: "PRAGMA query_only = 1")
        }
        for _ in 0..<2 {
            await #expect(throws: Refusal.storage(.readOnly)) { try await sequencer.submit(.petition(statements[1])) }
        }
        #expect(said.lines.last == "error a commit failed [error: storage, why: the database is read-only]")
        #expect(said.lines.count == 2 && commitFailures == 5)
        #expect(try await sequencer.petition(id).size == 2, "nothing of it is shown")
        try await store.pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA query_only = 0") }
        // A client's mistake is not a failure of the disk.
        await #expect(throws: Refusal.rule(.sequence)) {
            try await sequencer.submit(.petition(kept.petition.coSignature(by: kept.world.people[1], sequence: 9)))
        }
        for (i, statement) in statements.enumerated() {
            guard case .receipt(let text) = try await sequencer.submit(.petition(statement)) else { throw Absent() }
            #expect(try Receipt(parsing: text).index == UInt64(i + 1))
        }
        _ = try await sequencer.submit(.workplace(large))
        #expect(said.lines.count == 3 && said.lines.last == "notice commits succeed again")
        #expect(commitFailures == 5)
        try await store.close()
    }

    @Test("A log whose leaves were changed in the file is named once, counted, and refused alone")
    func damaged() async throws {
        let store = try SQLiteStore(path: directory("a.sqlite"), serviceName: "test.example")
        let kept = try await KeptWorldInStore(members: 4, store: store)
        let statement = try kept.petition.coSignature(by: kept.world.people[1])
        _ = try await sequencer(store).submit(.petition(statement))
        let id = kept.petition.log.id
        var changed = statement.bytes
        changed[300] ^= 1
        let (right, wrong) = (Data(statement.bytes), Data(changed))
        try await store.pool.write { db in
            try db.execute(sql: "UPDATE leaves SET bytes = ? WHERE bytes = ?", arguments: [wrong, right])
        }
        let sequencer = sequencer(store)
        for _ in 0..<5 {
            await #expect(throws: Refusal.storage(.damaged)) { try await sequencer.petition(id) }
            await #expect(throws: Refusal.storage(.damaged)) { try await sequencer.submit(.petition(statement)) }
        }
        #expect(
            said.lines == [
                "error a log cannot be read, and is not served [log: petition \(id.hex), why: the database is damaged]"
            ])
        let levels = await sequencer.levels
        #expect(levels.unreadable == 1)
        #expect(metrics.text(levels).contains("\nroundrobin_unreadable_logs 1\n"))
        #expect(commitFailures == 0, "nothing was to be written")
        // Its workplace works as before.
        _ = try await sequencer.submit(.workplace(kept.world.statement(.eligibleDeclared(44))))
        try await store.pool.write { db in
            try db.execute(sql: "UPDATE leaves SET bytes = ? WHERE bytes = ?", arguments: [right, wrong])
        }
        #expect(try await sequencer.petition(id).size == 2)
        #expect(said.lines.last == "notice a log can be read again [log: petition \(id.hex)]" && said.lines.count == 2)
        #expect(await sequencer.levels.unreadable == 0)
        try await store.close()
    }

    @Test("What looks now and then tells once that the database does not answer, and that it does again")
    func lookUps() async throws {
        let store = try SQLiteStore(path: directory("a.sqlite"), serviceName: "test.example")
        let kept = try await KeptWorldInStore(members: 3, store: store)
        let sequencer = sequencer(store)
        let (closings, mixer) = (DueClosings(sequencer: sequencer), Mixer(sequencer: sequencer))
        try await store.pool.write { db in
            try db.execute(sql: "ALTER TABLE logs RENAME TO gone")
            try db.execute(sql: "ALTER TABLE held RENAME TO gone_held")
        }
        for _ in 0..<4 {
            await closings.closeDue()
            await mixer.mixDue()
        }
        #expect(said.count(of: "due petitions could not be looked up") == 1)
        #expect(said.count(of: "what waits to be mixed could not be looked up") == 1)
        try await store.pool.write { db in
            try db.execute(sql: "ALTER TABLE gone RENAME TO logs")
            try db.execute(sql: "ALTER TABLE gone_held RENAME TO held")
        }
        for _ in 0..<2 {
            await closings.closeDue()
            await mixer.mixDue()
        }
        #expect(said.lines.count == 4 && said.count(of: "can be looked up again") == 2)
        #expect(kept.world.leaves.count > 0)
        try await store.close()
    }

    // MARK: Mixing, step by step

    @Test("A look mixes a petition in which enough wait, or one of them for long enough, and no other")
    func looks() async throws {
        let store = try SQLiteStore(path: directory("a.sqlite"), serviceName: "test.example")
        let kept = try await KeptWorldInStore(members: 8, store: store)
        let clock = TestClock(1_900_001_234)
        let mix = ServiceConfiguration.Mix(every: .seconds(60), atLeast: 3)
        let sequencer = sequencer(store, mix: mix, clock: clock.read)
        let mixer = Mixer(sequencer: sequencer)
        let name = LogName.petition(kept.petition.log.id)
        var promises: [Promise] = []
        func cosign(_ person: Int) async throws {
            let statement = try kept.petition.coSignature(by: kept.world.people[person])
            guard case .promise(let promise) = try await sequencer.submit(.petition(statement)) else { throw Absent() }
            promises.append(promise)
        }
        func size() async throws -> Int? { try await store.leaves(of: name)?.count }
        try await cosign(1)
        try await cosign(2)
        await mixer.mixDue()
        #expect(try await size() == 1, "two are too few")
        try await cosign(3)
        await mixer.mixDue()
        #expect(try await size() == 4)
        try await cosign(4)
        clock.now += 3600
        try await cosign(5)
        #expect(promises[4].until == promises[3].until + 3600)
        clock.now = promises[3].until - mix.margin - 1
        await mixer.mixDue()
        #expect(try await size() == 4, "not yet")
        clock.now += 1
        await mixer.mixDue()
        #expect(try await size() == 6, "what comes later goes with what is due")
        #expect(said.lines == [])
        try await store.close()
    }
}
