// docs/protocol.md, section 10, "Two views"

import CoSigning
import Foundation
import Petitions
import ServiceAPI
import Sodium
import TransparencyLog

/// A connection that cannot sign. It reads what anybody may read, or sends one co-signature; it cannot carry anything
/// else.
final class AnonymousConnection: Sendable {
    private let transport: Transport

    init(_ serviceURL: String, proxy: Proxy?) {
        transport = Transport(serviceURL: serviceURL, proxy: proxy, isSingle: true)
    }

    /// The same over a transport of the caller's.
    init(_ transport: Transport) { self.transport = transport }
    /// Runs `body` with a new connection that nothing else uses.
    static func with<R>(
        _ serviceURL: String, proxy: Proxy?, _ body: (AnonymousConnection) async throws -> R
    ) async throws -> R {
        let connection = AnonymousConnection(serviceURL, proxy: proxy)
        do {
            let result = try await body(connection)
            await connection.transport.close()
            return result
        } catch {
            await connection.transport.close()
            throw error
        }
    }

    /// Makes all requests of a run, in its order.
    /// - Parameter cutOff: called with what has been read so far if the service stops responding.
    func read(_ start: Run, cutOff: (Reading) -> Void = { _ in }) async throws -> Reading {
        var run = start
        while let request = run.next {
            do { run.take(try await answer(request, of: run.workplace)) } catch {
                cutOff(run.finish())
                throw error
            }
        }
        return run.finish()
    }

    /// Reads one log, or only what was appended after it was read before.
    func read(_ name: LogName, after former: ServedLog? = nil, of workplace: ID<Workplace>) async throws -> ServedLog {
        var log = LogReading(name, after: former)
        while let request = log.next { log.take(try await answer(request, of: workplace)) }
        return log.result
    }

    func answer(_ request: RunRequest, of workplace: ID<Workplace>) async throws(ClientError) -> RunAnswer {
        let path =
            switch request {
            case .checkpoint(let log): log.path + "/checkpoint"
            case .entries(let log, let tile): log.path + "/" + tile.path
            case .document(let id): Route.document.path(id.hex)
            case .names(let id): Route.names.path(id.hex)
            case .wraps(let epoch): Route.wrapsOfEpoch.path(workplace.hex, "\(epoch)")
            }
        return try await get(path)
    }

    func get(_ path: String) async throws(ClientError) -> RunAnswer {
        do { return .bytes(try await transport.exchange("GET", path).body) } catch .refused(let refusal)
            where refusal.status == 404
        { return .missing }
    }

    /// The service's description of itself, for somebody who founds a workplace.
    func service() async throws -> Answers.Service {
        guard case .bytes(let bytes) = try await get(Route.service.rawValue),
            let answer = try? JSONDecoder().decode(Answers.Service.self, from: Data(bytes))
        else { throw ClientError.badAnswer(.service) }
        return answer
    }

    /// Sends a co-signature. The same connection must carry no other request, before or after.
    func send(_ sending: Sending) async throws(ClientError) -> SendingAnswer {
        let answer = try await transport.exchange(
            "POST", Route.cosignatures.path(sending.petition.hex), body: sending.body,
            headers: [("content-type", "application/octet-stream")])
        return answer.status == 202 ? .promise(answer.body) : .receipt(answer.body)
    }
}

extension LogName {
    var path: String {
        switch self {
        case .workplace(let id): LogPath.workplace(id)
        case .petition(let id): LogPath.petition(id)
        }
    }
}
