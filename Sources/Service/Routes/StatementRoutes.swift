// docs/protocol.md, section 3; docs/openapi.yaml

import Hummingbird
import HTTPTypes
import MembershipProofs
import Petitions
import ServiceAPI
import Storage

/// Statements: they carry their own signatures, so the request has none.
struct StatementRoutes: Sendable {
    let store: any Store
    let sequencer: Sequencer
    let doorkeeper: Doorkeeper
    let limits: ServiceConfiguration.Limits
    let foundingToken: FoundingToken?

    func add(to router: Router<ServiceContext>) {
        router.post(.workplaces) { _, context in
            guard limits.foundings.burst > 0 else { throw Refusal.foundingsClosed }
            try foundingToken?.check(context.exchange.head.headerFields[.authorization])
            try doorkeeper.check(.founding)
            let bytes = try await context.exchange.body(upTo: maximalStatementLength)
            return try await receipt(.workplace(WorkplaceStatement(decoding: bytes)), context, .founding)
        }
        router.post(.workplaceStatements) { _, context in
            let workplace = ID<Workplace>(try context.id("workplace"))
            try doorkeeper.check(.statement(workplace))
            let bytes = try await context.exchange.body(upTo: maximalStatementLength)
            let statement = try WorkplaceStatement(decoding: bytes)
            try await check(statement.workplace == workplace, .workplace(workplace), orBroken: .workplaceID)
            return try await receipt(.workplace(statement), context, .statement(workplace))
        }
        router.post(.petitions) { _, context in
            let bytes = try await context.exchange.body(upTo: maximalStatementLength)
            let statement = try PetitionStatement(decoding: bytes)
            guard case .opened(let manifest, _) = statement.body else { throw RuleViolation.mustBeFirst }
            return try await receipt(.petition(statement), context, .statement(manifest.workplace))
        }
        router.post(.petitionStatements) { _, context in
            let petition = ID<Petition>(try context.id("petition"))
            let bytes = try await context.exchange.body(upTo: maximalStatementLength)
            let statement = try PetitionStatement(decoding: bytes)
            guard statement.coSigned == nil else {
                throw Refusal.malformed("A co-signature goes to \(Route.cosignatures.rawValue).")
            }
            try await check(statement.petition == petition, .petition(petition), orBroken: .petitionID)
            guard let workplace = try await store.workplace(of: petition) else { throw Refusal.noSuchLog }
            return try await receipt(.petition(statement), context, .statement(workplace))
        }
        // No header is read here, and no cookie set: nothing but the body says anything.
        router.post(.cosignatures) { _, context in
            let petition = ID<Petition>(try context.id("petition"))
            let bytes = try await context.exchange.body(upTo: CoSignatureRequest.maximalLength)
            let parsed = try CoSignatureRequest(decoding: bytes)
            let statement = try PetitionStatement(decoding: parsed.statement)
            guard let coSigned = statement.coSigned else { throw Refusal.malformed("This is no co-signature.") }
            try await check(statement.petition == petition, .petition(petition), orBroken: .petitionID)
            guard coSigned.sequence < limits.replacements else { throw Refusal.full }
            return try await receipt(.petition(statement, sealedName: parsed.sealedName), context, nil)
        }
    }

    /// Checks that a statement goes to the log that it names. If the address names no log, that is the refusal.
    private func check(_ isNamed: Bool, _ log: LogName, orBroken rule: RuleViolation) async throws {
        guard !isNamed else { return }
        guard try await store.checkpoint(of: log) != nil else { throw Refusal.noSuchLog }
        throw rule
    }

    /// - Parameter budget: what is counted when the statement is accepted; nil for co-signatures, which their proofs count.
    private func receipt(
        _ submission: Sequencer.Submission, _ context: ServiceContext, _ budget: Budgets.Kind?
    ) async throws -> Response {
        let exchange = context.exchange
        if let budget { try doorkeeper.check(budget) }
        do {
            let answer = try await sequencer.submit(submission, isWaitedFor: { exchange.isWaitedFor })
            // A large statement costs memory and room for good.
            if let budget {
                let isFounding = if case .founding = budget { true } else { false }
                doorkeeper.charge(budget, cost: isFounding ? 1 : 1 + Double(submission.bytes.count) / 1024)
            }
            switch answer {
            case .receipt(let text): return .text(text)
            case .promise(let promise):
                var response = Response.text(promise.json, type: "application/json")
                response.status = .accepted
                return response
            case .accepted(let leaf): return try .json(Answers.Accepted(index: leaf), status: .accepted)
            case .mixed: throw Refusal.internal
            }
        } catch let refusal as Refusal where refusal.isWorthless {
            await doorkeeper.penalise(exchange)
            throw refusal
        }
    }
}
