import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import ServiceAPI
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

/// HTTP to one service, for one purpose: no pool, no session and no cookie is shared with any other, no redirect is followed, and no
/// header goes out but what HTTP needs and the caller gives. Only the two connection types have one.
final class Transport: Sendable {
    let serviceURL: String
    private let proxy: Proxy?
    private let client: HTTPClient
    private let isClosed = Mutex(false)
    private static let timeout: TimeAmount = .seconds(90)
    /// For a whole answer, however it drips in.
    private static let patience: Duration = .seconds(180)
    private static let mostBytes = 64 << 20

    init(serviceURL: String, proxy: Proxy?) {
        self.serviceURL = serviceURL
        self.proxy = proxy
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        configuration.tlsConfiguration = tls
        configuration.timeout = .init(connect: proxy == nil ? .seconds(15) : Self.timeout, read: Self.timeout)
        // A refused connection is an error at once; the caller may try again.
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

    /// A caller that forgets to close, because an error was in the way, does not end the program: HTTPClient traps when it is
    /// released open.
    deinit {
        guard !isClosed.withLock({ $0 }) else { return }
        Task { [client] in try? await client.shutdown() }
    }

    /// - Throws: `ClientError.unreachable`, `.refused`.
    func exchange(
        _ method: String, _ path: String, body: [UInt8] = [], headers: [(name: String, value: String)] = []
    ) async throws(ClientError) -> (status: Int, body: [UInt8]) {
        var request = HTTPClientRequest(url: serviceURL + path)
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        let status: Int
        var answer: [UInt8] = []
        let deadline = ContinuousClock.now + Self.patience
        do {
            let response = try await client.execute(request, timeout: Self.timeout)
            status = Int(response.status.code)
            for try await part in response.body {
                guard answer.count + part.readableBytes <= Self.mostBytes else {
                    throw NIOTooManyBytesError(maxBytes: Self.mostBytes)
                }
                guard ContinuousClock.now < deadline else { throw HTTPClientError.deadlineExceeded }
                answer += part.readableBytesView
            }
        } catch { throw .unreachable(Self.reason(error), proxy: proxy.map { "\($0.host):\($0.port)" }) }
        guard (200..<300).contains(status) else { throw .refused(ServiceRefusal(status: status, body: answer)) }
        return (status, answer)
    }

    private static func reason(_ error: any Error) -> ClientError.Unreachable {
        switch error {
        case let error as HTTPClientError where error == .deadlineExceeded || error == .connectTimeout: .timedOut
        case let error as HTTPClientError where error == .invalidURL || error == .emptyHost: .notURL
        case is NIOTooManyBytesError: .tooLong
        default: .noConnection
        }
    }
}

/// Why the service did not do what was asked, as it says it.
public struct ServiceRefusal: Error, Sendable, Equatable {
    public let status: Int
    /// Nil for an answer that is not this service's, or of a later program.
    public let code: ProblemCode?
    /// The rule that was broken, as the protocol names it.
    public let rule: String?
    public let values: [String: String]

    init(status: Int, body: [UInt8]) {
        let problem = try? JSONDecoder().decode(Answers.Problem.self, from: Data(body))
        self.status = status
        (code, rule, values) = (problem?.code, problem?.rule, problem?.values ?? [:])
    }
}
