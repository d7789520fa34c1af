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
        abstract: words("serve.about"), discussion: words("serve.more"))

    @Option(help: ArgumentHelp("\(words("setting.config"))", valueName: "file"))
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
        if settings[.name] == nil {
            logger.warning("\(words("serve.unnamed", ["name": configuration.name]))")
        }
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
                words("serve.password"))
        }
        let environment = ProcessInfo.processInfo.environment
        let file = config ?? environment["ROUNDROBIN_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        var settings = try ServeSettings(file: file)
        do { try settings.take(environment: environment, flags: flags) } catch {
            throw ValidationError(words("serve.wrong", ["why": "\(error)"]))
        }
        return settings
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
        guard let database = settings[.database] else { throw ValidationError(words("serve.noDatabase")) }
        guard !Databases.isPostgres(database) || settings[.heads] != nil else {
            throw ValidationError(words("serve.noHeads"))
        }
        guard let address = Address(listen) else { throw ValidationError(words("serve.listen")) }
        let name = settings[.name] ?? listen
        guard WorkplaceStatement.isServiceName(name) else {
            throw ValidationError(words("serve.name"))
        }
        guard (settings[.certificate] == nil) == (settings[.key] == nil) else {
            throw ValidationError(words("serve.tls"))
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
                throw ValidationError(words("serve.metrics"))
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
                words("serve.token", ["file": path]))
        }
        return token
    }
}

extension Option where Value == String? {
    fileprivate init(setting: Setting) {
        self.init(
            name: .customLong(setting.flag),
            help: ArgumentHelp(
                "\(setting.usual.map { words("setting.default", ["help": setting.help, "value": $0]) } ?? setting.help)",
                valueName: setting.valueName))
    }
}
