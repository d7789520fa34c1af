import CPostgres
import Foundation

/// How to reach a server: a `postgres://` address, completed by what libpq reads from the environment and `~/.pgpass`
/// (PostgreSQL documentation, section 34.1).
public struct PostgresAddress: Sendable {
    private let keywords: [(name: String, value: String)]

    /// Parses an address.
    /// - Parameter text: `postgres://user@host:port/database?sslmode=…`
    /// - Throws: `PostgresError`.
    public init(_ text: String) throws(PostgresError) {
        guard let library = roundrobin_libpq()?.pointee else { throw .noLibrary }
        guard Self.isOne(text) else { throw .cannotConnect("an address begins with postgres://") }
        var message: UnsafeMutablePointer<CChar>?
        guard let options = library.PQconninfoParse(text, &message) else {
            // libpq's message repeats the address, which may contain a password.
            library.PQfreemem(message)
            throw .cannotConnect("this is no address of a PostgreSQL database")
        }
        defer { library.PQconninfoFree(options) }
        var found: [(name: String, value: String)] = []
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { found.append((String(cString: keyword), String(cString: value))) }
            option += 1
        }
        keywords = found
    }

    /// Whether a text looks like such an address, rather than a file's path.
    public static func isOne(_ text: String) -> Bool {
        ["postgres://", "postgresql://"].contains { text.hasPrefix($0) }
    }

    private func value(_ name: String) -> String? { keywords.last { $0.name == name }?.value }

    /// The value in the address, or else in the environment, as libpq reads it.
    private func value(_ name: String, orFrom variable: String) -> String? {
        value(name) ?? ProcessInfo.processInfo.environment[variable]
    }

    var databaseName: String { value("dbname", orFrom: "PGDATABASE") ?? "PostgreSQL" }

    /// Whether the address contains a password, which everyone who can list the machine's processes would see.
    public var hasPassword: Bool { value("password") != nil }

    /// Whether the server is on this machine.
    private var isLocal: Bool {
        let hosts = value("host", orFrom: "PGHOST") ?? value("hostaddr", orFrom: "PGHOSTADDR") ?? ""
        return hosts.split(separator: ",", omittingEmptySubsequences: false)
            .allSatisfy { $0.isEmpty || $0.hasPrefix("/") || ["localhost", "127.0.0.1", "::1"].contains($0) }
    }

    /// Defaults for whatever the address leaves open: do not trust a network, look for the primary among several hosts,
    /// and give up on a host that does not respond.
    var parameters: [(name: String, value: String)] {
        var usual = [
            ("connect_timeout", "5"), ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "10000"), ("target_session_attrs", "read-write"),
        ]
        if !isLocal, value("sslmode", orFrom: "PGSSLMODE") == nil { usual.append(("sslmode", "verify-full")) }
        return keywords + usual.filter { value($0.0) == nil }
            + [("client_encoding", "UTF8"), ("fallback_application_name", "roundrobin")]
    }
}

/// One connection. Every call blocks until the server responds. Use it from one thread at a time, and never from
/// Swift's own threads.
public final class PostgresConnection {
    private let library: roundrobin_libpq_functions
    private let connection: OpaquePointer
    /// A prepared statement depends on its text and on the types of its values.
    private struct Statement: Hashable {
        let sql: String
        let types: [Oid]
    }

    private var prepared: [Statement: String] = [:]
    /// The name of the database.
    public let databaseName: String
    /// The timeout of one statement, in seconds.
    private let patience: TimeInterval
    /// How many statements were sent since the connection was last taken from the pool.
    var sent = 0
    private(set) var isLost = false

    /// Connects to the server.
    /// - Parameter patience: the timeout of one statement, in seconds.
    /// - Throws: `PostgresError`.
    public init(_ address: PostgresAddress, patience: TimeInterval) throws(PostgresError) {
        databaseName = address.databaseName
        guard let library = roundrobin_libpq()?.pointee else { throw .noLibrary }
        let parameters = address.parameters
        let names = parameters.map { strdup($0.name) }
        let values = parameters.map { strdup($0.value) }
        defer { for text in names + values { free(text) } }
        let connection = (names.map { UnsafePointer($0) } + [nil]).withUnsafeBufferPointer { names in
            (values.map { UnsafePointer($0) } + [nil]).withUnsafeBufferPointer { values in
                library.PQconnectdbParams(names.baseAddress, values.baseAddress, 0)
            }
        }
        guard let connection else { throw .cannotConnect("there is no memory") }
        // CONNECTION_OK
        guard library.PQstatus(connection) == 0 else {
            let why = Self.text(library.PQerrorMessage(connection))
            library.PQfinish(connection)
            throw .cannotConnect(why)
        }
        roundrobin_libpq_quiet(connection)
        (self.library, self.connection, self.patience) = (library, connection, patience)
    }

    deinit { library.PQfinish(connection) }

