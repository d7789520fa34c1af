import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("Tor: the documented configuration, circuits, and no look-up beside it", .serialized)
struct TorTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let sample = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/torrc")

    private func start(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Process
    {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: directory(name)) ?? Data(), as: UTF8.self)
    }

    private func wait(_ condition: () -> Bool) async throws {
        for _ in 0..<1000 where !condition() { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// The sample of docs/torrc with places of this test's, and without the world outside.
    private func configuration() throws -> String {
        let sample = try String(contentsOf: Self.sample, encoding: .utf8)
            .replacing("/var/lib/tor/roundrobin", with: directory("onion"))
            .replacing("HTTPTunnelPort 127.0.0.1:9080", with: "HTTPTunnelPort 127.0.0.1:auto")
        return sample + """

            DataDirectory \(directory("data"))
            SocksPort 0
            ControlPort 127.0.0.1:auto
            ControlPortWriteToFile \(directory("control"))
            CookieAuthentication 0
            Log notice file \(directory("log"))
            UseDefaultFallbackDirs 0
            DirAuthority nowhere 127.0.0.1:1 0000 0000 0000 0000 0000 0000 0000 0000 0000 0001

            """
    }

    @Test("Tor takes docs/torrc; each anonymous connection comes to its HTTPTunnelPort with credentials of its own")
    func circuits() async throws {
        try Data(configuration().utf8).write(to: URL(filePath: directory("torrc")))
        let check = try start("/usr/bin/tor", ["--verify-config", "-f", directory("torrc"), "--hush"])
        check.waitUntilExit()
        #expect(check.terminationStatus == 0)
        let tor = try start("/usr/bin/tor", ["-f", directory("torrc")])
        defer { kill(tor.processIdentifier, SIGKILL) }
        let pattern = /HTTP tunnel listener connection \(ready\) on 127.0.0.1:([0-9]+)/
        try await wait { text("log").contains(pattern) && !text("onion/hostname").isEmpty && !text("control").isEmpty }
        let port = try #require(text("log").firstMatch(of: pattern).flatMap { Int($0.1) })
        let onion = text("onion/hostname").trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(onion.hasSuffix(".onion") && onion.count == 62)
        let control = text("control").trimmingCharacters(in: .whitespacesAndNewlines).split(separator: ":").last ?? ""
        // Tor says of each stream by which credentials it is kept apart from others.
        let events = try start(
            "/bin/bash",
            [
                "-c",
                "exec 3<>/dev/tcp/127.0.0.1/\(control); printf 'AUTHENTICATE\\r\\nSETEVENTS STREAM\\r\\n' >&3; "
                    + "timeout 60 cat <&3 > '\(directory("events"))'",
            ])
        defer { kill(events.processIdentifier, SIGKILL) }
        try await wait { text("events").contains("250 OK") }
        let proxy = Proxy(host: "127.0.0.1", port: port)
        let readers = (0..<3).map { _ in
            Task { _ = try await PublicReader.bundle(of: ID(.zero), at: "http://\(onion)", proxy: proxy) }
        }
        func users() -> [String] {
            text("events").matches(of: /NEW 0 ([a-z0-9]+\.onion):80 .*SOCKS_USERNAME="Basic ([A-Za-z0-9+\/=]+)"/)
                .filter { $0.1 == onion }.map { String($0.2) }
        }
        try await wait { users().count >= 3 }
        #expect(users().count == 3 && Set(users()).count == 3)
        #expect(text("events").contains("ISO_FIELDS=SOCKS_USERNAME,SOCKS_PASSWORD"))
        // What waits for a circuit is let go.
        kill(tor.processIdentifier, SIGKILL)
        for reader in readers { _ = await reader.result }
    }

    @Test("With a proxy no name is looked up here; without one the same check notices it")
    func lookUps() async throws {
        let library = directory("noticing.so")
        let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "noticing_resolver.c").path
        let compiler = try start("/usr/bin/env", ["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"])
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        let proxy = try await ConnectProxy.start(leadingTo: service.port)
        let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "roundrobin").path
        func verify(_ more: [String], noticed: String) async throws -> Int32 {
            let process = try start(
                program, ["verify", id.hex, "--service", "http://workplace.test"] + more,
                environment: ["LD_PRELOAD": library, "NOTICED": directory(noticed)])
            return await Blocking.run {
                process.waitUntilExit()
                return process.terminationStatus
            }
        }
        #expect(try await verify(["--proxy", "127.0.0.1:\(proxy.port)"], noticed: "with") == 0)
        #expect(!text("with").contains("workplace.test"))
        #expect(proxy.heads.contains { $0.hasPrefix("CONNECT workplace.test:80 ") })
        #expect(try await verify([], noticed: "without") == 2)
        #expect(text("without").contains("workplace.test"), "the check notices what it should")
        await workplace.close()
        await proxy.stop()
    }
}
