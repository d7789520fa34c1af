import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Petitions
import Sodium
import Synchronization
import TestSupport
import Testing

@Suite("A service as its operator runs it", .serialized, .takingTurns)
struct OperationTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func write(_ text: String, _ name: String = "config.yaml") throws -> String {
        try Data(text.utf8).write(to: URL(filePath: directory(name)))
        return directory(name)
    }

    private func info(_ service: ServiceProgram) async throws -> [String: Any] {
        let answer = try #require(await service.send(.GET, "/v1/service"))
        return try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any] ?? [:]
    }

    @Test("One file; the environment goes before it and flags before both; limits stand in it and are shown")
    func precedence() async throws {
        let config = try write(
            """
            name: file.example
            mix: {every: 60, at-least: 7}
            log: {format: json}
            limits:
              connections: 77
              statements: {burst: 5, per-hour: 3600}
            """)
        let service = try await ServiceProgram(
            database: directory("a.sqlite"),
            environment: ["ROUNDROBIN_CONFIG": config, "ROUNDROBIN_MIX_EVERY": "30", "ROUNDROBIN_NAME": "env.example"],
            log: directory("log"), ["--mix-at-least", "9"])
        let shown = try await info(service)
        // ServiceProgram passes --name.
        #expect(shown["name"] as? String == "test.example")
        #expect(shown["mix"] as? [String: Int] == ["every": 30, "at_least": 9])
        let limits = try #require(shown["limits"] as? [String: Any])
        #expect(limits["connections"] as? Int == 77)
        #expect(limits["statements"] as? [String: Int] == ["burst": 5, "per_hour": 3600])
        await service.stop()
        // Structured: each line is an object, without anything about the client.
        let lines = try String(contentsOfFile: directory("log"), encoding: .utf8).split(separator: "\n")
        #expect(lines.count >= 3)
        for line in lines {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
            #expect(object?["time"] != nil && object?["level"] != nil && object?["message"] != nil)
        }
    }

    @Test(
        "A mistake in the file or the environment is refused by its name",
        arguments: [
            ("limit: {}", "limit (line 1): this setting does not exist"),
            ("limits: {objects-bytes: 5}", "limits.objects-bytes (line 1): this setting does not exist"),
            ("limits: {connections: many}", "limits.connections (line 1): it must be a number from 1"),
            ("limits: {requests: 5}", "limits.requests (line 1): it must consist of keys"),
            ("mix: {every: 0}", "mix.every"),
            ("- a", "it must consist of keys with values"), ("a: [", "line 1 is not YAML"),
            ("name: a\nname: b", "\"name\" stands twice"),
            ("metrics: 0.0.0.0:9090", "--metrics"),
            ("log: {level: loud}", "log.level (line 1): it must be one of trace"),
            ("listen: nowhere", "--listen"),
            ("tls: {certificate: a.pem}", "--tls-key"),
        ])
    func mistakes(_ text: String, _ said: String) async throws {
        let config = try write(text)
        let (status, error) = try await Finished.run(
            ServiceProgram.path, ["serve", "--config", config, "--database", directory("a.sqlite")],
            output: directory("said"))
        #expect(error.contains(said), "\(error)")
        // The usage of the command helps only with what a flag says.
        let isInFile = !said.hasPrefix("--")
        #expect(status == (isInFile ? 2 : 64) && error.contains("Usage") != isInFile, "\(error)")
        #expect(!FileManager.default.fileExists(atPath: directory("a.sqlite")))
    }

    @Test(
        "Figures for Prometheus stand on a listener of their own, in whole hundreds; /readyz tells of a stop beforehand"
    )
    func metricsAndReadiness() async throws {
        let port = FreePorts.take()
        let service = try await ServiceProgram(
            database: directory("a.sqlite"), log: directory("log"), ["--metrics", "127.0.0.1:\(port)", "--drain", "2"])
        let metrics = Caller(url: "http://127.0.0.1:\(port)")
        for _ in 0..<150 { _ = await service.send(.GET, "/healthz") }
        for _ in 0..<3 { _ = await service.send(.POST, "/v1/workplaces", [1, 2, 3]) }
        let text = String(decoding: try #require(await metrics.send(.GET, "/metrics")).body, as: UTF8.self)
        #expect(text.contains("\nroundrobin_answers_total{class=\"2xx\"} 100\n"))
        #expect(text.contains("roundrobin_answers_total{class=\"4xx\"} 0\n"))
        #expect(text.contains("roundrobin_refusals_total{problem=\"rule\"} 0\n"))
        #expect(text.contains("roundrobin_ready 1\n"))
        // A reader by somebody else.
        let python = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: ".build/interop/bin/python").path
        let read = try await Finished.run(
            python,
            [
                "-c",
                "import sys; from prometheus_client.parser import text_string_to_metric_families as p; "
                    + "print(len(list(p(open(sys.argv[1]).read()))))", try write(text, "metrics"),
            ], output: directory("said"))
        let families = text.components(separatedBy: "# TYPE ").count - 1
        #expect(read.status == 0 && families > 8 && read.said == "\(families)\n", "\(read)")
        #expect(await service.send(.GET, "/metrics")?.status == 404)
        #expect(await service.send(.GET, "/readyz")?.status == 200)
        kill(service.identifier, SIGTERM)
        var seen: [Int] = []
        // The client keeps trying to connect; this limits it.
        let asking = Caller(url: service.url, patience: .seconds(1))
        while let status = await asking.send(.GET, "/readyz")?.status, seen.count < 1000 {
            seen.append(status)
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(seen.contains(503) && seen.last == 503)
        await service.stop()
    }

    @Test("The limit of open files is raised to what the connections take, or they are fewer, and that is said")
    func openFiles() async throws {
        func start(_ limit: String, _ log: String) async throws -> (ServiceProgram, said: String) {
            let service = try await ServiceProgram(
                database: directory("a.sqlite"), command: ["/usr/bin/prlimit", "--nofile=\(limit)"], log: directory(log)
            )
            return (service, try String(contentsOfFile: directory(log), encoding: .utf8))
        }
        let (raised, quiet) = try await start("1024:8192", "raised")
        let limits = try String(contentsOfFile: "/proc/\(raised.identifier)/limits", encoding: .utf8)
        #expect(limits.contains(#/Max open files +2304 /#), "\(limits)")
        #expect(!quiet.contains("limit of open files"))
        await raised.stop()
        let (lowered, said) = try await start("320:320", "lowered")
        #expect(said.contains("fewer connections") && said.contains("64"), "\(said)")
        // More connections wait to be accepted than the limit allows. Those that are open are served, and the others
        // after them.
        let flood = Flood()
        let port = Int(lowered.url.split(separator: ":").last ?? "") ?? 0
        let request = Array("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        try await flood.send((0..<200).map { _ in request }, to: port)
        #expect(flood.statuses()[200] ?? 0 >= 60, "\(flood.statuses())")
        flood.end()
        #expect(await lowered.send(.GET, "/healthz")?.status == 200)
        await lowered.stop()
    }

    @Test(
        "A new service takes the socket over from the old one: of requests without pause, none fails and none is lost")
    func handover() async throws {
        let socket = directory("http.sock")
        let database = directory("a.sqlite")
        func start(_ log: String) async throws -> ServiceProgram {
            try await ServiceProgram(database: database, log: directory(log), ["--drain", "1"], socket: socket)
        }
        var service = try await start("log-0")
        let workload = try Workload(
            info: try #require(await service.send(.GET, "/v1/service")).body, members: 60, ends: false)
        #expect(workload.requests.count > 120)
        let isOver = Mutex(false)
        let reading = Task { [url = service.url] in
            var statuses: [Int?] = []
            while !isOver.withLock({ $0 }) { statuses.append(await Caller(url: url).send(.GET, "/v1/service")?.status) }
            return statuses
        }
        let writing = Task { [url = service.url] in
            var statuses: [Int?] = []
            for request in workload.requests {
                statuses.append(await Caller(url: url).send(.POST, request.path, request.body)?.status)
                try? await Task.sleep(for: .milliseconds(10))
            }
            return statuses
        }
        for i in 1...3 {
            let next = try await start("log-\(i)")
            await service.stop()
            service = next
        }
        let written = await writing.value
        isOver.withLock { $0 = true }
        let read = await reading.value
        #expect(written.allSatisfy { $0 == 200 }, "\(written.filter { $0 != 200 })")
        #expect(read.count > 50 && read.allSatisfy { $0 == 200 }, "\(read.filter { $0 != 200 })")
        await service.stop()
        #expect(await workload.faults(of: database, acknowledged: workload.requests.count) == [])
    }
}
