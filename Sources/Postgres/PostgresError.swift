/// Why a statement has no result.
public enum PostgresError: Error, Equatable, Sendable {
    /// libpq is not installed.
    case noLibrary
    /// The address is invalid, or no connection can be made.
    case cannotConnect(String)
    /// The connection broke, or the server did not respond in time: it is not known whether the statement took effect.
    case lost(String)
    /// The server rejected the statement, with a code of five characters (PostgreSQL documentation, appendix A).
    case refused(code: String, message: String)
    /// The server's response does not fit the statement.
    case unexpected
}
