import HTTPTypes
import Hummingbird
import Petitions
import ServiceAPI
import Sodium
import Storage
import Templates
import TransparencyLog

/// What the service serves. docs/openapi.yaml says the same.
struct Routes: Sendable {
    let store: any Store
    let sequencer: Sequencer
    let verifier: RequestVerifier
    let limits: ServiceConfiguration.Limits
    let pages: Pages
    let witnesses: WitnessPolicy?
    let doorkeeper: Doorkeeper
    let readiness: Readiness
    /// What founding a workplace takes; nil where anybody may.
    let foundingToken: FoundingToken?

    func router() -> Router<ServiceContext> {
        let router = Router(context: ServiceContext.self)
        addService(to: router)
        pages.add(to: router) { petition in
            do {
                let log = try await sequencer.petition(petition)
                return try await Pages.Facts(log, in: sequencer.workplace(log.manifest.workplace))
            } catch Refusal.noSuchLog {
                return nil
            } catch is RuleViolation {
                // One of an earlier version of the rules, which the present one cannot count.
                return nil
            }
        }
        let requests = MemberRequests(sequencer: sequencer, verifier: verifier)
        LogRoutes(store: store, sequencer: sequencer).add(to: router)
        StatementRoutes(
            store: store, sequencer: sequencer, doorkeeper: doorkeeper, limits: limits, foundingToken: foundingToken
        ).add(to: router)
        TextRoutes(store: store, requests: requests, doorkeeper: doorkeeper, limits: limits).add(to: router)
        let keys = KeyRoutes(
            store: store, sequencer: sequencer, requests: requests, doorkeeper: doorkeeper, limits: limits)
        keys.addWraps(to: router)
        keys.addInvites(to: router)
        return router
    }

    private func addService(to router: Router<ServiceContext>) {
        router.get("healthz") { _, _ in Response.text("ok\n") }
        router.get("readyz") { _, _ in
            let state = await readiness.state(of: store)
            var response = Response.text(state.rawValue)
            response.status = state == .ready ? .ok : .serviceUnavailable
            return response
        }
        router.get(.service) { _, _ in
            try Response.json(
                Answers.Service(
                    name: store.serviceName, log_key: store.logKey().publicKey.hex,
                    service_key: NoteKey(name: store.serviceName, kind: .log, key: store.logKey().publicKey).text,
                    maximal_object: limits.object,
                    witnesses: witnesses?.witnesses.filter { $0.url != nil }.map(\.verifier.noteKey.text) ?? [],
                    mix: sequencer.mix.map { .init(every: Int($0.every / .seconds(1)), at_least: $0.atLeast) },
                    limits: .init(limits), founding_token: foundingToken == nil ? nil : true,
                    page_sha256: pages.app?.digest))
        }
    }
}

extension ServiceContext {
    /// - Throws: `Refusal.malformed`.
    func id(_ name: String) throws -> Bytes32 {
        guard let text = parameters.get(name), let id = Bytes32(hex: text) else {
            throw Refusal.malformed("An id is 64 lowercase hexadecimal digits.")
        }
        return id
    }
}

extension Router<ServiceContext> {
    typealias Handler = @Sendable (Request, ServiceContext) async throws -> Response

    func get(_ route: Route, use handler: @escaping Handler) { get(RouterPath(route.pattern), use: handler) }
    func put(_ route: Route, use handler: @escaping Handler) { put(RouterPath(route.pattern), use: handler) }
    func post(_ route: Route, use handler: @escaping Handler) { post(RouterPath(route.pattern), use: handler) }
}
