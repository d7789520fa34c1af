import CPostgres

/// A statement's parameter, in PostgreSQL's binary formats. A bound value is never read as SQL.
public enum PostgresValue: Sendable {
    case int(Int64?)
    case bytes([UInt8]?)
    case text(String?)
    case bool(Bool)
    /// int8[], for `unnest`.
    case ints([Int64?])
    /// bytea[]
    case byteArrays([[UInt8]?])
    /// text[]
    case texts([String?])

    /// An integer.
    public static func int(_ value: Int) -> PostgresValue { .int(Int64(value)) }

    /// An array of integers, for `unnest`.
    public static func ints(_ values: [Int]) -> PostgresValue { .ints(values.map { Int64($0) }) }

    /// The type's object id in pg_type.
    var type: Oid {
        switch self {
        case .int: 20
        case .bytes: 17
        case .text: 25
        case .bool: 16
        case .ints: 1016
        case .byteArrays: 1001
        case .texts: 1009
        }
    }

    /// Nil for NULL.
    var encoding: [UInt8]? {
        switch self {
        case .int(let value): value.map { Self.bigEndian($0) }
        case .bytes(let value): value
        case .text(let value): value.map { Array($0.utf8) }
        case .bool(let value): [value ? 1 : 0]
        case .ints(let values): Self.array(values.map { $0.map { Self.bigEndian($0) } }, of: 20)
        case .byteArrays(let values): Self.array(values, of: 17)
        case .texts(let values): Self.array(values.map { $0.map { Array($0.utf8) } }, of: 25)
        }
    }

    private static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    /// An array of one dimension from index 1: dimensions, whether there are NULLs, element type, length, lower bound,
    /// and each element after its length (array_send in src/backend/utils/adt/arrayfuncs.c).
    private static func array(_ elements: [[UInt8]?], of type: Int32) -> [UInt8] {
        let hasNull: Int32 = elements.contains { $0 == nil } ? 1 : 0
        guard !elements.isEmpty else { return bigEndian(Int32(0)) + bigEndian(hasNull) + bigEndian(type) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(elements.reduce(20) { $0 + 4 + ($1?.count ?? 0) })
        for number in [1, hasNull, type, Int32(clamping: elements.count), 1] { bytes += bigEndian(number) }
        for element in elements {
            bytes += bigEndian(element.map { Int32(clamping: $0.count) } ?? -1)
            if let element { bytes += element }
        }
        return bytes
    }
}

/// The rows of a result, in binary. Use it from one thread at a time.
public final class PostgresRows {
    private let library: roundrobin_libpq_functions
    private let result: OpaquePointer
    /// The number of rows.
    public let count: Int
    private let columns: Int

    init(_ result: OpaquePointer, _ library: roundrobin_libpq_functions) {
        (self.result, self.library) = (result, library)
        count = Int(library.PQntuples(result))
        columns = Int(library.PQnfields(result))
    }

    deinit { library.PQclear(result) }

    /// How many rows the statement has changed.
    public var changed: Int { library.PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0 }

    /// The command that the server says it has carried out: `COMMIT`, or `ROLLBACK` in its place.
    var command: String { library.PQcmdStatus(result).map { String(cString: $0) } ?? "" }

    private func value(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer? {
        guard (0..<count).contains(row), (0..<columns).contains(column) else { return nil }
        let (row, column) = (Int32(row), Int32(column))
        guard library.PQgetisnull(result, row, column) == 0, let start = library.PQgetvalue(result, row, column) else {
            return nil
        }
        return UnsafeRawBufferPointer(start: start, count: Int(library.PQgetlength(result, row, column)))
    }

    /// The columns of one row.
    public struct Row {
        let rows: PostgresRows
        let index: Int

        /// Nil for NULL, and for a value that is not an integer.
        public func int(_ column: Int) -> Int64? {
            guard let value = rows.value(index, column), value.count <= 8, !value.isEmpty else { return nil }
            // int2, int4 and int8.
            return value.dropFirst().reduce(Int64(Int8(bitPattern: value[0]))) { $0 << 8 | Int64($1) }
        }

        /// Nil for NULL.
        public func bytes(_ column: Int) -> [UInt8]? { rows.value(index, column).map { Array($0) } }

        /// Nil for NULL.
        public func text(_ column: Int) -> String? {
            rows.value(index, column).map { String(decoding: $0, as: UTF8.self) }
        }

        /// Whether the column is true; false for NULL.
        public func bool(_ column: Int) -> Bool { rows.value(index, column)?.first == 1 }
    }

    /// Applies a function to every row, in order.
    public func map<T>(_ body: (Row) throws -> T) rethrows -> [T] {
        try (0..<count).map { try body(Row(rows: self, index: $0)) }
    }

    /// The first row; nil if there is none.
    public var first: Row? { count > 0 ? Row(rows: self, index: 0) : nil }
}
