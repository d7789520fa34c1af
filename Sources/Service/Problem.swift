// RFC 9457

import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Petitions
import ServiceAPI
import Storage

/// Every error leaves the service as problem+json, and none leaves its log with anything that a request carried.
struct ProblemMiddleware: RouterMiddleware {
    typealias Context = ServiceContext

    let metrics: Metrics

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            var response = try await next(request, context)
            response.headers[.xContentTypeOptions] = "nosniff"
            response.headers[HTTPField.Name.referrerPolicy] = "no-referrer"
            if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
            return response
        } catch {
            let refusal = Self.refusal(error)
            metrics.refused(refusal.code.rawValue)
            var response = Self.response(to: refusal)
            // The client is told that the connection is going, or it would send its next request into it.
            if refusal.isWorthless, !context.isMultiplexed { response.headers[.connection] = "close" }
            return response
        }
    }

    private static func refusal(_ error: any Error) -> Refusal {
        switch error {
        case let error as Refusal: return error
        case let error as RuleViolation: return .rule(error)
        case StorageError.conflict: return .conflict
        case StorageError.quota: return .full
        case let error as StorageError: return .storage(error)
        case is NIOTooManyBytesError: return .tooLarge(limit: 0)
        case let error as any HTTPResponseError:
            switch error.status {
            case .notFound: return .notFound
            case .contentTooLarge: return .tooLarge(limit: 0)
            default: return .malformed("The request cannot be served as it is.")
            }
        default: return .storage(.other(code: 0))
        }
    }

    private static func response(to refusal: Refusal) -> Response {
        let words = refusal.words
        let problem = Answers.Problem(
            code: words.code, title: words.title, status: words.status.code, detail: words.detail, rule: refusal.rule,
            values: words.values)
        let data = (try? Answers.encode(problem)) ?? Array("{}".utf8)
        var headers: HTTPFields = [.contentType: "application/problem+json", .cacheControl: "no-store"]
        if let seconds = refusal.retryAfter { headers[.retryAfter] = "\(seconds)" }
        return Response(status: words.status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: data)))
    }
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name("referrer-policy")!
    static let contentDigestField = HTTPField.Name("content-digest")!
    static let signatureInput = HTTPField.Name("signature-input")!
    static let signature = HTTPField.Name("signature")!
}
