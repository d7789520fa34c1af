import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Petitions
import RequestSignatures
import Sodium
import Synchronization

/// An HTTP CONNECT proxy, such as Tor's HTTPTunnelPort.
public struct Proxy: Sendable, Hashable {
    public let host: String
    public let port: Int

    public init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// `http://host:port` or `host:port`. Nil for anything else.
    public init?(_ text: String) {
        let bare = text.hasPrefix("http://") ? String(text.dropFirst(7)) : text
        let parts = bare.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let port = Int(parts[1]), (1...65_535).contains(port) else {
            return nil
        }
        self.init(host: String(parts[0]), port: port)
    }
}

/// Connections to one service. An anonymous one is made for one purpose, carries no signed request ever, and shares
/// nothing with any other: no pool, no cookie, no header but what HTTP needs.
final class Connection: Sendable {
    let serviceURL: String
    private let isAnonymous: Bool
    private let proxy: Proxy?
    private let client: HTTPClient
    private let isClosed = Mutex(false)
    private static let timeout: TimeAmount = .seconds(90)
    private static let maximalAnswer = 64 << 20

    init(serviceURL: String, proxy: Proxy?, anonymous: Bool) {
        self.serviceURL = serviceURL
        isAnonymous = anonymous
        self.proxy = proxy
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        configuration.tlsConfiguration = tls
        configuration.timeout = .init(connect: proxy == nil ? .seconds(15) : Self.timeout, read: Self.timeout)
        // A refused connection is said at once; who asks may try again.
        configuration.connectionPool.retryConnectionEstablishment = false
        if let proxy {
            // Tor isolates streams by these credentials, so each connection gets a circuit of its own.
            configuration.proxy = .server(
                host: proxy.host, port: proxy.port,
                authorization: .basic(username: Hex.encode(Random.bytes(16)), password: Hex.encode(Random.bytes(16))))
        }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func close() async {
        isClosed.withLock { $0 = true }
        try? await client.shutdown()
    }

    /// Who forgets to close, because an error was in the way, does not end the program: HTTPClient traps when it is let go open.
    deinit {
        guard !isClosed.withLock({ $0 }) else { return }
        Task { [client] in try? await client.shutdown() }
    }

    /// Runs `body` with an anonymous connection made for it alone.
    static func anonymous<R>(
        _ serviceURL: String, proxy: Proxy?, _ body: (Connection) async throws -> R
    ) async throws -> R {
        let connection = Connection(serviceURL: serviceURL, proxy: proxy, anonymous: true)
        do {
            let result = try await body(connection)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }

    /// An unsigned request. Nil for 404 when that is allowed.
    func get(_ path: String) async throws -> [UInt8] { try await send("GET", path, body: [], headers: []) }

    func getIfThere(_ path: String) async throws -> [UInt8]? {
        do { return try await get(path) } catch ClientError.refused(let status, _, _, _) where status == 404 {
            return nil
        }
    }

    func post(_ path: String, _ body: [UInt8]) async throws -> [UInt8] {
        try await send("POST", path, body: body, headers: [("content-type", "application/octet-stream")])
    }

    /// Posts what may be held back: nil when the service has taken it and has no receipt yet.
    func postToBeHeld(_ path: String, _ body: [UInt8]) async throws -> [UInt8]? {
        let (status, answer) = try await exchange(
            "POST", path, body: body, headers: [("content-type", "application/octet-stream")])
        return status == 202 ? nil : answer
    }

    /// Posts a statement, and again when the connection breaks: the same bytes get the same receipt.
    func postAgain(_ path: String, _ body: [UInt8]) async throws -> [UInt8] {
        for wait in [100, 1000] {
            do { return try await post(path, body) } catch ClientError.unreachable {
                try await Task.sleep(for: .milliseconds(wait))
            }
        }
        return try await post(path, body)
    }

    /// A request that the member signs.
    func signed(
        _ method: String, _ path: String, query: String = "", body: [UInt8] = [], by key: borrowing SigningKey
    ) async throws -> [UInt8] {
        precondition(!isAnonymous, "an anonymous connection never carries a signed request")
        let prefix = URLComponents(string: serviceURL)?.path ?? ""
        let headers = SignedRequest.headers(
            method: method, path: prefix + path, query: query, body: body,
            created: UInt64(max(0, Date().timeIntervalSince1970)), by: key)
        return try await send(method, path + (query.isEmpty ? "" : "?" + query), body: body, headers: headers)
    }

    private struct Problem: Decodable {
        let title: String?
        let detail: String?
        let rule: String?
    }

    private func send(
        _ method: String, _ path: String, body: [UInt8], headers: [(name: String, value: String)]
    ) async throws -> [UInt8] {
        try await exchange(method, path, body: body, headers: headers).answer
    }

    private func exchange(
        _ method: String, _ path: String, body: [UInt8], headers: [(name: String, value: String)]
    ) async throws -> (status: Int, answer: [UInt8]) {
        var request = HTTPClientRequest(url: serviceURL + path)
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        let status: Int
        let answer: [UInt8]
        do {
            let response = try await client.execute(request, timeout: Self.timeout)
            status = Int(response.status.code)
            answer = Array(buffer: try await response.body.collect(upTo: Self.maximalAnswer))
        } catch { throw ClientError.unreachable(Self.reason(error), proxy: proxy.map { "\($0.host):\($0.port)" }) }
        guard (200..<300).contains(status) else {
            let problem = try? JSONDecoder().decode(Problem.self, from: Data(answer))
            throw ClientError.refused(
                status: status, title: problem?.title ?? "",
                detail: problem?.detail ?? "", rule: problem?.rule)
        }
        return (status, answer)
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError where error == .deadlineExceeded || error == .connectTimeout: "timedOut"
        case let error as HTTPClientError where error == .invalidURL || error == .emptyHost: "notURL"
        case let error as HTTPClientError: error.shortDescription
        default: "noConnection"
        }
    }
}
