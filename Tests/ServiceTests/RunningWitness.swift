import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Service
import TestSupport
import Testing
import TransparencyLog

/// The real witness on a loopback port.
final class RunningWitness: Sendable {
    let url: String
    let port: Int
    let key: NoteKey
    private let task: Task<Void, any Error>

    private init(port: Int, key: NoteKey, task: Task<Void, any Error>) {
        (url, self.port, self.key, self.task) = ("http://127.0.0.1:\(port)", port, key, task)
    }

    static func start(
        database: String, name: String = "witness.example/w1", port: Int = 0, services: [NoteKey] = [],
        logs: [NoteKey] = [], clock: @escaping @Sendable () -> UInt64 = { UInt64(Date().timeIntervalSince1970) }
    ) async throws -> RunningWitness {
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "test") { StreamLogHandler.standardError(label: $0) }
        // Forks are logged loudly, and these tests make forks.
        logger.handler.logLevel = .critical
        var configuration = WitnessConfiguration(host: "127.0.0.1", port: port, databasePath: database, name: name)
        (configuration.services, configuration.logs) = (services, logs)
        let witness = try WitnessService(configuration, logger: logger, clock: clock, onListening: { found.yield($0) })
        let task = Task {
            defer { found.finish() }
            try await witness.run()
        }
        guard let port = await ports.first(where: { _ in true }) else {
            try await task.value
            throw Absent()
        }
        return RunningWitness(port: port, key: witness.key, task: task)
    }

    func stop() async {
        task.cancel()
        _ = await task.result
    }

    func send(_ body: String) async throws -> (status: Int, type: String?, body: String) {
        var request = HTTPClientRequest(url: url + "/add-checkpoint")
        request.method = .POST
        request.body = .bytes(ByteBuffer(string: body))
        let response = try await PatientClient.shared.execute(request, timeout: PatientClient.timeout)
        return (
            Int(response.status.code), response.headers.first(name: "content-type"),
            String(buffer: try await response.body.collect(upTo: 1 << 20))
        )
    }

    /// A policy file that requires these witnesses.
    static func policy(_ witnesses: RunningWitness..., urls: Bool = true) -> String {
        let lines = witnesses.enumerated().map { "witness w\($0) \($1.key.text)\(urls ? " " + $1.url : "")\n" }.joined()
        let names = witnesses.indices.map { "w\($0)" }.joined(separator: " ")
        return lines + "group all-of-them all \(names)\nquorum all-of-them\n"
    }
}
