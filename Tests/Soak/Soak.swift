import ArgumentParser
import Foundation
import TestSupport
import Sodium

/// Runs the real service under load and breaks it again and again, for as long as asked: docs/reliability.md. After
/// each round, every receipt and every promise that was ever handed out is compared with what is served.
@main
struct Soak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak", abstract: "Kills, full disks, bit flips, clock jumps and lost connections under load.")

    @Option(help: "How long to go on.")
    var minutes = 10.0
    @Option(help: "Stop after so many databases, if that is earlier.")
    var databases = Int.max
    @Option(help: "sqlite, postgres, or both in turns.")
    var engine = Choice.both
    @Option(help: "Rounds on one database before the next one.")
    var rounds = 40
    @Option(help: "The roundrobin-service program; the one beside this one when not given.")
    var program: String?
    @Option(help: "A file to which a line is added after each database.")
    var record: String?
    @Flag(help: "Only kills, as many as can be.")
    var killsOnly = false
    @Flag(help: "Say each round as it ends.")
    var verbose = false

    enum Choice: String, ExpressibleByArgument { case sqlite, postgres, both }

    func run() async throws {
        // A service that has just been killed leaves sockets to which clients still write.
        signal(SIGPIPE, SIG_IGN)
        let program = program ?? BuiltProgram.service
        let end = ContinuousClock.now + .seconds(minutes * 60)
        var total = Tally()
        var done = 0
        while done < databases, ContinuousClock.now < end {
            let isPostgres =
                switch engine {
                case .sqlite: false
                case .postgres: true
                case .both: done % 2 == 1
                }
            let setting = Setting.random(isPostgres: isPostgres, killsOnly: killsOnly)
            let tally = try await Episode(program: program, setting: setting, isVerbose: verbose).run(
                rounds: rounds, until: end)
            done += 1
            total.add(tally)
            let line = "\(setting)\t\(tally)"
            print(line)
            if let record { try Self.append(line + "\n", to: record) }
            guard tally.problems.isEmpty else {
                for problem in tally.problems { print("  " + problem) }
                throw ExitCode.failure
            }
        }
        print("in all, on \(done) databases: \(total)")
    }

    private static func append(_ line: String, to path: String) throws {
        if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(filePath: path)) }
        guard let file = FileHandle(forWritingAtPath: path) else { throw CocoaError(.fileWriteUnknown) }
        try file.seekToEnd()
        try file.write(contentsOf: Data(line.utf8))
        try file.close()
    }
}

/// The configuration with which a database is tested.
struct Setting: CustomStringConvertible {
    let isPostgres: Bool
    let mixes: Bool
    let isWitnessed: Bool
    /// The number of services on the database.
    let services: Int
    let faults: [Fault]

    static func random(isPostgres: Bool, killsOnly: Bool) -> Setting {
        var faults: [Fault] = [.kill, .kill, .kill, .killAll]
        if !killsOnly { faults += [.stop, .fullDisk, .clock, .cut] + (isPostgres ? [.killServer] : [.flip]) }
        return Setting(
            isPostgres: isPostgres, mixes: .random(), isWitnessed: .random(), services: .random(in: 1...2),
            faults: faults)
    }

    var description: String {
        [
            isPostgres ? "postgres" : "sqlite", mixes ? "mixing" : "at once", isWitnessed ? "witness" : "no witness",
            "\(services) services",
        ].joined(separator: ", ")
    }
}

/// What happens to the service within a round.
enum Fault: String, CaseIterable {
    /// SIGKILL for one of the services.
    case kill
    /// SIGKILL for all of them at once, and for the witness.
    case killAll
    /// SIGTERM for one.
    case stop
    /// PostgreSQL is killed with all its processes, and starts again.
    case killServer
    /// Files cannot grow for a while.
    case fullDisk
    /// Some bits of the database flip while it is down; afterwards its files are restored.
    case flip
    /// The wall clock is wrong by up to two days, either way, for a while.
    case clock
    /// Clients hang up before the response.
    case cut
}

/// Counts of what was done and what was found.
struct Tally: CustomStringConvertible {
    var rounds = 0
    var kills = 0
    var faults: [Fault: Int] = [:]
    var receipts = 0
    var promises = 0
    var checks = 0
    /// How many databases with flipped bits did not start, and so served nothing false.
    var refusedFlips = 0
    var problems: [String] = []

    mutating func add(_ other: Tally) {
        rounds += other.rounds
        kills += other.kills
        faults.merge(other.faults) { $0 + $1 }
        receipts += other.receipts
        promises += other.promises
        checks += other.checks
        refusedFlips += other.refusedFlips
        problems += other.problems
    }

    var description: String {
        let kinds = Fault.allCases.compactMap { kind in faults[kind].map { "\(kind.rawValue) \($0)" } }
        return "rounds \(rounds), kills \(kills) (\(kinds.joined(separator: ", "))), receipts \(receipts), "
            + "promises \(promises), checks \(checks), flips refused at the start \(refusedFlips), "
            + "problems \(problems.count)"
    }
}
