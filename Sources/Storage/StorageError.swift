import GRDB

/// What the disk or the database file refused. Whatever is thrown, nothing of the commit in hand was kept.
public enum StorageError: Error, Equatable, Sendable {
    case diskFull
    case readOnly
    case cannotOpen(String)
    case notOurs
    case damaged
    case conflict
    /// As much as a workplace may keep is there.
    case quota
    case other(code: Int32)

    init(_ error: any Error) {
        guard let error = error as? DatabaseError else {
            self = (error as? StorageError) ?? .other(code: 0)
            return
        }
        switch error.resultCode {
        case .SQLITE_FULL: self = .diskFull
        case .SQLITE_READONLY: self = .readOnly
        case .SQLITE_IOERR: self = .diskFull
        case .SQLITE_CANTOPEN: self = .cannotOpen(error.message ?? "")
        case .SQLITE_CORRUPT: self = .damaged
        case .SQLITE_NOTADB: self = .notOurs
        case .SQLITE_CONSTRAINT: self = .conflict
        default: self = .other(code: error.extendedResultCode.rawValue)
        }
    }
}
