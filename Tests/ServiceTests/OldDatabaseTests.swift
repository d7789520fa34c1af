import Foundation
import GRDB
import Logging
import MembershipProofs
import Petitions
import ServiceAPI
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Service
@testable import Storage

@Suite("A database of the first protocol is served on", .serialized, .takingTurns)
struct OldDatabaseTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func make(_ path: String) async throws -> OldLogs {
        let old = try OldLogs()
        try OwnFile.make(path)
        let queue = try DatabaseQueue(path: path)
        let rows = old.rows()
        try Schema.migrator.migrate(queue, upTo: "8 repeated leaves are known by the tree in memory")
        try await queue.write { db in
            try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
            for row in rows {
                let values = row.values.map { value -> any DatabaseValueConvertible in
                    switch value {
                    case .int(let value): value
                    case .text(let value): value
                    case .bytes(let value): Data(value)
                    }
                }
                let marks = row.columns.map { _ in "?" }.joined(separator: ", ")
                try db.execute(
                    sql: "INSERT INTO \(row.table) (\(row.columns.joined(separator: ", "))) VALUES (\(marks))",
                    arguments: StatementArguments(values))
            }
            try db.execute(sql: "UPDATE leaves SET id = (log << 32) + place")
        }
        try queue.close()
        return old
    }

    @Test(
        "Leaves that break the new rules count for nothing; the logs go on by the rules, and the operator is told once")
    func service() async throws {
        let path = directory("a.sqlite")
        let old = try await make(path)
        let store = try SQLiteStore(path: path, serviceName: "test.example")
        let said = Said()
        let sequencer = Sequencer(
            store: store, logger: Logger(label: "test") { _ in SaidLines(said: said) }, capacity: 10,
            clock: { 1_900_000_000 })
        let roster = try await sequencer.workplace(old.world.log.id)
        #expect(roster.size == old.workplace.leaves.count && roster.eligible(at: roster.size) == 50)
        #expect(roster.announcements.isEmpty)
        // The petition accepts nothing, and says why.
        let cosigned = try PetitionStatement(decoding: old.petition.leaves[1])
        for statement in [old.waiting, cosigned] {
            await #expect(throws: Refusal.rule(.notAnnounced)) { try await sequencer.submit(.petition(statement)) }
        }
        // The workplace continues, with sequences as the new rules count them.
        let again = try old.world.statement(.eligibleDeclared(99))
        guard case .receipt(let text) = try await sequencer.submit(.workplace(again)) else { throw Absent() }
        let verified = try Receipt(parsing: text).verify(leaf: again.bytes, by: old.world.log.verifier)
        #expect(verified.size == UInt64(old.workplace.leaves.count) + 1)
        #expect(try await sequencer.workplace(old.world.log.id).eligible(at: .max) == 99)
        let lines = said.lines
        #expect(lines.count == 2, "\(lines)")
        for leaf in old.outdated { #expect(lines.contains { $0.contains("workplace leaf \(leaf): ") }) }
        #expect(lines.contains { $0.contains(old.petition.id.hex) && $0.contains("petition leaf 0: ") })
        try await store.close()
        // Opened again, and over sockets: what anybody reads is there.
        let service = try await RunningService.start(database: path)
        for log in old.logs {
            let kind = log.isPetition ? "petition" : "workplace"
            let note = try await service.send("GET", "/\(kind)/\(log.id.hex)/checkpoint")
            #expect(note.status == 200)
            if log.isPetition { #expect(String(decoding: note.body, as: UTF8.self) == log.notes.last) }
        }
        let id = old.petition.id.hex
        let refused = try await service.send(
            "POST", Route.cosignatures.path(id),
            body: CoSignatureRequest(statement: old.waiting.bytes, sealedName: nil).encoding)
        #expect(refused.status == 422)
        #expect(try await service.send("GET", "/p/\(id)").status == 404)
        #expect(try await service.send("GET", Route.names.path(id)).status == 422)
        let further = try old.world.statement(
            .eligibleDeclared(98), sequence: old.world.log.nextSequence(of: old.world.founder.signKey) + 1)
        let place = Route.workplaceStatements.path(old.world.log.id.hex)
        #expect(try await service.send("POST", place, body: further.bytes).status == 200)
        await service.stop()
        let checked = try SQLiteStore(inspecting: path)
        #expect(try checked.check().findings == [])
        // A fault beyond what the first protocol accepted is still damage.
        try await checked.pool.write { try $0.execute(sql: "UPDATE logs SET legacy = 1 WHERE id = 1") }
        try checked.closeNow()
        let damaged = try SQLiteStore(path: path, serviceName: "test.example")
        let strict = Sequencer(store: damaged, logger: .init(label: "test"), capacity: 10, clock: { 0 })
        await #expect(throws: Refusal.storage(.damaged)) { try await strict.workplace(old.world.log.id) }
        try await damaged.close()
    }
}
