// RFC 9457; docs/openapi.yaml

import HTTPTypes
import Petitions
import ServiceAPI
import Storage

/// Why the service did not do what was asked. Nothing has changed when one is thrown.
public enum Refusal: Error, Equatable, Sendable {
    /// A statement or an object breaks a rule of the protocol.
    case rule(RuleViolation)
    case noSuchLog
    case notFound
    case notAuthenticated(String)
    case notAllowed
    case malformed(String)
    case tooLarge(limit: Int)
    case busy
    /// A limit on rates; worth another try after so many seconds.
    case tooMany(seconds: Int)
    /// A limit on how much there may be at all.
    case full
    /// Another co-signature under the same tag is promised, and not in the log yet.
    case held
    case otherService
    case foundingsClosed
    case deadlineNotReached
    case witnessUnknown
    case witnessesSilent
    case rotationDue
    case staleEpoch
    case conflict
    case storage(StorageError)
    /// The path is there, and takes other methods.
    case wrongMethod(Set<HTTPRequest.Method>)
    /// A method that this service does not know.
    case unknownMethod
    /// Founding a workplace here takes the operator's token.
    case foundingToken
    /// An expectation other than 100-continue.
    case expectation
    /// Something that nobody foresaw; it is in the service's log.
    case `internal`

    /// What an answer says of a refusal.
    struct Words {
        let code: ProblemCode
        let status: HTTPResponse.Status
        let title: String
        let detail: String
        var values: [String: String] = [:]

        fileprivate init(
            _ code: ProblemCode, _ status: HTTPResponse.Status, _ title: String, _ detail: String,
            _ values: [String: String] = [:]
        ) { (self.code, self.status, self.title, self.detail, self.values) = (code, status, title, detail, values) }
    }

    private static let insufficientStorage = HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")

    /// The one place where refusals become HTTP.
    var words: Words {
        switch self {
        case .rule(let rule):
            Words(
                .rule, Self.status(of: rule), "The protocol's rule on \"\(rule.rawValue)\" is broken.",
                "Nothing was changed. Fetch the log anew and make the statement for its present state.")
        case .noSuchLog:
            Words(.noSuchLog, .notFound, "There is no such workplace or petition here.", "Check the address.")
        case .notFound: Words(.notFound, .notFound, "There is nothing here.", "Check the address.")
        case .notAuthenticated(let why):
            Words(.notAuthenticated, .unauthorized, "The request is not signed by a member.", why)
        case .notAllowed:
            Words(
                .notAllowed, .forbidden, "This member may not do that.",
                "Only an organiser, or the member concerned, may.")
        case .malformed(let why): Words(.malformed, .badRequest, "The request is not well-formed.", why)
        case .tooLarge(let limit):
            Words(
                .tooLarge, .contentTooLarge, "The request is too large.", "The limit is \(limit) bytes.",
                ["limit": "\(limit)"])
        case .busy:
            Words(
                .busy, .serviceUnavailable, "Too much is waiting; nothing was lost.",
                "Send the same bytes again after a moment.")
        case .tooMany(let seconds):
            Words(
                .tooMany, .tooManyRequests, "That is more than this service takes in so short a time.",
                "Nothing was changed. Try again in \(seconds) seconds. /v1/service shows the limits.",
                ["seconds": "\(seconds)"])
        case .full:
            Words(
                .full, Self.insufficientStorage, "That is as much as this service keeps.",
                "Nothing was changed. /v1/service shows the limits; the operator sets them.")
        case .held:
            Words(
                .held, .conflict, "Another co-signature under this tag is promised, and is not in the log yet.",
                "The service appends it together with others; send the next one after that.")
        case .otherService:
            Words(
                .otherService, .unprocessableContent, "The statement is for another service.",
                "It names another service or another log key than this one's.")
        case .foundingsClosed:
            Words(
                .foundingsClosed, .unprocessableContent, "This service takes no new workplaces.",
                "The operator decides whether workplaces are founded here.")
        case .deadlineNotReached:
            Words(
                .deadlineNotReached, .unprocessableContent, "The deadline has not come.",
                "This service's clock decides when a petition closes by its deadline.")
        case .witnessUnknown:
            Words(
                .witnessUnknown, .unprocessableContent, "This service does not ask one of these witnesses.",
                "Name only witnesses that /v1/service lists, each with the name and key that stand there.")
        case .witnessesSilent:
            Words(
                .witnessesSilent, .conflict, "Too few of these witnesses have signed the present checkpoints.",
                "Nothing was changed. Try again when they answer, or name others.")
        case .rotationDue:
            Words(
                .rotationDue, .conflict, "The group key must be rotated first.",
                "Somebody left, or an invite was closed unused. An organiser's client rotates the key; then write again."
            )
        case .staleEpoch:
            Words(
                .staleEpoch, .conflict, "The group key is no longer the newest.",
                "Fetch the newest group key and encrypt under it.")
        case .conflict:
            Words(
                .conflict, .conflict, "Somebody else wrote first.",
                "Fetch what is there now and make the change on top of it.")
        case .storage(let error): Self.words(of: error)
        case .wrongMethod(let methods):
            Words(
                .wrongMethod, .methodNotAllowed, "This address takes other methods.",
                "It takes \(PathTable.text(methods)).")
        case .unknownMethod:
            Words(.wrongMethod, .notImplemented, "This service does not know that method.", "Send another method.")
        case .foundingToken:
            Words(
                .foundingToken, .unauthorized, "Founding a workplace here takes a token.",
                "The operator gives it to people who may. Send it as Authorization: Bearer.")
        case .expectation:
            Words(
                .malformed, .expectationFailed, "The request expects something that this service does not do.",
                "Only Expect: 100-continue is understood.")
        case .internal:
            Words(
                .internal, .internalServerError, "The service failed at this request.",
                "The operator must look at the service's log.")
        }
    }

    private static func status(of rule: RuleViolation) -> HTTPResponse.Status {
        switch rule {
        case .encoding, .trailingBytes, .unknownType, .tooLong, .version: .badRequest
        case .sequenceOfSigner, .sequence, .actionOrRingEpoch, .roster, .announcedRoster, .close, .closedBefore:
            .conflict
        case .notOrganiser, .notMember, .signature: .forbidden
        default: .unprocessableContent
        }
    }

    private static func words(of error: StorageError) -> Words {
        let detail =
            switch error {
            case .diskFull: "The disk is full. Nothing was lost; the operator must make room."
            case .diskFails: "The disk reports an error. Nothing was changed; the operator must look."
            case .readOnly: "The database is read-only. The operator must look."
            case .unreachable: "The database does not answer. Nothing was changed; try again after a moment."
            case .unanswered: "The database has not answered. Send the same bytes again after a moment."
            default: "The operator must look at the service's log."
            }
        let status = error == .diskFull ? insufficientStorage : .serviceUnavailable
        return Words(.storage, status, "The service cannot use its database.", detail)
    }

    /// A stable word for programs: the end of the problem's type.
    var code: ProblemCode { words.code }

    /// Seconds after which the same may be tried again.
    var retryAfter: Int? {
        switch self {
        case .busy, .storage(.unreachable), .storage(.unanswered): 1
        case .tooMany(let seconds): seconds
        default: nil
        }
    }

    /// Whether only a sender who means to would cause it, at the price of a verification.
    var isWorthless: Bool {
        switch self {
        case .rule(.proof), .rule(.signature), .rule(.possession): true
        default: false
        }
    }

    var rule: String? {
        if case .rule(let rule) = self { rule.rawValue } else { nil }
    }
}
