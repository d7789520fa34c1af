/// The tables as the revised protocol asks for them; the reasons stand with SQLite's.
extension PostgresSchema {
    static let secondProtocol = [
        "ALTER TABLE logs ADD COLUMN legacy bigint NOT NULL DEFAULT 0",
        "ALTER TABLE logs ADD COLUMN live boolean NOT NULL DEFAULT false",
        "UPDATE logs SET legacy = size",
        "DELETE FROM held",
        "ALTER TABLE held ADD COLUMN until bigint NOT NULL",
        """
        CREATE TABLE promises (
            log bigint NOT NULL,
            place bigint NOT NULL,
            until bigint NOT NULL,
            PRIMARY KEY (log, place)
        )
        """,
        "ALTER TABLE objects ADD COLUMN author bytea CHECK (length(author) = 32)",
        "UPDATE objects SET author = substring(bytes FROM length(bytes) - 95 FOR 32)",
        "ALTER TABLE objects ALTER COLUMN author SET NOT NULL",
        "ALTER TABLE objects DROP CONSTRAINT objects_pkey",
        "ALTER TABLE objects ADD PRIMARY KEY (workplace, kind, object, revision)",
        "DROP TABLE wraps",
        """
        CREATE TABLE wraps (
            workplace bytea NOT NULL CHECK (length(workplace) = 32),
            epoch bigint NOT NULL,
            member bytea NOT NULL CHECK (length(member) = 32),
            author bytea NOT NULL CHECK (length(author) = 32),
            wrap bytea NOT NULL,
            signature bytea NOT NULL CHECK (length(signature) = 64),
            PRIMARY KEY (workplace, epoch, member, author)
        )
        """,
        """
        CREATE TABLE wanted (
            workplace bytea NOT NULL CHECK (length(workplace) = 32),
            member bytea NOT NULL CHECK (length(member) = 32),
            PRIMARY KEY (workplace, member)
        )
        """,
        "DROP TABLE invite_keys",
        """
        CREATE TABLE invites (
            name bytea PRIMARY KEY CHECK (length(name) = 32),
            workplace bytea NOT NULL CHECK (length(workplace) = 32),
            invite bytea CHECK (length(invite) = 32),
            author bytea CHECK (length(author) = 32),
            sealed bytea,
            UNIQUE (workplace, invite)
        )
        """,
        // What was used goes soon, as names do that were taken back.
        "ALTER TABLE invites SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20)",
        """
        CREATE TABLE stored_by (
            workplace bytea NOT NULL CHECK (length(workplace) = 32),
            author bytea NOT NULL CHECK (length(author) = 32),
            bytes bigint NOT NULL,
            PRIMARY KEY (workplace, author)
        )
        """,
        "INSERT INTO stored_by SELECT workplace, author, sum(length(bytes)) FROM objects GROUP BY workplace, author",
        "DELETE FROM stored",
        "INSERT INTO stored SELECT workplace, sum(bytes) FROM stored_by GROUP BY workplace",
    ]
}
