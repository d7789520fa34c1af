import AsyncHTTPClient
import Client
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

/// The real service on a loopback port, on a database in a directory of its own.
final class RunningService: Sendable {
    let url: String
    let port: Int
    private let task: Task<Void, any Error>

    private init(url: String, port: Int, task: Task<Void, any Error>) {
        (self.url, self.port, self.task) = (url, port, task)
    }

    static func start(
        database: String, name: String = "test.example", port: Int = 0,
        limits: ServiceConfiguration.Limits = .init(), witnesses: String? = nil,
        heads: String? = nil, tls: TLSFiles? = nil, mix: ServiceConfiguration.Mix? = nil,
        clock: @escaping @Sendable () -> UInt64 = Member.systemClock
    ) async throws -> RunningService {
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "test") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .critical
        var configuration = ServiceConfiguration(host: "127.0.0.1", port: port, database: database, name: name)
        configuration.headsPath = heads
        configuration.limits = limits
        configuration.witnesses = try witnesses.map { try WitnessPolicy(parsing: Array($0.utf8)) }
        (configuration.tls, configuration.mix) = (tls, mix)
        configuration.witnessPatience = .seconds(1)
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

    /// A plain request, for what the client library would never send.
    func send(
        _ method: String, _ path: String, body: [UInt8] = [], headers: [(String, String)] = []
    ) async throws -> (status: Int, headers: HTTPHeaders, body: [UInt8]) {
        var request = HTTPClientRequest(url: url + path)
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        return (
            Int(response.status.code), response.headers, Array(buffer: try await response.body.collect(upTo: 64 << 20))
        )
    }
}

/// A workplace on a running service, with members who have keystores.
final class LiveWorkplace {
    let directory: TemporaryDirectory
    let service: RunningService
    private(set) var members: [Member] = []
    static let cost = PasswordHash(passes: 1, memory: 8192, salt: [UInt8](repeating: 1, count: 16))!

    static func passphrase() -> SecretBytes {
        var bytes = Array("passphrase".utf8)
        return SecretBytes(moving: &bytes)
    }

    init(
        members count: Int, service: RunningService, directory: TemporaryDirectory, proxy: Proxy? = nil,
        clock: @escaping @Sendable () -> UInt64 = Member.systemClock
    ) async throws {
        (self.service, self.directory) = (service, directory)
        let founder = try await Member.found(
            at: service.url, eligible: 20, in: directory("home-1"), passphrase: Self.passphrase(), cost: Self.cost,
            proxy: proxy, clock: clock)
        members = [founder]
        if count > 1 {
            for (i, url) in try await founder.invite(count: count - 1, note: nil).enumerated() {
                members.append(
                    try await Member.join(
                        .init(parsing: url), in: directory("home-\(i + 2)"), passphrase: Self.passphrase(),
                        cost: Self.cost,
                        proxy: proxy, clock: clock))
            }
        }
    }

    func join(_ url: String) async throws -> Member {
        let member = try await Member.join(
            .init(parsing: url), in: directory("home-\(members.count + 1)"), passphrase: Self.passphrase(),
            cost: Self.cost)
        members.append(member)
        return member
    }

    /// Drafts, prepares, offers, assembles, accepts and opens a petition with one demand.
    func openPetition(
        trustees: Int = 2, threshold: UInt8 = 1, closes: UInt64 = 0, levels: [UInt32] = [], demands: Int = 1
    ) async throws -> Client.PetitionSummary {
        let founder = members[0]
        var drafts: [Draft] = []
        for number in 0..<demands - 1 {
            drafts.append(
                try await members[1].newDraft(language: "en", title: "Demand \(number + 2)", text: "We ask \(number)."))
            try await founder.adopt(drafts[number].id, revision: 1)
        }
        let draft = try await members[1].newDraft(language: "en", title: "A demand", text: "We ask.\nTwice.")
        try await founder.adopt(draft.id, revision: draft.revision)
        let plan = try await founder.prepare(
            PetitionPlan(
                language: "en", title: "Guardrails", preamble: "",
                drafts: ([draft] + drafts).map { ($0.id, $0.revision) },
                trustees: members.prefix(trustees).map(\.signKey), threshold: threshold, quorum: 2, closes: closes,
                levels: levels))
        let id = try await open(plan, trustees: trustees)
        guard let summary = try await founder.petitions().first(where: { $0.id == id }) else { throw Absent() }
        return summary
    }

    /// Offers, assembles, accepts and opens what was prepared.
    func open(_ plan: ID<Object>, trustees: Int) async throws -> ID<Petition> {
        for member in members.prefix(trustees) { try await member.offer(plan) }
        _ = try await members[0].assemble(plan)
        for member in members.prefix(trustees) {
            await #expect(throws: ClientError.self, "not read yet") { try await member.accept(plan) }
            _ = try await member.preview(plan)
            _ = try await member.accept(plan)
        }
        return try await members[0].openPetition(plan)
    }

    func close() async {
        for member in members { await member.close() }
        await service.stop()
    }
}
