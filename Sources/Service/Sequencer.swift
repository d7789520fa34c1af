import Foundation
import Logging
import MembershipProofs
import Petitions
import ServiceAPI
import Sodium
import Storage
import TransparencyLog

/// Admits statements to the logs, one batch after the other: what arrives together is checked together and shares one
/// transaction, and while it goes to the disk the proofs of the next batch are checked. Guards the folded logs; the
/// database is their truth, so after a failed commit they are what they were before the batch.
actor Sequencer {
    /// One statement on its way into a log, decoded once.
    enum Submission: Sendable {
        case workplace(WorkplaceStatement)
        case petition(PetitionStatement, sealedName: [UInt8]? = nil)
        /// Nothing new: what waits in this petition is to be appended now.
        case mix(ID<Petition>)

        var log: LogName {
            switch self {
            case .workplace(let statement): .workplace(statement.workplace)
            case .petition(let statement, _): .petition(statement.petition)
            case .mix(let petition): .petition(petition)
            }
        }

        var bytes: [UInt8] {
            switch self {
            case .workplace(let statement): statement.bytes
            case .petition(let statement, _): statement.bytes
            case .mix: []
            }
        }

        var coSigned: CoSigned? { if case .petition(let statement, _) = self { statement.coSigned } else { nil } }
    }

    /// What became of a statement. Nothing is said before it is durable.
    enum Answer: Sendable {
        case receipt(String)
        /// A co-signature that waits to be mixed with others, or for witnesses.
        case promise(Promise)
        /// Another statement that waits for witnesses, with its leaf.
        case accepted(Int)
        /// What waited has been appended.
        case mixed
    }

    struct Pending {
        let submission: Submission
        /// Whether somebody still waits for the answer: what is sent and left alone is not worth a verification.
        let isWaitedFor: @Sendable () -> Bool
        let answer: CheckedContinuation<Answer, any Error>
        /// How often its batch came too late, because another process had written to one of its logs.
        var conflicts = 0
    }

    /// Where an admitted statement is going.
    enum Place {
        case leaf(Int)
        case held(until: UInt64)
        case mixed
    }

    let store: any Store
    /// Nil where no witness is asked: then a checkpoint is shown by the commit that makes it, unless its workplace names witnesses.
    let publisher: Publisher?
    let logger: Logger
    let clock: @Sendable () -> UInt64
    /// Submissions that may wait; beyond, the service says that it is busy.
    private let capacity: Int
    /// How co-signatures are mixed; nil where each is appended as it comes.
    let mix: ServiceConfiguration.Mix?
    var queue: [Pending] = []
    private(set) var isDraining = false
    var workplaces: [ID<Workplace>: WorkplaceLog] = [:]
    var petitions: [ID<Petition>: PetitionLog] = [:]
    /// Petitions of an earlier version of the rules.
    var outdated: [ID<Petition>: OutdatedLog] = [:]
    /// Logs of whose outdated leaves the operator has been told.
    var toldOutdated: Set<LogName> = []
    /// When each workplace was asked for last, counted in such questions.
    var uses: [ID<Workplace>: UInt64] = [:]
    var time: UInt64 = 0
    static let mostWorkplaces = 1000
    /// Logs whose folded state has leaves that are on their way to the disk.
    var inFlight: Set<LogName> = []
    /// Logs that could not be read, and why.
    var unreadable: [LogName: Refusal] = [:]
    /// What waits to be mixed, as far as the batch in hand needs it.
    var waiting: [ID<Petition>: [HeldCoSignature]] = [:]
    /// The time at which the batch in hand is admitted.
    var now: UInt64 = 0
    /// What the batch in hand will hold, and what it has found that can be held no longer.
    var holds: [ID<Petition>: [HeldCoSignature]] = [:]
    var spoiled: [ID<Petition>: [Bytes32]] = [:]

    let metrics: Metrics
    let readiness: Readiness

    init(
        store: any Store, publisher: Publisher? = nil, mix: ServiceConfiguration.Mix? = nil, logger: Logger,
        capacity: Int, metrics: Metrics = Metrics(), readiness: Readiness = Readiness(),
        clock: @escaping @Sendable () -> UInt64
    ) {
        (self.store, self.publisher, self.mix, self.logger) = (store, publisher, mix, logger)
        (self.capacity, self.clock) = (capacity, clock)
        (self.metrics, self.readiness) = (metrics, readiness)
    }

    /// For who looks at the figures.
    var levels: Metrics.Levels { .init(waiting: queue.count, workplaces: workplaces.count) }

    /// Appends or holds a statement, or finds that it is there already.
    /// - Throws: `Refusal`.
    func submit(
        _ submission: Submission, isWaitedFor: @escaping @Sendable () -> Bool = { true }
    ) async throws -> Answer {
        // Witnesses are asked before the statement takes its turn, so that nobody waits for them meanwhile.
        if case .workplace(let statement) = submission { try await askNamedWitnesses(statement) }
        guard queue.count < capacity else { throw Refusal.busy }
        return try await withCheckedThrowingContinuation { answer in
            queue.append(Pending(submission: submission, isWaitedFor: isWaitedFor, answer: answer))
            if !isDraining {
                isDraining = true
                Task { await drain() }
            }
        }
    }

    /// Closes what is due. Called now and then, and before a co-signature to such a petition is looked at.
    func closeDuePetitions() async throws {
        for petition in try await store.petitionsDue(at: clock()) {
            // One that cannot be loaded must not keep the others open.
            guard (try? await refresh([.petition(petition)])) != nil, let log = try? petitionLog(petition),
                log.closure == nil, let root = log.tree.root(at: log.size)
            else {
                continue
            }
            let statement = try PetitionStatement.closeByDeadline(petition, size: UInt64(log.size), root: root)
            do {
                _ = try await submit(.petition(statement))
            } catch {
                logger.warning(
                    "a due petition could not be closed yet", metadata: ["why": "\(Self.refusal(error).code.rawValue)"])
            }
        }
    }

    // MARK: One batch

    /// What a batch adds to one log, before it is durable.
    struct Growth {
        let workplace: ID<Workplace>
        let start: Int
        /// The folded log before the batch, to go back to when the commit fails.
        let before: Folded
        var leaves: [LogAppend.Leaf] = []
        var names: [LogAppend.NameChange] = []
        var mixed: [Bytes32] = []
        /// Public keys of invites that the leaves use or close.
        var closedInvites: [Bytes32] = []
    }

    enum Folded {
        case workplace(WorkplaceLog?)
        case petition(PetitionLog?)
    }

    /// What a batch comes to.
    struct Outcome: Sendable {
        var growth: [LogName: Growth] = [:]
        var appends: [LogAppend] = []
        var holds: [ID<Petition>: [HeldCoSignature]] = [:]
        var spoiled: [ID<Petition>: [Bytes32]] = [:]
    }

    private func drain() async {
        var next = await takeBatch()
        while !next.pending.isEmpty {
            let batch = next
            let proofs = await batch.proofs.value
            let turn: any LogTurn
            now = clock()
            do { turn = try await store.turn(query(for: batch.pending, growing: true)) } catch {
                for pending in batch.pending { pending.answer.resume(throwing: Self.refusal(error)) }
                next = await takeBatch()
                continue
            }
            let (outcome, answers) = admit(batch.pending, proofs, after: turn.state)
            async let written: Void = write(outcome, in: turn, answering: answers)
            // What arrived meanwhile is checked while this batch goes to the disk.
            next = await takeBatch()
            await written
            inFlight = []
            if next.pending.isEmpty { next = await takeBatch() }
        }
        isDraining = false
    }

    /// Admits one statement after the other to what is durable. Nothing else happens in between.
    private func admit(
        _ batch: [Pending], _ proofs: [Int: ProofVerdict], after state: LogState
    ) -> (Outcome, [(pending: Pending, place: Place)]) {
        fold(state.news)
        waiting = state.held
        var outcome = Outcome()
        var admitted: [(pending: Pending, place: Place)] = []
        for (i, pending) in batch.enumerated() {
            do {
                let place = try admit(pending.submission, proof: proofs[i], &outcome.growth)
                admitted.append((pending, place))
            } catch { pending.answer.resume(throwing: Self.refusal(error)) }
        }
        inFlight = Set(outcome.growth.keys)
        outcome.appends = outcome.growth.compactMap { log, growth in append(log, growth) }
        (outcome.holds, outcome.spoiled) = (holds, spoiled)
        (holds, spoiled, waiting) = ([:], [:], [:])
        return (outcome, admitted)
    }
}
