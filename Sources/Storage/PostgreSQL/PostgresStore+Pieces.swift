import Petitions
import Postgres
import Sodium
import TransparencyLog

extension PostgresStore {
    public func leafLengths(of log: LogName, in range: Range<Int>) async throws -> [Int] {
        try await readOnce { connection in
            try connection.run(
                """
                SELECT length(bytes)::bigint FROM leaves JOIN logs ON id = log
                WHERE kind = $1 AND subject = $2 AND place >= $3 AND place < $4 ORDER BY place
                """, [.int(log.kind), .bytes(log.subject.bytes), .int(range.lowerBound), .int(range.upperBound)]
            ).map { Int($0.int(0) ?? 0) }
        }
    }

    public func leaves(of log: LogName, in range: Range<Int>) async throws -> [(hash: Bytes32, bytes: [UInt8])] {
        try await readOnce { connection in
            try connection.run(
                """
                SELECT hash, bytes FROM leaves JOIN logs ON id = log
                WHERE kind = $1 AND subject = $2 AND place >= $3 AND place < $4 ORDER BY place
                """, [.int(log.kind), .bytes(log.subject.bytes), .int(range.lowerBound), .int(range.upperBound)]
            ).map { ($0.bytes32(0), $0.bytes(1) ?? []) }
        }
    }

    public func outlines(
        of kind: StoredObject.Kind, in workplace: ID<Workplace>, after: Int, most: Int, bytes limit: Int
    ) async throws -> (entries: [ObjectOutline], next: Int?) {
        try await readOnce { connection in
            // As many as fit, and the first; and whether there are more.
            let rows = try connection.run(
                """
                WITH newest AS (
                    SELECT object, max(revision) AS revision, min(place) AS first FROM objects
                    WHERE workplace = $1 AND kind = $2 GROUP BY object ORDER BY first LIMIT $3 OFFSET $4
                ), summed AS (
                    SELECT object, revision, length(bytes)::bigint AS length, row_number() OVER (ORDER BY first) AS row,
                        (sum(length(bytes)) OVER (ORDER BY first))::bigint AS sum
                    FROM newest JOIN objects USING (object, revision) WHERE workplace = $1 AND kind = $2
                )
                SELECT object, revision, length, (SELECT count(*) FROM summed) FROM summed
                WHERE row <= $5 AND (row = 1 OR sum <= $6) ORDER BY row
                """,
                [
                    .bytes(workplace.bytes.bytes), .int(Int64(kind.rawValue)), .int(most + 1), .int(after), .int(most),
                    .int(limit),
                ])
            let entries = rows.map { row in
                ObjectOutline(
                    name: .init(kind, ID(row.bytes32(0))), revision: UInt32(clamping: row.int(1) ?? 0),
                    length: Int(row.int(2) ?? 0))
            }
            let isMore = Int(rows.first?.int(3) ?? 0) > entries.count
            return (entries, isMore ? after + entries.count : nil)
        }
    }

    public func outline(
        _ name: StoredObject.Name, in workplace: ID<Workplace>, revision: UInt32?
    ) async throws -> ObjectOutline? {
        try await readOnce { connection in
            try connection.run(
                """
                SELECT revision, length(bytes)::bigint FROM objects
                WHERE workplace = $1 AND kind = $2 AND object = $3 AND ($4::bigint IS NULL OR revision = $4)
                ORDER BY revision DESC LIMIT 1
                """,
                [
                    .bytes(workplace.bytes.bytes), .int(Int64(name.kind.rawValue)), .bytes(name.id.bytes.bytes),
                    .int(revision.map { Int64($0) }),
                ]
            ).first.map {
                ObjectOutline(
                    name: name, revision: UInt32(clamping: $0.int(0) ?? 0), length: Int($0.int(1) ?? 0))
            }
        }
    }

    public func piece(
        of object: ObjectOutline, in workplace: ID<Workplace>, bytes range: Range<Int>
    ) async throws -> [UInt8]? {
        try await readOnce { connection in
            try connection.run(
                """
                SELECT substring(bytes FROM $5::integer FOR $6::integer) FROM objects
                WHERE workplace = $1 AND kind = $2 AND object = $3 AND revision = $4
                """,
                [
                    .bytes(workplace.bytes.bytes), .int(Int64(object.name.kind.rawValue)),
                    .bytes(object.name.id.bytes.bytes), .int(Int64(object.revision)), .int(range.lowerBound + 1),
                    .int(range.count),
                ]
            ).first?.bytes(0)
        }
    }

    public func namesLength(of petition: ID<Petition>) async throws -> Int {
        try await readOnce { connection in
            Int(
                try connection.run(
                    """
                    SELECT coalesce(sum(length(sealed)), 0)::bigint FROM names JOIN logs ON id = log
                    WHERE kind = 2 AND subject = $1
                    """, [.bytes(petition.bytes.bytes)]
                ).first?.int(0) ?? 0)
        }
    }

    public func wrapCount(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> Int {
        try await readOnce { connection in
            Int(
                try connection.run(
                    "SELECT count(*) FROM wraps WHERE workplace = $1 AND epoch = $2",
                    [.bytes(workplace.bytes.bytes), .int(Int64(epoch))]
                ).first?.int(0) ?? 0)
        }
    }
}
