import Foundation
import GRDB

/// What every SQLite file of this project has in common: nobody else may read it, it is not taken for another program's, and what is
/// committed is on the disk.
enum OwnFile {
    /// Makes the file if it is not there. SQLite gives the ones beside it the same mode.
    static func make(_ path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 || errno == EROFS else {
            throw StorageError.cannotOpen("\(path): \(String(cString: strerror(errno)))")
        }
        if file >= 0 { Foundation.close(file) }
    }

    /// - Parameter mayBeNew: whether an empty file becomes ours.
    /// - Throws: `StorageError.notOurs`, `.cannotOpen`.
    static func claim(_ db: Database, _ applicationID: Int, mayBeNew: Bool = true) throws {
        let application = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
        guard application == applicationID || (application == 0 && isEmpty && mayBeNew) else {
            throw StorageError.notOurs
        }
        if application == 0 { try db.execute(sql: "PRAGMA application_id = \(applicationID)") }
        // GRDB sets NORMAL for WAL, after prepareDatabase.
        try db.execute(sql: "PRAGMA synchronous = FULL")
        guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2 else {
            throw StorageError.cannotOpen("the database does not keep to synchronous=FULL")
        }
    }
}
