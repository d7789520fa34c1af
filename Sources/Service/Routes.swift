import Foundation
import HTTPTypes
import Hummingbird
import MembershipProofs
import NIOCore
import Petitions
import RequestSignatures
import ServiceAPI
import Sodium
import Storage
import TransparencyLog

/// What the service serves. docs/openapi.yaml says the same.
struct Routes: Sendable {
    typealias Context = ServiceContext

    let store: any Store
    let sequencer: Sequencer
    let verifier: RequestVerifier
    let limits: ServiceConfiguration.Limits
    let pages: Pages
    let witnesses: WitnessPolicy?
    let addresses: AddressBuckets
    let budgets: Budgets
    let penance: Penance
    let memory: AnswerMemory
    let metrics: Metrics
    let readiness: Readiness

    func router() -> Router<Context> {
        let router = Router(context: Context.self)
        router.add(middleware: MetricsMiddleware(metrics: metrics, readiness: readiness))
        router.add(middleware: ProblemMiddleware(metrics: metrics))
        router.add(middleware: AddressLimit(buckets: addresses))
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
                    limits: .init(limits)))
        }
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
        addLogs(to: router)
        addStatements(to: router)
        addPetitionReading(to: router)
        addObjects(to: router)
        addWraps(to: router)
        addInvites(to: router)
        return router
    }

    // MARK: Logs (C2SP tlog-tiles), for anybody

    private func addLogs(to router: Router<Context>) {
        for kind in ["workplace", "petition"] {
            router.get("\(kind)/:id/checkpoint") { _, context in
                guard let note = try await store.checkpoint(of: log(kind, context)) else { throw Refusal.noSuchLog }
                return Response.text(note)
            }
            router.get("\(kind)/:id/tile/**") { _, context in
                let rest = context.parameters.getCatchAll().joined(separator: "/")
                guard let tile = Tile(path: "tile/" + rest) else { throw Refusal.malformed("This is no tile's path.") }
                guard let bytes = try await store.tile(tile, of: log(kind, context)) else { throw Refusal.notFound }
                return try Response.bytes(bytes, within: memory, cache: "public, max-age=31536000, immutable")
            }
        }
    }

    private func log(_ kind: String, _ context: Context) throws -> LogName {
        let subject = try id(context, "id")
        return kind == "workplace" ? .workplace(ID(subject)) : .petition(ID(subject))
    }

    func id(_ context: Context, _ name: String) throws -> Bytes32 {
        guard let text = context.parameters.get(name), let id = Bytes32(hex: text) else {
            throw Refusal.malformed("An id is 64 lowercase hexadecimal digits.")
        }
        return id
    }

    // MARK: Statements: they carry their own signatures, so the request has none

    private func addStatements(to router: Router<Context>) {
        router.post(.workplaces) { request, context in
            guard limits.foundings.burst > 0 else {
                throw Refusal.foundingsClosed
            }
            let bytes = try await body(of: request, upTo: maximalStatementLength)
            return try await receipt(.workplace(WorkplaceStatement(decoding: bytes)), context, .founding)
        }
        router.post(.workplaceStatements) { request, context in
            let workplace = ID<Workplace>(try id(context, "workplace"))
            let bytes = try await body(of: request, upTo: maximalStatementLength)
            let statement = try WorkplaceStatement(decoding: bytes)
            try await check(statement.workplace == workplace, .workplace(workplace), orBroken: .workplaceID)
            return try await receipt(.workplace(statement), context, .statement(workplace))
        }
        router.post(.petitions) { request, context in
            let bytes = try await body(of: request, upTo: maximalStatementLength)
            let statement = try PetitionStatement(decoding: bytes)
            guard case .opened(let manifest, _) = statement.body else { throw RuleViolation.mustBeFirst }
            return try await receipt(.petition(statement), context, .statement(manifest.workplace))
        }
        router.post(.petitionStatements) { request, context in
            let petition = ID<Petition>(try id(context, "petition"))
            let bytes = try await body(of: request, upTo: maximalStatementLength)
            let statement = try PetitionStatement(decoding: bytes)
            guard statement.coSigned == nil else {
                throw Refusal.malformed("A co-signature goes to \(Route.cosignatures.rawValue).")
            }
            try await check(statement.petition == petition, .petition(petition), orBroken: .petitionID)
            guard let workplace = try await store.workplace(of: petition) else { throw Refusal.noSuchLog }
            return try await receipt(.petition(statement), context, .statement(workplace))
        }
        // No header is read here, and no cookie set: nothing but the body says anything.
        router.post(.cosignatures) { request, context in
            let petition = ID<Petition>(try id(context, "petition"))
            let bytes = try await body(of: request, upTo: CoSignatureRequest.maximalLength)
            let parsed = try CoSignatureRequest(decoding: bytes)
            let statement = try PetitionStatement(decoding: parsed.statement)
            guard let coSigned = statement.coSigned else { throw Refusal.malformed("This is no co-signature.") }
            try await check(statement.petition == petition, .petition(petition), orBroken: .petitionID)
            guard coSigned.sequence < limits.replacements else { throw Refusal.full }
            return try await receipt(.petition(statement, sealedName: parsed.sealedName), context, nil)
        }
    }

    /// A statement goes to the log that it names. An address of no log is told first.
    private func check(_ isNamed: Bool, _ log: LogName, orBroken rule: RuleViolation) async throws {
        guard !isNamed else { return }
        guard try await store.checkpoint(of: log) != nil else { throw Refusal.noSuchLog }
        throw rule
    }

    /// - Parameter budget: what is counted when the statement is accepted; nil for co-signatures, which their proofs count.
    private func receipt(
        _ submission: Sequencer.Submission, _ context: Context, _ budget: Budgets.Kind?
    ) async throws -> Response {
        if let budget { try budgets.check(budget) }
        do {
            let answer = try await sequencer.submit(submission, isWaitedFor: { context.isWaitedFor })
            // A large statement costs memory and room for good.
            if let budget {
                let isFounding = if case .founding = budget { true } else { false }
                budgets.count(budget, cost: isFounding ? 1 : 1 + Double(submission.bytes.count) / 1024)
            }
            switch answer {
            case .receipt(let text): return .text(text)
            case .promise(let promise):
                var response = Response.text(promise.json, type: "application/json")
                response.status = .accepted
                return response
            case .accepted(let leaf): return try .json(Answers.Accepted(index: leaf), status: .accepted)
            case .mixed: throw Refusal.storage(.damaged)
            }
        } catch let refusal as Refusal where refusal.isWorthless {
            addresses.charge(context.remoteAddress, cost: 50)
            await penance.serve()
            context.closeSoon()
            throw refusal
        }
    }

    func body(of request: Request, upTo limit: Int) async throws -> [UInt8] {
        do { return Array(buffer: try await request.body.collect(upTo: limit)) } catch is NIOTooManyBytesError {
            throw Refusal.tooLarge(limit: limit)
        }
    }

    // MARK: What everybody may read of a petition

    private func addPetitionReading(to router: Router<Context>) {
        router.get(.document) { _, context in
            let petition = ID<Petition>(try id(context, "petition"))
            guard let workplace = try await store.workplace(of: petition),
                let bytes = try await store.object(.init(.document, petition.document), in: workplace)
            else { throw Refusal.notFound }
            return try Response.bytes(bytes, within: memory)
        }
        router.get(.names) { _, context in
            let petition = ID<Petition>(try id(context, "petition"))
            let due = try await sequencer.petition(petition).namesDue
            let kept = due.isEmpty ? [:] : try await store.sealedNames(of: petition)
            // In the order of their leaves, as bundles have them.
            let names = due.compactMap { due in
                kept[due.tag.encoding].flatMap { due.isMet(by: $0) ? Base64.encode($0) : nil }
            }
            return try Response.bytes(
                Answers.encode(Answers.Names(names: names)), within: memory, type: "application/json")
        }
    }
}

extension Router<ServiceContext> {
    typealias Handler = @Sendable (Request, ServiceContext) async throws -> Response

    func get(_ route: Route, use handler: @escaping Handler) { get(RouterPath(route.pattern), use: handler) }
    func put(_ route: Route, use handler: @escaping Handler) { put(RouterPath(route.pattern), use: handler) }
    func post(_ route: Route, use handler: @escaping Handler) { post(RouterPath(route.pattern), use: handler) }
}
