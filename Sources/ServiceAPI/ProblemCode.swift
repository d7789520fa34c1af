// RFC 9457; docs/openapi.yaml

/// Why the service did not do what the client asked: the last part of a problem's type. Clients decide by these codes,
/// never by a status or a text.
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
    /// The service stores as much as its limits allow.
    case full
    /// The service has promised another co-signature of this tag a place, and that one is not in the log yet.
    case held
    /// The statement names another service or another log key.
    case otherService = "other-service"
    case foundingsClosed = "foundings-closed"
    case deadlineNotReached = "deadline-not-reached"
    /// A named witness is not one of those that this service asks.
    case witnessUnknown = "witness-unknown"
    /// Too few of the named witnesses have signed the current checkpoints.
    case witnessesSilent = "witnesses-silent"
    case rotationDue = "rotation-due"
    case staleEpoch = "stale-epoch"
    case conflict
    case storage
    /// The address takes other methods, or the service does not know the method.
    case wrongMethod = "wrong-method"
    /// Founding a workplace requires a token from the operator.
    case foundingToken = "founding-token"
    /// The service failed in an unforeseen way.
    case `internal`
}
