import Postgres

/// The same tables as in SQLite, in a schema of their own; without what only SQLite's pages ask for.
enum PostgresSchema {
    static let name = "roundrobin"
    /// "rrob", as in SQLite's files: one of several processes at a time makes the tables.
    private static let lock = 0x72_72_6f_62
    /// The newest version that this program knows.
    static let version: Int64 = 3
    /// Every connection of a service shares it; a repair has it alone.
    private static let service: Int64 = 0x72_72_6f_73

    /// What every connection is set to, whatever the server or the database has set.
    static func setUp(_ connection: PostgresConnection) throws {
        for (setting, value) in [
            // A commit that has returned is on the disk, and on those of replicas that the server waits for.
            ("synchronous_commit", "on"),
            ("search_path", "\(name), pg_temp"),
            ("client_min_messages", "error"),
            // Whoever is stopped in the middle of a turn keeps nobody.
            ("lock_timeout", "10s"), ("statement_timeout", "30s"), ("idle_in_transaction_session_timeout", "30s"),
            ("default_transaction_isolation", "read committed"),
        ] {
            try connection.run("SELECT set_config($1, $2, false)", [.text(setting), .text(value)])
        }
    }

    /// The same of a tool's, which may take as long as there are rows.
    static func setUpTool(_ connection: PostgresConnection) throws {
        try setUp(connection)
        for setting in ["idle_in_transaction_session_timeout", "statement_timeout"] {
            try connection.run("SELECT set_config($1, '0', false)", [.text(setting)])
        }
    }

    /// Of a service: no repair begins while the connection is open.
    /// - Throws: `StorageError.inUse` while a repair is under way.
    static func share(_ connection: PostgresConnection) throws {
        let row = try connection.run("SELECT pg_try_advisory_lock_shared($1)", [.int(service)]).first
        guard row?.bool(0) == true else { throw StorageError.inUse(connection.databaseName) }
    }

    /// Of a repair, until the connection ends.
    /// - Throws: `StorageError.inUse` while a service has the database open.
    static func takeAlone(_ connection: PostgresConnection) throws {
        let row = try connection.run("SELECT pg_try_advisory_lock($1)", [.int(service)]).first
        guard row?.bool(0) == true else { throw StorageError.inUse(connection.databaseName) }
    }

    /// A row that is written to see whether the server's disk takes it, with bytes that are not compressed.
    static let probe = """
        INSERT INTO probe (id, count, bytes) VALUES (1, 1, $1)
        ON CONFLICT (id) DO UPDATE SET count = probe.count + 1, bytes = excluded.bytes
        """

    /// Refuses a server that may forget what it has confirmed.
    static func check(_ connection: PostgresConnection) throws {
        for (setting, value) in [("fsync", "on"), ("full_page_writes", "on"), ("server_encoding", "UTF8")] {
            let found = try connection.run("SELECT current_setting($1)", [.text(setting)]).first?.text(0)
            guard found == value else {
                throw StorageError.cannotOpen("the server has \(setting) = \(found ?? "?"), and it must be \(value)")
            }
        }
    }

    /// Makes the tables where there are none.
    /// - Returns: whether they were there.
    /// - Throws: `StorageError.notOurs` when a newer program has made them.
    static func migrate(_ connection: PostgresConnection) throws -> Bool {
        try connection.transaction { connection in
            try connection.run("SELECT pg_advisory_xact_lock($1)", [.int(lock)])
            guard try connection.run("SELECT to_regclass('\(name).version')").first?.text(0) == nil else {
                switch try connection.run("SELECT version FROM version").first?.int(0) {
                case version: break
                case 1: try upgrade(connection)
                case 2: try addProbe(connection)
                default: throw StorageError.cannotOpen("another version of this program has made the tables")
                }
                try connection.run(requestOrder)
                return true
            }
            for statement in tables { try connection.run(statement) }
            try connection.run("INSERT INTO version VALUES ($1)", [.int(1)])
            try upgrade(connection)
            try connection.run(requestOrder)
            return false
        }
    }

    /// From the first protocol's tables, new ones too: what is made is what an upgrade makes.
    private static func upgrade(_ connection: PostgresConnection) throws {
        // Rewriting the objects may take minutes.
        try connection.run("SELECT set_config('statement_timeout', '0', true)")
        for statement in secondProtocol { try connection.run(statement) }
        try addProbe(connection)
    }

    private static func addProbe(_ connection: PostgresConnection) throws {
        try connection.run(
            """
            CREATE TABLE probe (
                id bigint PRIMARY KEY CHECK (id = 1),
                count bigint NOT NULL,
                bytes bytea NOT NULL
            )
            """)
        try connection.run("ALTER TABLE probe ALTER COLUMN bytes SET STORAGE EXTERNAL")
        try connection.run("UPDATE version SET version = $1", [.int(version)])
    }

    /// Above every number of seconds that a clock has shown.
    static let firstRequestOrder: Int64 = 1 << 40

