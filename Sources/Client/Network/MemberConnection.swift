// docs/protocol.md, section 10, "Two views"

import Foundation
import Petitions
import RequestSignatures
import ServiceAPI
import Sodium

/// A connection that carries what a member does under their name: signed requests, signed statements, and the lookup of
/// an invite. It cannot read a log, a document, a list of wraps or names, and it cannot send a co-signature.
final class MemberConnection: Sendable {
    private let transport: Transport

    init(_ serviceURL: String, proxy: Proxy?) { transport = Transport(serviceURL: serviceURL, proxy: proxy) }

    func close() async { await transport.close() }

    /// Looks up what an inviter left under an invite's name. Nil if nothing is there, or no longer.
    func invitation(_ name: Bytes32) async throws -> Answers.Invitation? {
        let body: [UInt8]
        do { body = try await transport.exchange("GET", Route.invite.path(name.hex)).body } catch ClientError.refused(
            let refusal) where refusal.status == 404
        { return nil }
        guard let answer = try? JSONDecoder().decode(Answers.Invitation.self, from: Data(body)) else {
            throw ClientError.badAnswer(.invitation)
        }
        return answer
    }

    /// Where a statement is posted that its author has signed.
    enum Statements {
        /// With the operator's token, if founding requires one.
        case founding(token: String?)
        case workplace(ID<Workplace>)
        case opening
        case petition(ID<Petition>)

        fileprivate var headers: [(name: String, value: String)] {
            let type = [(name: "content-type", value: "application/octet-stream")]
            guard case .founding(let token?) = self else { return type }
            return type + [("authorization", "Bearer \(token)")]
        }

        fileprivate var path: String {
            switch self {
            case .founding: Route.workplaces.rawValue
            case .workplace(let id): Route.workplaceStatements.path(id.hex)
            case .opening: Route.petitions.rawValue
            case .petition(let id): Route.petitionStatements.path(id.hex)
            }
        }
    }

    enum StatementAnswer {
        case receipt([UInt8])
        /// Durable, but its checkpoint still waits for the named witnesses.
        case accepted
    }

    /// Posts a statement, and posts it again if the connection breaks: the same bytes get the same receipt.
    func post(_ statement: [UInt8], to place: Statements) async throws(ClientError) -> StatementAnswer {
        for wait in [100, 1000] {
            do { return try await postOnce(statement, place) } catch .unreachable(let why, at: _, proxy: _)
                where why.mayPass
            {
                try? await Task.sleep(for: .milliseconds(wait))
            }
        }
        return try await postOnce(statement, place)
    }

    private func postOnce(_ statement: [UInt8], _ place: Statements) async throws(ClientError) -> StatementAnswer {
        let answer = try await transport.exchange(
            "POST", place.path, body: statement, headers: place.headers)
        return answer.status == 202 ? .accepted : .receipt(answer.body)
    }

    /// A request that the member has signed. It is sent once: its signature is good for one request.
    struct SignedExchange: Sendable {
        fileprivate let method: String
        fileprivate let target: String
        fileprivate let body: [UInt8]
        fileprivate let headers: [(name: String, value: String)]

        /// - Parameter time: by the device's clock, in Unix seconds.
        init(
            _ request: MemberRequest, in workplace: ID<Workplace>, at time: UInt64, by key: borrowing SigningKey
        ) throws {
            let (method, path, query) = (request.method, request.path(in: workplace), request.query)
            let body = try request.body()
            headers = SignedRequest.headers(
                method: method, path: path, query: query, body: body, created: time, by: key)
            (self.method, self.body) = (method, body)
            target = path + (query.isEmpty ? "" : "?" + query)
        }
    }

    func send(_ exchange: SignedExchange) async throws(ClientError) -> [UInt8] {
        try await transport.exchange(exchange.method, exchange.target, body: exchange.body, headers: exchange.headers)
            .body
    }

    /// Sends a few at once, over as many connections.
    /// - Throws: the first error, when the others have ended.
    func send(_ exchanges: [SignedExchange]) async throws(ClientError) {
        let results = await withTaskGroup(of: ClientError?.self) { group in
            for exchange in exchanges {
                group.addTask {
                    do throws(ClientError) {
                        _ = try await self.send(exchange)
                        return nil
                    } catch { return error }
                }
            }
            return await group.reduce(into: [ClientError?]()) { $0.append($1) }
        }
        for case let error? in results { throw error }
    }
}
