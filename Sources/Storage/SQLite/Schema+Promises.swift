import Foundation
import GRDB

/// The tables as the revised protocol asks for them.
extension Schema {
    /// Workplaces and authors, and the bytes that each author keeps there.
    static let storedBySums = """
        SELECT workplace, author, sum(bytes) AS bytes FROM (
            SELECT workplace, author, length(bytes) AS bytes FROM objects
            UNION ALL SELECT workplace, author, length(wrap) + length(signature) FROM wraps
            UNION ALL SELECT workplace, author, length(sealed) FROM invites WHERE sealed IS NOT NULL
        ) GROUP BY workplace, author
        """

    /// Workplaces, and the bytes that each keeps.
    static let storedSums = "SELECT workplace, sum(bytes) FROM (\(storedBySums)) GROUP BY workplace"

    /// Leaves stay as they are. What the new rules can take nothing from goes: co-signatures that wait in petitions of
    /// the first protocol, wraps that nobody has signed, and keys that lie under an invite's public key.
    static func migrateToSecondProtocol(_ db: Database) throws {
        let wasMoved = try isMoved(db)
        if wasMoved { try setMoved(false, db) }
        try db.execute(
            sql: """
                ALTER TABLE logs ADD COLUMN legacy INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE logs ADD COLUMN live INTEGER NOT NULL DEFAULT 0;
                UPDATE logs SET legacy = size;

                DROP TABLE held;
                DELETE FROM held_names;
                DROP TABLE wraps;
                DROP TABLE invite_keys;
                \(held)
                \(promises)
                \(objects)
                INSERT INTO objects_by_name (workplace, kind, object, revision, author, digest, bytes)
                    SELECT workplace, kind, object, revision, substr(bytes, length(bytes) - 95, 32), digest, bytes
                    FROM objects ORDER BY rowid;
                DROP TABLE objects;
                ALTER TABLE objects_by_name RENAME TO objects;
                \(wraps)
                \(invites)
                CREATE TABLE stored_by (
                    workplace BLOB NOT NULL CHECK (length(workplace) = 32),
                    author BLOB NOT NULL CHECK (length(author) = 32),
                    bytes INTEGER NOT NULL,
                    PRIMARY KEY (workplace, author)
                ) STRICT, WITHOUT ROWID;
                INSERT INTO stored_by \(storedBySums);
                DELETE FROM stored;
                INSERT INTO stored \(storedSums);
                """)
        if wasMoved { try setMoved(true, db) }
    }

    private static let held = """
        CREATE TABLE held (
            log INTEGER NOT NULL REFERENCES logs (id),
            hash BLOB NOT NULL CHECK (length(hash) = 32),
            tag BLOB NOT NULL CHECK (length(tag) = 32),
            until INTEGER NOT NULL,
            bytes BLOB NOT NULL,
            PRIMARY KEY (log, hash),
            UNIQUE (log, tag)
        ) STRICT, WITHOUT ROWID;
        """

    /// Of leaves that stand in their log and are not shown yet.
    private static let promises = """
        CREATE TABLE promises (
            log INTEGER NOT NULL REFERENCES logs (id),
            place INTEGER NOT NULL,
            until INTEGER NOT NULL,
            PRIMARY KEY (log, place)
        ) STRICT, WITHOUT ROWID;
        """

    private static let objects = """
        CREATE TABLE objects_by_name (
            workplace BLOB NOT NULL CHECK (length(workplace) = 32),
            kind INTEGER NOT NULL,
            object BLOB NOT NULL CHECK (length(object) = 32),
            revision INTEGER NOT NULL,
            author BLOB NOT NULL CHECK (length(author) = 32),
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            bytes BLOB NOT NULL,
            UNIQUE (workplace, kind, object, revision)
        ) STRICT;
        """

    /// The author is who made the wrap.
    private static let wraps = """
        CREATE TABLE wraps (
            workplace BLOB NOT NULL CHECK (length(workplace) = 32),
            epoch INTEGER NOT NULL,
            member BLOB NOT NULL CHECK (length(member) = 32),
            author BLOB NOT NULL CHECK (length(author) = 32),
            wrap BLOB NOT NULL,
            signature BLOB NOT NULL CHECK (length(signature) = 64),
            PRIMARY KEY (workplace, epoch, member, author)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE wanted (
            workplace BLOB NOT NULL CHECK (length(workplace) = 32),
            member BLOB NOT NULL CHECK (length(member) = 32),
            PRIMARY KEY (workplace, member)
        ) STRICT, WITHOUT ROWID;
        """

    /// A name is used once ever: its row stays when what was kept under it has gone.
    private static let invites = """
        CREATE TABLE invites (
            name BLOB PRIMARY KEY CHECK (length(name) = 32),
            workplace BLOB NOT NULL CHECK (length(workplace) = 32),
            invite BLOB CHECK (length(invite) = 32),
            author BLOB CHECK (length(author) = 32),
            sealed BLOB,
            UNIQUE (workplace, invite)
        ) STRICT;
        """

    // MARK: A file from which the service has moved

    static func isMoved(_ db: Database) throws -> Bool {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema WHERE name GLOB 'moved_*'") != 0
    }

    /// Has SQLite itself refuse every further leaf, object and key, whoever has the file open.
    static func setMoved(_ isMoved: Bool, _ db: Database) throws {
        for name in try String.fetchAll(db, sql: "SELECT name FROM sqlite_schema WHERE name GLOB 'moved_*'") {
            try db.execute(sql: "DROP TRIGGER \(name)")
        }
        guard isMoved else { return }
        for table in ["logs", "leaves", "held", "promises", "objects", "wraps", "invites"] {
            for event in ["INSERT", "UPDATE", "DELETE"] {
                try db.execute(
                    sql: """
                        CREATE TRIGGER moved_\(table)_\(event) BEFORE \(event) ON \(table)
                        BEGIN SELECT raise(ABORT, 'the service has moved'); END
                        """)
            }
        }
    }
}
