import GRDB
import Postgres

/// What the disk or the database refused. Whatever is thrown, nothing of the commit in hand was kept, but for
/// `unrecorded` and `unanswered`.
public enum StorageError: Error, Equatable, Sendable {
    case diskFull
    /// The disk reported an error: which, in the words or codes of whoever met it.
    case diskFails(String)
    case readOnly
    case cannotOpen(String)
    /// No file is at this path.
    case noFile(String)
    /// The file cannot be made, because this directory does not exist.
    case noDirectory(String)
    /// The database is of the service or witness with this name, and was opened under another.
    case named(String)
    case notOurs
    case damaged
    case conflict
    /// As much as a workplace may keep is there.
    case quota
    /// A log is shorter than a checkpoint that this service has signed, or another: the database was put back.
    case wentBack(lost: Loss, logs: Int)
    /// The record of signed checkpoints has, of a log, another checkpoint than this database at the same size, or one
    /// that this database has not, while the service runs: somebody else signs the same logs. The store refuses
    /// everything from then on.
    case contradicted(Loss)
    /// The file that is open is not at this path any more: it was moved, removed or replaced. The store refuses
    /// everything from then on.
    case replaced(String)
    /// A service is running on this file, or on this database.
    case inUse(String)
    /// Others on this machine may read the file at this path.
    case exposed(String)
    /// The record of signed checkpoints belongs to another service's key.
    case otherHeads
    /// There is no database at the first path, and a record at the second that there was one.
    case databaseGone(String, record: String)
    /// The record at this path is not the one that the database names.
    case otherRecord(String)
    /// What was committed could not be recorded as signed, so it is not shown yet.
    case unrecorded
    /// The connection broke while a commit was under way: it may be there or not, and whoever reads finds out.
    case unanswered
    /// The database cannot be reached.
    case unreachable(String)
    /// The service has moved from this file to another database.
    case moved(String)
    /// A service is in the database to which one is to be moved.
    case occupied(String)
    /// There is something where a new file is to be made.
    case exists(String)
    /// There is no record of what was signed, at this path.
    case noHeads(String)
    /// A bundle is of another service, has faults, or contradicts what is here.
    case foreignBundle
    case other(code: Int32)
    /// What PostgreSQL says for which there is no word of ours (its documentation, appendix A).
    case refusedByServer(code: String, String)

    /// What is missing of a log.
    public struct Loss: Equatable, Sendable {
        public let log: LogName
        /// Leaves that are there.
        public let has: Int
        /// Leaves under the newest checkpoint that was signed. As many as there are when the checkpoints differ.
        public let signed: Int
    }

    init(_ error: any Error) {
        self =
            switch error {
            case let error as StorageError: error
            case let error as DatabaseError: Self.sqlite(error)
            case let error as PostgresError: Self.postgres(error)
            case is PostgresUnanswered: .unanswered
            default: .other(code: 0)
            }
    }

    private static func sqlite(_ error: DatabaseError) -> StorageError {
        switch error.resultCode {
        case .SQLITE_FULL: .diskFull
        case .SQLITE_READONLY: .readOnly
        case .SQLITE_IOERR: .diskFails("SQLite \(error.extendedResultCode.rawValue)")
        case .SQLITE_CANTOPEN: .cannotOpen(error.message ?? "")
        case .SQLITE_CORRUPT: .damaged
        case .SQLITE_NOTADB: .notOurs
        case .SQLITE_CONSTRAINT: .conflict
        default: .other(code: error.extendedResultCode.rawValue)
        }
    }

    private static func postgres(_ error: PostgresError) -> StorageError {
        switch error {
        case .noLibrary: .unreachable("libpq is not installed (Debian: apt-get install libpq5)")
        case .cannotConnect(let why), .lost(let why): .unreachable(why)
        case .unexpected: .other(code: 0)
        case .refused(let code, let message):
            // PostgreSQL documentation, appendix A
            switch code {
            case "53100": .diskFull
            case "58030": .diskFails("PostgreSQL \(code)")
            case "25006": .readOnly
            case "XX001", "XX002": .damaged
            // Unique, deadlock, serialization, a lock that was not to be had.
            case "23505", "40P01", "40001", "55P03": .conflict
            case "42501": .cannotOpen(message)
            case _ where code.hasPrefix("53") || code.hasPrefix("57"): .unreachable(message)
            default: .refusedByServer(code: code, message)
            }
        }
    }
}
