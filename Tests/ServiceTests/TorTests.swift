import ChildProcesses
import Foundation
import Petitions
import Sodium
import TestSupport
import Testing

@testable import Client

@Suite("Tor: the documented configuration, circuits, and no look-up beside it", .serialized, .takingTurns)
struct TorTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static func sample(_ name: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "docs/torrc-" + name), encoding: .utf8)
    }

    private func start(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws
        -> ChildProcess
    {
        try ChildProcess(
            [program] + arguments, environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
            output: .nothing, error: .nothing)
    }

    private func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: directory(name)) ?? Data(), as: UTF8.self)
    }

    private func wait(_ condition: () -> Bool) async throws {
        for _ in 0..<1000 where !condition() { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// The sample configurations of both sides, with this test's paths and without the outside world.
    private func configuration() throws -> String {
        let sample = try (Self.sample("service") + Self.sample("member"))
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

    @Test(
        "Tor takes both samples of a torrc; each anonymous connection comes to its HTTPTunnelPort with credentials of its own"
    )
    func circuits() async throws {
        try Data(configuration().utf8).write(to: URL(filePath: directory("torrc")))
        let check = try start("/usr/bin/tor", ["--verify-config", "-f", directory("torrc"), "--hush"])
        #expect(check.wait() == .exited(0))
        let tor = try start("/usr/bin/tor", ["-f", directory("torrc")])
        defer { tor.send(SIGKILL) }
        let pattern = /HTTP tunnel listener connection \(ready\) on 127.0.0.1:([0-9]+)/
        try await wait { text("log").contains(pattern) && !text("onion/hostname").isEmpty && !text("control").isEmpty }
        let port = try #require(text("log").firstMatch(of: pattern).flatMap { Int($0.1) })
        let onion = text("onion/hostname").trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(onion.hasSuffix(".onion") && onion.count == 62)
        let control = text("control").trimmingCharacters(in: .whitespacesAndNewlines).split(separator: ":").last ?? ""
        // For each stream, Tor says by which credentials it is isolated.
        let events = try start(
            "/bin/bash",
            [
                "-c",
                "exec 3<>/dev/tcp/127.0.0.1/\(control); printf 'AUTHENTICATE\\r\\nSETEVENTS STREAM\\r\\n' >&3; "
                    + "timeout 60 cat <&3 > '\(directory("events"))'",
            ])
        defer { events.send(SIGKILL) }
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
        // A request that waits for a circuit is abandoned.
        tor.send(SIGKILL)
        for reader in readers { _ = await reader.result }
    }

    /// The socket's group is Tor's, as in the drop-in of docs/operations.md. Whether Tor's own process may open it is
    /// tested with exactly the user and the groups that the process turns out to have.
    @Test(
        "Debian's Tor, started as Debian starts it, may open the socket by the documented group, and not by one added to its user",
        .enabled(if: geteuid() == 0, "only root can start Tor as Debian does"))
    func asDebianStartsIt() async throws {
        let place = "/tmp/rr-tor-" + Hex.encode(Random.bytes(4))
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        func shell(_ script: String) async throws -> (status: Int32, said: String) {
            try await Finished.run("/bin/sh", ["-c", script], output: place + "/said")
        }
        let prepared = try await shell(
            """
            set -e; cd \(place); chmod 755 .
            install -d -o debian-tor -g debian-tor -m 700 data onion
            install -d -g debian-tor -m 750 right; install -d -g daemon -m 750 wrong
            """)
        try #require(prepared.status == 0, "\(prepared.said)")
        let onion = try Self.sample("service").replacing("/var/lib/tor/roundrobin", with: place + "/onion")
            .replacing("/run/roundrobin", with: place + "/right")
        let torrc = """
            DataDirectory \(place)/data
            PidFile \(place)/data/pid
            ControlSocket 0
            SocksPort 0
            CookieAuthentication 0
            DisableNetwork 1
            Log notice file \(place)/data/log
            \(onion)

            """
        try Data(torrc.utf8).write(to: URL(filePath: place + "/torrc"))
        // The unit's command line.
        let tor = try start(
            "/usr/bin/tor",
            [
                "--defaults-torrc", "/usr/share/tor/tor-service-defaults-torrc", "-f", place + "/torrc",
                "--RunAsDaemon", "0",
            ])
        defer { tor.send(SIGKILL) }
        while tor.isRunning, !FileManager.default.fileExists(atPath: place + "/onion/hostname") {
            try await Task.sleep(for: .milliseconds(20))
        }
        try #require(tor.isRunning)
        let status = try String(contentsOfFile: "/proc/\(tor.identifier)/status", encoding: .utf8)
        func ids(_ name: String) -> [String] {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") } ?? ""
            return line.split(whereSeparator: \.isWhitespace).dropFirst().map(String.init)
        }
        let (user, group, groups) = (try #require(ids("Uid").first), try #require(ids("Gid").first), ids("Groups"))
        #expect(user != "0" && groups == [group], "Tor keeps its own group and no other: \(groups)")
        for (folder, socketGroup, isAllowed) in [("right", "debian-tor", true), ("wrong", "daemon", false)] {
            let program = BuiltProgram.service
            let socket = "\(place)/\(folder)/http.sock"
            let service = try start(
                "/usr/bin/setpriv",
                [
                    "--regid", socketGroup, "--clear-groups", program, "serve", "--database",
                    "\(place)/\(folder).sqlite",
                    "--name", "test.example", "--listen", "unix:" + socket,
                ])
            defer { service.send(SIGKILL) }
            while service.isRunning, !FileManager.default.fileExists(atPath: socket) {
                try await Task.sleep(for: .milliseconds(20))
            }
            try #require(service.isRunning)
            let asked = try await shell(
                "setpriv --reuid \(user) --regid \(group) --groups \(groups.joined(separator: ",")) "
                    + "curl -sS --unix-socket \(socket) http://x/healthz")
            #expect(asked.status == (isAllowed ? 0 : 7), "\(folder): \(asked.said)")
            #expect(isAllowed == asked.said.contains("ok"))
        }
    }

    @Test("With a proxy no name is looked up here; without one the same check notices it")
    func lookUps() async throws {
        let library = directory("noticing.so")
        let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "noticing_resolver.c").path
        let compiler = try start("/usr/bin/env", ["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"])
        try #require(compiler.wait() == .exited(0))
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let workplace = try await LiveWorkplace(members: 5, service: service, directory: directory)
        let id = try await workplace.openPetition().id
        let proxy = try await ConnectProxy.start(leadingTo: service.port)
        let program = BuiltProgram.roundrobin
        func verify(_ more: [String], noticed: String) async throws -> ChildProcess.End {
            let process = try start(
                program, ["verify", id.hex, "--service", "http://workplace.test"] + more,
                environment: ["LD_PRELOAD": library, "NOTICED": directory(noticed)])
            return await Blocking.run { process.wait() }
        }
        #expect(try await verify(["--proxy", "127.0.0.1:\(proxy.port)"], noticed: "with") == .exited(0))
        #expect(!text("with").contains("workplace.test"))
        #expect(proxy.heads.contains { $0.hasPrefix("CONNECT workplace.test:80 ") })
        #expect(try await verify([], noticed: "without") == .exited(2))
        #expect(text("without").contains("workplace.test"), "the check notices what it should")
        await workplace.close()
        await proxy.stop()
    }
}
