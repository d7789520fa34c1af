import ChildProcesses
import Foundation
import TestSupport
import Testing

/// Runs programs by others, in the Python environment that `make interop` makes. If it is missing, the tests fail.
enum ForeignTools {
    private static let python = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".build/interop/bin/python")

    private static func command(_ arguments: [String]) throws -> [String] {
        try #require(
            FileManager.default.isExecutableFile(atPath: python.path), "make interop installs what this test needs")
        return [python.path] + arguments
    }

    /// Runs a program on its own thread, because the services that it talks to run on the few threads that tests share.
    /// - Parameter directory: where it may write files.
    static func run(
        _ arguments: [String], in directory: String? = nil
    ) async throws -> (status: Int32, output: String) {
        let command = try command(arguments)
        let said = try await Blocking.run { Result { try ChildProcess.run(command, directory: directory) } }.get()
        return (try #require(said.status), said.output + said.error)
    }

    /// A server that prints where it listens, and runs until it is stopped.
    final class Server: Sendable {
        let url: String
        private let process: ChildProcess

        /// - Parameter log: the file that its output goes to, so that no pipe can fill up.
        init(_ arguments: [String], log: String) async throws {
            let process = try ChildProcess(logging: ForeignTools.command(arguments), to: log)
            self.process = process
            var url: String?
            for _ in 0..<500 where url == nil && process.isRunning {
                try await Task.sleep(for: .milliseconds(20))
                let text = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
                url = text.firstMatch(of: /listening on (http:\/\/[0-9.:]+)/).map { String($0.1) }
            }
            guard let url else {
                process.send(SIGKILL)
                throw Absent()
            }
            self.url = url
        }

        func stop() { process.send(SIGKILL) }
    }
}

/// Runs blocking work away from the threads on which everything else waits for its turn.
enum Blocking {
    static func run<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { answer in
            Thread.detachNewThread { answer.resume(returning: body()) }
        }
    }
}
