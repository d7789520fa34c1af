import Foundation
import GRDB
import NIOHTTP1
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Storage

@Suite(
    "Files that are moved, removed or put back under a running service: it stops, and no size is signed twice",
    .serialized, .takingTurns)
struct OwnershipFaultTests {
    let directory: TemporaryDirectory
    var database: String { directory("a.sqlite") }

    init() throws { directory = try TemporaryDirectory() }

    private func run(_ arguments: [String]) async throws -> (status: Int32, said: String) {
        try await Finished.run(ServiceProgram.path, arguments, output: directory("said"))
    }

    private func moveAside() throws {
        for suffix in ["", "-wal", "-shm"] {
            try FileManager.default.moveItem(atPath: database + suffix, toPath: directory("aside" + suffix))
        }
    }

    /// Sends everything except the last two co-signatures, either of which may come first.
    private func workload(
        _ service: ServiceProgram
    ) async throws -> (before: [Workload.Request], last: [Workload.Request]) {
        let workload = try Workload(info: try #require(await service.send(.GET, "/v1/service")).body, ends: false)
        let last = workload.requests.filter { $0.tag != nil }.suffix(2)
        let before = workload.requests.filter { request in !last.contains { $0.leaf == request.leaf } }
        for request in before { #expect(await service.send(.POST, request.path, request.body)?.status == 200) }
        return (before, Array(last))
    }

    private func expectStopped(_ service: ServiceProgram) async throws {
        let (status, said) = try await service.end()
        #expect(status != 0)
        #expect(said.components(separatedBy: "critical").count == 2, "one line: \(said)")
        #expect(said.contains("Error:"), "\(said)")
    }

    @Test("A restore beside a running service is refused, before and after its database was moved aside")
    func restore() async throws {
        let service = try await ServiceProgram(database: database, log: directory("log"))
        _ = try await workload(service)
        let backup = directory("backup.sqlite")
        #expect(try await run(["backup", "--database", database, "--to", backup]).status == 0)
        let arguments = ["restore", "--from", backup, "--database", database]
        let refused = try await run(arguments)
        #expect(refused.status == 2 && refused.said.contains("Stop the service first"), "\(refused)")
        let repair = try await run(["fsck", "--repair", "--database", database])
        #expect(repair.status == 2 && repair.said.contains("Stop the service first"), "\(repair)")
        // Keeps the service from noticing, as can happen for two seconds while nobody sends requests.
        kill(service.identifier, SIGSTOP)
        try moveAside()
        let again = try await run(arguments)
        #expect(again.status == 2 && again.said.contains("Stop the service first"), "\(again)")
        #expect(!FileManager.default.fileExists(atPath: database))
        kill(service.identifier, SIGCONT)
        try await expectStopped(service)
        #expect(try await run(arguments).status == 0)
        let restored = try await ServiceProgram(database: database, log: directory("log"))
        await restored.stop()
    }

    @Test("A copy is put in the database's place by hand and served: the old service acknowledges nothing, and stops")
    func twoDatabases() async throws {
        let old = try await ServiceProgram(database: database, log: directory("log"))
        let (_, last) = try await workload(old)
        #expect(try await run(["backup", "--database", database, "--to", directory("backup.sqlite")]).status == 0)
        // Before it can look, and while one of its own requests is in progress.
        kill(old.identifier, SIGSTOP)
        async let late = old.send(.POST, last[0].path, last[0].body)
        try moveAside()
        try FileManager.default.copyItem(atPath: directory("backup.sqlite"), toPath: database)
        let new = try await ServiceProgram(database: database, log: directory("log-new"))
        // A different leaf at the same place in the log.
        #expect(await new.send(.POST, last[1].path, last[1].body)?.status == 200)
        kill(old.identifier, SIGCONT)
        let status = await late?.status
        #expect(status != 200)
        try await expectStopped(old)
        // The old one has neither committed nor shown what it may have signed at that size.
        let aside = try SQLiteStore(inspecting: directory("aside"))
        let kept = try SQLiteStore(inspecting: database)
        let (shorter, longer) = (try await aside.leaves(of: last[0].log), try await kept.leaves(of: last[0].log))
        #expect(longer?.last == last[1].leaf && longer?.dropLast() == shorter?[...])
        try aside.closeNow()
        try kept.closeNow()
        await new.stop()
    }

    @Test("Files that are removed, and a record that is put back or has something else: the service stops")
    func removed() async throws {
        for change in ["remove", "record removed", "another note", "ahead"] {
            let service = try await ServiceProgram(database: database, log: directory("log"))
            let (before, last) = try await workload(service)
            #expect(await service.send(.GET, "/readyz")?.status == 200)
            switch change {
            case "remove": for file in OwnFile.files(database) { try FileManager.default.removeItem(atPath: file) }
            case "record removed":
                for file in OwnFile.files(database + ".heads") { try FileManager.default.removeItem(atPath: file) }
            default:
                let store = try SQLiteStore(inspecting: database)
                let newest = try #require(await store.newestCheckpoint(of: last[0].log))
                let size = newest.size + (change == "ahead" ? 3 : 1)
                let origin = String(newest.note.split(separator: "\n")[0])
                let note = Checkpoint(origin: origin, size: UInt64(size), root: Random.bytes32())
                    .signed(by: store.logKey()).serialized
                let heads = try DatabaseQueue(path: database + ".heads")
                try await heads.write { db in
                    try db.execute(sql: "UPDATE heads SET size = ?, note = ? WHERE kind = 2", arguments: [size, note])
                }
                try heads.close()
                try store.closeNow()
            }
            let answer = await service.send(.POST, last[0].path, last[0].body)
            #expect(answer.map { $0.status >= 500 } ?? true, "\(change): \(String(describing: answer?.status))")
            let ready = await service.send(.GET, "/readyz")
            #expect(ready.map { $0.status == 503 } ?? true, "\(change)")
            // Nothing is shown any more, neither of this log nor of another.
            for request in before.prefix(1) {
                let shown = await service.send(.GET, "/workplace/\(request.log.subject.hex)/checkpoint")
                #expect(shown.map { $0.status == 503 } ?? true, "\(change)")
            }
            try await expectStopped(service)
            for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
                try FileManager.default.removeItem(atPath: directory(name))
            }
        }
    }
}
