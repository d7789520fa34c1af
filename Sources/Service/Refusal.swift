import HTTPTypes
import Petitions
import Storage

/// Why the service did not do what was asked. Nothing has changed when one is thrown.
public enum Refusal: Error, Equatable, Sendable {
    /// A statement or an object breaks a rule of the protocol.
    case rule(RuleViolation)
    case noSuchLog
    case noSuchThing
    case notAuthenticated(String)
    case notAllowed
    case malformed(String)
    case tooLarge(limit: Int)
    case busy
    /// A limit on rates; worth another try after so many seconds.
    case tooMany(seconds: Int)
    /// A limit on how much there may be at all.
    case full
    /// An earlier co-signature under the same tag waits to be mixed.
    case waitsToBeMixed
    case notAcceptedHere(String)
    case rotationIsDue
    case staleEpoch
    case conflict
    case storage(StorageError)

    /// The one place where refusals become HTTP.
    var status: HTTPResponse.Status {
        switch self {
        case .rule(let rule):
            switch rule {
            case .encoding, .trailingBytes, .unknownType, .tooLong, .version: .badRequest
            case .sequenceOfSigner, .sequence, .actionOrRingEpoch, .roster, .close, .closedBefore: .conflict
            case .notOrganiser, .notMember, .signature: .forbidden
            default: .unprocessableContent
            }
        case .noSuchLog, .noSuchThing: .notFound
        case .notAuthenticated: .unauthorized
        case .notAllowed: .forbidden
        case .malformed: .badRequest
        case .tooLarge: .contentTooLarge
        case .busy: .serviceUnavailable
        case .tooMany: .tooManyRequests
        case .full: .init(code: 507, reasonPhrase: "Insufficient Storage")
        case .notAcceptedHere: .unprocessableContent
        case .rotationIsDue, .staleEpoch, .conflict, .waitsToBeMixed: .conflict
        case .storage(let error):
            error == .diskFull ? .init(code: 507, reasonPhrase: "Insufficient Storage") : .serviceUnavailable
        }
    }

    /// A stable word for programs: the end of the problem's type.
    var slug: String {
        switch self {
        case .rule: "rule"
        case .noSuchLog: "no-such-log"
        case .noSuchThing: "not-found"
        case .notAuthenticated: "not-authenticated"
        case .notAllowed: "not-allowed"
        case .malformed: "malformed"
        case .tooLarge: "too-large"
        case .busy: "busy"
        case .tooMany: "too-many"
        case .full: "full"
        case .waitsToBeMixed: "waits-to-be-mixed"
        case .notAcceptedHere: "not-accepted-here"
        case .rotationIsDue: "rotation-due"
        case .staleEpoch: "stale-epoch"
        case .conflict: "conflict"
        case .storage: "storage"
        }
    }

    var title: String {
        switch self {
        case .rule(let rule): "The protocol's rule on \"\(rule.rawValue)\" is broken."
        case .noSuchLog: "There is no such workplace or petition here."
        case .noSuchThing: "There is nothing here."
        case .notAuthenticated: "The request is not signed by a member."
        case .notAllowed: "This member may not do that."
        case .malformed: "The request is not well-formed."
        case .tooLarge: "The request is too large."
        case .busy: "Too much is waiting; nothing was lost."
        case .tooMany: "That is more than this service takes in so short a time."
        case .full: "That is as much as this service keeps."
        case .waitsToBeMixed: "An earlier co-signature under this tag is not in the log yet."
        case .notAcceptedHere: "This service does not accept that."
        case .rotationIsDue: "Somebody left: the group key must be rotated first."
        case .staleEpoch: "The group key is no longer the newest."
        case .conflict: "Somebody else wrote first."
        case .storage: "The service cannot write to its disk."
        }
    }

    var detail: String {
        switch self {
        case .rule: "Nothing was changed. Fetch the log anew and make the statement for its present state."
        case .noSuchLog, .noSuchThing: "Check the address."
        case .notAuthenticated(let why): why
        case .notAllowed: "Only an organiser, or the member concerned, may."
        case .malformed(let why): why
        case .tooLarge(let limit): "The limit is \(limit) bytes."
        case .busy: "Send the same bytes again after a moment."
        case .tooMany(let seconds):
            "Nothing was changed. Try again in \(seconds) seconds. /v1/service shows the limits."
        case .full: "Nothing was changed. /v1/service shows the limits; the operator sets them."
        case .waitsToBeMixed: "It is appended together with others; send the next one after that."
        case .notAcceptedHere(let why): why
        case .rotationIsDue: "An organiser's client rotates it (members remove does so by itself); then write again."
        case .staleEpoch: "Fetch the newest group key and encrypt under it."
        case .conflict: "Fetch the newest revision and make the change on top of it."
        case .storage(let error):
            switch error {
            case .diskFull: "The disk is full. Nothing was lost; the operator must make room."
            case .diskFails: "The disk reports an error. Nothing was changed; the operator must look."
            case .readOnly: "The database is read-only. The operator must look."
            case .unreachable: "The database does not answer. Nothing was changed; try again after a moment."
            case .unanswered: "The database has not answered. Send the same bytes again after a moment."
            default: "The operator must look at the service's log."
            }
        }
    }

    /// Seconds after which the same may be tried again.
    var retryAfter: Int? {
        switch self {
        case .busy, .storage(.unreachable), .storage(.unanswered): 1
        case .tooMany(let seconds): seconds
        default: nil
        }
    }

    /// Whether only who means to would cause it, at the price of a verification.
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
