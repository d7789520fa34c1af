import Foundation
import GRDB

enum Schema {
    /// "rrob", so that another program's file is not taken for ours.
    static let applicationID = 0x72_72_6f_62

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 logs and objects") { db in
            try db.execute(sql: logs)
            try db.execute(sql: objects)
        }
        migrator.registerMigration("2 a page for each sealed name") { db in
            try db.execute(sql: names)
            let slot = try nameSlot(db)
            for row in try Row.fetchAll(db, sql: "SELECT log, tag, sealed FROM sealed_names ORDER BY log, tag") {
                try insert(name: [UInt8](row["sealed"] as Data), of: row["tag"], in: row["log"], slot, db)
            }
            try db.execute(sql: "DROP TABLE sealed_names")
        }
        migrator.registerMigration("3 checkpoints wait for witnesses") { db in
            try db.execute(
                sql: """
                    ALTER TABLE checkpoints ADD COLUMN published INTEGER NOT NULL DEFAULT 1;
                    ALTER TABLE checkpoints ADD COLUMN witnessed TEXT;
                    """)
        }
        migrator.registerMigration("4 co-signatures wait to be mixed") { db in
            try db.execute(sql: held)
            // One number for the leaves of all logs told in which order they came, across logs.
            try db.execute(sql: "UPDATE leaves SET id = (log << 32) + place")
        }
        migrator.registerMigration("5 how much each workplace keeps") { db in
            try db.execute(
                sql: """
                    CREATE TABLE stored (
                        workplace BLOB PRIMARY KEY CHECK (length(workplace) = 32),
                        bytes INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    INSERT INTO stored SELECT workplace, sum(length(bytes)) FROM objects GROUP BY workplace;
                    """)
        }
        migrator.registerMigration("6 wrapped keys and keys for invites count too") { db in
            try db.execute(
                sql: """
                    DELETE FROM stored;
                    INSERT INTO stored SELECT workplace, sum(bytes) FROM (
                        SELECT workplace, length(bytes) AS bytes FROM objects
                        UNION ALL SELECT workplace, length(wrap) FROM wraps
                        UNION ALL SELECT workplace, length(sealed) FROM invite_keys
                    ) GROUP BY workplace;
                    """)
        }
        migrator.registerMigration("7 which record has what was signed") { db in
            try db.execute(
                sql: """
                    ALTER TABLE service ADD COLUMN record BLOB;
                    CREATE INDEX unpublished ON checkpoints (log, size) WHERE NOT published;
                    """)
        }
        migrator.registerMigration("8 repeated leaves are known by the tree in memory") { db in
            try db.execute(sql: "DROP INDEX leaves_by_hash")
        }
        migrator.registerMigration("9 promises, named witnesses, signed wraps, invites by name") { db in
            try migrateToSecondProtocol(db)
        }
        migrator.registerMigration("10 a row to try the disk with") { db in try db.execute(sql: OwnFile.probeTable) }
        return migrator
    }

    /// Sealed names, each on a page of its own. secure_delete zeroes a deleted row, but rows that SQLite moves between
    /// pages when it balances the tree leave copies behind in the space that a page does not use, and those of a row
    /// that is deleted later stay. Rows that fill more than half a page are never two on a page; as they have one
    /// length, and end where the page ends, whatever takes a place overwrites what was there.
    private static let names = """
        CREATE TABLE names (
            id INTEGER PRIMARY KEY,
            log INTEGER NOT NULL REFERENCES logs (id),
            tag BLOB NOT NULL CHECK (length(tag) = 32),
            length INTEGER NOT NULL,
            sealed BLOB NOT NULL,
            UNIQUE (log, tag)
        ) STRICT;
        """

    /// Co-signatures that wait to be mixed, in the order of their hashes and not of their arrival; their sealed names
    /// on pages of their own, for the reason that `names` has.
    private static let held = """
        CREATE TABLE held (
            log INTEGER NOT NULL REFERENCES logs (id),
            hash BLOB NOT NULL CHECK (length(hash) = 32),
            tag BLOB NOT NULL CHECK (length(tag) = 32),
            bytes BLOB NOT NULL,
            PRIMARY KEY (log, hash),
            UNIQUE (log, tag)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE held_names (
            id INTEGER PRIMARY KEY,
            log INTEGER NOT NULL REFERENCES logs (id),
            tag BLOB NOT NULL CHECK (length(tag) = 32),
            length INTEGER NOT NULL,
            sealed BLOB NOT NULL,
            UNIQUE (log, tag)
        ) STRICT;
        """

    /// Bytes that a sealed name is padded to.
    static func nameSlot(_ db: Database) throws -> Int {
        let slot = (try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0) - 512
        // 32 trustees' boxes and the payload (docs/protocol.md, section 6).
        guard slot >= 80 * 32 + 528 else { throw StorageError.cannotOpen("its pages are too small") }
        return slot
    }

    /// - Parameter table: `names`, or `held_names`.
    static func insert(
        name sealed: [UInt8], of tag: Data, in log: Int64, _ slot: Int, _ db: Database, table: String = "names"
    ) throws {
        guard sealed.count <= slot else { throw StorageError.other(code: 0) }
        let padded = Data(sealed + [UInt8](repeating: 0, count: slot - sealed.count))
        // Numbers that say nothing of what waits came first; those of names follow the log.
        let id = table == "names" ? nil : Int64.random(in: 1...Int64.max)
        try db.execute(
            sql: "INSERT INTO \(table) (id, log, tag, length, sealed) VALUES (?, ?, ?, ?, ?)",
            arguments: [id, log, tag, sealed.count, padded])
    }

    private static let logs = """
        CREATE TABLE service (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            name TEXT NOT NULL,
            log_seed BLOB NOT NULL CHECK (length(log_seed) = 32)
        ) STRICT;

        CREATE TABLE logs (
            id INTEGER PRIMARY KEY,
            kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
            subject BLOB NOT NULL CHECK (length(subject) = 32),
            workplace BLOB NOT NULL CHECK (length(workplace) = 32),
            size INTEGER NOT NULL,
            deadline INTEGER,
            UNIQUE (kind, subject)
        ) STRICT;
        CREATE INDEX logs_by_deadline ON logs (deadline) WHERE deadline IS NOT NULL;

        CREATE TABLE leaves (
            id INTEGER PRIMARY KEY,
            log INTEGER NOT NULL REFERENCES logs (id),
            place INTEGER NOT NULL,
            hash BLOB NOT NULL CHECK (length(hash) = 32),
            bytes BLOB NOT NULL,
            UNIQUE (log, place)
        ) STRICT;
        CREATE INDEX leaves_by_hash ON leaves (log, hash);

        CREATE TABLE nodes (
            log INTEGER NOT NULL REFERENCES logs (id),
            level INTEGER NOT NULL,
            place INTEGER NOT NULL,
            hash BLOB NOT NULL CHECK (length(hash) = 32),
            PRIMARY KEY (log, level, place)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE checkpoints (
            log INTEGER NOT NULL REFERENCES logs (id),
            size INTEGER NOT NULL,
            note TEXT NOT NULL,
            PRIMARY KEY (log, size)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE sealed_names (
            log INTEGER NOT NULL REFERENCES logs (id),
            tag BLOB NOT NULL CHECK (length(tag) = 32),
            sealed BLOB NOT NULL,
            PRIMARY KEY (log, tag)
        ) STRICT, WITHOUT ROWID;
        """

    private static let objects = """
        CREATE TABLE objects (
            workplace BLOB NOT NULL CHECK (length(workplace) = 32),
            object BLOB NOT NULL CHECK (length(object) = 32),
            revision INTEGER NOT NULL,
            kind INTEGER NOT NULL,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            bytes BLOB NOT NULL,
            UNIQUE (workplace, object, revision)
        ) STRICT;

        CREATE TABLE wraps (
            workplace BLOB NOT NULL,
            member BLOB NOT NULL CHECK (length(member) = 32),
            epoch INTEGER NOT NULL,
            author BLOB NOT NULL CHECK (length(author) = 32),
            wrap BLOB NOT NULL,
            PRIMARY KEY (workplace, member, epoch, author)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE invite_keys (
            workplace BLOB NOT NULL,
            invite BLOB NOT NULL CHECK (length(invite) = 32),
            sealed BLOB NOT NULL,
            PRIMARY KEY (workplace, invite)
        ) STRICT, WITHOUT ROWID;
        """
}
