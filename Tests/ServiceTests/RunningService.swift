import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Petitions
import Service
import Sodium
import TestSupport
import Testing
import TransparencyLog

/// The real service on a loopback port, with a database in its own directory.
final class RunningService: Sendable {
    let url: String
    let port: Int
    private let task: Task<Void, any Error>

    private init(url: String, port: Int, task: Task<Void, any Error>) {
        (self.url, self.port, self.task) = (url, port, task)
    }

    /// - Parameters:
    ///   - patience: longer than a busy machine needs; if a witness is down, the connection to it is refused at once.
    ///   - silence: short, so that a witness that comes back is soon asked.
    static func start(
        database: String, name: String = "test.example", port: Int = 0,
        limits: ServiceConfiguration.Limits = .init(), witnesses: String? = nil,
        heads: String? = nil, tls: TLSFiles? = nil, mix: ServiceConfiguration.Mix? = nil,
        patience: Duration = .seconds(30), silence: Duration = .seconds(1),
        refresh: (age: Duration, look: Duration)? = nil, metrics: Int? = nil, foundingToken: String? = nil,
        clock: @escaping @Sendable () -> UInt64 = { UInt64(Date().timeIntervalSince1970) }
    ) async throws -> RunningService {
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "test") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .critical
        var configuration = ServiceConfiguration(host: "127.0.0.1", port: port, database: database, name: name)
        configuration.headsPath = heads
        configuration.limits = limits
        configuration.witnesses = try witnesses.map { try WitnessPolicy(parsing: Array($0.utf8)) }
        (configuration.tls, configuration.mix) = (tls, mix)
        (configuration.witnessPatience, configuration.witnessSilence) = (patience, silence)
        configuration.metrics = metrics.map { ("127.0.0.1", $0) }
        configuration.foundingToken = foundingToken
        if let refresh { (configuration.witnessAge, configuration.witnessLook) = refresh }
        let service = try await PetitionService(
            configuration, logger: logger, clock: clock, onListening: { found.yield($0) })
        let task = Task {
            defer { found.finish() }
            try await service.run()
        }
        guard let port = await ports.first(where: { _ in true }) else {
            try await task.value
            throw Absent()
        }
        return RunningService(url: "\(tls == nil ? "http" : "https")://127.0.0.1:\(port)", port: port, task: task)
    }

    func stop() async {
        task.cancel()
        _ = await task.result
    }

    /// The figures for Prometheus.
    func figures(_ port: Int) async throws -> String {
        let response = try await PatientClient.shared.execute(
            HTTPClientRequest(url: "http://127.0.0.1:\(port)/metrics"), timeout: PatientClient.timeout)
        return String(buffer: try await response.body.collect(upTo: 1 << 20))
    }

    /// A plain request, for requests that the client library would never send.
    func send(
        _ method: String, _ path: String, body: [UInt8] = [], headers: [(String, String)] = []
    ) async throws -> (status: Int, headers: HTTPHeaders, body: [UInt8]) {
        var request = HTTPClientRequest(url: url + path)
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await PatientClient.shared.execute(request, timeout: PatientClient.timeout)
        return (
            Int(response.status.code), response.headers, Array(buffer: try await response.body.collect(upTo: 64 << 20))
        )
    }
}
