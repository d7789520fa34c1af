/// What came of a statement instead of an answer.
public enum PostgresError: Error, Equatable, Sendable {
    /// libpq is not installed.
    case noLibrary
    /// The address is none, or no connection can be made.
    case cannotConnect(String)
    /// The connection broke, or the server did not answer in time: whether the statement took effect is not known.
    case lost(String)
    /// The server refused it: a code of five characters (PostgreSQL documentation, appendix A).
    case refused(code: String, message: String)
    /// Something else came back than the statement asks for.
    case unexpected
}
