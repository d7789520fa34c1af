import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Sodium
import Storage
import TransparencyLog
import UnixSignals

/// The service: one database, one listener, one sequencer.
public struct PetitionService: Sendable {
    private let configuration: ServiceConfiguration
    private let store: any Store
    private let sequencer: Sequencer
    private let publisher: Publisher?
    private let pages: Pages
    private let certificates: Certificates?
    private let metrics = Metrics()
    private let readiness = Readiness()
    private let memory: MemoryBudget
    private let logger: Logger
    private let clock: @Sendable () -> UInt64
    private let onListening: @Sendable (Int) async -> Void

    /// Opens the database.
    /// - Parameters:
    ///   - clock: Unix seconds; deadlines and request signatures are judged by it.
    ///   - onListening: called with the port once connections are accepted.
    public init(
        _ configuration: ServiceConfiguration, logger: Logger,
        clock: @escaping @Sendable () -> UInt64 = { UInt64(max(0, Date().timeIntervalSince1970)) },
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) async throws {
        self.configuration = configuration
        self.logger = logger
        self.clock = clock
        self.onListening = onListening
        try configuration.validate()
        memory = MemoryBudget(configuration.limits.memory)
        pages = try Pages(directory: configuration.templates)
        certificates = try configuration.tls.map { try Certificates($0) }
        store = try await Databases.open(
            configuration.database, serviceName: configuration.name, heads: configuration.headsPath)
        let store = store
        publisher = configuration.witnesses.map {
            Publisher(
                store: store, policy: $0, patience: configuration.witnessPatience,
                silence: configuration.witnessSilence ?? configuration.witnessPatience * 10, logger: logger)
        }
        sequencer = Sequencer(
            store: store, publisher: publisher, mix: configuration.mix, logger: logger,
            capacity: configuration.limits.queue, metrics: metrics, readiness: readiness, clock: clock)
    }

    /// The key of all this service's logs, with the service's name: what a witness's operator needs to know.
    public var key: NoteKey { NoteKey(name: store.serviceName, kind: .log, key: store.logKey().publicKey) }

    /// Serves until the task is cancelled or SIGTERM or SIGINT asks it to stop; then answers what it has begun, and
    /// closes the database.
    public func run(stoppingOnSignals handlesSignals: Bool = false) async throws {
        Processes.prepare(configuration.limits, logger)
        await RequestVerifier.nextSecond()
        let routes = Routes(
            store: store, sequencer: sequencer,
            verifier: RequestVerifier(store: store, clocks: Clocks(wall: clock), logger: logger),
            limits: configuration.limits, pages: pages, witnesses: configuration.witnesses,
            doorkeeper: Doorkeeper(configuration.limits), readiness: readiness,
            foundingToken: configuration.foundingToken.map { FoundingToken($0) })
        // Hummingbird's own logger would name methods and paths with an error; ours says what happened, not to whom.
        var quiet = logger
        quiet.logLevel = .critical
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let socket: OwnedSocket? = if let path = configuration.socketPath { try OwnedSocket(path) } else { nil }
        let door = FrontDoor(routes, metrics: metrics, logger: logger)
        let server = try server(socket, quiet, announcing: listening, answering: { await door.answer($0) })
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
        if let address = configuration.metrics { services.append(.init(service: figures(address, quiet))) }
        services += [
            .init(service: server, successTerminationBehavior: .gracefullyShutdownGroup),
            .init(service: Arrival(ports: ports, ownedSocket: socket, onListening: onListening)),
            .init(
                service: Housekeeping(
                    store: store, certificates: certificates, readiness: readiness, logger: logger),
                failureTerminationBehavior: .gracefullyShutdownGroup),
            .init(service: DueClosings(sequencer: sequencer)),
            .init(service: Mixer(sequencer: sequencer)),
            .init(service: Republisher(sequencer: sequencer)),
            .init(
                service: Refresher(
                    sequencer: sequencer, age: configuration.witnessAge, releaseAge: configuration.releaseAge,
                    interval: configuration.witnessLook)),
            // The last begins to stop first.
            .init(
                service: Drain(readiness: readiness, delay: configuration.drain),
                successTerminationBehavior: .gracefullyShutdownGroup),
        ]
        do { try await serve(services, logger: quiet, stoppingOnSignals: handlesSignals) } catch let error as IOError {
            throw listeningError(error)
        } catch let error as SocketAddressError.UnknownHost {
            throw ListeningError.refused("\(error.host):\(error.port)", why: error.errorDescription)
        }
        await publisher?.close()
        try await store.close()
    }
}

extension PetitionService {
    /// What the system said of the address; an error of a connection never gets here.
    private func listeningError(_ error: IOError) -> ListeningError {
        let address = configuration.socketPath ?? "\(configuration.host):\(configuration.port)"
        return error.errnoCode == EADDRINUSE
            ? .inUse(address) : .refused(address, why: String(cString: strerror(error.errnoCode)))
    }

    private func server(
        _ socket: OwnedSocket?, _ quiet: Logger, announcing ports: AsyncStream<Int>.Continuation,
        answering answer: @escaping @Sendable (Exchange) async -> Void
    ) throws -> Server<HTTPServer> {
        Server(
            childChannelSetup: try HTTPServer(configuration.limits, certificates, budget: memory, answer: answer),
            configuration: ServerConfiguration(
                address: socket.map { .unixDomainSocket(path: $0.bound) }
                    ?? .hostname(configuration.host, port: configuration.port),
                availableConnectionsDelegate: MaximumAvailableConnections(
                    Processes.connections(configuration.limits.connections))),
            onServerRunning: { channel in
                try? await channel.eventLoop.submit {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(), position: .first)
                }.get()
                ports.yield(channel.localAddress?.port ?? 0)
                ports.finish()
            }, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: quiet)
    }

    /// What Prometheus asks, apart from what everybody may ask.
    private func figures(_ address: (host: String, port: Int), _ quiet: Logger) -> some ServiceLifecycle.Service {
        let router = Router()
        router.get("metrics") { [metrics, sequencer, store, readiness, memory] _, _ in
            var levels = await sequencer.levels
            levels.isReady = await readiness.state(of: store) == .ready
            levels.files = await store.sizes()
            levels.reserved = memory.taken
            return Response.text(metrics.text(levels), type: "text/plain; version=0.0.4; charset=utf-8")
        }
        let responder = router.buildResponder()
        return Patient(logger: logger) {
            Application(
                responder: responder,
                configuration: ApplicationConfiguration(
                    address: .hostname(address.host, port: address.port), serverName: nil), logger: quiet)
        }
    }
}
