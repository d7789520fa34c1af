// docs/protocol.md, section 7

import Hummingbird
import HummingbirdCore
import Petitions
import RequestSignatures
import ServiceAPI
import Sodium

/// A request that a present member signed, with its body.
struct MemberRequest: Sendable {
    let workplace: ID<Workplace>
    let key: Bytes32
    let body: [UInt8]
    /// As it was when the request was looked at.
    let roster: WorkplaceLog
}

/// Decides by a request's head whether a member sent it, and only then reads the body: the signature covers the body's digest.
struct MemberRequests: Sendable {
    let sequencer: Sequencer
    let verifier: RequestVerifier

    /// Who a request's head says it is from.
    struct Sender {
        let key: Bytes32
        let isOrganiser: Bool
    }

    /// - Parameters:
    ///   - limit: of the body, in bytes.
    ///   - weight: how many times the body's bytes are in memory while it is worked on.
    ///   - ready: what else the head decides, for the member who signed.
    func accept(
        _ context: ServiceContext, upTo limit: Int, weight: Int = 3,
        if ready: (ID<Workplace>, Sender) async throws -> Void = { _, _ in }
    ) async throws -> MemberRequest {
        let workplace = ID<Workplace>(try context.id("workplace"))
        let exchange = context.exchange
        guard exchange.contentLength ?? 0 <= limit else { throw Refusal.tooLarge(limit: limit) }
        let uri = URI(exchange.head.path ?? "")
        let headers = exchange.head.headerFields
        let claim = SignedRequest.Claim(
            method: exchange.head.method.rawValue, path: uri.path, query: uri.query ?? "",
            signatureInput: headers[.signatureInput], signature: headers[.signature],
            contentDigest: headers[.contentDigestField])
        // Membership before memory: nonces of strangers are not remembered, so they cannot fill it.
        let (parameters, digest) = try RequestVerifier.check(claim)
        let roster = try await sequencer.workplace(workplace)
        guard roster.isMember(parameters.key) else {
            throw Refusal.notAuthenticated("The signer is not a present member of this workplace.")
        }
        try await ready(workplace, Sender(key: parameters.key, isOrganiser: roster.isOrganiser(parameters.key)))
        try await verifier.accept(parameters, in: workplace)
        let body = try await exchange.body(upTo: limit, weight: weight)
        guard digest.isOf(body) else { throw Refusal.notAuthenticated(SignedRequest.Fault.digest.rawValue) }
        return MemberRequest(workplace: workplace, key: parameters.key, body: body, roster: roster)
    }
}
