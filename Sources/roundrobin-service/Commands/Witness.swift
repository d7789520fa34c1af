import Presentation
import ArgumentParser
import Foundation
import Logging
import Service
import Storage
import TransparencyLog

struct Witness: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a witness: it signs checkpoints of other services' logs as long as they only grow.",
        discussion: """
            A C2SP tlog-witness. What it has signed is in one SQLite file; lose that file, and the witness must be given up with \
            its name. The line that members put into their policy file is printed at the start, and by --show.
            """)

    @Option(help: ArgumentHelp("The SQLite file; made when missing.", valueName: "file"))
    var database: String

    @Option(help: ArgumentHelp("Where to listen.", valueName: "host:port"))
    var listen = "127.0.0.1:8081"

    @Option(help: ArgumentHelp("The name that it signs under. It cannot change.", valueName: "name"))
    var name: String

    @Option(
        help: ArgumentHelp(
            "The key of a Round Robin service, as `serve` prints it (service_key): all its logs are known.",
            valueName: "key"))
    var service: [String] = []

    @Option(help: ArgumentHelp("The key of one log, under its origin.", valueName: "key"))
    var log: [String] = []

    @Flag(help: "Print the key, what was signed last, and evidence of forks; then stop.")
    var show = false

    mutating func validate() throws {
        guard let address = Address(listen), address.socket == nil else {
            throw ValidationError("--listen takes host:port.")
        }
        guard NoteKey.isName(name) else { throw ValidationError("--name takes no white space and no plus.") }
        for key in service + log {
            guard (try? NoteKey(parsing: key))?.kind == .log else {
                throw ValidationError("\(key) is no key of a log: name+id+base64.")
            }
        }
        guard show || !service.isEmpty || !log.isEmpty else {
            throw ValidationError("Name the logs that it knows, with --service or --log.")
        }
    }

    func run() async throws {
        if show { return try showState() }
        guard let address = Address(listen) else { return }
        let logger = Logger(label: "roundrobin") { StreamLogHandler.standardError(label: $0) }
        var configuration = WitnessConfiguration(
            host: address.host, port: address.port, databasePath: database, name: name)
        configuration.services = try service.map { try NoteKey(parsing: $0) }
        configuration.logs = try log.map { try NoteKey(parsing: $0) }
        let witness = try WitnessService(
            configuration, logger: logger,
            onListening: { port in logger.info("listening", metadata: ["port": "\(port)"]) })
        logger.info("opened the database", metadata: ["witness_key": "\(witness.key.text)"])
        try await witness.run(stoppingOnSignals: true)
        logger.info("stopped")
    }

    private func showState() throws {
        guard FileManager.default.fileExists(atPath: database) else {
            throw StorageError.cannotOpen("there is no file \(database)")
        }
        let store = try WitnessStore(path: database, name: name)
        Terminal.line(store.verifier.noteKey.text)
        for (origin, head) in try store.heads() {
            let time = Date(timeIntervalSince1970: Double(head.time)).formatted(.iso8601)
            Terminal.line("\(time)  \(head.checkpoint.size)  \(Terminal.harmless(origin))")
        }
        for fork in try store.forks() {
            let time = Date(timeIntervalSince1970: Double(fork.time)).formatted(.iso8601)
            Terminal.line(Terminal.red("forked") + "  \(time)  \(fork.size)  \(Terminal.harmless(fork.origin))")
            Terminal.line(Terminal.block(fork.signed))
            Terminal.line(Terminal.block(fork.other))
        }
        try store.close()
    }
}
