import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import ServiceAPI
import Sodium
import Synchronization

/// HTTP to one service, for one purpose. It shares no pool, session or cookie with any other, follows no redirect, and
/// sends no header except those that HTTP needs and those from the caller. Only the two connection types use it.
final class Transport: Sendable {
    let serviceURL: String
    private let proxy: Proxy?
    private let client: HTTPClient
    private let isClosed = Mutex(false)
    private static let timeout: TimeAmount = .seconds(90)
    /// The timeout for a whole response, even if it trickles in.
    private static let patience: Duration = .seconds(180)
    private static let mostBytes = 64 << 20

    /// - Parameters:
    ///   - isSingle: whether there is never more than one connection. Otherwise a busy machine makes a second one if a
    ///     request comes before the pool knows that the last response has ended, and the service sees that.
    ///   - roots: whose certificates are trusted; the system's but in tests.
    init(serviceURL: String, proxy: Proxy?, isSingle: Bool = false, trusting roots: NIOSSLTrustRoots = .default) {
        self.serviceURL = serviceURL
        self.proxy = proxy
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.trustRoots = roots
        configuration.tlsConfiguration = tls
        configuration.timeout = .init(connect: proxy == nil ? .seconds(15) : Self.timeout, read: Self.timeout)
        // A refused connection is an error at once; the caller may retry.
        configuration.connectionPool.retryConnectionEstablishment = false
        if isSingle { configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1 }
        if let proxy {
            // Tor isolates streams by these credentials, so each connection gets its own circuit.
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

    /// HTTPClient traps if it is released while open, so this keeps a caller that could not close, because of an error,
    /// from ending the program.
    deinit {
        guard !isClosed.withLock({ $0 }) else { return }
        Task { [client] in try? await client.shutdown() }
    }

    /// A response of a status from 200 to 299.
    struct Answer {
        let status: Int
        let headers: [(name: String, value: String)]
        let body: [UInt8]
    }

    /// - Throws: `ClientError.unreachable`, `.refused`.
    func exchange(
        _ method: String, _ path: String, body: [UInt8] = [], headers: [(name: String, value: String)] = []
    ) async throws(ClientError) -> Answer {
        // A keystore or a file may contain an invalid address; a port above 65535 would trap further down.
        guard let address = try? ServiceAddress(serviceURL) else {
            throw .unreachable(.notURL, at: serviceURL, proxy: proxy?.text)
        }
        var request = HTTPClientRequest(url: address.text + path)
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        let head: HTTPClientResponse
        var answer: [UInt8] = []
        let deadline = ContinuousClock.now + Self.patience
        do {
            let response = try await client.execute(request, timeout: Self.timeout)
            head = response
            for try await part in response.body {
                guard answer.count + part.readableBytes <= Self.mostBytes else {
                    throw NIOTooManyBytesError(maxBytes: Self.mostBytes)
                }
                guard ContinuousClock.now < deadline else { throw HTTPClientError.deadlineExceeded }
                answer += part.readableBytesView
            }
        } catch {
            var reason = TransportFault.reason(error, of: address, isTunnelled: proxy != nil)
            if reason == .certificateUntrusted { reason = await CertificateProbe.fault(of: address, proxy: proxy) }
            throw .unreachable(reason, at: address.text, proxy: proxy?.text)
        }
        let status = Int(head.status.code)
        guard (200..<300).contains(status) else {
            throw .refused(
                ServiceRefusal(
                    status: status, body: answer, address: address.text, location: head.headers.first(name: "location"),
                    wait: head.headers.first(name: "retry-after").flatMap { UInt32($0) }))
        }
        return Answer(status: status, headers: head.headers.map { ($0.name, $0.value) }, body: answer)
    }
}

/// A refusal by the service, as it describes it.
public struct ServiceRefusal: Error, Sendable, Equatable {
    /// The HTTP status.
    public let status: Int
    /// Nil if the response is not from this kind of service, or from a later program.
    public let code: ProblemCode?
    /// The rule that was broken, by the protocol's name for it.
    public let rule: String?
    /// Values that belong to the code.
    public let values: [String: String]
    /// The service that was asked.
    public let address: String
    /// The target of a redirect, which is not followed. It is not necessarily the service's word: it may be anybody's.
    public let location: String?
    /// After how many seconds to retry, if the service says so.
    public let wait: UInt32?

    init(status: Int, body: [UInt8], address: String, location: String?, wait: UInt32?) {
        let problem = try? JSONDecoder().decode(Answers.Problem.self, from: Data(body))
        (self.status, self.address, self.location, self.wait) = (status, address, location, wait)
        (code, rule, values) = (problem?.code, problem?.rule, problem?.values ?? [:])
    }
}
