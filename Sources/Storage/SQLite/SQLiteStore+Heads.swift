import Foundation
import GRDB
import Petitions
import Sodium

extension SQLiteStore {
    /// Holds what was signed against what is there.
    /// - Throws: `StorageError.wentBack` when a log is shorter than a checkpoint that was signed, or another than it.
    func compare(with heads: SignedHeads) throws {
        let lost = try losses(against: heads)
        guard let first = lost.first else { return }
        throw StorageError.wentBack(lost: first, logs: lost.count)
    }

    private func losses(against heads: SignedHeads) throws -> [StorageError.Loss] {
        let signed = try heads.heads()
        return try readNow { try Self.losses(of: signed, $0) }
    }

    /// What the database, read anew, lacks of some heads.
    @Sendable func losses(of signed: [SignedHeads.Head]) async throws -> [StorageError.Loss] {
        try await read { try Self.losses(of: signed, $0) }
    }

    private static func losses(of signed: [SignedHeads.Head], _ db: Database) throws -> [StorageError.Loss] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT logs.size, note FROM logs LEFT JOIN checkpoints ON log = logs.id AND checkpoints.size = ?
                WHERE kind = ? AND subject = ?
                """)
        return try signed.compactMap { head in
            let row = try Row.fetchOne(statement, arguments: [head.size, head.log.kind, head.log.subject.data])
            return head.loss(in: row?["size"], note: row?["note"])
        }
    }

    /// What the logs have lost of what a record says was signed.
    /// - Throws: `StorageError.noHeads` when there is none at this path.
    public func losses(against path: String) throws -> [StorageError.Loss] {
        try withHeads(in: path) { try losses(against: $0) }
    }

    func signedHeads(in path: String) throws -> [SignedHeads.Head] { try withHeads(in: path) { try $0.heads() } }

    private func withHeads<T>(in path: String, _ body: (SignedHeads) throws -> T) throws -> T {
        guard access(path, F_OK) == 0 else { throw StorageError.noHeads(path) }
        let heads = try SignedHeads(path: path, key: logKey().publicKey)
        defer { try? heads.close() }
        return try body(heads)
    }

    /// The record of a database: the one that is named; else the one beside it, where there is one.
    public func record(named path: String?, besides database: String) throws -> String? {
        if let path { return path }
        let path = SignedHeads.path(besides: database)
        return access(path, F_OK) == 0 ? path : nil
    }

    /// The newest checkpoint of each log.
    func newest() throws -> [SignedHeads.Head] {
        try readNow { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT kind, subject, logs.size, note FROM logs
                    JOIN checkpoints ON log = logs.id AND checkpoints.size = logs.size
                    """
            ).map {
                SignedHeads.Head(
                    log: LogName($0["kind"], ($0["subject"] as Data).bytes32), size: $0["size"], note: $0["note"])
            }
        }
    }

    /// Which record has what this database's service has signed; nil for none.
    var record: Bytes32? {
        get throws { try readNow { try Data.fetchOne($0, sql: "SELECT record FROM service")?.bytes32 } }
    }

    /// - Parameter record: which one; nil when there is none any more.
    func setRecord(_ record: Bytes32?) throws {
        do {
            try pool.write { try $0.execute(sql: "UPDATE service SET record = ?", arguments: [record?.data]) }
        } catch { throw StorageError(error) }
    }
}
