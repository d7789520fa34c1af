import AsyncHTTPClient
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport

/// Stands between a client and the real service and passes everything on; answers some paths itself, and lets a test
/// act before a request goes on.
final class Interposer: Sendable {
    typealias Answer = @Sendable (String) -> Response?
    typealias Gate = @Sendable (_ body: [UInt8]) async throws -> Void

    let url: String
    private let task: Task<Void, any Error>
    private let answer: Mutex<Answer>
    private let gate = Mutex<Gate>({ _ in })

    private init(url: String, task: Task<Void, any Error>, answer: consuming Mutex<Answer>) {
        (self.url, self.task) = (url, task)
        self.answer = answer
    }

    /// - Parameter upstream: nil if there is nothing behind it.
    static func start(before upstream: String?, _ answer: @escaping Answer = { _ in nil }) async throws -> Interposer {
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let box = Box()
        let router = Router()
        router.add(middleware: Forward(upstream: upstream, box: box))
        var logger = Logger(label: "test") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .critical
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { found.yield($0.localAddress?.port ?? 0) }, logger: logger)
        let task = Task { try await application.runService(gracefulShutdownSignals: []) }
        guard let port = await ports.first(where: { _ in true }) else { throw Absent() }
        let interposer = Interposer(url: "http://127.0.0.1:\(port)", task: task, answer: Mutex(answer))
        box.interposer.withLock { $0 = interposer }
        return interposer
    }

    func lie(_ answer: @escaping Answer) { self.answer.withLock { $0 = answer } }

    /// Runs before a request with a body is answered or passed on, which waits until it is done.
    func hold(_ gate: @escaping Gate) { self.gate.withLock { $0 = gate } }

    func stop() async {
        task.cancel()
        _ = await task.result
    }

    private final class Box: Sendable { let interposer = Mutex<Interposer?>(nil) }

    private struct Forward: RouterMiddleware {
        typealias Context = BasicRequestContext
        let upstream: String?
        let box: Box

        func handle(
            _ request: Request, context: Context, next: (Request, Context) async throws -> Response
        ) async throws -> Response {
            let body = try await request.body.collect(upTo: 8 << 20)
            let interposer = box.interposer.withLock { $0 }
            if let gate = interposer?.gate.withLock({ $0 }), body.readableBytes > 0 {
                try await gate(Array(buffer: body))
            }
            if let lie = interposer?.answer.withLock({ $0 })(request.uri.path) { return lie }
            guard let upstream else { return Response(status: .notFound) }
            var forward = HTTPClientRequest(url: upstream + request.uri.string)
            forward.method = .init(rawValue: request.method.rawValue)
            for field in request.headers where !["host", "content-length"].contains(field.name.canonicalName) {
                forward.headers.add(name: field.name.rawName, value: field.value)
            }
            if body.readableBytes > 0 { forward.body = .bytes(body) }
            let response = try await PatientClient.shared.execute(forward, timeout: PatientClient.timeout)
            let answer = try await response.body.collect(upTo: 64 << 20)
            return Response(status: .init(code: Int(response.status.code)), body: .init(byteBuffer: answer))
        }
    }
}
