// RFC 9110, sections 9 and 15; the Fetch standard, section 3.2 (CORS)

import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import ServiceAPI
import Storage
import Synchronization

/// Answers an exchange: what is the same for every request stands here, around the router.
struct FrontDoor: Sendable {
    private let responder: RouterResponder<ServiceContext>
    private let paths: PathTable
    private let pages: Pages
    private let doorkeeper: Doorkeeper
    private let metrics: Metrics
    private let readiness: Readiness
    private let logger: Logger
    private let dates = DateLines()
    private let complaints = Complaints()

    init(_ routes: Routes, metrics: Metrics, logger: Logger) {
        let router = routes.router()
        (paths, responder) = (PathTable(router.routes), router.buildResponder())
        (pages, doorkeeper, readiness) = (routes.pages, routes.doorkeeper, routes.readiness)
        (self.metrics, self.logger) = (metrics, logger)
    }

    func answer(_ exchange: Exchange) async {
        let path = URI(exchange.head.path ?? "/").path
        var response: Response
        do {
            try doorkeeper.admit(exchange)
            guard exchange.isAdmitted else { throw Refusal.busy }
            response = try await respond(to: exchange, path)
        } catch is ConnectionEnded {
            return exchange.abandon()
        } catch is CancellationError {
            return exchange.abandon()
        } catch {
            // A database that was asked by a task that was cancelled has its own word for that.
            guard !Task.isCancelled else { return exchange.abandon() }
            response = problem(error, exchange, path)
        }
        response.headers[.date] = dates.now
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[HTTPField.Name.referrerPolicy] = "no-referrer"
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        if CrossOrigin.isOpen(path) { CrossOrigin.open(&response) }
        metrics.answered(response.status.code)
        // Whoever keeps a connection is asked to make another before this one is closed under a request.
        if readiness.isStopping, !exchange.isMultiplexed { response.headers[.connection] = "close" }
        do { try await exchange.send(response) } catch { exchange.abandon() }
    }

    private func respond(to exchange: Exchange, _ path: String) async throws -> Response {
        if let fault = exchange.fault { throw fault }
        guard PathTable.methods.contains(exchange.head.method) else { throw Refusal.unknownMethod }
        let allowed = paths.methods(of: path)
        guard !allowed.isEmpty else { throw Refusal.notFound }
        if exchange.head.method == .options { return CrossOrigin.preflight(path, allowed) }
        guard allowed.contains(exchange.request.method) else { throw Refusal.wrongMethod(allowed) }
        return try await responder.respond(
            to: exchange.request, context: ServiceContext(source: .init(exchange: exchange, logger: logger)))
    }

    /// What the answer sends the operator to the log for stands there: the kind of error, and nothing that a request carried.
    private func complain(_ refusal: Refusal, _ error: any Error) {
        switch refusal {
        case .internal:
            guard complaints.isDue("internal") else { return }
            logger.error("a request failed", metadata: ["why": "\(type(of: error))"])
        case .storage(let error):
            let kind = String("\(error)".prefix { $0 != "(" })
            guard complaints.isDue(kind) else { return }
            logger.error("a request failed at the database", metadata: ["why": "\(kind)"])
        default: break
        }
    }

    /// Every error leaves the service as problem+json, and none leaves its log with anything that a request carried.
    private func problem(_ error: any Error, _ exchange: Exchange, _ path: String) -> Response {
        let refusal = Refusal(error)
        metrics.refused(refusal.code)
        complain(refusal, error)
        if refusal == .notFound, !CrossOrigin.isOpen(path), let page = pages.missing(exchange.request) { return page }
        return Response(to: refusal)
    }
}

/// Which methods a path takes.
struct PathTable: Sendable {
    /// Those that this service knows of; HEAD and OPTIONS go with the others.
    static let methods: Set<HTTPRequest.Method> = [
        .get, .head, .post, .put, .delete, .patch, .options, .trace, .connect, .init("QUERY")!,
    ]

    private struct Pattern {
        let segments: [String]
        var methods: Set<HTTPRequest.Method>

        var names: Int { segments.count { $0.hasPrefix("{") } }

        func matches(_ path: [Substring]) -> Bool {
            let isOpen = segments.last == "**"
            guard isOpen ? path.count >= segments.count : path.count == segments.count else { return false }
            return zip(segments, path).allSatisfy { $0.hasPrefix("{") || $0 == "**" || $0 == $1 }
        }
    }

    private var patterns: [Pattern] = []

    init(_ routes: [Router<ServiceContext>.RouteDescription]) {
        for route in routes {
            let segments = route.path.description.split(separator: "/").map {
                $0.hasPrefix(":") ? "{\($0.dropFirst())}" : String($0)
            }
            if let i = patterns.firstIndex(where: { $0.segments == segments }) {
                patterns[i].methods.insert(route.method)
            } else {
                patterns.append(Pattern(segments: segments, methods: [route.method]))
            }
        }
    }

    /// Without those that go with others. A slash at the end makes no difference.
    func methods(of path: String) -> Set<HTTPRequest.Method> {
        let path = path.split(separator: "/")
        // As the router has it: a word goes before a name in braces.
        return patterns.filter { $0.matches(path) }.min { $0.names < $1.names }?.methods ?? []
    }

    /// The value of Allow.
    static func text(_ methods: Set<HTTPRequest.Method>) -> String {
        let all = methods.union(methods.contains(.get) ? [.head, .options] : [.options])
        return all.map(\.rawValue).sorted().joined(separator: ", ")
    }
}

/// What a page from anywhere may do here: what anybody may do without a browser. It says the same to everybody, whoever asks, and never
/// lets a browser add what it knows of the person.
enum CrossOrigin {
    /// Pages for people are not for other pages.
    static func isOpen(_ path: String) -> Bool {
        ["v1", "workplace", "petition"].contains { path.hasPrefix("/\($0)/") }
    }

    static func open(_ response: inout Response) {
        response.headers[.accessControlAllowOrigin] = "*"
        response.headers[.accessControlExposeHeaders] = "Retry-After"
    }

    static func preflight(_ path: String, _ methods: Set<HTTPRequest.Method>) -> Response {
        var response = Response(status: .noContent, headers: [.allow: PathTable.text(methods)])
        guard isOpen(path) else { return response }
        response.headers[.accessControlAllowMethods] = PathTable.text(methods)
        response.headers[.accessControlAllowHeaders] =
            "Authorization, Content-Digest, Content-Type, Signature, Signature-Input"
        response.headers[.accessControlMaxAge] = "86400"
        return response
    }
}

/// The present date as HTTP writes it, made once a second.
private final class DateLines: Sendable {
    private let last = Mutex((second: 0, text: ""))

    var now: String {
        var time = time(nil)
        return last.withLock { last in
            guard last.second != time else { return last.text }
            var parts = tm()
            gmtime_r(&time, &parts)
            var buffer = [CChar](repeating: 0, count: 40)
            let count = strftime(&buffer, buffer.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
            last = (time, String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self))
            return last.text
        }
    }
}

/// Says each kind of thing once a minute at most: a flood of requests must not become a flood of lines.
private final class Complaints: Sendable {
    private let last = Mutex<[String: ContinuousClock.Instant]>([:])

    func isDue(_ kind: String) -> Bool {
        last.withLock { last in
            let now = ContinuousClock.now
            guard last[kind].map({ now - $0 >= .seconds(60) }) ?? true else { return false }
            last[kind] = now
            return true
        }
    }
}
