import ArgumentParser
import Foundation
import Logging
import Petitions
import Service
import Sodium
import TransparencyLog

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the service.",
        discussion: "It stores logs and ciphertext in one SQLite file and needs nothing else. Stop it with SIGTERM.")

    @Option(help: ArgumentHelp("The SQLite file; made when missing.", valueName: "file"))
    var database: String

    @Option(
        help: ArgumentHelp(
            "Where the newest signed checkpoints are recorded, best on another disk; <database>.heads when not given.",
            valueName: "file"))
    var heads: String?

    @Option(help: ArgumentHelp("Where to listen.", valueName: "host:port"))
    var listen = "127.0.0.1:8080"

    @Option(
        help: ArgumentHelp(
            "The name in this service's logs (a-z 0-9 . : -); --listen when not given. It cannot change.",
            valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "Speak TLS 1.3 with this certificate (PEM, the chain behind it); renewed files are taken over.",
            valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("Its private key (PEM).", valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "Hold co-signatures and publish them together, in a random order, looking so often.", valueName: "seconds"))
    var mixEvery: Int?

    @Option(
        help: ArgumentHelp("How many of a petition must wait for that; at its close all are published.", valueName: "n")
    )
    var mixAtLeast = 5

    @Option(
        help: ArgumentHelp(
            "A tlog-policy file: the witnesses in it that have an address are asked to sign every checkpoint.",
            valueName: "file"))
    var witnesses: String?

    @Option(
        help: ArgumentHelp(
            "How long a checkpoint waits for them before it is shown without, and receipts with it.",
            valueName: "seconds"))
    var witnessPatience = 3

    mutating func validate() throws {
        guard Address(listen) != nil else { throw ValidationError("--listen takes host:port.") }
        guard WorkplaceStatement.isServiceName(name ?? listen) else {
            throw ValidationError("--name takes 1 to 255 of the characters a-z 0-9 . : -")
        }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key go together.")
        }
        guard mixEvery.map({ (1...86_400).contains($0) }) ?? true, (1...10_000).contains(mixAtLeast) else {
            throw ValidationError("--mix-every takes 1 to 86400 seconds, --mix-at-least 1 to 10000.")
        }
        guard (1...60).contains(witnessPatience) else { throw ValidationError("--witness-patience takes 1 to 60.") }
    }

    func run() async throws {
        guard let address = Address(listen) else { return }
        let logger = Logger(label: "roundrobin") { StreamLogHandler.standardError(label: $0) }
        var configuration = ServiceConfiguration(
            host: address.host, port: address.port, databasePath: database, name: name ?? listen)
        configuration.headsPath = heads
        configuration.mix = mixEvery.map { .init(every: .seconds($0), atLeast: mixAtLeast) }
        if let tlsCertificate, let tlsKey {
            configuration.tls = TLSFiles(certificate: tlsCertificate, key: tlsKey)
        }
        if let witnesses { configuration.witnesses = try PolicyFile.read(witnesses).policy }
        configuration.witnessPatience = .seconds(witnessPatience)
        let service = try PetitionService(
            configuration, logger: logger,
            onListening: { port in
                logger.info("listening", metadata: ["port": "\(port)"])
            })
        logger.info("opened the database", metadata: ["service_key": "\(service.key.text)"])
        try await service.run(stoppingOnSignals: true)
        logger.info("stopped")
    }
}
