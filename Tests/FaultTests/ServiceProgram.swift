import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// `roundrobin serve` as a process of its own, with the environment that a fault asks for.
final class ServiceProgram: Sendable {
    let url: String
    let identifier: Int32
    private let log: String

    static let path = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "roundrobin").path

    /// - Parameters:
    ///   - command: what runs; the program itself when empty.
    ///   - log: the file that takes what it says.
    init(
        database: String, environment: [String: String] = [:], command: [String] = [], log: String,
        _ more: [String] = []
    ) async throws {
        let process = Process()
        let arguments =
            command + [
                Self.path, "serve", "--database", database, "--listen", "127.0.0.1:0", "--name", "test.example",
            ] + more
        process.executableURL = URL(filePath: arguments[0])
        process.arguments = Array(arguments.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let output = try #require(FileHandle(forWritingAtPath: log))
        (process.standardOutput, process.standardError) = (output, output)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        (identifier, self.log) = (process.processIdentifier, log)
        var port: String?
        for _ in 0..<1500 where port == nil && process.isRunning {
            try await Task.sleep(for: .milliseconds(10))
            let text = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
            port = text.firstMatch(of: /port=([0-9]+) \[roundrobin\] listening/).map { String($0.1) }
        }
        guard let port else {
            kill(identifier, SIGKILL)
            throw NotListening(
                said: String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self))
        }
        url = "http://127.0.0.1:\(port)"
    }

    struct NotListening: Error { let said: String }

    func stop(_ signal: Int32 = SIGTERM) async {
        kill(identifier, signal)
        // Foundation reaps it; until then the directory in /proc is there.
        while kill(identifier, 0) == 0 { try? await Task.sleep(for: .milliseconds(5)) }
    }

    func send(_ method: HTTPMethod, _ path: String, _ body: [UInt8] = []) async -> (status: Int, body: [UInt8])? {
        await Caller(url: url).send(method, path, body)
    }
}

/// Plain requests.
struct Caller {
    let url: String

    /// - Returns: the status; nil when there was no answer.
    func send(_ method: HTTPMethod, _ path: String, _ body: [UInt8] = []) async -> (status: Int, body: [UInt8])? {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        guard let response = try? await HTTPClient.shared.execute(request, timeout: .seconds(60)),
            let body = try? await response.body.collect(upTo: 1 << 22)
        else { return nil }
        return (Int(response.status.code), Array(buffer: body))
    }
}