    private static func text(_ text: UnsafeMutablePointer<CChar>?) -> String {
        (text.map { String(cString: $0) } ?? "").split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    /// Whether the connection is between transactions. PQTRANS_IDLE
    var isIdle: Bool { !isLost && library.PQtransactionStatus(connection) == 0 }

    /// Runs one statement, which is prepared on its first use.
    /// - Parameter sql: a constant of this program, never anything else.
    /// - Throws: `PostgresError`. After `.lost`, the connection cannot be used any more.
    @discardableResult
    public func run(_ sql: String, _ values: [PostgresValue] = []) throws(PostgresError) -> PostgresRows {
        sent += 1
        let statement = Statement(sql: sql, types: values.map(\.type))
        let name: String
        if let known = prepared[statement] {
            name = known
        } else {
            name = "s\(prepared.count)"
            _ = try answer(
                library.PQsendPrepare(connection, name, sql, Int32(statement.types.count), statement.types))
            prepared[statement] = name
        }
        let encodings = values.map(\.encoding)
        // One buffer for all values; an empty value must not look like NULL.
        var buffer: [UInt8] = []
        buffer.reserveCapacity(encodings.reduce(1) { $0 + ($1?.count ?? 0) })
        for encoding in encodings { buffer += encoding ?? [] }
        buffer.append(0)
        let sending = buffer.withUnsafeBytes { bytes in
            var offset = 0
            let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            let pointers = encodings.map { encoding -> UnsafePointer<CChar>? in
                guard let encoding else { return nil }
                defer { offset += encoding.count }
                return start.map { $0 + offset }
            }
            return library.PQsendQueryPrepared(
                connection, name, Int32(values.count), pointers, encodings.map { Int32(clamping: $0?.count ?? 0) },
                values.map { _ in 1 }, 1)
        }
        return try answer(sending)
    }

    /// Waits for the response to what was sent.
    private func answer(_ sending: Int32) throws(PostgresError) -> PostgresRows {
        guard sending == 1, !isLost else { throw lost() }
        let deadline = Date.timeIntervalSinceReferenceDate + patience
        var last: OpaquePointer?
        defer { if let last { library.PQclear(last) } }
        while true {
            let unsent = library.PQflush(connection)
            guard unsent >= 0 else { throw lost() }
            if unsent == 1 || library.PQisBusy(connection) == 1 {
                try wait(until: deadline, writing: unsent == 1)
                guard library.PQconsumeInput(connection) == 1 else { throw lost() }
                continue
            }
            guard let result = library.PQgetResult(connection) else { break }
            if let last { library.PQclear(last) }
            last = result
        }
        guard let result = last else { throw lost() }
        switch library.PQresultStatus(result) {
        // PGRES_COMMAND_OK, PGRES_TUPLES_OK
        case 1, 2:
            last = nil
            return PostgresRows(result, library)
        default:
            let code = Self.text(library.PQresultErrorField(result, Int32(UInt8(ascii: "C"))))
            let message = Self.text(library.PQresultErrorField(result, Int32(UInt8(ascii: "M"))))
            // Without a code, the connection broke; classes 08 and 57P are the server's own codes for that.
            guard !code.isEmpty, !code.hasPrefix("08"), !["57P01", "57P02", "57P03"].contains(code) else {
                throw lost(message)
            }
            throw .refused(code: code, message: message)
        }
    }

    private func wait(until deadline: TimeInterval, writing: Bool) throws(PostgresError) {
        let socket = library.PQsocket(connection)
        guard socket >= 0 else { throw lost() }
        while true {
            let left = deadline - Date.timeIntervalSinceReferenceDate
            guard left > 0 else { throw lost("the server does not answer") }
            var poll = pollfd(fd: socket, events: Int16(POLLIN) | (writing ? Int16(POLLOUT) : 0), revents: 0)
            let ready = Foundation.poll(&poll, 1, Int32(min(left, 3600) * 1000) + 1)
            if ready > 0 { return }
            guard ready == 0 || errno == EINTR else { throw lost() }
        }
    }

    private func lost(_ why: String = "") -> PostgresError {
        isLost = true
        return .lost(why.isEmpty ? Self.text(library.PQerrorMessage(connection)) : why)
    }

    /// Runs statements that take effect together or not at all.
    /// - Parameter kind: a transaction mode such as `READ ONLY`.
    /// - Throws: `PostgresError`, `PostgresUnanswered`, or what the body throws.
    public func transaction<T>(_ kind: String = "", _ body: (PostgresConnection) throws -> T) throws -> T {
        try begin(kind)
        let value: T
        do { value = try body(self) } catch {
            rollBack()
            throw error
        }
        try commit()
        return value
    }

    /// Begins a transaction.
    /// - Parameter kind: a transaction mode such as `READ ONLY`.
    public func begin(_ kind: String = "") throws(PostgresError) {
        try run("BEGIN" + (kind.isEmpty ? "" : " " + kind))
    }

    /// Commits the transaction.
    /// - Throws: `PostgresUnanswered` if it is not known whether the commit took effect.
    public func commit() throws {
        let rows: PostgresRows
        do { rows = try run("COMMIT") } catch .lost(let why) { throw PostgresUnanswered(why: why) }
        guard rows.command == "COMMIT" else { throw PostgresError.unexpected }
    }

    /// Rolls the transaction back, or gives up the connection, which has the same effect.
    public func rollBack() {
        guard !isLost else { return }
        // If the rollback fails, closing the connection rolls back.
        do { try run("ROLLBACK") } catch { isLost = true }
    }
}

/// The connection broke after a commit was sent, so nobody knows whether it took effect.
public struct PostgresUnanswered: Error, Sendable {
    /// The reason in the words of libpq or the server.
    public let why: String
}
