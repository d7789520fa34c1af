// RFC 9457; docs/openapi.yaml

/// Why the service did not do what was asked: the end of a problem's type. Clients decide by these, never by a status or a text.
public enum ProblemCode: String, CaseIterable, Sendable {
    /// A statement or an object breaks a rule of the protocol, which `rule` names.
    case rule
    case noSuchLog = "no-such-log"
    case notFound = "not-found"
    case notAuthenticated = "not-authenticated"
    case notAllowed = "not-allowed"
    case malformed
    /// Value `limit`, in bytes.
    case tooLarge = "too-large"
    case busy
    /// Value `seconds`.
    case tooMany = "too-many"
    /// As much is kept as the limits allow.
    case full
    /// The service has promised another co-signature of this tag, which is not in the log yet.
    case held
    /// The statement names another service or another log key.
    case otherService = "other-service"
    case foundingsClosed = "foundings-closed"
    case deadlineNotReached = "deadline-not-reached"
    /// A named witness is none of those whom this service asks.
    case witnessUnknown = "witness-unknown"
    /// Too few of the named witnesses have signed the present checkpoints.
    case witnessesSilent = "witnesses-silent"
    case rotationDue = "rotation-due"
    case staleEpoch = "stale-epoch"
    case conflict
    case storage
    /// The address takes other methods, or the service knows no such method.
    case wrongMethod = "wrong-method"
    /// Founding a workplace takes a token that the operator gives.
    case foundingToken = "founding-token"
    /// The service failed in a way that nobody foresaw.
    case `internal`
}
