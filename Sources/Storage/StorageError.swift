import GRDB

/// What the disk or the database refused. Whatever is thrown, nothing of the commit in hand was kept, but for `unrecorded` and
/// `unanswered`.
public enum StorageError: Error, Equatable, Sendable {
    case diskFull
    /// The disk reported an error.
    case diskFails
    case readOnly
    case cannotOpen(String)
    case notOurs
    case damaged
    case conflict
    /// As much as a workplace may keep is there.
    case quota
    /// A log is shorter than a checkpoint that this service has signed, or another: the database was put back.
    case wentBack(lost: Loss, logs: Int)
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
    /// There is something where a new file is to be made.
    case exists(String)
    /// There is no record of what was signed, at this path.
    case noHeads(String)
    /// A bundle is of another service, has faults, or contradicts what is here.
    case foreignBundle
    case other(code: Int32)

    /// What is missing of a log.
    public struct Loss: Equatable, Sendable {
        public let log: LogName
        /// Leaves that are there.
        public let has: Int
        /// Leaves under the newest checkpoint that was signed.
        public let signed: Int
    }

    init(_ error: any Error) {
        guard let error = error as? DatabaseError else {
            self = (error as? StorageError) ?? .other(code: 0)
            return
        }
        switch error.resultCode {
        case .SQLITE_FULL: self = .diskFull
        case .SQLITE_READONLY: self = .readOnly
        case .SQLITE_IOERR: self = .diskFails
        case .SQLITE_CANTOPEN: self = .cannotOpen(error.message ?? "")
        case .SQLITE_CORRUPT: self = .damaged
        case .SQLITE_NOTADB: self = .notOurs
        case .SQLITE_CONSTRAINT: self = .conflict
        default: self = .other(code: error.extendedResultCode.rawValue)
        }
    }
}
