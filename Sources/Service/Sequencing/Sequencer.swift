import Foundation
import Logging
import MembershipProofs
import Petitions
import ServiceAPI
import Sodium
import Storage
import TransparencyLog

/// Admits statements to the logs, one batch after the other: what arrives together is checked together and shares one
/// transaction, and while it goes to the disk the proofs of the next batch are checked. Guards the queue and the
/// folded logs, of which it shows what is durable; the database is their truth. What a statement does to them is
/// `Admission`'s to say, and what is answered afterwards `Receipts`'.
actor Sequencer {
    nonisolated let store: any Store
    /// Nil where no witness is asked: then a checkpoint is shown by the commit that makes it, unless its workplace
    /// names witnesses.
    nonisolated let publisher: Publisher?
    /// How co-signatures are mixed; nil where each is appended as it comes.
    nonisolated let mix: ServiceConfiguration.Mix?
    nonisolated let logger: Logger
    nonisolated let clock: @Sendable () -> UInt64

    private var queue: SubmissionQueue
    private var isDraining = false
    /// What has been committed.
    private(set) var durable = FoldedLogs()
    /// What the batch that is on its way to the disk adds to that.
    private var ahead = FoldedLogs.Changes()
    /// Logs of whose outdated leaves the operator has been told.
    private var toldOutdated: Set<LogName> = []

    private let metrics: Metrics
    private let readiness: Readiness
    /// Whether what is admitted can be written.
    private let commits: OncePerState
    /// Whether logs can be read, by log.
    private let reading: OncePerState

    init(
        store: any Store, publisher: Publisher? = nil, mix: ServiceConfiguration.Mix? = nil, logger: Logger,
        capacity: Int, metrics: Metrics = Metrics(), readiness: Readiness = Readiness(),
        clock: @escaping @Sendable () -> UInt64
    ) {
        (self.store, self.publisher, self.mix, self.logger) = (store, publisher, mix, logger)
        (queue, self.clock) = (SubmissionQueue(capacity: capacity), clock)
        (self.metrics, self.readiness) = (metrics, readiness)
        commits = OncePerState(
            "a commit failed", over: "commits succeed again", level: .error, logger: logger)
        reading = OncePerState(
            "a log cannot be read, and is not served", over: "a log can be read again", level: .error, logger: logger)
    }

    /// For whoever looks at the figures.
    var levels: Metrics.Levels {
        .init(waiting: queue.count, workplaces: durable.count, unreadable: durable.unreadableCount)
    }

    /// Appends or holds a statement, or finds that it is there already.
    /// - Throws: `Refusal`.
    func submit(
        _ submission: Submission, isWaitedFor: @escaping @Sendable () -> Bool = { true }
    ) async throws -> Answer {
        // Witnesses are asked before the statement takes its turn, so that nobody waits for them meanwhile.
        if case .workplace(let statement) = submission {
            try await WitnessNamingCheck(sequencer: self).ask(for: statement)
        }
        guard !queue.isFull else { throw Refusal.busy }
        return try await withCheckedThrowingContinuation { answer in
            queue.add(Pending(submission: submission, isWaitedFor: isWaitedFor, answer: answer))
            if !isDraining {
                isDraining = true
                Task { await drain() }
            }
        }
    }

    // MARK: What is durable

    /// A workplace's log as it is durable now.
    func workplace(_ workplace: ID<Workplace>) async throws -> WorkplaceLog {
        try await refresh([.workplace(workplace)])
        return try durable.workplace(workplace)
    }

    /// A petition's log as it is durable now.
    /// - Throws: the rule that it breaks, where an earlier version took it.
    func petition(_ petition: ID<Petition>) async throws -> PetitionLog {
        try await refresh([.petition(petition)])
        if let rule = durable.outdatedRule(of: petition) { throw rule }
        return try durable.petition(petition)
    }

    /// What checkpoints of a log are made of.
    struct Tail: Sendable {
        let verifier: LogVerifier
        let tree: MerkleTree
        /// Those that the workplace names.
        let witnesses: WitnessQuorum
        /// Whether a level's names wait for trustees.
        let awaitsNames: Bool
    }

    /// The end of a log as it is in memory; read from the database where it is not, or has less than so many leaves.
    /// - Throws: `Refusal`, or what the database refuses.
    func tail(of log: LogName, covering size: Int = 1) async throws -> Tail {
        if durable.size(of: log) < size { try await refresh([log], isOfCommit: true) }
        guard let id = durable.workplace(of: log), let tree = durable.tree(of: log) else { throw Refusal.noSuchLog }
        let roster = try durable.workplace(id)
        guard case .petition(let petition) = log else {
            return Tail(verifier: roster.verifier, tree: tree, witnesses: roster.witnesses, awaitsNames: false)
        }
        let awaitsNames = try? durable.find(petition)?.awaitsNames
        return Tail(
            verifier: roster.verifier(of: petition), tree: tree, witnesses: roster.witnesses,
            awaitsNames: awaitsNames ?? false)
    }

    /// Brings logs up to what is durable, petitions with their workplaces.
    /// - Parameter isOfCommit: whether to read back from the disk even what the batch in hand may just have written.
    /// - Throws: `StorageError`. What is wrong with a log itself is said by whoever asks for it.
    func refresh(_ logs: Set<LogName>, isOfCommit: Bool = false) async throws {
        var wanted = logs
        for case .petition(let id) in logs {
            var workplace = durable.workplace(of: .petition(id))
            if workplace == nil { workplace = try await store.workplace(of: id) }
            if let workplace { wanted.insert(.workplace(workplace)) }
        }
        while true {
            // What a petition grows by just now is known when the commit returns, without judging each proof again. A
            // workplace's log is read all the same: what others wrote to its petitions may refer to it.
            let asked = wanted.filter { log in
                if case .petition = log, !isOfCommit { !ahead.contains(log) } else { true }
            }
            let sizes = Dictionary(uniqueKeysWithValues: asked.map { ($0, durable.size(of: $0)) })
            guard !sizes.isEmpty else { return }
            let news = try await store.state(LogQuery(sizes: sizes)).news
            // One that was dropped from memory meanwhile is asked for as a whole.
            guard sizes.allSatisfy({ durable.size(of: $0.key) >= $0.value }) else { continue }
            take(news)
            return durable.use(wanted)
        }
    }

    private func take(_ news: [LogName: LogState.News]) {
        for (log, finding) in durable.take(news) {
            if case .unreadable(let refusal) = finding {
                reading.begins(
                    Self.why(refusal), about: log.title, metadata: ["log": "\(log.title)"])
                continue
            }
            reading.ends(about: log.title, metadata: ["log": "\(log.title)"])
            guard case .outdated(let leaves) = finding, toldOutdated.insert(log).inserted else { continue }
            let most = 50
            var list = leaves.prefix(most).joined(separator: "; ")
            if leaves.count > most { list += "; and \(leaves.count - most) more" }
            logger.notice(
                "leaves that an earlier version took break the present rules and count for nothing",
                metadata: ["log": "\(log.subject.hex)", "leaves": "\(list)"])
        }
    }

    // MARK: One batch after the other

    /// Statements taken from the queue, and the verdicts on their co-signatures' proofs, being worked out off the
    /// actor.
    private struct Batch: Sendable {
        let pending: [Pending]
        let verdicts: Task<[Int: ProofVerdict], Never>
        var submissions: [Submission] { pending.map(\.submission) }
    }

    /// What a batch comes to.
    private struct Outcome: Sendable {
        let appends: [LogAppend]
        let holds: [ID<Petition>: [HeldCoSignature]]
        let spoiled: [ID<Petition>: [Bytes32]]
        let changes: FoldedLogs.Changes
        let admitted: [(pending: Pending, place: Admission.Place)]
    }

    private func drain() async {
        var next = await takeBatch()
        while !next.pending.isEmpty {
            let batch = next
            let verdicts = await batch.verdicts.value
            let turn: any LogTurn
            let now = clock()
            do { turn = try await store.turn(durable.query(for: batch.submissions, growing: true, at: now)) } catch {
                tellOfFailure(error)
                for pending in batch.pending { pending.refuse(Self.refusal(error)) }
                next = await takeBatch()
                continue
            }
            take(turn.state.news)
            let outcome = admit(batch.pending, verdicts, held: turn.state.held, at: now)
            ahead = outcome.changes
            async let written: Void = write(outcome, in: turn)
            // What arrived meanwhile is checked while this batch goes to the disk.
            next = await takeBatch()
            await written
            if next.pending.isEmpty { next = await takeBatch() }
        }
        isDraining = false
    }

    private func takeBatch() async -> Batch {
        durable.forgetIdle()
        let pending = queue.take()
        guard !pending.isEmpty else { return Batch(pending: [], verdicts: Task { [:] }) }
        let submissions = pending.map(\.submission)
        var held: [ID<Petition>: [HeldCoSignature]] = [:]
        let now = clock()
        // Only what is worth a look at the proofs: the turn looks again, and says so when the database does not answer.
        if (try? await refresh(Set(submissions.map(\.log)))) != nil, mix != nil {
            var query = durable.query(for: submissions, growing: false, at: now)
            query.sizes = [:]
            held = (try? await store.state(query).held) ?? [:]
        }
        let work = ProofWork(of: submissions, by: admission(to: durable.with(ahead), held: held, at: now))
        return Batch(pending: pending, verdicts: Task.detached { work.verdicts() })
    }

    private func admission(
        to logs: FoldedLogs, held: [ID<Petition>: [HeldCoSignature]], at now: UInt64
    ) -> Admission {
        let service = NoteKey(name: store.serviceName, kind: .log, key: store.logKey().publicKey)
        return Admission(to: logs, held: held, at: now, mix: mix, service: service)
    }

    /// Admits one statement after the other to what is durable; refuses at once what is refused.
    private func admit(
        _ batch: [Pending], _ verdicts: [Int: ProofVerdict], held: [ID<Petition>: [HeldCoSignature]], at now: UInt64
    ) -> Outcome {
        var admission = admission(to: durable, held: held, at: now)
        var admitted: [(pending: Pending, place: Admission.Place)] = []
        for (i, pending) in batch.enumerated() {
            do throws(Refusal) {
                admitted.append((pending, try admission.admit(pending.submission, verdicts[i])))
            } catch { pending.refuse(error) }
        }
        for petition in admission.damaged.map(LogName.petition) {
            logger.error("a held co-signature does not hold any more", metadata: ["log": "\(petition.title)"])
        }
        do throws(Refusal) {
            return Outcome(
                appends: try admission.appends(signedBy: store.logKey(), asksWitnesses: publisher != nil),
                holds: admission.holds, spoiled: admission.spoiled, changes: admission.logs.changes, admitted: admitted)
        } catch {
            for (pending, _) in admitted { pending.refuse(error) }
            return Outcome(appends: [], holds: [:], spoiled: [:], changes: .init(), admitted: [])
        }
    }

    private func write(_ outcome: Outcome, in turn: any LogTurn) async {
        do {
            if !outcome.appends.isEmpty || !outcome.holds.isEmpty {
                let start = ContinuousClock.now
                try await turn.commit(outcome.appends, holding: outcome.holds)
                metrics.committed(in: ContinuousClock.now - start)
                readiness.wrote(failed: false)
                commits.ends()
            } else {
                await turn.end()
            }
            ahead = .init()
            durable.keep(outcome.changes)
        } catch {
            ahead = .init()
            return fail(outcome, error)
        }
        // Tried again at the next mix when it fails.
        for (petition, tags) in outcome.spoiled { try? await store.drop(held: tags, of: petition) }
        await Receipts(sequencer: self).answer(outcome.admitted, after: outcome.appends)
    }

    /// Nothing of the batch is on the disk, and what it had changed is forgotten. Where that is not sure, the
    /// database knows better than what was folded before.
    private func fail(_ outcome: Outcome, _ error: any Error) {
        let error = error as? StorageError ?? .other(code: 0)
        if !error.leavesNothing { durable.forget(outcome.changes.names) }
        guard error != .conflict else { return queue.takeBack(outcome.admitted.map(\.pending)) }
        metrics.commitFailed()
        readiness.wrote(failed: true)
        tellOfFailure(error)
        for (pending, _) in outcome.admitted { pending.refuse(Self.refusal(error)) }
    }

    private func tellOfFailure(_ error: any Error) {
        guard error as? StorageError != .conflict else { return }
        commits.begins(Self.why(error), metadata: ["error": "\(Self.refusal(error).code.rawValue)"])
    }

    /// For the operator's log.
    static func why(_ error: any Error) -> String {
        switch refusal(error) {
        case .storage(let error): error.why
        case let refusal: refusal.code.rawValue
        }
    }

    static func refusal(_ error: any Error) -> Refusal {
        switch error {
        case let error as Refusal: error
        case let error as RuleViolation: .rule(error)
        case let error as StorageError: error == .conflict ? .busy : .storage(error)
        // The client has gone, and nobody reads this.
        case is CancellationError: .busy
        default: .internal
        }
    }
}

extension LogName {
    /// For the operator's log: the kind and the public id, which are no secrets of a member's.
    var title: String {
        switch self {
        case .workplace(let id): "workplace \(id.hex)"
        case .petition(let id): "petition \(id.hex)"
        }
    }
}
