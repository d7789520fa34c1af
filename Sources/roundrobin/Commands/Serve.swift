import ArgumentParser
import Foundation
import Logging
import Petitions
import Service
import Sodium
import Storage
import TransparencyLog

/// Runs the service. What a flag says goes before what the environment says, that before the file, that before what is usual.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the service.",
        discussion: """
            It stores logs and ciphertext in one SQLite file and needs nothing else, or in PostgreSQL. Stop it with SIGTERM. Each option can \
            stand in the file (docs/operations.md) or in the environment: --tls-key as ROUNDROBIN_TLS_KEY. Limits stand in \
            the file only.
            """)

    @Option(help: ArgumentHelp("A configuration file (YAML).", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "The SQLite file, made when missing; or postgres://user@host/database, for several services at once.",
            valueName: "file"))
    var database: String?

    @Option(
        help: ArgumentHelp(
            "Where the newest signed checkpoints are recorded, best on another disk; <database>.heads when not given, which it must "
                + "be with PostgreSQL: a file of this machine.",
            valueName: "file"))
    var heads: String?

    @Option(
        help: ArgumentHelp(
            "Where to listen: host:port, or unix:/path; 127.0.0.1:8080 when not given.", valueName: "address"))
    var listen: String?

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
        help: ArgumentHelp(
            "How many of a petition must wait for that (5); at its close all are published.", valueName: "n"))
    var mixAtLeast: Int?

    @Option(
        help: ArgumentHelp(
            "A tlog-policy file: the witnesses in it that have an address are asked to sign every checkpoint.",
            valueName: "file"))
    var witnesses: String?

    @Option(
        help: ArgumentHelp(
            "How long a checkpoint waits for them before it is shown without, and receipts with it (3).",
            valueName: "seconds"))
    var witnessPatience: Int?

    @Option(help: ArgumentHelp("Serve figures for Prometheus here, on this machine only.", valueName: "host:port"))
    var metrics: String?

    @Option(
        help: ArgumentHelp(
            "How long /readyz says that it stops before it accepts nothing more (0).", valueName: "seconds"))
    var drain: Int?

    @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("text or json.", valueName: "format"))
    var logFormat: String?

    func run() async throws {
        let settings = try settings()
        let logger = try logger(settings)
        let configuration = try Self.configuration(settings)
        let service = try await PetitionService(
            configuration, logger: logger,
            onListening: { port in
                logger.info(
                    "listening", metadata: configuration.socketPath.map { ["socket": "\($0)"] } ?? ["port": "\(port)"])
            })
        logger.info("opened the database", metadata: ["service_key": "\(service.key.text)"])
        try await service.run(stoppingOnSignals: true)
        logger.info("stopped")
    }

    private func settings() throws -> ServiceFile {
        let environment = ProcessInfo.processInfo.environment
        func value(_ flag: String?, _ key: String, _ file: String?) -> String? {
            flag ?? environment["ROUNDROBIN_" + key].flatMap { $0.isEmpty ? nil : $0 } ?? file
        }
        func number(_ flag: Int?, _ key: String, _ file: Int?, _ range: ClosedRange<Int>) throws -> Int? {
            guard let text = value(flag.map { "\($0)" }, key, file.map { "\($0)" }) else { return nil }
            guard let number = Int(text), range.contains(number) else {
                let option = key.lowercased().replacing("_", with: "-")
                throw ValidationError("--\(option) takes a number from \(range.lowerBound) to \(range.upperBound).")
            }
            return number
        }
        var settings = ServiceFile()
        if let path = value(config, "CONFIG", nil) {
            do { settings = try ServiceFile(contentsOf: path) } catch let fault as ServiceFile.Fault {
                throw ValidationError("The configuration file \(path) is wrong. \(fault)")
            }
        }
        if let database, Databases.hasPassword(database) {
            throw ValidationError(
                "Everybody on this machine sees a command's arguments: put the password into ~/.pgpass, or the address into the "
                    + "configuration file or ROUNDROBIN_DATABASE.")
        }
        settings.database = value(database, "DATABASE", settings.database)
        settings.heads = value(heads, "HEADS", settings.heads)
        settings.listen = value(listen, "LISTEN", settings.listen)
        settings.name = value(name, "NAME", settings.name)
        settings.tlsCertificate = value(tlsCertificate, "TLS_CERTIFICATE", settings.tlsCertificate)
        settings.tlsKey = value(tlsKey, "TLS_KEY", settings.tlsKey)
        settings.mixEvery = try number(mixEvery, "MIX_EVERY", settings.mixEvery, 1...21_600)
        settings.mixAtLeast = try number(mixAtLeast, "MIX_AT_LEAST", settings.mixAtLeast, 1...10_000)
        settings.witnesses = value(witnesses, "WITNESSES", settings.witnesses)
        settings.witnessPatience = try number(
            witnessPatience, "WITNESS_PATIENCE", settings.witnessPatience, 1...60)
        settings.metrics = value(metrics, "METRICS", settings.metrics)
        settings.drain = try number(drain, "DRAIN", settings.drain, 0...300)
        settings.logLevel = value(logLevel, "LOG_LEVEL", settings.logLevel)
        settings.logFormat = value(logFormat, "LOG_FORMAT", settings.logFormat)
        return settings
    }

    private func logger(_ settings: ServiceFile) throws -> Logger {
        guard let level = Logger.Level(rawValue: settings.logLevel ?? "info") else {
            throw ValidationError("--log-level takes trace, debug, info, notice, warning, error or critical.")
        }
        var logger: Logger
        switch settings.logFormat ?? "text" {
        case "text": logger = Logger(label: "roundrobin") { StreamLogHandler.standardError(label: $0) }
        case "json": logger = Logger(label: "roundrobin") { _ in JSONLog() }
        default: throw ValidationError("--log-format takes text or json.")
        }
        logger.logLevel = level
        return logger
    }

    private static func configuration(_ settings: ServiceFile) throws -> ServiceConfiguration {
        let listen = settings.listen ?? "127.0.0.1:8080"
        guard let database = settings.database else { throw ValidationError("Name the database: --database FILE.") }
        guard !Databases.isPostgres(database) || settings.heads != nil else {
            throw ValidationError("With PostgreSQL, name a file of this machine for signed checkpoints: --heads FILE.")
        }
        guard let address = Address(listen) else { throw ValidationError("--listen takes host:port, or unix:/path.") }
        let name = settings.name ?? listen
        guard WorkplaceStatement.isServiceName(name) else {
            throw ValidationError("--name takes 1 to 255 of the characters a-z 0-9 . : -")
        }
        guard (settings.tlsCertificate == nil) == (settings.tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key go together.")
        }
        var configuration = ServiceConfiguration(
            host: address.host, port: address.port, database: database, name: name)
        configuration.socketPath = address.socket
        configuration.headsPath = settings.heads
        configuration.limits = settings.limits
        configuration.drain = .seconds(settings.drain ?? 0)
        configuration.mix = settings.mixEvery.map {
            .init(every: .seconds($0), atLeast: settings.mixAtLeast ?? 5)
        }
        if let certificate = settings.tlsCertificate, let key = settings.tlsKey {
            configuration.tls = TLSFiles(certificate: certificate, key: key)
        }
        if let witnesses = settings.witnesses { configuration.witnesses = try PolicyFile.read(witnesses).policy }
        configuration.witnessPatience = .seconds(settings.witnessPatience ?? 3)
        if let metrics = settings.metrics {
            // Figures are for the operator alone.
            guard let address = Address(metrics), address.socket == nil, address.isLoopback else {
                throw ValidationError("--metrics takes an address of this machine, such as 127.0.0.1:9090.")
            }
            configuration.metrics = (address.host, address.port)
        }
        return configuration
    }
}
