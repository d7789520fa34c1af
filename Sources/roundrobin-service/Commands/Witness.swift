import Presentation
import ArgumentParser
import Foundation
import Logging
import Service
import Storage
import TransparencyLog

struct Witness: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("witness.about"), discussion: words("witness.more"))

    @Option(help: ArgumentHelp("\(words("witness.database"))", valueName: "file"))
    var database: String

    @Option(help: ArgumentHelp("\(words("witness.listen"))", valueName: "host:port"))
    var listen = "127.0.0.1:8081"

    @Option(help: ArgumentHelp("\(words("witness.name"))", valueName: "name"))
    var name: String

    @Option(
        help: ArgumentHelp(
            "\(words("witness.service"))",
            valueName: "key"))
    var service: [String] = []

    @Option(help: ArgumentHelp("\(words("witness.log"))", valueName: "key"))
    var log: [String] = []

    @Flag(help: ArgumentHelp("\(words("witness.show"))"))
    var show = false

    mutating func validate() throws {
        guard let address = Address(listen), address.socket == nil else {
            throw ValidationError(words("witness.badListen"))
        }
        guard NoteKey.isName(name) else { throw ValidationError(words("witness.badName")) }
        for key in service + log {
            guard (try? NoteKey(parsing: key))?.kind == .log else {
                throw ValidationError(words("witness.badKey", ["key": key]))
            }
        }
        guard show || !service.isEmpty || !log.isEmpty else {
            throw ValidationError(words("witness.noLogs"))
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
            throw StorageError.noFile(database)
        }
        let store = try WitnessStore(path: database, name: name)
        Terminal.line(store.verifier.noteKey.text)
        for (origin, head) in try store.heads() {
            let time = Date(timeIntervalSince1970: Double(head.time)).formatted(.iso8601)
            Terminal.line("\(time)  \(head.checkpoint.size)  \(Terminal.harmless(origin))")
        }
        for fork in try store.forks() {
            let time = Date(timeIntervalSince1970: Double(fork.time)).formatted(.iso8601)
            Terminal.line(
                Terminal.red(words("witness.forked")) + "  \(time)  \(fork.size)  \(Terminal.harmless(fork.origin))")
            Terminal.line(Terminal.block(fork.signed))
            Terminal.line(Terminal.block(fork.other))
        }
        try store.close()
    }
}
