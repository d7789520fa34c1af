import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import TestSupport
import Testing

/// `roundrobin serve` as a process of its own, with the environment that a fault asks for.
final class ServiceProgram: Sendable {
    let url: String
    let identifier: Int32
    private let log: String
    private let process: Process

    static let path = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "roundrobin").path

    /// - Parameters:
    ///   - command: what runs; the program itself when empty.
    ///   - log: the file that takes what it says.
    init(
        database: String, environment: [String: String] = [:], command: [String] = [], log: String,
        _ more: [String] = [],
        socket: String? = nil
    ) async throws {
        let process = Process()
        let arguments =
            command + [
                Self.path, "serve", "--database", database, "--listen", socket.map { "unix:\($0)" } ?? "127.0.0.1:0",
                "--name", "test.example",
            ] + more
        process.executableURL = URL(filePath: arguments[0])
        process.arguments = Array(arguments.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let output = try #require(FileHandle(forWritingAtPath: log))
        (process.standardOutput, process.standardError) = (output, output)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        (identifier, self.log, self.process) = (process.processIdentifier, log, process)
        var port: String?
        for _ in 0..<1500 where port == nil && process.isRunning {
            try await Task.sleep(for: .milliseconds(10))
            let text = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
            // As text or as JSON.
            port = text.firstMatch(of: /port(=|":")([0-9]+)/).map { String($0.2) }
            if let socket, text.contains("socket") { port = socket }
        }
        guard let port else {
            kill(identifier, SIGKILL)
            throw NotListening(
                said: String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self))
        }
        let scheme = more.contains("--tls-key") ? "https" : "http"
        url =
            socket.flatMap { URL(httpURLWithSocketPath: $0, uri: "")?.absoluteString }
            ?? "\(scheme)://127.0.0.1:\(port)"
    }

    struct NotListening: Error { let said: String }

    /// Whether it runs; one that has ended and that Foundation has not taken notice of yet does not.
    private var isRunning: Bool {
        let status = FileManager.default.contents(atPath: "/proc/\(identifier)/stat") ?? Data()
        // "pid (name) state ..."
        guard let end = status.lastIndex(of: UInt8(ascii: ")")) else { return false }
        return status.dropFirst(status.distance(from: status.startIndex, to: end) + 2).first != UInt8(ascii: "Z")
    }

    /// Waits until it has ended by itself.
    /// - Returns: its exit status, and what it said.
    func end() async throws -> (status: Int32, said: String) {
        while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
        return (
            process.terminationStatus,
            String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
        )
    }

    func stop(_ signal: Int32 = SIGTERM) async {
        kill(identifier, signal)
        while isRunning { try? await Task.sleep(for: .milliseconds(5)) }
    }

    func send(_ method: HTTPMethod, _ path: String, _ body: [UInt8] = []) async -> (status: Int, body: [UInt8])? {
        await Caller(url: url).send(method, path, body)
    }
}

/// A program that ends by itself, waited for without a thread; one that does not is killed.
enum Finished {
    static func run(_ program: String, _ arguments: [String], output: String) async throws -> (
        status: Int32, said: String
    ) {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        _ = FileManager.default.createFile(atPath: output, contents: nil)
        let file = try #require(FileHandle(forWritingAtPath: output))
        (process.standardOutput, process.standardError) = (file, file)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        for _ in 0..<3000 where process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
        guard !process.isRunning else {
            kill(process.processIdentifier, SIGKILL)
            throw Absent()
        }
        return (
            process.terminationStatus,
            String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self)
        )
    }
}

/// Plain requests.
struct Caller {
    let url: String
    var patience = TimeAmount.seconds(60)
    /// With certificates that are not looked at.
    private static let careless = {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: .init(tlsConfiguration: tls))
    }()

    /// - Returns: the status; nil when there was no answer.
    func send(_ method: HTTPMethod, _ path: String, _ body: [UInt8] = []) async -> (status: Int, body: [UInt8])? {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        // The client names no host over a Unix socket.
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
