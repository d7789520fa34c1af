import AsyncHTTPClient
import Foundation
import GRDB
import NIOCore
import TestSupport

/// Copies a stopped service's file, for a service that goes back in time or leads two lives.
enum DatabaseCopy {
    /// A lying service keeps no record of what it has signed; with one it would not start.
    static func forgetRecord(of database: String) throws {
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: database + ".heads" + suffix) }
        let queue = try DatabaseQueue(path: database)
        try queue.write { try $0.execute(sql: "UPDATE service SET record = NULL") }
        try queue.close()
    }

    static func make(of from: String, as to: String) throws {
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: to + suffix)
            if FileManager.default.fileExists(atPath: from + suffix) {
                try FileManager.default.copyItem(atPath: from + suffix, toPath: to + suffix)
            }
        }
        try forgetRecord(of: to)
    }
}

enum HTTPGet {
    static func text(_ url: String) async throws -> String {
        let response = try await PatientClient.shared.execute(
            HTTPClientRequest(url: url), timeout: PatientClient.timeout)
        return String(buffer: try await response.body.collect(upTo: 1 << 20))
    }
}
