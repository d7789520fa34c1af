import Foundation
import GRDB

/// What every SQLite file of this project has in common: nobody else may read it, it is not taken for another
/// program's, and what is committed is on the disk.
enum OwnFile {
    /// Makes the file if it is not there. SQLite gives the ones beside it the same mode.
    static func make(_ path: String) throws {
        // One that is there is not opened: closing it would take SQLite's locks from whoever has it open in this
        // process.
        guard access(path, F_OK) != 0 else { return }
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        let directory = (path as NSString).deletingLastPathComponent
        guard file >= 0 || errno != ENOENT else { throw StorageError.noDirectory(directory) }
        guard file >= 0 || errno == EROFS else {
            throw StorageError.cannotOpen("\(path): \(String(cString: strerror(errno)))")
        }
        if file >= 0 { Foundation.close(file) }
    }

    /// The key that signs every log, or the unguessable name of every petition, is in it. It is not made private in
    /// silence: whoever could read it may have done so, and the operator must know.
    /// - Throws: `StorageError.exposed`.
    static func checkMode(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        guard status.st_mode & 0o077 == 0 else { throw StorageError.exposed(path) }
    }

    /// What SQLite keeps for a database.
    static func files(_ path: String) -> [String] { [path, path + "-wal", path + "-shm"] }

    /// A row that is written to see whether the disk takes it, as large as what a commit adds.
    static let probeTable = """
        CREATE TABLE IF NOT EXISTS probe (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            count INTEGER NOT NULL,
            bytes BLOB NOT NULL
        ) STRICT
        """
    static let probe = """
        INSERT INTO probe (id, count, bytes) VALUES (1, 1, zeroblob(65536))
        ON CONFLICT DO UPDATE SET count = count + 1, bytes = excluded.bytes
        """

    /// Writes out the WAL before the file is closed. While another process has it open, that is left to the other.
    static func leave(_ db: Database) throws {
        try db.execute(sql: "PRAGMA busy_timeout = 0")
        do { _ = try db.checkpoint(.truncate) } catch let error as DatabaseError {
            guard [.SQLITE_BUSY, .SQLITE_LOCKED].contains(error.resultCode) else { throw error }
        }
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
