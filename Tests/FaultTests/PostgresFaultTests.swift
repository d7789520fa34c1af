import Foundation
import NIOCore
import NIOHTTP1
import Petitions
import Sodium
@testable import Storage
import TestSupport
import Testing

@Suite(
    "A PostgreSQL server that crashes, refuses, or loses its answers: nothing acknowledged is lost, and what is wrong is said",
    .serialized, .takingTurns)
struct PostgresFaultTests {
    let directory: TemporaryDirectory
    let server: PostgresServer
    let database: String
    var heads: String { directory("heads") }

    init() throws {
        directory = try TemporaryDirectory()
        server = try PostgresServer()
        database = try server.makeDatabase()
    }

    private func start(_ log: String = "log", heads: String? = nil) async throws -> ServiceProgram {
        try await ServiceProgram(
            database: server.url(database), log: directory(log), ["--heads", heads ?? self.heads])
    }

    /// The faults after these requests have been acknowledged: the database is copied and checked like any other.
    private func faults(_ workload: Workload, acknowledged: Int) async throws -> [String] {
        let copy = directory("copy-\(Hex.encode(Random.bytes(4))).sqlite")
        let report = try await Databases.copy(server.url(database), to: copy)
        guard report.findings.isEmpty else { return report.findings.map { "\($0.what)" } }
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: heads + suffix) {
            try FileManager.default.copyItem(atPath: heads + suffix, toPath: SignedHeads.path(besides: copy) + suffix)
        }
        return await workload.faults(of: copy, acknowledged: acknowledged)
    }

    /// Sends a request until it is accepted.
    /// - Returns: how often it failed before that.
    private func send(_ request: Workload.Request, to services: [ServiceProgram]) async throws -> Int {
        for failures in 0..<4000 {
            let service = services[failures % services.count]
            // A service that was killed does not respond; the others do.
            let patience: TimeAmount = services.count == 1 ? .seconds(60) : .seconds(1)
            let answer = await Caller(url: service.url, patience: patience).send(.POST, request.path, request.body)
            if services.count == 1 { try #require(answer != nil, "it must not die") }
            if let status = answer?.status {
                if (200..<300).contains(status) { return failures }
                #expect(status >= 500, "\(status) \(answer.map { String(decoding: $0.body, as: UTF8.self) } ?? "")")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Absent()
    }

    @Test("The server is killed again and again; every request is accepted in the end and is there once")
    func crashes() async throws {
        let service = try await start()
        let workload = try Workload(info: try #require(await service.send(.GET, "/v1/service")).body)
        let killer = Task {
            for _ in 0..<4 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...400)))
                try server.kill()
                try server.start()
            }
        }
        for request in workload.requests.dropLast() {
            _ = try await send(request, to: [service])
            try await Task.sleep(for: .milliseconds(80))
        }
        try await killer.value
        // Whether one of those crashes hit a request is up to chance; this one does.
        let last = try #require(workload.requests.last)
        try server.kill()
        #expect(await service.send(.POST, last.path, last.body)?.status == 503)
        try server.start()
        _ = try await send(last, to: [service])
        #expect(try await faults(workload, acknowledged: workload.requests.count) == [])
        // And after one more, while nobody writes.
        try server.kill()
        try server.start()
        #expect(try await faults(workload, acknowledged: workload.requests.count) == [])
        #expect(await service.send(.GET, "/readyz")?.status == 200)
        await service.stop()
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let code: String
        let what: String
        let status: Int
        var testDescription: String { what }
    }

    static let rows = [
        Row(code: "53100", what: "the disk is full", status: 507),
        Row(code: "58030", what: "the disk fails", status: 503),
        Row(code: "XX001", what: "a page is damaged", status: 503),
        Row(code: "25006", what: "it is read-only", status: 503),
        Row(code: "40P01", what: "a deadlock, for ever", status: 503),
        Row(code: "57014", what: "a statement takes too long", status: 503),
        Row(code: "P0001", what: "something that nobody thought of", status: 503),
    ]

    @Test("Whatever the server refuses is an error for who asked, changes nothing, and is over when it is over")
    func refusals() async throws {
        let service = try await start()
        let workload = try Workload(info: try #require(await service.send(.GET, "/v1/service")).body)
        try server.psql(
            """
            CREATE TABLE fault (code text); CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE c text; BEGIN SELECT code INTO c FROM public.fault; IF c IS NOT NULL THEN
            RAISE EXCEPTION 'refused' USING ERRCODE = c; END IF; RETURN NEW; END $$;
            CREATE TRIGGER fail BEFORE INSERT ON roundrobin.checkpoints FOR EACH ROW EXECUTE FUNCTION fail();
            """, database: database)
        for (i, request) in workload.requests.enumerated() {
            let row = Self.rows[i % Self.rows.count]
            try server.psql("INSERT INTO fault VALUES ('\(row.code)')", database: database)
            let answer = try #require(await service.send(.POST, request.path, request.body))
            #expect(answer.status == row.status, "\(row.what): \(String(decoding: answer.body, as: UTF8.self))")
            #expect(try await faults(workload, acknowledged: i) == [], "\(row.what)")
            try server.psql("DELETE FROM fault", database: database)
            #expect(await service.send(.POST, request.path, request.body)?.status == 200, "\(row.what)")
        }
        #expect(try await faults(workload, acknowledged: workload.requests.count) == [])
        await service.stop()
    }

    @Test("A commit whose answer is lost is neither taken for done nor for undone", arguments: [true, false])
    func lostAnswers(isCommitted: Bool) async throws {
        let service = try await start()
        let workload = try Workload(info: try #require(await service.send(.GET, "/v1/service")).body)
        for (i, request) in workload.requests.enumerated() {
            guard i % 4 == 1 else {
                #expect(await service.send(.POST, request.path, request.body)?.status == 200)
                continue
            }
            if isCommitted {
                // The commit waits for a replica that does not exist, and its connection ends meanwhile: the commit has
                // taken effect.
                try server.psql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
                try server.psql("SELECT pg_reload_conf()")
            } else {
                // The connection ends during the commit, before it takes effect.
                try server.psql(
                    """
                    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
                    CREATE CONSTRAINT TRIGGER die AFTER INSERT ON roundrobin.checkpoints DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION die();
                    """, database: database)
            }
            async let sent = service.send(.POST, request.path, request.body)
            if isCommitted {
                for _ in 0..<4000 {
                    let ended = try server.psql(
                        """
                        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                        WHERE wait_event = 'SyncRep' AND datname = '\(database)'
                        """)
                    if ended != "0" { break }
                    try await Task.sleep(for: .milliseconds(20))
                }
                try server.psql("ALTER SYSTEM RESET synchronous_standby_names")
                try server.psql("SELECT pg_reload_conf()")
            }
            let answer = try #require(await sent)
            #expect(answer.status == 503)
            #expect(String(decoding: answer.body, as: UTF8.self).contains("Send the same bytes again"))
            if !isCommitted { try server.psql("DROP FUNCTION die CASCADE", database: database) }
            #expect(await service.send(.POST, request.path, request.body)?.status == 200)
            #expect(try await faults(workload, acknowledged: i + 1) == [])
        }
        #expect(try await faults(workload, acknowledged: workload.requests.count) == [])
        await service.stop()
    }

    @Test("Of two services one is killed in the middle of it; the other goes on, and waits for no lock of the dead")
    func killedService() async throws {
        var services = [try await start("log-0"), try await start("log-1")]
        let workload = try Workload(info: try #require(await services[0].send(.GET, "/v1/service")).body)
        let killer = Task { [services] in
            try await Task.sleep(for: .milliseconds(150))
            await services[0].stop(SIGKILL)
        }
        for (i, request) in workload.requests.enumerated() {
            _ = try await send(request, to: i % 2 == 0 ? services : services.reversed())
            try await Task.sleep(for: .milliseconds(20))
        }
        try await killer.value
        #expect(try await faults(workload, acknowledged: workload.requests.count) == [])
        services[0] = try await start("log-2")
        #expect(await services[0].send(.GET, "/readyz")?.status == 200)
        for service in services { await service.stop() }
    }

    @Test("A server that does not answer for a while, and one that lets nobody in, hold requests up and lose none")
    func frozen() async throws {
        let service = try await start()
        let workload = try Workload(info: try #require(await service.send(.GET, "/v1/service")).body)
        for (i, request) in workload.requests.enumerated() {
            guard i == 3 || i == 5 else {
                _ = try await send(request, to: [service])
                continue
            }
            if i == 3 {
                try server.freeze(true)
                async let sent = service.send(.POST, request.path, request.body)
                try await Task.sleep(for: .seconds(2))
                try server.freeze(false)
                let answer = try #require(await sent)
                #expect(answer.status == 200)
            } else {
                server.stop()
                #expect(await service.send(.POST, request.path, request.body)?.status == 503)
                #expect(await service.send(.GET, "/readyz")?.status == 503)
                #expect(await service.send(.GET, "/healthz")?.status == 200)
                try server.start()
                #expect(try await send(request, to: [service]) < 100)
            }
        }
        #expect(try await faults(workload, acknowledged: workload.requests.count) == [])
        await service.stop()
    }

    @Test("A database that goes back under a running service is not written to, and no service starts from it")
    func goesBack() async throws {
        let service = try await start()
        let workload = try Workload(info: try #require(await service.send(.GET, "/v1/service")).body)
        let half = workload.requests.count / 2
        for request in workload.requests[..<half] { _ = try await send(request, to: [service]) }
        let kick =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 't%' AND pid <> pg_backend_pid()"
        // An old copy, such as a replica has that took over too early.
        let old = database + "old"
        for _ in 0..<20 {
            try server.psql(kick)
            if (try? server.psql("CREATE DATABASE \(old) TEMPLATE \(database)")) != nil { break }
        }
        for request in workload.requests[half..<half + 2] { _ = try await send(request, to: [service]) }
        for _ in 0..<20 {
            try server.psql(kick)
            if (try? server.psql("ALTER DATABASE \(database) RENAME TO \(database)new")) != nil { break }
        }
        try server.psql("ALTER DATABASE \(old) RENAME TO \(database)")
        let leaves = "SELECT count(*) FROM roundrobin.leaves"
        let before = try server.psql(leaves, database: database)
        for _ in 0..<3 {
            let request = workload.requests[half + 2]
            #expect(await service.send(.POST, request.path, request.body)?.status == 503)
        }
        #expect(try server.psql(leaves, database: database) == before)
        await service.stop()
        await #expect {
            _ = try await start("again")
        } throws: { ($0 as? ServiceProgram.NotListening)?.said.contains("gone back") == true }
        // The right database again.
        try server.psql("DROP DATABASE \(database) WITH (FORCE)")
        try server.psql("ALTER DATABASE \(database)new RENAME TO \(database)")
        let again = try await start("again")
        for request in workload.requests[(half + 2)...] { _ = try await send(request, to: [again]) }
        #expect(try await faults(workload, acknowledged: workload.requests.count) == [])
        await again.stop()
    }

    @Test(
        "What cannot be served is said before anything is made: no record named, a password for all to see, an unsafe server"
    )
    func starts() async throws {
        func said(_ arguments: [String]) async throws -> String {
            let (status, said) = try await Finished.run(
                ServiceProgram.path, ["serve", "--listen", "127.0.0.1:0"] + arguments, output: directory("said"))
            #expect(status != 0)
            return said
        }
        let url = server.url(database)
        #expect(try await said(["--database", url]).contains("--heads"))
        let secret = url.replacing("rr@", with: "rr:secret@")
        let refused = try await said(["--database", secret, "--heads", heads])
        #expect(refused.contains(".pgpass") && !refused.contains("secret"))
        #expect(
            try await said(["--database", "postgres://rr@/none?host=/nowhere", "--heads", heads]).contains("/nowhere"))
        try server.psql("ALTER SYSTEM SET fsync = off")
        try server.psql("SELECT pg_reload_conf()")
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await said(["--database", url, "--heads", heads]).contains("fsync"))
        #expect(try server.psql("SELECT to_regnamespace('roundrobin') IS NULL", database: database) == "t")
    }

    /// Uses a small tmpfs, if this process may mount one.
    @Test("A full disk under the server refuses clearly, loses nothing, and takes everything once there is room")
    func full() async throws {
        let place = "/tmp/rr-ts-" + Hex.encode(Random.bytes(4))
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let isMounted = FaultTableTests.run("mount", ["-t", "tmpfs", "-o", "size=20m,mode=0777", "none", place])
        defer {
            server.stop()
            if isMounted { _ = FaultTableTests.run("umount", ["-l", place]) }
            try? FileManager.default.removeItem(atPath: place)
        }
        // Without the right to mount, `refusals` tests the server's error code alone.
        guard isMounted else { return }
        #expect(FaultTableTests.run("chown", ["postgres", place]))
        try server.psql("CREATE TABLESPACE small LOCATION '\(place)'")
        try server.psql("ALTER DATABASE \(database) SET TABLESPACE small")
        let service = try await start()
        let workload = try Workload(info: try #require(await service.send(.GET, "/v1/service")).body)
        let ballast = place + "/ballast"
        #expect(FaultTableTests.run("sh", ["-c", "dd if=/dev/zero of=\(ballast) bs=4k 2>/dev/null || true"]))
        var acknowledged = 0
        for request in workload.requests {
            let answer = try #require(await service.send(.POST, request.path, request.body))
            guard (200..<300).contains(answer.status) else {
                #expect(answer.status == 507)
                break
            }
            acknowledged += 1
        }
        #expect(acknowledged < workload.requests.count, "it was full")
        try FileManager.default.removeItem(atPath: ballast)
        for request in workload.requests[acknowledged...] { _ = try await send(request, to: [service]) }
        #expect(try await faults(workload, acknowledged: workload.requests.count) == [])
        await service.stop()
    }
}
