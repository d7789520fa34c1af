import Foundation
import GRDB
import Petitions
import Sodium
import TransparencyLog

extension SQLiteStore {
    public func leafLengths(of log: LogName, in range: Range<Int>) async throws -> [Int] {
        try await read { db in
            guard let id = try Self.id(of: log, db) else { return [] }
            return try Int.fetchAll(
                db, sql: "SELECT length(bytes) FROM leaves WHERE log = ? AND place >= ? AND place < ? ORDER BY place",
                arguments: [id, range.lowerBound, range.upperBound])
        }
    }

    public func leaves(of log: LogName, in range: Range<Int>) async throws -> [(hash: Bytes32, bytes: [UInt8])] {
        try await read { db in
            guard let id = try Self.id(of: log, db) else { return [] }
            return try Row.fetchAll(
                db, sql: "SELECT hash, bytes FROM leaves WHERE log = ? AND place >= ? AND place < ? ORDER BY place",
                arguments: [id, range.lowerBound, range.upperBound]
            ).map { (($0["hash"] as Data).bytes32, [UInt8]($0["bytes"] as Data)) }
        }
    }

    public func outlines(
        of kind: StoredObject.Kind, in workplace: ID<Workplace>, after: Int, most: Int, bytes limit: Int
    ) async throws -> (entries: [ObjectOutline], next: Int?) {
        try await read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT o.object, o.revision, length(o.bytes) AS length FROM objects o JOIN (
                        SELECT object, max(revision) AS newest, min(rowid) AS first FROM objects
                        WHERE workplace = ?1 AND kind = ?2 GROUP BY object
                    ) n ON o.object = n.object AND o.revision = n.newest
                    WHERE o.workplace = ?1 AND o.kind = ?2 ORDER BY n.first LIMIT ?3 OFFSET ?4
                    """, arguments: [workplace.bytes.data, Int(kind.rawValue), most + 1, after])
            var entries: [ObjectOutline] = []
            var size = 0
            while let row = try rows.next() {
                let length: Int = row["length"]
                size += length
                guard entries.count < most, entries.isEmpty || size <= limit else {
                    return (entries, after + entries.count)
                }
                entries.append(
                    ObjectOutline(
                        name: .init(kind, ID((row["object"] as Data).bytes32)),
                        revision: UInt32(clamping: row["revision"] as Int64), length: length))
            }
            return (entries, nil)
        }
    }

    public func outline(
        _ name: StoredObject.Name, in workplace: ID<Workplace>, revision: UInt32?
    ) async throws -> ObjectOutline? {
        let number = revision.map { Int64($0) }
        return try await read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT revision, length(bytes) AS length FROM objects
                    WHERE workplace = ? AND kind = ? AND object = ? AND (? IS NULL OR revision = ?)
                    ORDER BY revision DESC LIMIT 1
                    """,
                arguments: [workplace.bytes.data, Int(name.kind.rawValue), name.id.bytes.data, number, number]
            ).map {
                ObjectOutline(name: name, revision: UInt32(clamping: $0["revision"] as Int64), length: $0["length"])
            }
        }
    }

    public func piece(
        of object: ObjectOutline, in workplace: ID<Workplace>, bytes range: Range<Int>
    ) async throws -> [UInt8]? {
        try await read { db in
            try Data.fetchOne(
                db,
                sql: """
                    SELECT substr(bytes, ?, ?) FROM objects
                    WHERE workplace = ? AND kind = ? AND object = ? AND revision = ?
                    """,
                arguments: [
                    range.lowerBound + 1, range.count, workplace.bytes.data, Int(object.name.kind.rawValue),
                    object.name.id.bytes.data, Int64(object.revision),
                ]
            ).map { [UInt8]($0) }
        }
    }

    public func namesLength(of petition: ID<Petition>) async throws -> Int {
        try await read { db in
            guard let id = try Self.id(of: .petition(petition), db) else { return 0 }
            return try Int.fetchOne(
                db, sql: "SELECT coalesce(sum(length(sealed)), 0) FROM names WHERE log = ?", arguments: [id]) ?? 0
        }
    }

    public func wrapCount(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> Int {
        try await read { db in
            try Int.fetchOne(
                db, sql: "SELECT count(*) FROM wraps WHERE workplace = ? AND epoch = ?",
                arguments: [workplace.bytes.data, Int64(epoch)]) ?? 0
        }
    }
}
