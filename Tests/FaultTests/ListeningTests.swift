import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Sodium
import Synchronization
import TestSupport
import Testing

/// Stands in for systemd: listens to the socket that a unit of `Type=notify` gets.
private final class ServiceManager: Sendable {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
    }

    deinit { close(descriptor) }

    /// What was received and not read yet.
    func said() -> String? {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }
}

@Suite("Where a service listens, and how the next one takes over", .serialized, .takingTurns)
struct ListeningTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// What the program says if it does not start.
    private func refusal(_ listen: String) async throws -> (status: Int32, said: String) {
        try await Finished.run(
            ServiceProgram.path,
            ["serve", "--database", directory("a.sqlite"), "--name", "test.example", "--listen", listen],
            output: directory("said"))
    }

    @Test("A path that has a file is refused, and the file stays")
    func file() async throws {
        let path = directory("notes.txt")
        try Data("mine".utf8).write(to: URL(filePath: path))
        let (status, said) = try await refusal("unix:" + path)
        #expect(status == 2 && said.contains("is a file and not a socket"), "\(said)")
        #expect(FileManager.default.contents(atPath: path) == Data("mine".utf8))
        // Not through a link either.
        try FileManager.default.createSymbolicLink(atPath: directory("link"), withDestinationPath: path)
        let (linked, _) = try await refusal("unix:" + directory("link"))
        #expect(linked == 2)
        #expect(FileManager.default.contents(atPath: directory("link")) == Data("mine".utf8))
    }

    @Test("Without files for more connections the service waits, and accepts again when some have closed")
    func filesUsedUp() async throws {
        let service = try await ServiceProgram(database: directory("a.sqlite"), log: directory("log"))
        #expect(await service.send(.GET, "/healthz")?.status == 200)
        let process = "/proc/\(service.identifier)"
        let open = try FileManager.default.contentsOfDirectory(atPath: process + "/fd").count
        let limited = try await Finished.run(
            "/usr/bin/prlimit", ["--pid", "\(service.identifier)", "--nofile=\(open + 4):"],
            output: directory("said"))
        try #require(limited.status == 0, "\(limited.said)")
        let port = try #require(Int(service.url.split(separator: ":").last ?? ""))
        var channels: [any Channel] = []
        for _ in 0..<30 {
            let connecting = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: port)
            do { channels.append(try await connecting.get()) } catch {
                Issue.record("\(error)\n\((try? String(contentsOfFile: directory("log"), encoding: .utf8)) ?? "")")
                return
            }
        }
        /// Hundredths of a second of processor time.
        func used() throws -> Int {
            let stat = try String(contentsOfFile: process + "/stat", encoding: .utf8)
            let fields = stat.split(separator: ")").last?.split(separator: " ").compactMap { Int($0) } ?? []
            return fields.count > 11 ? fields[10] + fields[11] : 0
        }
        // A listener that asks again at once takes all of a processor; one that pauses takes next to nothing.
        let (start, before) = (ContinuousClock.now, try used())
        try await Task.sleep(for: .seconds(2))
        let (taken, passed) = (try used() - before, Int((ContinuousClock.now - start) / .milliseconds(10)))
        #expect(taken < passed / 4, "\(taken) of \(passed)")
        for channel in channels { try? await channel.close() }
        #expect(await service.send(.GET, "/healthz")?.status == 200)
        await service.stop()
    }

    @Test("A missing directory, a path that is too long and an address in use are said in words")
    func words() async throws {
        let missing = try await refusal("unix:" + directory("none/http.sock"))
        #expect(missing.status == 2 && missing.said.contains("There is no directory"), "\(missing.said)")
        let long = try await refusal("unix:" + directory(String(repeating: "a", count: 100)))
        #expect(long.status == 2 && long.said.contains("too long"), "\(long.said)")
        let nowhere = try await Finished.run(
            ServiceProgram.path,
            ["serve", "--database", directory("none/a.sqlite"), "--name", "test.example", "--listen", "127.0.0.1:0"],
            output: directory("said"))
        #expect(
            nowhere.status == 2 && nowhere.said.contains("There is no directory \(directory("none"))"),
            "\(nowhere.said)")
        #expect(nowhere.said.contains("--database rr.sqlite"), "\(nowhere.said)")
        let service = try await ServiceProgram(database: directory("b.sqlite"), log: directory("log"))
        let named = try await Finished.run(
            ServiceProgram.path,
            ["serve", "--database", directory("b.sqlite"), "--name", "other.example", "--listen", "127.0.0.1:0"],
            output: directory("said"))
        #expect(named.status == 2 && named.said.contains("has the name test.example"), "\(named.said)")
        #expect(
            named.said.contains("--name test.example (in the configuration file, name: test.example)"), "\(named.said)")
        let taken = try await refusal(String(service.url.dropFirst("http://".count)))
        #expect(taken.status == 2 && taken.said.contains("Another program listens"), "\(taken.said)")
        // What is given up on the way out is not blamed on the database.
        #expect(!taken.said.contains("warning"), "\(taken.said)")
        for wrong in [":8090", "http://127.0.0.1:8090", "127.0.0.1", "127.0.0.1:70000"] {
            let (status, said) = try await refusal(wrong)
            #expect(status == 64 && said.contains("--listen takes host:port"), "\(said)")
        }
        let unknown = try await refusal("nobody.invalid:80")
        #expect(unknown.status == 2 && unknown.said.contains("listen at nobody.invalid:80"), "\(unknown.said)")
        #expect(!unknown.said.contains("report it"), "\(unknown.said)")
        let elsewhere = try await refusal("192.0.2.1:80")
        #expect(elsewhere.status == 2 && elsewhere.said.contains("The system refuses"), "\(elsewhere.said)")
        await service.stop()
    }

    /// Follows docs/operations.md, "Upgrades", as the service manager does: the old process is stopped when the new one
    /// reports that it is ready, but not if the new one ends without reporting.
    @Test(
        "An upgrade under load: one that cannot start changes nothing, one that can is waited for, and no request fails"
    )
    func upgrade() async throws {
        let socket = directory("http.sock")
        let database = directory("a.sqlite")
        let manager = try ServiceManager(directory("notify"))
        func start(_ log: String, _ more: [String] = []) async throws -> ServiceProgram {
            try await ServiceProgram(
                database: database, environment: ["NOTIFY_SOCKET": manager.path], log: directory(log),
                ["--drain", "1"] + more, socket: socket)
        }
        func waitUntilReady() async throws {
            var said: String?
            while said == nil {
                said = manager.said()
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(said == "READY=1")
        }
        var service = try await start("log-0")
        try await waitUntilReady()
        let workload = try Workload(
            info: try #require(await service.send(.GET, "/v1/service")).body, members: 40, ends: false)
        let isOver = Mutex(false)
        let reading = Task { [url = service.url] in
            var statuses: [Int?] = []
            while !isOver.withLock({ $0 }) { statuses.append(await Caller(url: url).send(.GET, "/readyz")?.status) }
            return statuses
        }
        let writing = Task { [url = service.url] in
            var statuses: [Int?] = []
            for request in workload.requests {
                statuses.append(await Caller(url: url).send(.POST, request.path, request.body)?.status)
            }
            return statuses
        }
        // Its database belongs to another service: it ends, and says why.
        let failed = await #expect(throws: ServiceProgram.NotListening.self) {
            _ = try await start("log-failed", ["--name", "other.example"])
        }
        #expect(failed?.said.isEmpty == false)
        #expect(manager.said() == nil, "nothing is ready that does not serve")
        #expect(await service.send(.GET, "/healthz")?.status == 200)
        for i in 1...2 {
            let next = try await start("log-\(i)")
            try await waitUntilReady()
            await service.stop()
            service = next
        }
        let written = await writing.value
        isOver.withLock { $0 = true }
        let read = await reading.value
        #expect(written.allSatisfy { $0 == 200 }, "\(written.filter { $0 != 200 })")
        // "stopping" is a response too; no response at all is not.
        #expect(read.allSatisfy { $0 == 200 || $0 == 503 }, "\(read.filter { $0 != 200 })")
        await service.stop()
        #expect(await workload.faults(of: database, acknowledged: workload.requests.count) == [])
    }

    @Test("A TLS key that everybody may read is refused, with what to do")
    func exposedKey() async throws {
        let made = try await Finished.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-keyout", directory("key.pem"), "-out", directory("chain.pem"),
            ], output: directory("made"))
        try #require(made.status == 0)
        let flags = ["--tls-certificate", directory("chain.pem"), "--tls-key", directory("key.pem")]
        func start() async throws -> ServiceProgram {
            try await ServiceProgram(database: directory("a.sqlite"), log: directory("log"), flags)
        }
        chmod(directory("key.pem"), 0o644)
        let refused = await #expect(throws: ServiceProgram.NotListening.self) { _ = try await start() }
        #expect(refused?.said.contains("chmod o= ") == true)
        chmod(directory("key.pem"), 0o640)
        await (try start()).stop()
    }
}
