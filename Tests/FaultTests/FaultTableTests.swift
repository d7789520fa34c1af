import ChildProcesses
import AsyncHTTPClient
import Foundation
import GRDB
import Logging
import NIOCore
import NIOHTTP1
import Petitions
import Service
@testable import Storage
import Sodium
import Synchronization
import TestSupport
import Testing

@Suite(
    "A disk that fails, fills up or loses its tail: nothing acknowledged is lost, and what is wrong is said",
    .serialized, .takingTurns)
struct FaultTableTests {
    let directory: TemporaryDirectory
    let library: String

    init() throws {
        directory = try TemporaryDirectory()
        library = try CompiledLibrary.make("recording_disk.c", in: directory)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        /// In the form that DISK_FAIL takes.
        let fault: String
        let what: String
        var testDescription: String { what }
    }

    /// Counted from the first statement on. A commit is about ten writes and a sync to the database, and four and one
    /// to the heads.
    static let rows = [
        Row(fault: "W 1 1 \(EIO)", what: "the first write fails"),
        Row(fault: "W 30 1 \(EIO)", what: "one write fails"),
        Row(fault: "W 41 40 \(ENOSPC)", what: "the disk is full for some commits, and writes leave half a page"),
        Row(fault: "W 60 1 \(ENOSPC)", what: "one write finds the disk full"),
        Row(fault: "W 75 40 \(EROFS)", what: "the disk becomes read-only for some commits"),
        Row(fault: "S 1 1 \(EIO)", what: "the sync of a commit fails"),
        Row(fault: "S 2 1 \(EIO)", what: "the sync of the heads fails"),
        Row(fault: "S 5 8 \(EIO)", what: "syncs fail for some commits"),
        Row(fault: "S 9 3 \(ENOSPC)", what: "syncs find the disk full"),
        Row(fault: "T 1 3 \(EIO)", what: "truncations fail"),
    ]

