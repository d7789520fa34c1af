import Foundation
import TestSupport
import Testing

/// Programs that others wrote, in the Python environment that `make interop` makes. That it is missing is a failure.
enum ForeignTools {
    private static let python = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".build/interop/bin/python")

    private static func process(_ arguments: [String], in directory: String? = nil) throws -> Process {
        try #require(
            FileManager.default.isExecutableFile(atPath: python.path), "make interop installs what this test needs")
        let process = Process()
        process.executableURL = python
        process.arguments = arguments
        if let directory { process.currentDirectoryURL = URL(filePath: directory) }
        process.standardInput = FileHandle.nullDevice
        return process
    }

    /// On a thread of its own: the services that a program talks to run on the few that tests share.
    /// - Parameter directory: where it may leave things.
    static func run(
        _ arguments: [String], in directory: String? = nil
    ) async throws -> (status: Int32, output: String) {
        let process = try process(arguments, in: directory)
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, pipe)
        try process.run()
        return await Blocking.run {
            let output = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: output, as: UTF8.self))
        }
    }

    /// A server that says where it listens, until it is stopped.
    final class Server: Sendable {
        let url: String
        private let identifier: Int32

        /// - Parameter log: the file that takes what it says, so that no pipe can fill up.
        init(_ arguments: [String], log: String) async throws {
            let process = try ForeignTools.process(arguments)
            _ = FileManager.default.createFile(atPath: log, contents: nil)
            let output = try #require(FileHandle(forWritingAtPath: log))
            (process.standardOutput, process.standardError) = (output, output)
            try process.run()
            identifier = process.processIdentifier
            var url: String?
            for _ in 0..<500 where url == nil && process.isRunning {
                try await Task.sleep(for: .milliseconds(20))
                let text = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
                url = text.firstMatch(of: /listening on (http:\/\/[0-9.:]+)/).map { String($0.1) }
            }
            guard let url else {
                kill(identifier, SIGKILL)
                throw Absent()
            }
            self.url = url
        }

        func stop() { kill(identifier, SIGKILL) }
    }
}

/// Work that blocks, away from the threads on which everything else waits its turn.
enum Blocking {
    static func run<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
        await withCheckedContinuation { answer in
            Thread.detachNewThread { answer.resume(returning: body()) }
        }
    }
}
