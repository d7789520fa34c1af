// RFC 9457

import HTTPTypes
import Hummingbird
import NIOCore
import Petitions
import ServiceAPI
import Storage

extension Refusal {
    /// What an error comes to for the client. One that nobody foresaw is `internal`.
    init(_ error: any Error) {
        switch error {
        case let error as Refusal: self = error
        case let error as RuleViolation: self = .rule(error)
        case StorageError.conflict: self = .conflict
        case StorageError.quota: self = .full
        case let error as StorageError: self = .storage(error)
        case let error as any HTTPResponseError:
            self = error.status == .notFound ? .notFound : .malformed("The request cannot be served as it is.")
        default: self = .internal
        }
    }
}

extension Response {
    init(to refusal: Refusal) {
        let words = refusal.words
        let problem = Answers.Problem(
            code: words.code, title: words.title, status: words.status.code, detail: words.detail, rule: refusal.rule,
            values: words.values)
        let data = (try? Answers.encode(problem)) ?? Array("{}".utf8)
        self.init(
            status: words.status, headers: [.contentType: "application/problem+json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: data)))
        if let seconds = refusal.retryAfter { headers[.retryAfter] = "\(seconds)" }
        if case .wrongMethod(let methods) = refusal { headers[.allow] = PathTable.text(methods) }
        if refusal == .foundingToken { headers[.wwwAuthenticate] = "Bearer" }
    }
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name("referrer-policy")!
    static let contentDigestField = HTTPField.Name("content-digest")!
    static let signatureInput = HTTPField.Name("signature-input")!
    static let signature = HTTPField.Name("signature")!
}
