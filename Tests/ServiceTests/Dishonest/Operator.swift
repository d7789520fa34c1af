import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport

/// Stands in front of the real service as its dishonest operator would. It answers requests as the test says, passes on
/// the others, and records what arrives on which connection.
final class Operator: Sendable {
    struct Header: Hashable, Sendable {
        let name: String
        let value: String
    }

    struct Request: Hashable, Sendable {
        /// The connection's number from 0, in the order in which connections were opened.
        let connection: Int
        let method: String
        let path: String
        let query: String
        let headers: [Header]
        let body: [UInt8]

        var isSigned: Bool { headers.contains { $0.name.lowercased().hasPrefix("signature") } }
        var isSending: Bool { method == "POST" && path.hasSuffix("/cosignatures") }
    }

    struct Response: Hashable, Sendable {
        var status: Int
        var body: [UInt8]
        var type = "application/octet-stream"
        /// Seconds.
        var wait: Int?

        static func bytes(_ body: [UInt8], _ status: Int = 200) -> Response { Response(status: status, body: body) }
        static func text(_ text: String, _ status: Int = 200) -> Response { bytes(Array(text.utf8), status) }
        /// A refusal as the service words it.
        static func problem(_ code: String, _ status: Int, rule: String? = nil, wait: Int? = nil) -> Response {
            let rule = rule.map { ",\"rule\":\"\($0)\"" } ?? ""
            var response = text(
                "{\"type\":\"urn:roundrobin:problem:\(code)\",\"title\":\"\",\"status\":\(status),\"detail\":\"\"\(rule)}",
                status)
            response.wait = wait
            return response
        }
        static let missing = problem("no-such-log", 404)
    }

    enum Answer: Sendable {
        case response(Response)
        /// Closes the connection without a response.
        case drop
        /// The real service's response, changed.
        case changed(@Sendable (Response) -> Response)
        /// Discards the real service's response and closes the connection.
        case dropAfter
    }

    /// A request with its response; the response is nil if the connection was dropped.
    struct Exchange: Hashable, Sendable {
        let request: Request
        let response: Response?
    }

    typealias Script = @Sendable (Request) -> Answer?

    private struct State {
        var script: Script = { _ in nil }
        var connections = 0
        var exchanges: [Exchange] = []
        /// The real service's responses to unsigned GETs, by path; nil if they are not kept.
        var kept: [String: Response]?
    }

    private let state = Mutex(State())
    private let channel: any Channel
    let upstream: Int
    let port: Int
    var url: String { "http://127.0.0.1:\(port)" }

    /// - Parameter upstream: the real service's port.
    static func start(before upstream: Int) async throws -> Operator {
        let box = Box()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    guard let here = box.here.withLock({ $0 }) else { throw Absent() }
                    try child.pipeline.syncOperations.addHandler(Conversation(here))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let here = Operator(channel, upstream)
        box.here.withLock { $0 = here }
        return here
    }

    private final class Box: Sendable { let here = Mutex<Operator?>(nil) }

    private init(_ channel: any Channel, _ upstream: Int) {
        (self.channel, self.upstream) = (channel, upstream)
        port = channel.localAddress?.port ?? 0
    }

    func stop() async { try? await channel.close() }

    // MARK: What the test says

    /// Sets how requests are answered from now on; nil passes a request on.
    func answer(_ script: @escaping Script) { state.withLock { $0.script = script } }

    /// Uses the response of the first script that has one.
    func answer(_ scripts: [Script]) {
        answer { request in
            for script in scripts { if let answer = script(request) { return answer } }
            return nil
        }
    }

    func beHonest() { answer { _ in nil } }

    /// Keeps the real service's responses to what is read without a signature, and gives them again: everybody is
    /// served the same, and most requests cost only one service. For worlds in which nothing changes any more.
    func keepResponses() { state.withLock { $0.kept = $0.kept ?? [:] } }

    // MARK: What came

    /// Everything that arrived since the last call.
    func take() -> [Exchange] {
        state.withLock { state in
            defer { state.exchanges = [] }
            return state.exchanges
        }
    }

    var exchanges: [Exchange] { state.withLock { $0.exchanges } }

    /// The exchanges that took place while `body` ran.
    func watch(_ body: () async throws -> Void) async rethrows -> [Exchange] {
        _ = take()
        try await body()
        return take()
    }

