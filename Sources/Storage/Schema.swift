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
        return migrator
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
