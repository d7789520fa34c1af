import ChildProcesses
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import TestSupport
import Testing

/// `roundrobin-service serve` as a process of its own, with the environment that a fault asks for.
final class ServiceProgram: Sendable {
    let url: String
    var identifier: Int32 { process.identifier }
    private let log: String
    private let process: ChildProcess

    static let path = BuiltProgram.service

    /// - Parameters:
    ///   - command: the program to run; `roundrobin` itself if empty.
    ///   - log: the file that its output goes to.
    init(
        database: String, environment: [String: String] = [:], command: [String] = [], log: String,
        _ more: [String] = [],
        socket: String? = nil
    ) async throws {
        let arguments =
            command + [
                Self.path, "serve", "--database", database, "--listen", socket.map { "unix:\($0)" } ?? "127.0.0.1:0",
                "--name", "test.example",
            ] + more
        let process = try ChildProcess(logging: arguments, environment: environment, to: log)
        (self.log, self.process) = (log, process)
        var port: String?
        for _ in 0..<1500 where port == nil && process.isRunning {
            try await Task.sleep(for: .milliseconds(10))
            let text = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
            // In text or JSON form.
            port = text.firstMatch(of: /port(=|":")([0-9]+)/).map { String($0.2) }
            if let socket, text.contains("socket") { port = socket }
        }
        guard let port else {
            process.send(SIGKILL)
            throw NotListening(
                said: String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self))
        }
        let scheme = more.contains("--tls-key") ? "https" : "http"
        url =
            socket.flatMap { URL(httpURLWithSocketPath: $0, uri: "")?.absoluteString }
            ?? "\(scheme)://127.0.0.1:\(port)"
    }

    struct NotListening: Error { let said: String }

    /// Waits until it has ended by itself.
    /// - Returns: its exit status and its output.
    func end() async throws -> (status: Int32, said: String) {
        var end = process.end
        while end == nil {
            try await Task.sleep(for: .milliseconds(10))
            end = process.end
        }
        guard case .exited(let status) = end else { throw Absent() }
        return (
            status,
            String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
        )
    }

    func stop(_ signal: Int32 = SIGTERM) async {
        process.send(signal)
        while process.isRunning { try? await Task.sleep(for: .milliseconds(5)) }
    }

    func send(_ method: HTTPMethod, _ path: String, _ body: [UInt8] = []) async -> (status: Int, body: [UInt8])? {
        await Caller(url: url).send(method, path, body)
    }
}

/// Sends plain requests.
struct Caller {
    let url: String
    var patience = TimeAmount.seconds(60)
    /// Does not check certificates.
    private static let careless = {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: .init(tlsConfiguration: tls))
    }()

    /// - Returns: nil if there was no response.
    func send(_ method: HTTPMethod, _ path: String, _ body: [UInt8] = []) async -> (status: Int, body: [UInt8])? {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        // The client sends no Host header over a Unix socket.
        if url.hasPrefix("http+unix") { request.headers.add(name: "host", value: "localhost") }
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        guard
            let response = try? await (url.hasPrefix("https") ? Self.careless : .shared).execute(
                request, timeout: patience),
            let body = try? await response.body.collect(upTo: 1 << 22)
        else { return nil }
        return (Int(response.status.code), Array(buffer: body))
    }
}