    // MARK: Passing on

    fileprivate func number() -> Int {
        state.withLock { state in
            defer { state.connections += 1 }
            return state.connections
        }
    }

    /// Nil drops the connection.
    fileprivate func respond(to request: Request) async -> Response? {
        let script = state.withLock { $0.script }
        var response: Response?
        switch script(request) {
        case .response(let made)?: response = made
        case .drop?: response = nil
        case .changed(let change)?: response = (try? await pass(request)).map(change)
        case .dropAfter?: _ = try? await pass(request)
        case nil: response = try? await pass(request)
        }
        state.withLock { $0.exchanges.append(Exchange(request: request, response: response)) }
        return response
    }

    func pass(_ request: Request) async throws -> Response {
        let name = request.method == "GET" && !request.isSigned ? request.path + "?" + request.query : nil
        if let name, let kept = state.withLock({ $0.kept?[name] }) { return kept }
        let response = try await ask(request)
        if let name { state.withLock { $0.kept?[name] = response } }
        return response
    }

    private func ask(_ request: Request) async throws -> Response {
        let query = request.query.isEmpty ? "" : "?" + request.query
        var forward = HTTPClientRequest(url: "http://127.0.0.1:\(upstream)" + request.path + query)
        forward.method = .init(rawValue: request.method)
        for header in request.headers where !["host", "content-length"].contains(header.name.lowercased()) {
            forward.headers.add(name: header.name, value: header.value)
        }
        if !request.body.isEmpty { forward.body = .bytes(ByteBuffer(bytes: request.body)) }
        let response = try await PatientClient.shared.execute(forward, timeout: PatientClient.timeout)
        return Response(
            status: Int(response.status.code), body: Array(buffer: try await response.body.collect(upTo: 64 << 20)),
            type: response.headers.first(name: "content-type") ?? "application/octet-stream")
    }
}

/// One connection. Its requests are answered one after another. They are taken apart here, byte by byte as they came, and
/// not by a library that may forgive or mend something.
private final class Conversation: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    // Used only on the connection's event loop.
    private let here: Operator
    private var connection: Int?
    private var arrived: [UInt8] = []

    private static let blankLine = Array("\r\n\r\n".utf8)

    init(_ here: Operator) { self.here = here }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        arrived += Array(buffer: unwrapInboundIn(data))
        guard let end = arrived.firstRange(of: Self.blankLine) else { return }
        let lines = String(decoding: arrived[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let start = lines[0].components(separatedBy: " ")
        let headers = lines.dropFirst().map { line in
            let name = line.prefix { $0 != ":" }
            return Operator.Header(
                name: String(name), value: line.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces))
        }
        let length = headers.first { $0.name.lowercased() == "content-length" }.map { Int($0.value) } ?? 0
        guard start.count == 3, start[2] == "HTTP/1.1", let length,
            !headers.contains(where: { $0.name.lowercased() == "transfer-encoding" })
        else { return context.close(promise: nil) }
        guard arrived.count >= end.upperBound + length else { return }
        let body = Array(arrived[end.upperBound..<end.upperBound + length])
        arrived.removeFirst(end.upperBound + length)
        let number = connection ?? here.number()
        connection = number
        let parts = start[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let request = Operator.Request(
            connection: number, method: start[0], path: parts[0], query: parts.count > 1 ? parts[1] : "",
            headers: headers, body: body)
        let (here, channel) = (here, context.channel)
        Task {
            guard let response = await here.respond(to: request) else { return channel.close(promise: nil) }
            channel.writeAndFlush(ByteBuffer(bytes: Self.encode(response, to: number)), promise: nil)
        }
    }

    private static func encode(_ response: Operator.Response, to connection: Int) -> [UInt8] {
        let wait = response.wait.map { "retry-after: \($0)\r\n" } ?? ""
        // The cookie and the tag are those of a service that would like to recognise the client again.
        let head = """
            HTTP/1.1 \(response.status) -\r
            content-type: \(response.type)\r
            content-length: \(response.body.count)\r
            \(wait)set-cookie: who=\(connection)\r
            etag: "\(connection)"\r
            \r

            """
        return Array(head.utf8) + response.body
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
