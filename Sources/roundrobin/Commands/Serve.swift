import ArgumentParser
import Foundation
import Logging
import Petitions
import Service
import Sodium

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the service.",
        discussion: "It stores logs and ciphertext in one SQLite file and needs nothing else. Stop it with SIGTERM.")

    @Option(help: ArgumentHelp("The SQLite file; made when missing.", valueName: "file"))
    var database: String

    @Option(help: ArgumentHelp("Where to listen.", valueName: "host:port"))
    var listen = "127.0.0.1:8080"

    @Option(
        help: ArgumentHelp(
            "The name in this service's logs (a-z 0-9 . : -); --listen when not given. It cannot change.",
            valueName: "name"))
    var name: String?

    mutating func validate() throws {
        guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw ValidationError("--listen takes host:port.") }
        guard WorkplaceStatement.isServiceName(name ?? listen) else {
            throw ValidationError("--name takes 1 to 255 of the characters a-z 0-9 . : -")
        }
    }

    func run() async throws {
        guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]) else {
            return
        }
        let host = listen[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        let logger = Logger(label: "roundrobin") { StreamLogHandler.standardError(label: $0) }
        let configuration = ServiceConfiguration(host: host, port: port, databasePath: database, name: name ?? listen)
        let service = try PetitionService(
            configuration, logger: logger,
            onListening: { port in
                logger.info("listening", metadata: ["port": "\(port)"])
            })
        logger.info("opened the database", metadata: ["log_key": "\(service.logKey.hex)"])
        try await service.run(stoppingOnSignals: true)
        logger.info("stopped")
    }
}
