import Foundation
import GRDB
import Postgres
import Sodium
import Synchronization
import TestSupport

@testable import Storage

/// The engines that implement the storage contract, each with a real database.
enum Engine: String, CaseIterable, Sendable {
    case sqlite
    case postgres

    /// A database that does not exist yet.
    func place() throws -> Place { try Place(self) }

    final class Place: Sendable {
        let engine: Engine
        let directory: TemporaryDirectory
        /// The database as an operator names it.
        let database: String
        var heads: String { directory("heads") }

        fileprivate init(_ engine: Engine) throws {
            self.engine = engine
            directory = try TemporaryDirectory()
            switch engine {
            case .sqlite: database = directory("service.sqlite")
            case .postgres:
                let server = try PostgresServer.shared.get()
                database = server.url(try server.makeDatabase())
            }
        }

        /// A store must not outlive its files, so they stay until the process ends, even if the place is released
        /// before.
        private static let kept = Mutex<[Place]>([])
        private static let cleaning: Void = { _ = atexit { Place.kept.withLock { $0 = [] } } }()

        func open(_ name: String = "test.example", heads: String? = nil) async throws -> any Store {
            Self.cleaning
            Self.kept.withLock { $0.append(self) }
            return try await Databases.open(database, serviceName: name, heads: heads ?? self.heads)
        }

        /// Changes the database without the store's knowledge.
        func change(_ sql: String) async throws {
            switch engine {
            case .sqlite:
                let store = try SQLiteStore(inspecting: database)
                try await store.pool.write { try $0.execute(sql: sql) }
                try store.closeNow()
            case .postgres:
                let store = try await PostgresStore.inspect(database)
                try await store.write { _ = try $0.run(sql) }
                try await store.close()
            }
        }
    }
}
