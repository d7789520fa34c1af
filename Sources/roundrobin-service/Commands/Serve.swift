import Presentation
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
            stand in the file (docs/operations.md) or in the environment: --tls-key as ROUNDROBIN_TLS_KEY. Limits have no flag: \
            limits.connections is ROUNDROBIN_LIMITS_CONNECTIONS.
            """)

    @Option(help: ArgumentHelp("A configuration file (YAML).", valueName: "file"))
    var config: String?
    @Option(setting: .database) var database: String?
    @Option(setting: .heads) var heads: String?
    @Option(setting: .listen) var listen: String?
    @Option(setting: .name) var name: String?
    @Option(setting: .certificate) var tlsCertificate: String?
    @Option(setting: .key) var tlsKey: String?
    @Option(setting: .mixEvery) var mixEvery: String?
    @Option(setting: .mixAtLeast) var mixAtLeast: String?
    @Option(setting: .witnesses) var witnesses: String?
    @Option(setting: .patience) var witnessPatience: String?
    @Option(setting: .metrics) var metrics: String?
    @Option(setting: .drain) var drain: String?
    @Option(setting: .foundingToken) var foundingToken: String?
    @Option(setting: .logLevel) var logLevel: String?
    @Option(setting: .logFormat) var logFormat: String?

    /// What the command line gives, by the settings' keys.
    private var flags: [String: String] {
        let given: [(Setting, String?)] = [
            (.database, database),
            (.heads, heads),
            (.listen, listen),
            (.name, name),
            (.certificate, tlsCertificate),
            (.key, tlsKey),
            (.mixEvery, mixEvery),
            (.mixAtLeast, mixAtLeast),
            (.witnesses, witnesses),
            (.patience, witnessPatience),
            (.metrics, metrics),
            (.drain, drain),
            (.foundingToken, foundingToken),
            (.logLevel, logLevel),
            (.logFormat, logFormat),
        ]
        return Dictionary(uniqueKeysWithValues: given.compactMap { setting, value in value.map { (setting.key, $0) } })
    }

    func run() async throws {
        let settings = try settings()
        let logger = logger(settings)
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

    private func settings() throws -> ServeSettings {
        if let database, Databases.hasPassword(database) {
            throw ValidationError(
                "Everybody on this machine sees a command's arguments: put the password into ~/.pgpass, or the address into the "
                    + "configuration file or ROUNDROBIN_DATABASE.")
        }
        let environment = ProcessInfo.processInfo.environment
        let file = config ?? environment["ROUNDROBIN_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        do { return try ServeSettings(flags: flags, environment: environment, file: file) } catch {
            throw ValidationError(file.map { "The configuration (\($0)) is wrong. \(error)" } ?? "\(error)")
        }
    }

    private func logger(_ settings: ServeSettings) -> Logger {
        var logger =
            settings[.logFormat] == "json"
            ? Logger(label: "roundrobin") { _ in JSONLog() }
            : Logger(label: "roundrobin") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = settings[.logLevel].flatMap { Logger.Level(rawValue: $0) } ?? .info
        return logger
    }

    private static func configuration(_ settings: ServeSettings) throws -> ServiceConfiguration {
        let listen = settings[.listen] ?? "127.0.0.1:8080"
        guard let database = settings[.database] else { throw ValidationError("Name the database: --database FILE.") }
        guard !Databases.isPostgres(database) || settings[.heads] != nil else {
            throw ValidationError("With PostgreSQL, name a file of this machine for signed checkpoints: --heads FILE.")
        }
        guard let address = Address(listen) else { throw ValidationError("--listen takes host:port, or unix:/path.") }
        let name = settings[.name] ?? listen
        guard WorkplaceStatement.isServiceName(name) else {
            throw ValidationError("--name takes 1 to 255 of the characters a-z 0-9 . : -")
        }
        guard (settings[.certificate] == nil) == (settings[.key] == nil) else {
            throw ValidationError("--tls-certificate and --tls-key go together.")
        }
        var configuration = ServiceConfiguration(
            host: address.host, port: address.port, database: database, name: name)
        configuration.socketPath = address.socket
        configuration.headsPath = settings[.heads]
        configuration.limits = settings.limits
        configuration.drain = .seconds(settings.number(.drain) ?? 0)
        configuration.mix = settings.number(.mixEvery).map {
            .init(every: .seconds($0), atLeast: settings.number(.mixAtLeast) ?? 5)
        }
        if let certificate = settings[.certificate], let key = settings[.key] {
            configuration.tls = TLSFiles(certificate: certificate, key: key)
        }
        if let witnesses = settings[.witnesses] { configuration.witnesses = try PolicyFile.read(witnesses).policy }
        if let path = settings[.foundingToken] { configuration.foundingToken = try foundingToken(in: path) }
        configuration.witnessPatience = .seconds(settings.number(.patience) ?? 3)
        if let metrics = settings[.metrics] {
            // Figures are for the operator alone.
            guard let address = Address(metrics), address.socket == nil, address.isLoopback else {
                throw ValidationError("--metrics takes an address of this machine, such as 127.0.0.1:9090.")
            }
            configuration.metrics = (address.host, address.port)
        }
        return configuration
    }
}

extension Serve {
    /// The first line of a file: neither arguments nor the environment of a process are a place for it.
    private static func foundingToken(in path: String) throws -> String {
        let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let token = text.split(separator: "\n").first.map(String.init)?.trimmingCharacters(in: .whitespaces) ?? ""
        guard token.utf8.count >= 16, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw ValidationError(
                "\(path) must hold a founding token: 16 characters or more, letters and digits, on one line.")
        }
        return token
    }
}

extension Option where Value == String? {
    fileprivate init(setting: Setting) {
        self.init(
            name: .customLong(setting.flag),
            help: ArgumentHelp(
                setting.usual.map { "\(setting.help) (default: \($0))" } ?? "\(setting.help)",
                valueName: setting.valueName))
    }
}
