import Foundation
import NIOHTTP1
import Petitions
import Sodium
import Storage
import TestSupport
import Testing
import TransparencyLog

@Suite("What was promised outlives a kill", .serialized, .takingTurns)
struct PromiseCrashTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test(
        "A promise that was answered is given again after SIGKILL, and its co-signature comes into the log",
        arguments: ["sqlite", "postgres"])
    func kill(_ engine: String) async throws {
        var database = directory("a.sqlite")
        if engine == "postgres" {
            let server = try PostgresServer.shared.get()
            database = server.url(try server.makeDatabase())
        }
        let heads = engine == "postgres" ? ["--heads", directory("heads")] : []
        let mixing = heads + ["--mix-every", "3600", "--mix-at-least", "100"]
        var service = try await ServiceProgram(database: database, log: directory("log"), mixing)
        let info = try #require(await service.send(.GET, "/v1/service")).body
        let work = try Workload(info: info, ends: false)
        var promises: [(request: Workload.Request, body: [UInt8])] = []
        for request in work.requests {
            let answer = try #require(await service.send(.POST, request.path, request.body))
            // A second statement of a tag is refused while the first is waiting.
            switch answer.status {
            case 202: promises.append((request, answer.body))
            case 200: #expect(request.tag == nil)
            default: #expect(answer.status == 409 && request.tag != nil)
            }
        }
        #expect(promises.count == 3)
        for (request, body) in promises {
            guard case .petition(let id) = request.log else { throw Absent() }
            let promise = try Promise(parsing: body)
            #expect(promise.isSigned(for: request.leaf, in: id, by: try Workload.logKey(info)))
        }
        await service.stop(SIGKILL)
        service = try await ServiceProgram(database: database, log: directory("log"), mixing)
        for (request, body) in promises {
            let again = try #require(await service.send(.POST, request.path, request.body))
            #expect(again.status == 202 && again.body == body)
        }
        // One is killed in between, at once; then one that no longer mixes lets them go.
        await service.stop(SIGKILL)
        service = try await ServiceProgram(database: database, log: directory("log"), heads)
        for (request, _) in promises {
            var status = 0
            for _ in 0..<4000 where status != 200 {
                status = try #require(await service.send(.POST, request.path, request.body)).status
                if status != 200 { try await Task.sleep(for: .milliseconds(20)) }
            }
            #expect(status == 200)
        }
        await service.stop()
        if engine == "sqlite" {
            #expect(await work.faults(of: database, acknowledged: 0) == [])
        }
    }
}
