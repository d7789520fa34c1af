// C2SP tlog-witness v1.1.0

import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import Sodium
import Storage
import TransparencyLog
import UnixSignals

/// How a witness runs.
public struct WitnessConfiguration: Sendable {
    public var host: String
    /// 0 lets the system choose.
    public var port: Int
    public var databasePath: String
    /// The name that it signs under.
    public var name: String
    /// Logs that it knows: each by its origin and key.
    public var logs: [NoteKey] = []
    /// Services that it knows, with every log that their keys sign: `<name>/workplace/<id>` and `<name>/petition/<id>`.
    public var services: [NoteKey] = []

    public init(host: String, port: Int, databasePath: String, name: String) {
        (self.host, self.port, self.databasePath, self.name) = (host, port, databasePath, name)
    }
}

/// Signs checkpoints of logs that it knows, as long as each extends the one before: whoever asks for its signature cannot be
/// shown a log that was rewound or forked.
public struct WitnessService: Sendable {
    typealias Context = BasicRequestContext

    private let configuration: WitnessConfiguration
    private let store: WitnessStore
    private let logger: Logger
    private let clock: @Sendable () -> UInt64
    private let onListening: @Sendable (Int) async -> Void

    public init(
        _ configuration: WitnessConfiguration, logger: Logger,
        clock: @escaping @Sendable () -> UInt64 = { UInt64(max(0, Date().timeIntervalSince1970)) },
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws {
        (self.configuration, self.logger, self.clock, self.onListening) = (configuration, logger, clock, onListening)
        store = try WitnessStore(path: configuration.databasePath, name: configuration.name)
    }

    /// What stands in a policy file for this witness.
    public var key: NoteKey { store.verifier.noteKey }

    public func run(stoppingOnSignals handlesSignals: Bool = false) async throws {
        var quiet = logger
        quiet.logLevel = .critical
        let listening = onListening
        let application = Application(
            router: router(),
            server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: nil),
            onServerRunning: { channel in await listening(channel.localAddress?.port ?? 0) }, logger: quiet)
        try await serve(
            [.init(service: application, successTerminationBehavior: .gracefullyShutdownGroup)], logger: quiet,
            stoppingOnSignals: handlesSignals)
        try store.close()
    }

    private func router() -> Router<Context> {
        let router = Router(context: Context.self)
        router.get("healthz") { _, _ in Response.text("ok\n") }
        router.get("/") { _, _ in Response.text("\(key.text)\n") }
        router.post("\(AddCheckpoint.path)") { request, _ in
            guard let body = try? await request.body.collect(upTo: AddCheckpoint.maximalLength) else {
                return Self.refusal(.contentTooLarge, "The request is too long.")
            }
            return await answer(Array(buffer: body))
        }
        // The specification's monitoring endpoint: by SHA-256 of the origin.
        router.get(":origin/checkpoint") { _, context in
            let hash = context.parameters.get("origin").flatMap { Bytes32(hex: $0) }
            let note = try hash.flatMap { try store.note(ofOriginHash: $0) }
            return note.map { Response.text($0) } ?? Self.refusal(.notFound, "No such log was signed here.")
        }
        return router
    }

    private static func refusal(_ status: HTTPResponse.Status, _ why: String) -> Response {
        var response = Response.text(why + "\n")
        response.status = status
        return response
    }

    /// The key under which a log of this origin is believed.
    private func verifier(of origin: String) -> LogVerifier? {
        if let log = configuration.logs.first(where: { $0.name == origin }) {
            return LogVerifier(origin: origin, key: log.key)
        }
        let service = configuration.services.first { service in
            ["/workplace/", "/petition/"].contains { kind in
                origin.hasPrefix(service.name + kind)
                    && Bytes32(hex: String(origin.dropFirst(service.name.count + kind.count))) != nil
            }
        }
        return service.map { LogVerifier(origin: origin, key: $0.key) }
    }

    private func answer(_ body: [UInt8]) async -> Response {
        guard let request = try? AddCheckpoint(parsing: body), let note = try? SignedNote(parsing: request.note),
            let claimed = try? Checkpoint(parsing: note.text)
        else { return Self.refusal(.badRequest, "This is no add-checkpoint request.") }
        guard let verifier = verifier(of: claimed.origin) else {
            return Self.refusal(.notFound, "This witness does not know the log.")
        }
        do {
            let (now, store) = (clock(), store)
            let head = try await store.update(claimed.origin) { last in
                let verified = try request.judge(verifier, since: last?.checkpoint)
                // A time before the last one would say that the log had shrunk.
                guard now >= last?.time ?? 0 else { throw ClockWentBack() }
                let signature = verified.checkpoint.witnessed(at: now, as: store.name, by: store.key())
                return WitnessStore.Head(
                    checkpoint: .init(size: verified.size, root: verified.root), time: now,
                    note: Self.shown(verified, verifier, signature))
            }
            guard let signed = try? SignedNote(parsing: head.note), let own = signed.signatures.last else {
                return Self.refusal(.internalServerError, "The witness cannot sign.")
            }
            return .text(SignedNote(text: "", signatures: [own]).signatureLines)
        } catch let refusal as AddCheckpoint.Refusal {
            return await refused(refusal, request, claimed, verifier)
        } catch is ClockWentBack {
            logger.error("the clock is behind the last signature")
            return Self.refusal(.serviceUnavailable, "This witness's clock went back.")
        } catch {
            logger.error("the state cannot be written")
            return Self.refusal(.serviceUnavailable, "This witness cannot write its state.")
        }
    }

    private struct ClockWentBack: Error {}

    /// The log's own signatures that verify, and this witness's: others' lines are not passed on.
    private static func shown(
        _ verified: VerifiedCheckpoint, _ verifier: LogVerifier, _ signature: SignedNote.Signature
    ) -> String {
        let log = NoteKey(name: verifier.origin, kind: .log, key: verifier.key)
        let own = verified.note.signatures.filter { $0.name == log.name && $0.keyID == log.id }
        return SignedNote(text: verified.note.text, signatures: own.prefix(1) + [signature]).serialized
    }

    private func refused(
        _ refusal: AddCheckpoint.Refusal, _ request: AddCheckpoint, _ claimed: Checkpoint, _ verifier: LogVerifier
    ) async -> Response {
        switch refusal {
        case .malformed: return Self.refusal(.badRequest, "The checkpoint cannot be read, or is below the old size.")
        case .notSigned: return Self.refusal(.forbidden, "The log's key has not signed this.")
        case .otherSize(let size):
            // Of the size that was signed, and another tree: a fork, whatever old size it came with.
            await keep(request, claimed)
            var response = Response.text("\(size)\n", type: AddCheckpoint.sizeType)
            response.status = .conflict
            return response
        case .inconsistent:
            await keep(request, claimed)
            return Self.refusal(.unprocessableContent, "This does not extend what was signed before.")
        }
    }

    /// A checkpoint of the signed size with another root is a fork. A false proof alone says nothing of the log: anybody can send one
    /// beside a checkpoint that is true.
    private func keep(_ request: AddCheckpoint, _ claimed: Checkpoint) async {
        guard (try? await store.keep(fork: request.note, claimed, at: clock())) == true else { return }
        logger.critical(
            "a log has forked; the evidence is kept",
            metadata: ["origin": "\(claimed.origin)", "size": "\(claimed.size)"])
    }
}