    /// No table, and nothing that an earlier program of this version would miss.
    private static let requestOrder = "CREATE SEQUENCE IF NOT EXISTS \(name).request_order START \(firstRequestOrder)"

    static let tables = [
        "CREATE SCHEMA IF NOT EXISTS \(name)",
        "REVOKE ALL ON SCHEMA \(name) FROM PUBLIC",
        "CREATE TABLE version (version bigint NOT NULL)",
        """
        CREATE TABLE service (
            id bigint PRIMARY KEY CHECK (id = 1),
            name text NOT NULL,
            log_seed bytea NOT NULL CHECK (length(log_seed) = 32),
            record bytea
        )
        """,
        """
        CREATE TABLE logs (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind bigint NOT NULL CHECK (kind IN (1, 2)),
            subject bytea NOT NULL CHECK (length(subject) = 32),
            workplace bytea NOT NULL CHECK (length(workplace) = 32),
            size bigint NOT NULL,
            deadline bigint,
            UNIQUE (kind, subject)
        )
        """,
        "CREATE INDEX logs_by_deadline ON logs (deadline) WHERE deadline IS NOT NULL",
        """
        CREATE TABLE leaves (
            log bigint NOT NULL,
            place bigint NOT NULL,
            hash bytea NOT NULL CHECK (length(hash) = 32),
            bytes bytea NOT NULL,
            PRIMARY KEY (log, place)
        )
        """,
        """
        CREATE TABLE nodes (
            log bigint NOT NULL,
            level bigint NOT NULL,
            place bigint NOT NULL,
            hash bytea NOT NULL CHECK (length(hash) = 32),
            PRIMARY KEY (log, level, place)
        )
        """,
        """
        CREATE TABLE checkpoints (
            log bigint NOT NULL,
            size bigint NOT NULL,
            note text NOT NULL,
            published boolean NOT NULL,
            witnessed text,
            PRIMARY KEY (log, size)
        )
        """,
        "CREATE INDEX unpublished ON checkpoints (log, size) WHERE NOT published",
        """
        CREATE TABLE names (
            log bigint NOT NULL,
            tag bytea NOT NULL CHECK (length(tag) = 32),
            sealed bytea NOT NULL,
            PRIMARY KEY (log, tag)
        )
        """,
        // A co-signature that waits, with its sealed name.
        """
        CREATE TABLE held (
            log bigint NOT NULL,
            hash bytea NOT NULL CHECK (length(hash) = 32),
            tag bytea NOT NULL CHECK (length(tag) = 32),
            bytes bytea NOT NULL,
            sealed bytea,
            PRIMARY KEY (log, hash),
            UNIQUE (log, tag)
        )
        """,
        // An object's place among its workplace's.
        """
        CREATE TABLE objects (
            workplace bytea NOT NULL CHECK (length(workplace) = 32),
            object bytea NOT NULL CHECK (length(object) = 32),
            revision bigint NOT NULL,
            place bigint NOT NULL,
            kind bigint NOT NULL,
            digest bytea NOT NULL CHECK (length(digest) = 32),
            bytes bytea NOT NULL,
            PRIMARY KEY (workplace, object, revision),
            UNIQUE (workplace, place)
        )
        """,
        """
        CREATE TABLE wraps (
            workplace bytea NOT NULL,
            member bytea NOT NULL CHECK (length(member) = 32),
            epoch bigint NOT NULL,
            author bytea NOT NULL CHECK (length(author) = 32),
            wrap bytea NOT NULL,
            PRIMARY KEY (workplace, member, epoch, author)
        )
        """,
        """
        CREATE TABLE invite_keys (
            workplace bytea NOT NULL,
            invite bytea NOT NULL CHECK (length(invite) = 32),
            sealed bytea NOT NULL,
            PRIMARY KEY (workplace, invite)
        )
        """,
        """
        CREATE TABLE stored (
            workplace bytea PRIMARY KEY CHECK (length(workplace) = 32),
            bytes bigint NOT NULL
        )
        """,
        // Signed requests of the last minutes, by a hash of signer and nonce; `time` is their place in request_order.
        "CREATE TABLE requests (hash bytea PRIMARY KEY CHECK (length(hash) = 32), time bigint NOT NULL)",
        "CREATE INDEX requests_by_time ON requests (time)",
        // Ciphertexts and proofs do not compress.
        "ALTER TABLE leaves ALTER COLUMN bytes SET STORAGE EXTERNAL",
        "ALTER TABLE objects ALTER COLUMN bytes SET STORAGE EXTERNAL",
        "ALTER TABLE held ALTER COLUMN bytes SET STORAGE EXTERNAL",
        "ALTER TABLE names ALTER COLUMN sealed SET STORAGE EXTERNAL",
        // What was taken back goes soon, and not when a fifth of a large table has.
        "ALTER TABLE names SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20)",
        "ALTER TABLE held SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20)",
    ]
}
