import ChildProcesses
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite("A difference is told by every command until the person settles it, whichever command saw it", .ownThreads)
struct AlarmsTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let notice = "The service showed an older version of the workplace's log"

    /// As the member, whatever the service shows.
    private func run(_ arguments: String...) throws -> Program.Result {
        try Program.run(as: 1, in: directory, arguments)
    }

    private final class Heard: Sendable {
        private let text = Mutex("")

        init(_ pipe: Pipe) {
            pipe.fileHandleForReading.readabilityHandler = { [self] handle in
                let data = handle.availableData
                text.withLock { $0 += String(decoding: data, as: UTF8.self) }
            }
        }

        func waits(for part: String) -> Bool {
            for _ in 0..<1200 {
                if text.withLock({ $0.contains(part) }) { return true }
                usleep(50_000)
            }
            return false
        }
    }

    @Test("An older log, seen by watch alone and then shown again as it should be, stays on record with its evidence")
    func seenByWatch() throws {
        let port = FreePorts.take()
        var service = try ServiceProcess(database: directory("a.sqlite"), port: port)
        try Data("a passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
        #expect(try run("workplace", "found", service.url, "--eligible", "9").status == 0)
        #expect(
            try Program.runService("backup", "--database", directory("a.sqlite"), "--to", directory("backup")).status
                == 0)
        #expect(
            try Program.runService(
                "restore", "--from", directory("backup"), "--database", directory("b.sqlite"),
                "--nothing-signed-since"
            ).status == 0)
        #expect(try run("invite", "create").status == 0)
        let before = try run("status")
        #expect(before.status == 0 && !before.error.contains(Self.notice), "\(before.error)")

        let (output, error) = (Pipe(), Pipe())
        let watch = try Program.start(
            [
                "watch", "--every", "1", "--exec", "echo $ROUNDROBIN_EVENT >> '\(directory("events"))'", "--home",
                directory("m1"), "--passphrase-file", directory("pass"),
            ], output: .pipe(output), error: .pipe(error))
        let (said, warned) = (Heard(output), Heard(error))
        #expect(said.waits(for: "1 of 9"))
        service.kill()
        service = try ServiceProcess(database: directory("b.sqlite"), port: port)
        #expect(warned.waits(for: Self.notice))
        for _ in 0..<200 where !FileManager.default.fileExists(atPath: directory("events")) { usleep(50_000) }
        #expect(try String(contentsOfFile: directory("events"), encoding: .utf8).hasPrefix("alarm\n"))
        watch.send(SIGTERM)
        _ = watch.wait()
        service.kill()
        service = try ServiceProcess(database: directory("a.sqlite"), port: port)
        defer { service.kill() }

        // The service shows what it should, and every command tells all the same.
        for command in [
            ["status"], ["draft", "list"], ["petition", "list"], ["members", "list"], ["invite", "list"],
        ] {
            let told = try Program.run(as: 1, in: directory, command)
            #expect(told.status == 0 && told.error.contains(Self.notice), "\(command): \(told.error)")
        }
        let list = try run("alarms", "--json")
        let alarms = try #require(
            try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [[String: Any]])
        #expect(alarms.contains { $0["kind"] as? String == "older" }, "\(list.output)")
        for (i, alarm) in alarms.enumerated() where alarm["has_evidence"] as? Bool == true {
            let file = directory("evidence-\(i)")
            #expect(try run("alarms", "--evidence", "\(i + 1)", "--file", file).status == 0)
            #expect(FileManager.default.contents(atPath: file)?.isEmpty == false)
        }
        #expect(try run("alarms", "--settle", "99").status == 2)
        for _ in alarms { #expect(try run("alarms", "--settle", "1").status == 0) }
        let after = try run("status")
        #expect(after.status == 0 && !after.error.contains(Self.notice), "\(after.error)")
        #expect(try run("alarms").output.contains("Nothing"))
    }
}
