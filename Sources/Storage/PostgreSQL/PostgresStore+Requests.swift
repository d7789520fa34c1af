import Postgres
import Sodium
import Synchronization

/// How far the order of requests had come, now and then: what was claimed before a mark is as old as the mark, whatever
/// any machine's wall clock says meanwhile.
struct RequestMarks {
    private var marks: [(steady: UInt64, order: Int64)] = []

    private static let spacing: UInt64 = 30

    func isDue(at steady: UInt64) -> Bool { marks.last.map { steady >= $0.steady + Self.spacing } ?? true }

    /// - Parameter order: the newest number that was given out.
    /// - Returns: the newest number among those that are old enough to forget; nil while none is.
    mutating func add(_ order: Int64, at steady: UInt64, lasting: UInt64) -> Int64? {
        marks.append((steady, order))
        guard let old = marks.lastIndex(where: { $0.steady + lasting <= steady }) else { return nil }
        // Older ones say nothing more.
        marks.removeFirst(old)
        return marks[0].order
    }
}

extension PostgresStore {
    public func claim(_ request: Bytes32, at steady: UInt64, lasting: UInt64) async throws -> Bool {
        let isDue = requestMarks.withLock { $0.isDue(at: steady) }
        return try await readOnce { connection in
            if isDue {
                let order =
                    try connection.run(
                        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM request_order"
                    ).first?.int(0) ?? 0
                let old = self.requestMarks.withLock { $0.add(order, at: steady, lasting: lasting) }
                // Rows of a program before this one have Unix seconds there, and are judged by the server's clock.
                try connection.run(
                    """
                    DELETE FROM requests WHERE time <= $1 AND time >= $2
                        OR time < $2 AND time < extract(epoch FROM clock_timestamp())::bigint - $3
                    """,
                    [.int(old ?? 0), .int(PostgresSchema.firstRequestOrder), .int(Int64(clamping: lasting))])
            }
            return try connection.run(
                """
                WITH loose AS (SELECT set_config('synchronous_commit', 'off', true))
                INSERT INTO requests SELECT $1, nextval('request_order') FROM loose ON CONFLICT DO NOTHING
                """, [.bytes(request.bytes)]
            ).changed == 1
        }
    }
}
