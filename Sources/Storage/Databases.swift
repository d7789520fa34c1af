import Postgres

/// Where a service's state is kept, as its operator names it: a file, or `postgres://…`
public enum Databases {
    /// Whether it is the address of a PostgreSQL database.
    public static func isPostgres(_ name: String) -> Bool { PostgresAddress.isOne(name) }

    /// Whether an address has a password in it, which is no business of whoever sees the program's arguments.
    public static func hasPassword(_ name: String) -> Bool {
        isPostgres(name) && (try? PostgresAddress(name).hasPassword) ?? true
    }

    /// Opens a service's database, or makes it.
    /// - Parameter heads: see `SQLiteStore` and `PostgresStore`, which needs it.
    /// - Throws: `StorageError`.
    public static func open(_ name: String, serviceName: String, heads: String?) async throws -> any Store {
        guard isPostgres(name) else { return try SQLiteStore(path: name, serviceName: serviceName, heads: heads) }
        guard let heads else { throw StorageError.noHeads("") }
        return try await PostgresStore.open(name, serviceName: serviceName, heads: heads)
    }
}
