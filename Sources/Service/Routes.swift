import Foundation
import HTTPTypes
import Hummingbird
import MembershipProofs
import NIOCore
import Petitions
import RequestSignatures
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
        router.get("v1/service") { _, _ in
            try Response.json(
                Answers.ServiceInfo(
                    name: store.serviceName, log_key: store.logKey().publicKey.hex,
                    service_key: NoteKey(name: store.serviceName, kind: .log, key: store.logKey().publicKey).text,
                    maximal_object: limits.object, witnesses: witnesses?.witnesses.map(\.verifier.noteKey.text) ?? [],
                    mix: sequencer.mix.map { .init(every: Int($0.every / .seconds(1)), at_least: $0.atLeast) },
                    limits: .init(limits)))
        }
        pages.add(to: router) { petition in
            do { return try await sequencer.facts(of: petition) } catch Refusal.noSuchLog { return nil }
        }
        addLogs(to: router)
        addStatements(to: router)
        addPetitionReading(to: router)
        addObjects(to: router.group("v1/workplaces/:workplace"))
        addKeys(to: router.group("v1/workplaces/:workplace"))
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
                guard let bytes = try await store.tile(tile, of: log(kind, context)) else { throw Refusal.noSuchThing }
                return try Response.bytes(bytes, within: memory, cache: "public, max-age=31536000, immutable")
            }
        }
    }

    private func log(_ kind: String, _ context: Context) throws -> LogName {
        let subject = try id(context, "id")
        return kind == "workplace" ? .workplace(ID(subject)) : .petition(ID(subject))
    }

    private func id(_ context: Context, _ name: String) throws -> Bytes32 {
        guard let text = context.parameters.get(name), let id = Bytes32(hex: text) else {
            throw Refusal.malformed("An id is 64 lowercase hexadecimal digits.")
        }
        return id
    }

    // MARK: Statements: they carry their own signatures, so the request has none

    private func addStatements(to router: Router<Context>) {
        router.post("v1/workplaces") { request, context in
            guard limits.foundings.burst > 0 else {
                throw Refusal.notAcceptedHere("No further workplaces are founded on this service.")
            }
            let bytes = try await body(of: request, upTo: maximalStatementLength)
            return try await receipt(.workplace(WorkplaceStatement(decoding: bytes)), context, .founding)
        }
        router.post("v1/workplaces/:workplace/statements") { request, context in
            let workplace = ID<Workplace>(try id(context, "workplace"))
            let bytes = try await body(of: request, upTo: maximalStatementLength)
            let statement = try WorkplaceStatement(decoding: bytes)
            try await check(statement.workplace == workplace, .workplace(workplace), orBroken: .workplaceID)
            return try await receipt(.workplace(statement), context, .statement(workplace))
        }
        router.post("v1/petitions") { request, context in
            let bytes = try await body(of: request, upTo: maximalStatementLength)
            let statement = try PetitionStatement(decoding: bytes)
            guard case .opened(let manifest, _) = statement.body else { throw RuleViolation.mustBeFirst }
            return try await receipt(.petition(statement), context, .statement(manifest.workplace))
        }
        router.post("v1/petitions/:petition/statements") { request, context in
            let petition = ID<Petition>(try id(context, "petition"))
            let bytes = try await body(of: request, upTo: maximalStatementLength)
            let statement = try PetitionStatement(decoding: bytes)
            guard statement.coSigned == nil else {
                throw Refusal.malformed("A co-signature goes to /v1/petitions/{petition}/cosignatures.")
            }
            try await check(statement.petition == petition, .petition(petition), orBroken: .petitionID)
            guard let workplace = try await store.workplace(of: petition) else { throw Refusal.noSuchLog }
            return try await receipt(.petition(statement), context, .statement(workplace))
        }
        // No header is read here, and no cookie set: nothing but the body says anything.
        router.post("v1/petitions/:petition/cosignatures") { request, context in
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
            switch try await sequencer.submit(submission, isWaitedFor: { context.isWaitedFor }) {
            case .receipt(let text):
                // A large statement costs memory and room for good.
                if let budget {
                    let isFounding = if case .founding = budget { true } else { false }
                    budgets.count(budget, cost: isFounding ? 1 : 1 + Double(submission.bytes.count) / 1024)
                }
                return .text(text)
            case .held:
                var response = Response.text("held\n")
                response.status = .accepted
                return response
            }
        } catch let refusal as Refusal where refusal.isWorthless {
            addresses.charge(context.remoteAddress, cost: 50)
            await penance.serve()
            context.closeSoon()
            throw refusal
        }
    }

    private func body(of request: Request, upTo limit: Int) async throws -> [UInt8] {
        do { return Array(buffer: try await request.body.collect(upTo: limit)) } catch is NIOTooManyBytesError {
            throw Refusal.tooLarge(limit: limit)
        }
    }

    // MARK: What everybody may read of a petition

    private func addPetitionReading(to router: Router<Context>) {
        router.get("v1/petitions/:petition/document") { _, context in
            let petition = ID<Petition>(try id(context, "petition"))
            guard let workplace = try await store.workplace(of: petition),
                let bytes = try await store.object(petition.document, in: workplace),
                try StoredObject(decoding: bytes).kind == .document
            else { throw Refusal.noSuchThing }
            return try Response.bytes(bytes, within: memory)
        }
        router.get("v1/petitions/:petition/names") { _, context in
            let petition = ID<Petition>(try id(context, "petition"))
            let due = try await sequencer.namesDue(of: petition)
            let kept = try await store.sealedNames(of: petition)
            let names = due.compactMap { digest, tag in
                kept[tag.encoding].flatMap { SealedName.digest(of: $0) == digest ? Base64.encode($0) : nil }
            }.sorted()
            return try Response.bytes(
                Answers.encode(Answers.Names(names: names)), within: memory, type: "application/json")
        }
    }

    // MARK: Objects, for members

    /// A request that a present member signed, with its body.
    private func member(
        _ request: Request, _ context: Context, upTo limit: Int
    ) async throws -> (workplace: ID<Workplace>, key: Bytes32, body: [UInt8]) {
        let workplace = ID<Workplace>(try id(context, "workplace"))
        let body = try await body(of: request, upTo: limit)
        let claim = SignedRequest.Claim(
            method: request.method.rawValue, path: request.uri.path, query: request.uri.query ?? "",
            signatureInput: request.headers[.signatureInput], signature: request.headers[.signature],
            contentDigest: request.headers[.contentDigestField], body: body)
        // Membership before memory: nonces of strangers are not remembered, so they cannot fill it.
        let parameters = try RequestVerifier.check(claim)
        guard try await sequencer.isMember(parameters.key, of: workplace) else {
            throw Refusal.notAuthenticated("The signer is not a present member of this workplace.")
        }
        try await verifier.accept(parameters, in: workplace)
        return (workplace, parameters.key, body)
    }

    private func addObjects(to group: RouterGroup<Context>) {
        group.get("objects") { request, context in
            let (workplace, _, _) = try await member(request, context, upTo: 0)
            guard let number = request.uri.queryParameters["kind"].flatMap({ UInt8($0) }),
                let kind = StoredObject.Kind(rawValue: number)
            else { throw Refusal.malformed("The query must name a kind from 1 to 5.") }
            let after = request.uri.queryParameters["after"].map { Int($0) } ?? 0
            guard let after, (0...Int(Int32.max)).contains(after) else {
                throw Refusal.malformed("The query's after is how many objects came before.")
            }
            let (entries, next) = try await store.objects(of: kind, in: workplace, after: after)
            let list = Answers.Objects(
                objects: entries.map {
                    Answers.Object(
                        id: $0.id.hex, kind: $0.kind.rawValue, revision: $0.revision, digest: $0.digest.hex,
                        bytes: Base64.encode($0.bytes))
                }, next: next)
            return try Response.bytes(Answers.encode(list), within: memory, type: "application/json")
        }
        group.get("objects/:object") { request, context in
            let (workplace, _, _) = try await member(request, context, upTo: 0)
            return try await object(ID(id(context, "object")), workplace, revision: nil)
        }
        group.get("objects/:object/:revision") { request, context in
            let (workplace, _, _) = try await member(request, context, upTo: 0)
            guard let revision = context.parameters.get("revision").flatMap({ UInt32($0) }), revision > 0 else {
                throw Refusal.malformed("A revision is a number from 1.")
            }
            return try await object(ID(id(context, "object")), workplace, revision: revision)
        }
        group.put("objects/:object/:revision") { request, context in
            let (workplace, key, body) = try await member(request, context, upTo: limits.object)
            let object = try StoredObject(decoding: body)
            guard object.workplace == workplace, object.id.bytes == (try id(context, "object")),
                context.parameters.get("revision") == String(object.revision)
            else { throw Refusal.malformed("The object is another than the address names.") }
            guard object.author == key else { throw Refusal.notAllowed }
            try await sequencer.checkWritable(workplace, epoch: object.epoch)
            if object.kind == .document { try await sequencer.checkDocument(object) }
            try budgets.check(.object(workplace))
            try await store.put(object, most: limits.stored)
            budgets.count(.object(workplace))
            return Response.noContent
        }
    }

    private func object(_ id: ID<Object>, _ workplace: ID<Workplace>, revision: UInt32?) async throws -> Response {
        guard let bytes = try await store.object(id, in: workplace, revision: revision) else {
            throw Refusal.noSuchThing
        }
        return try Response.bytes(bytes, within: memory)
    }

    // MARK: Group keys

    private func addKeys(to group: RouterGroup<Context>) {
        group.get("wraps") { request, context in
            let (workplace, key, _) = try await member(request, context, upTo: 0)
            let wraps = try await store.wraps(of: key, in: workplace)
            return try Response.json(
                Answers.Wraps(
                    wraps: wraps.map {
                        Answers.Wrap(member: $0.member.hex, epoch: $0.epoch, wrap: Base64.encode($0.wrap))
                    }))
        }
        group.get("wraps/missing") { request, context in
            let (workplace, _, _) = try await member(request, context, upTo: 0)
            let epochs = try await sequencer.epochs(of: workplace)
            guard epochs > 0 else { return try Response.json(Answers.Missing(members: [])) }
            let wrapped = try await store.wrappedMembers(of: UInt32(epochs - 1), in: workplace)
            let members = try await sequencer.members(of: workplace).filter { !wrapped.contains($0) }
            return try Response.json(Answers.Missing(members: members.map(\.hex)))
        }
        group.put("wraps") { request, context in
            let (workplace, key, body) = try await member(request, context, upTo: limits.wraps)
            let wraps = try wraps(body)
            let epochs = try await sequencer.epochs(of: workplace)
            for wrap in wraps {
                guard try await sequencer.isMember(wrap.member, of: workplace), Int(wrap.epoch) < epochs else {
                    throw Refusal.malformed("A wrap is for a present member and an epoch that exists.")
                }
            }
            try budgets.check(.object(workplace))
            try await store.put(wraps, by: key, in: workplace, most: limits.stored)
            budgets.count(.object(workplace))
            return Response.noContent
        }
        group.put("invites/:invite") { request, context in
            let (workplace, key, body) = try await member(request, context, upTo: limits.inviteKeys)
            let invite = try id(context, "invite")
            guard try await sequencer.isOrganiser(key, of: workplace) else { throw Refusal.notAllowed }
            guard try await sequencer.isIssued(invite: invite, in: workplace) else { throw Refusal.noSuchThing }
            try budgets.check(.object(workplace))
            try await store.put(inviteKeys: body, for: invite, in: workplace, most: limits.stored)
            budgets.count(.object(workplace))
            return Response.noContent
        }
        group.get("invites/:invite") { _, context in
            let workplace = ID<Workplace>(try id(context, "workplace"))
            guard let sealed = try await store.inviteKeys(for: id(context, "invite"), in: workplace) else {
                throw Refusal.noSuchThing
            }
            return Response.bytes(sealed)
        }
    }

    private func wraps(_ body: [UInt8]) throws -> [StoredWrap] {
        guard let list = try? JSONDecoder().decode(Answers.Wraps.self, from: Data(body)).wraps,
            list.count <= limits.wrapsPerRequest
        else { throw Refusal.malformed("The body must be a list of wraps.") }
        return try list.map { entry in
            guard let member = Bytes32(hex: entry.member), let wrap = Base64.decode(entry.wrap),
                wrap.count == GroupKey.wrapLength
            else { throw Refusal.malformed("A wrap is 112 bytes for a member.") }
            return StoredWrap(member: member, epoch: entry.epoch, wrap: wrap)
        }
    }
}
