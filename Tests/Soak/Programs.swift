import ChildProcesses
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport

/// A program that listens on a port, as its own process.
final class Running: Sendable {
    struct DidNotStart: Error { let said: String }

    let url: String
    let said: String
    private let process: ChildProcess
    var identifier: Int32 { process.identifier }

    /// Waits until it listens.
    /// - Throws: `DidNotStart` if it ends before that.
    init(_ program: String, _ arguments: [String], environment: [String: String] = [:], log: String) async throws {
        process = try ChildProcess(logging: [program] + arguments, environment: environment, to: log)
        func text() -> String { String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self) }
        var port: Substring?
        while port == nil {
            port = text().firstMatch(of: /port=([0-9]+)/)?.1
            guard port == nil else { break }
            guard process.isRunning else { throw DidNotStart(said: text()) }
            try await Task.sleep(for: .milliseconds(5))
        }
        url = "http://127.0.0.1:\(port ?? "0")"
        said = text()
    }

    func end(_ signal: Int32) async {
        process.send(signal)
        while process.isRunning { try? await Task.sleep(for: .milliseconds(3)) }
    }

    /// A client that does not keep retrying a service that is gone until the time is over.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// - Returns: nil if there was no response.
    func send(
        _ method: HTTPMethod, _ path: String, _ body: [UInt8] = [], patience: TimeAmount = .seconds(60)
    ) async -> (status: UInt, body: [UInt8])? {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        guard let response = try? await Self.client.execute(request, timeout: patience),
            let body = try? await response.body.collect(upTo: 8 << 20)
        else { return nil }
        return (response.status.code, Array(buffer: body))
    }
}

/// The file that controls `soak_faults.c`.
final class FaultControl: Sendable {
    let path: String

    init(_ path: String) throws {
        self.path = path
        try Data(count: 16).write(to: URL(filePath: path))
    }

    /// Writes in place, because the service has the file mapped.
    func set(clock seconds: Int64 = 0, diskIsFull: Bool = false) throws {
        guard let file = FileHandle(forWritingAtPath: path) else { throw CocoaError(.fileWriteUnknown) }
        var values = [seconds, diskIsFull ? 1 : 0]
        try file.write(contentsOf: Data(bytes: &values, count: 16))
        try file.close()
    }
}
