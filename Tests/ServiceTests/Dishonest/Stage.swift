import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Sodium
import Synchronization
import TestSupport
import Testing
import TransparencyLog

@testable import Client

/// A workplace whose members reach the service through its dishonest operator, and copies of their devices.
final class Stage {
    let directory: TemporaryDirectory
    let service: RunningService
    let inspector: Operator
    let workplace: LiveWorkplace
    let books: Books
    private var copies = 0

    var members: [Member] { workplace.members }
    var workplaceID: ID<Workplace> { members[0].workplaceID }

    init(members: Int, clock: @escaping @Sendable () -> UInt64 = Device.systemClock) async throws {
        directory = try TemporaryDirectory()
        books = Books(database: directory("a.sqlite"))
        service = try await RunningService.start(database: books.database, clock: clock)
        inspector = try await Operator.start(before: service.port)
        workplace = try await LiveWorkplace(
            members: members, service: service, directory: directory, at: inspector.url, clock: clock)
    }

    func close() async {
        await workplace.close()
        await inspector.stop()
    }

    // MARK: Logs

    func face() async throws -> Face { try await books.face(LogPath.workplace(workplaceID), service) }
    func face(_ id: ID<Petition>) async throws -> Face { try await books.face(LogPath.petition(id), service) }

    // MARK: Devices

    /// A copy of a member's device in its present state.
    func copy(of member: Member) throws -> String {
        copies += 1
        let path = directory("copy-\(copies)")
        try FileManager.default.copyItem(atPath: member.device.keystore.directory, toPath: path)
        return path
    }

    func copy(_ path: String) throws -> String {
        copies += 1
        let other = directory("copy-\(copies)")
        try FileManager.default.copyItem(atPath: path, toPath: other)
        return other
    }

    func open(_ path: String, clock: @escaping @Sendable () -> UInt64 = Device.systemClock) throws -> Member {
        try Member.open(path, passphrase: LiveWorkplace.passphrase(), clock: clock)
    }

    /// A device that starts as a copy of this one.
    func device(like path: String, clock: @escaping @Sendable () -> UInt64 = Device.systemClock) throws -> Member {
        try open(try copy(path), clock: clock)
    }
}

/// What an operation sent, connection by connection, and what it received.
struct Wire: Equatable, CustomStringConvertible {
    struct Message: Equatable, CustomStringConvertible {
        let line: String
        let headers: [Operator.Header]
        let length: Int

        init(_ request: Operator.Request) {
            line = "\(request.method) \(request.path)\(request.query.isEmpty ? "" : "?" + request.query)"
            (headers, length) = (request.headers, request.body.count)
        }

        var description: String { "\(line) \(headers.map { "\($0.name): \($0.value)" }) \(length)" }
    }

    let connections: [[Message]]
    /// The operator decides what is served, and it must be the same for a comparison to be meaningful. Without the
    /// response to a sending, whose receipt is for bytes that differ from device to device.
    let answers: [[UInt8]]

    /// - Parameter runs: how many connections are compared; nil for all.
    init(_ exchanges: [Operator.Exchange], runs: Int? = nil) {
        var order: [Int] = []
        for exchange in exchanges where !order.contains(exchange.request.connection) {
            order.append(exchange.request.connection)
        }
        let seen = order.prefix(runs ?? order.count)
        connections = seen.map { number in
            exchanges.filter { $0.request.connection == number }.map { Message($0.request) }
        }
        answers = exchanges.filter { seen.contains($0.request.connection) && !$0.request.isSending }
            .map { $0.response?.body ?? [] }
    }

    var sendings: Int { connections.joined().count { $0.line.hasPrefix("POST ") } }

    var description: String {
        connections.enumerated().map { "#\($0):\n  " + $1.map(\.description).joined(separator: "\n  ") }
            .joined(separator: "\n")
    }
}

/// Rules that hold for everything that a client ever sends.
enum WireRules {
    static func check(_ exchanges: [Operator.Exchange], _ comment: String = "") {
        let byConnection = Dictionary(grouping: exchanges.map(\.request), by: \.connection)
        for requests in byConnection.values {
            if requests.contains(where: \.isSending) { #expect(requests.count == 1, "\(comment): not alone") }
            let isReading = requests.contains { request in
                request.path.hasPrefix("/workplace/") || request.path.hasPrefix("/petition/")
                    || request.path.hasSuffix("/document") || request.path.hasSuffix("/names")
                    || request.path.contains("/wraps/") && request.path.last?.isNumber == true
            }
            if isReading { #expect(!requests.contains { $0.isSigned }, "\(comment): signed where logs are read") }
            for request in requests {
                let names = Set(request.headers.map { $0.name.lowercased() })
                var allowed: Set = ["host", "content-length"]
                if request.method != "GET" { allowed.insert("content-type") }
                if request.isSigned {
                    allowed.formUnion(["content-digest", "signature", "signature-input"])
                }
                #expect(names.isSubset(of: allowed), "\(comment): \(names) on \(request.path)")
                #expect(names.count == request.headers.count, "\(comment): a header twice")
            }
        }
    }
}

/// A clock that a test sets, for the service and the devices.
final class MovedClock: Sendable {
    private let ahead = Mutex<Int>(0)

    var now: UInt64 { UInt64(Int(Device.systemClock()) + ahead.withLock { $0 }) }

    func set(ahead seconds: Int) { ahead.withLock { $0 = seconds } }
}
