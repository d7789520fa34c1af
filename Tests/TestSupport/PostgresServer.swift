import ChildProcesses
import Foundation
import Sodium
import Synchronization

/// A PostgreSQL server for tests, from the machine's packages, on a Unix socket in its own directory. It ends with this
/// process, however that ends. If the packages are missing, the tests fail: `make test-dependencies` installs them.
public final class PostgresServer: Sendable {
    public struct Failed: Error, CustomStringConvertible {
        public let description: String
    }

    /// The server for all tests that do not need their own.
    public static let shared = Result { try PostgresServer() }

    private let directory: String
    private let shell = Mutex<(process: ChildProcess, standing: Pipe)?>(nil)

    /// - Parameter settings: such as `max_connections = 50`.
    public init(_ settings: [String] = []) throws {
        // A socket's path must be short.
        directory = "/tmp/rr-pg-" + Hex.encode(Random.bytes(6))
        try Self.asOwner(["mkdir", "-m", "700", directory])
        try Self.asOwner(
            [
                Self.program("initdb"), "-D", directory + "/data", "-U", "rr", "-E", "UTF8", "--locale=C",
                "--auth=trust",
                "--no-sync",
            ])
        let all = [
            "listen_addresses = ''", "unix_socket_directories = '\(directory)'", "logging_collector = off",
            "log_min_messages = fatal", "max_connections = 100",
        ]
        try Self.asOwner(
            ["sh", "-c", #"printf '%s\n' "$@" >>"$0""#, directory + "/data/postgresql.conf"] + all + settings)
        try start()
    }

    // The pipe closes with this value or this process; the shell then does the rest.
    deinit {
        if let running = shell.withLock({ $0 }) {
            try? running.standing.fileHandleForWriting.close()
        } else {
            _ = try? Self.asOwner(["rm", "-rf", directory])
        }
    }

    /// Debian keeps the programs outside of the path, by version.
    private static func program(_ name: String) -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.sorted { Int($0) ?? 0 < Int($1) ?? 0 }.last
        return newest.map { "\(root)/\($0)/bin/\(name)" } ?? name
    }

    /// PostgreSQL refuses to run as root.
    private static func owned(_ command: [String]) -> [String] {
        getuid() == 0
            ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] + command : command
    }

    @discardableResult
    private static func asOwner(_ command: [String]) throws -> String {
        let said = try ChildProcess.run(owned(command), directory: "/")
        guard said.status == 0 else {
            throw Failed(description: "\(command.joined(separator: " ")): \(said.output) \(said.error)")
        }
        return said.output
    }

    /// Starts the server, or restarts it after a crash, and waits until it responds.
    public func start() throws {
        let (standing, answer) = (Pipe(), Pipe())
        // The shell stops the server when the pipe closes, as it does when this process ends, and then deletes its
        // files unless it is told to keep them.
        let command = Self.owned([
            "sh", "-c",
            #"""
            "$0" -D "$1/data" -l "$1/log" -w -t 3600 -s start && echo started; exec >/dev/null 2>&1
            read -r line; "$0" -D "$1/data" -m immediate -w -t 3600 stop; [ "$line" = keep ] || rm -rf "$1"
            """#, Self.program("pg_ctl"), directory,
        ])
        let process = try ChildProcess(
            command, directory: "/", input: .pipe(standing), output: .pipe(answer), error: .nothing)
        guard String(decoding: answer.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) == "started\n" else {
            let log = try? Self.asOwner(["cat", directory + "/log"])
            throw Failed(description: "PostgreSQL does not start: \(log ?? "")")
        }
        shell.withLock { $0 = (process, standing) }
    }

    /// Ends the server's process and all its children, as a power cut of the machine would, except that the disk's
    /// cache is kept.
    public func kill() throws {
        let pid = try Self.asOwner(["head", "-n1", directory + "/data/postmaster.pid"])
            .trimmingCharacters(in: .whitespacesAndNewlines)
        _ = try? Self.asOwner(["pkill", "-KILL", "-P", pid])
        _ = try? Self.asOwner(["kill", "-KILL", pid])
        stop()
    }

    /// Stops the server at once, without a shutdown checkpoint.
    public func stop() {
        let running = shell.withLock { shell in
            defer { shell = nil }
            return shell
        }
        guard let running else { return }
        try? running.standing.fileHandleForWriting.write(contentsOf: Data("keep\n".utf8))
        running.process.wait()
    }

    /// Suspends every process of the server, or resumes them: while suspended it accepts connections but does not
    /// respond.
    public func freeze(_ isFrozen: Bool) throws {
        let pid = try Self.asOwner(["head", "-n1", directory + "/data/postmaster.pid"])
            .trimmingCharacters(in: .whitespacesAndNewlines)
        for command in [
            ["pkill", isFrozen ? "-STOP" : "-CONT", "-P", pid], ["kill", isFrozen ? "-STOP" : "-CONT", pid],
        ] {
            _ = try? Self.asOwner(command)
        }
    }

    /// Runs SQL as the superuser.
    /// - Returns: its output, unaligned.
    @discardableResult
    public func psql(_ sql: String, database: String = "postgres") throws -> String {
        try Self.asOwner(
            [
                "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", directory, "-U", "rr", "-d", database,
                "-c", sql,
            ]
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    public func url(_ database: String) -> String { "postgres://rr@/\(database)?host=\(directory)" }

    /// Makes a database and returns its name.
    public func makeDatabase() throws -> String {
        let name = "t" + Hex.encode(Random.bytes(6))
        try psql("CREATE DATABASE \(name)")
        return name
    }
}
