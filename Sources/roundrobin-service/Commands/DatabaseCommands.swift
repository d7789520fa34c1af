import Presentation
import ArgumentParser
import Client
import Foundation
import Petitions
import Storage

/// A database as somebody names it on a command line: the one door for every command that takes one.
enum NamedDatabase {
    /// - Throws: `ValidationError` when a password is in it: everybody on this machine sees a command's arguments.
    static func check(_ name: String) throws {
        guard !Databases.hasPassword(name) else { throw ValidationError(words("care.password")) }
    }
}

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

    func validate() throws { try NamedDatabase.check(database) }

    func run() async throws {
        let checked = try await Databases.check(database, record: heads, repairing: repair)
        if output.json {
            try Terminal.json(CheckText.Verdict(checked.report, lost: checked.lost))
        } else {
            if !checked.hasRecord { Terminal.note(words("care.noRecord")) }
            CheckText.show(checked.report, lost: checked.lost, repaired: repair)
        }
        guard checked.report.isSound, checked.lost.isEmpty else { throw ExitCode(1) }
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

    func validate() throws { try NamedDatabase.check(database) }

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

    func validate() throws {
        for name in [from, database] { try NamedDatabase.check(name) }
    }

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

    func validate() throws {
        for name in [from, to] { try NamedDatabase.check(name) }
        guard Databases.isPostgres(to) else { throw ValidationError(words("care.migrateTo")) }
    }

    func run() async throws {
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
