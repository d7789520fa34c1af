import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import ServiceAPI
import Sodium
import Synchronization

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
        // A keystore or a file may hold what no address is; a port above 65535 would trap further down.
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
        return (status, answer)
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
    /// Whom it was asked.
    public let address: String
    /// Where a redirect leads, which is not followed. Not the service's word: it may be anybody's.
    public let location: String?
    /// Seconds after which to try again.
    public let wait: UInt32?

    init(status: Int, body: [UInt8], address: String, location: String?, wait: UInt32?) {
        let problem = try? JSONDecoder().decode(Answers.Problem.self, from: Data(body))
        (self.status, self.address, self.location, self.wait) = (status, address, location, wait)
        (code, rule, values) = (problem?.code, problem?.rule, problem?.values ?? [:])
    }
}
