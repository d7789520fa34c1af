import ArgumentParser
import Client
import Foundation
import Petitions
import Storage

/// Checks a database, and puts right what can be derived.
struct Fsck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: words("help.fsck"), discussion: words("help.fsckMore"))

    @Option(help: help("database", "file"))
    var database: String
    @Option(help: help("fsckHeads", "file"))
    var heads: String?
    @Flag(help: help("fsckRepair"))
    var repair = false
    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard Databases.isPostgres(database) else { return try await check(database, heads: heads) }
        guard !repair else { throw ValidationError(words("care.noRepairThere")) }
        let directory = FileManager.default.temporaryDirectory.appending(path: "roundrobin-" + UUID().uuidString).path
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let copy = directory + "/copy.sqlite"
        try await Databases.copyUnchecked(database, to: copy)
        try await check(copy, heads: heads)
    }

    private func check(_ database: String, heads: String?) async throws {
        let store = try SQLiteStore(inspecting: database)
        let record = try store.record(named: heads, besides: database)
        let report = try store.check(repairing: repair, record: record)
        let lost = try record.map { try store.losses(against: $0) } ?? []
        try await store.close()
        if output.json {
            try Terminal.json(CheckText.Verdict(report, lost: lost))
        } else {
            if record == nil { Terminal.note(words("care.noRecord")) }
            CheckText.show(report, lost: lost, repaired: repair)
        }
        guard report.isSound, lost.isEmpty else { throw ExitCode(1) }
    }
}

/// Copies a database while the service runs.
struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.databaseBackup"), discussion: words("help.databaseBackupMore"))

    @Option(help: help("database", "file"))
    var database: String
    @Option(help: help("backupTo", "file"))
    var to: String

    func run() async throws {
        let report =
            try await Databases.isPostgres(database)
            ? Databases.copy(database, to: to) : SQLiteStore.backUp(database, to: to)
        CheckText.show(report)
        guard report.isUsable else {
            Terminal.error(words("care.backupDamaged"), words("care.backupDamagedNext"))
            throw ExitCode(1)
        }
        Terminal.line(Terminal.green(words("care.backedUp", ["file": to])))
        Terminal.line(words("care.backupHasKey"))
    }
}

/// Puts a backup in the place of a database that is gone.
struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.databaseRestore"), discussion: words("help.databaseRestoreMore"))

    @Option(help: help("restoreFrom", "file"))
    var from: String
    @Option(help: help("restoreDatabase", "file"))
    var database: String
    @Option(help: help("restoreHeads", "file"))
    var heads: String?
    @Option(name: .customLong("bundle"), help: help("restoreBundle", "file"))
    var bundles: [String] = []
    @Flag(help: help("restoreWithoutRecord"))
    var nothingSignedSince = false

    func run() async throws {
        let bundles = try bundles.map { path in
            guard let data = FileManager.default.contents(atPath: path) else {
                throw ClientError.invalid(.noFile, ["file": path])
            }
            do { return try PetitionBundle(parsing: [UInt8](data)) } catch {
                throw StorageError.foreignBundle
            }
        }
        let report = try await SQLiteStore.restore(
            from, to: database, bundles: bundles, heads: heads, withoutRecord: nothingSignedSince)
        CheckText.show(report)
        guard report.isUsable else {
            Terminal.error(words("care.restoreDamaged"), words("care.restoreDamagedNext"))
            throw ExitCode(1)
        }
        Terminal.line(Terminal.green(words("care.restored", ["file": database])))
    }
}

/// Moves a service from its file to PostgreSQL.
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.migrate"), discussion: words("help.migrateMore"))

    @Option(help: help("migrateFrom", "file"))
    var from: String
    @Option(help: help("migrateTo", "address"))
    var to: String
    @Option(help: help("fsckHeads", "file"))
    var heads: String?

    func run() async throws {
        guard Databases.isPostgres(to), !Databases.hasPassword(to) else {
            throw ValidationError(words("care.migrateTo"))
        }
        let record = heads ?? SignedHeads.path(besides: from)
        let report = try await Databases.move(from, to: to, record: record)
        CheckText.show(report)
        guard report.isUsable else {
            Terminal.error(words("care.migrateDamaged"), words("care.migrateDamagedNext"))
            throw ExitCode(1)
        }
        Terminal.line(Terminal.green(words("care.migrated", ["file": from])))
        Terminal.line(words("care.migratedNext", ["heads": record]))
    }
}