    @Test(
        "An operation that fails is an error for who asked, once; what was acknowledged is there before and after a kill",
        arguments: rows)
    func table(_ row: Row) async throws {
        let root = directory("disk")
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let service = try await ServiceProgram(
            database: root + "/a.sqlite",
            environment: [
                "LD_PRELOAD": library, "DISK_DIRECTORY": root, "DISK_FAIL": row.fault, "DISK_ARMED": directory("armed"),
            ], log: directory("log"))
        let workload = try Workload(info: try #require(await service.send(.GET, "/v1/service")).body)
        try Data().write(to: URL(filePath: directory("armed")))
        var failures = 0
        for request in workload.requests {
            var status = 0
            // A client whose request failed sends it again, until the disk works again.
            for _ in 0..<60 where !(200..<300).contains(status) {
                status = try #require(await service.send(.POST, request.path, request.body), "it must not die").status
                if status >= 500 { failures += 1 }
                #expect((200..<300).contains(status) || status >= 500, "\(status)")
            }
            try #require((200..<300).contains(status))
        }
        if !row.fault.hasPrefix("T") { #expect(failures > 0, "the fault was met") }
        await service.stop(SIGKILL)
        #expect(await workload.faults(of: root + "/a.sqlite", acknowledged: workload.requests.count) == [])
    }

    /// How many bytes the shim's disk takes after the service has started: enough for some commits (a commit is up to
    /// 60 KiB in the write-ahead logs of the database and the heads), but not for all. It counts what is added to files
    /// and never gives anything back.
    private static let room = 300 << 10

    /// Uses a small tmpfs if this process may mount one, otherwise a disk on which the shim leaves as little room.
    @Test(
        "A full disk refuses clearly, loses nothing, and takes everything once there is room", arguments: [true, false])
    func full(onTmpfs: Bool) async throws {
        // What the service has written when the shim begins to count is room in its files: everything may fit. Then
        // another service tries.
        for attempt in 0..<12 {
            if try await fills(onTmpfs, attempt) { return }
        }
        Issue.record("everything always fits")
    }

    /// - Returns: false if the disk did not get full.
    private func fills(_ onTmpfs: Bool, _ attempt: Int) async throws -> Bool {
        let root = directory("disk\(attempt)")
        let ballast = root + "/ballast"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let isMounted = onTmpfs && Self.run("mount", ["-t", "tmpfs", "-o", "size=4m", "none", root])
        defer { if isMounted { _ = Self.run("umount", ["-l", root]) } }
        let (armed, relief) = (directory("armed\(attempt)"), directory("relief\(attempt)"))
        let metricsPort = FreePorts.take()
        let service = try await ServiceProgram(
            database: root + "/a.sqlite",
            environment: isMounted
                ? [:]
                : [
                    "LD_PRELOAD": library, "DISK_DIRECTORY": root, "DISK_ROOM": "\(Self.room)", "DISK_ARMED": armed,
                    "DISK_RELIEF": relief,
                ], log: directory("log"), ["--metrics", "127.0.0.1:\(metricsPort)"])
        let metrics = Caller(url: "http://127.0.0.1:\(metricsPort)")
        func showsReady() async -> Bool? {
            await metrics.send(.GET, "/metrics").map {
                String(decoding: $0.body, as: UTF8.self).contains("\nroundrobin_ready 1\n")
            }
        }
        let workload = try Workload(info: try #require(await service.send(.GET, "/v1/service")).body)
        if !isMounted { try Data().write(to: URL(filePath: armed)) }
        var acknowledged = 0
        var (refused, isUnrecorded): (Int?, Bool) = (nil, false)
        for request in workload.requests {
            // Room that the service has freed meanwhile, as it does when it empties a write-ahead log, is taken again.
            if isMounted, acknowledged >= 3 { try Self.fill(ballast) }
            let answer = try #require(await service.send(.POST, request.path, request.body))
            guard !(200..<300).contains(answer.status) else {
                acknowledged += 1
                continue
            }
            // If the database took the last of the room, nothing is left for the record of what was signed.
            guard answer.status != 503 else {
                isUnrecorded = true
                continue
            }
            refused = answer.status
            #expect(String(decoding: answer.body, as: UTF8.self).contains("disk"))
            break
        }
        if !isMounted, acknowledged == workload.requests.count {
            await service.stop(SIGKILL)
            return false
        }
        // Without room for the record nothing is refused for the disk's sake any more: each request has its 503.
        #expect(
            acknowledged > 0 && (refused == 507 || refused == nil && isUnrecorded),
            "the disk is neither too small nor too large: \(acknowledged) \(String(describing: refused)) \(isUnrecorded)"
        )
        let refusedRequest = workload.requests[min(acknowledged, workload.requests.count - 1)]
        // It is not ready until a commit has succeeded, however often it is asked; reading continues.
        var isReady = true
        for _ in 0..<100 where isReady {
            if isMounted { try Self.fill(ballast) }
            // If the service has just freed some room itself, this may succeed.
            _ = await service.send(.POST, refusedRequest.path, refusedRequest.body)
            isReady = await service.send(.GET, "/readyz")?.status == 200
        }
        #expect(!isReady)
        #expect(await showsReady() == false, "the metric says so too, whoever asks for it alone")
        #expect(await service.send(.GET, "/v1/service")?.status == 200)
        let origin = workload.requests[0].log
        guard case .workplace(let id) = origin else { throw Absent() }
        let shown = await service.send(.GET, "/workplace/\(id.hex)/checkpoint")?.status
        // A checkpoint that is not recorded as signed is not shown.
        #expect(shown == 200 || isUnrecorded && shown == 503)
        if isMounted {
            try FileManager.default.removeItem(atPath: ballast)
        } else {
            try Data().write(to: URL(filePath: relief))
        }
        // Nobody sends anything, and it becomes ready again, because it tries by itself: also if only the metric is asked.
        for _ in 0..<6000 where !isReady {
            isReady = await showsReady() == true
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(isReady)
        #expect(await service.send(.GET, "/readyz")?.status == 200)
        for request in workload.requests {
            #expect(await service.send(.POST, request.path, request.body)?.status == 200)
        }
        await service.stop(SIGKILL)
        #expect(await workload.faults(of: root + "/a.sqlite", acknowledged: workload.requests.count) == [])
        return true
    }

    @Test("A damaged tile is refused and kept by nobody; the other logs are served")
    func damagedTile() async throws {
        let database = directory("a.sqlite")
        let service = try await ServiceProgram(database: database, log: directory("log"))
        let workload = try Workload(info: try #require(await service.send(.GET, "/v1/service")).body)
        for request in workload.requests { _ = await service.send(.POST, request.path, request.body) }
        let last = try #require(workload.requests.last)
        let count = workload.requests.count { $0.log == last.log }
        let store = try SQLiteStore(inspecting: database)
        try await store.write {
            try $0.execute(sql: "UPDATE leaves SET bytes = zeroblob(9) WHERE log = 2 AND place = 1")
        }
        try store.closeNow()
        let damaged = "/petition/\(last.log.subject.hex)/tile/entries/000.p/\(count)"
        let answer = try await PatientClient.shared.execute(
            HTTPClientRequest(url: service.url + damaged), timeout: PatientClient.timeout)
        #expect(answer.status.code == 503 && answer.headers["cache-control"] == ["no-store"])
        let other =
            "/workplace/\(workload.requests[0].log.subject.hex)/tile/entries/000.p/\(workload.requests.count - count)"
        #expect(await service.send(.GET, other)?.status == 200)
        await service.stop()
    }

    @Test(
        "No command takes a database's password as an argument",
        arguments: [
            ["fsck", "--database"], ["fsck", "--repair", "--database"], ["backup", "--to", "x", "--database"],
            ["restore", "--from", "x", "--database"], ["migrate", "--from", "x", "--to"], ["serve", "--database"],
        ])
    func passwords(_ arguments: [String]) async throws {
        for address in ["postgres://a:secret@127.0.0.1:1/d", "postgres://a@127.0.0.1:1/d?password=secret"] {
            let (status, said) = try await Finished.run(
                ServiceProgram.path, arguments + [address], output: directory("said"))
            #expect(status == 64 && said.contains(".pgpass"), "\(said)")
            #expect(!said.contains("secret"))
        }
    }

    /// Uses up all the room that is left on a disk.
    private static func fill(_ ballast: String) throws {
        let file = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        for count in [1 << 16, 1 << 12, 1] {
            let zeroes = [UInt8](repeating: 0, count: count)
            while write(file, zeroes, count) == count {}
        }
    }

    static func run(_ program: String, _ arguments: [String]) -> Bool {
        (try? ChildProcess.run([program] + arguments))?.status == 0
    }

    @Test("A file that may only be read is refused at the start, and what it holds stays")
    func readOnly() async throws {
        let root = directory("disk")
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let service = try await ServiceProgram(database: root + "/a.sqlite", log: directory("log"))
        let info = try #require(await service.send(.GET, "/v1/service"))
        let workload = try Workload(info: info.body)
        for request in workload.requests { _ = await service.send(.POST, request.path, request.body) }
        await service.stop()
        let environment = ["LD_PRELOAD": library, "DISK_DIRECTORY": root, "DISK_FAIL": "W 1 1000000 \(EROFS)"]
        do {
            let refused = try await ServiceProgram(
                database: root + "/a.sqlite", environment: environment, log: directory("log"))
            // It can read, and reports an error to writers.
            let founding = try World(members: 1, logKey: try Workload.logKey(info.body)).leaves[0]
            #expect([503, 507].contains(await refused.send(.POST, "/v1/workplaces", founding)?.status))
            await refused.stop(SIGKILL)
        } catch let error as ServiceProgram.NotListening {
            #expect(error.said.contains("Error:"), "\(error.said)")
        }
        #expect(await workload.faults(of: root + "/a.sqlite", acknowledged: workload.requests.count) == [])
    }

    @Test(
        "A write-ahead log that lost its tail or has wrong bits is refused by name or has everything, never less in silence"
    )
    func tornLog() async throws {
        let root = directory("disk")
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let service = try await ServiceProgram(database: root + "/a.sqlite", log: directory("log"))
        let workload = try Workload(info: try #require(await service.send(.GET, "/v1/service")).body)
        for request in workload.requests { _ = await service.send(.POST, request.path, request.body) }
        await service.stop(SIGKILL)
        let whole = try FileManager.default.contentsOfDirectory(atPath: root).filter { !$0.hasSuffix("-shm") }
            .map { ($0, [UInt8](try Data(contentsOf: URL(filePath: root + "/" + $0)))) }
        let length = try #require(whole.first { $0.0 == "a.sqlite-wal" }).1.count
        try #require(length > 50_000)
        var chance = FixedChance(state: 2)
        var refused = 0
        for i in 0..<60 {
            let place = directory("case")
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: place) }
            for (name, bytes) in whole {
                var bytes = bytes
                if name == "a.sqlite-wal" {
                    let at = Int.random(in: 0..<length, using: &chance)
                    if i % 2 == 0 { bytes.removeLast(bytes.count - at) } else { bytes[at] ^= 1 << UInt8(i % 8) }
                }
                try Data(bytes).write(to: URL(filePath: place + "/" + name))
                #expect(chmod(place + "/" + name, 0o600) == 0)
            }
            let faults = await workload.faults(of: place + "/a.sqlite", acknowledged: workload.requests.count)
            if let first = faults.first {
                #expect(
                    first.contains("wentBack") || first.contains("notOurs") || first.contains("otherHeads"), "\(faults)"
                )
                refused += 1
            }
        }
        #expect(refused > 20)
    }

    @Test("A clock that jumps refuses signed requests and closes what is due; the log holds whatever it says")
    func clockJumps() async throws {
        let clock = Mutex<UInt64>(1_800_000_000)
        let database = directory("a.sqlite")
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let service = try await PetitionService(
            .init(host: "127.0.0.1", port: 0, database: database, name: "test.example"), logger: logger,
            clock: { clock.withLock { $0 } }, onListening: { found.yield($0) })
        let running = Task { try await service.run() }
        let port = try #require(await ports.first { _ in true })
        let client = Caller(url: "http://127.0.0.1:\(port)")
        let workload = try Workload(
            info: try #require(await client.send(.GET, "/v1/service")).body, ends: false, closes: 1_800_003_600)
        for (i, request) in workload.requests.enumerated() {
            // Back by a year and forward by half a minute, again and again.
            clock.withLock { $0 = i % 2 == 0 ? 1_768_464_000 : 1_800_000_030 }
            #expect(await client.send(.POST, request.path, request.body)?.status == 200)
        }
        clock.withLock { $0 = 2_100_000_000 }
        let petition = try #require(workload.requests.last)
        for _ in 0..<4000 {
            if await client.send(.POST, petition.path, petition.body)?.status == 409 { break }
            if try SQLiteStore.leafCount(in: database) > workload.requests.count { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        // Back again: a closed petition stays closed.
        clock.withLock { $0 = 1_800_000_000 }
        running.cancel()
        _ = await running.result
        #expect(try SQLiteStore.leafCount(in: database) == workload.requests.count + 1)
        #expect(await workload.faults(of: database, acknowledged: workload.requests.count) == [])
    }
}

extension SQLiteStore {
    fileprivate static func leafCount(in path: String) throws -> Int {
        let store = try SQLiteStore(inspecting: path)
        let count = try store.check().logs.map(\.leaves).reduce(0, +)
        try store.closeNow()
        return count
    }
}
