import Foundation
import Logging
import MembershipProofs
import Petitions
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
    }

    /// What became of a statement. Nothing is said before it is durable.
    enum Answer: Sendable {
        case receipt(String)
        /// It waits to be mixed with others, and is appended then.
        case held
    }

    struct Pending {
        let submission: Submission
        /// Whether somebody still waits for the answer: what is sent and left alone is not worth a verification.
        let isWaitedFor: @Sendable () -> Bool
        let answer: CheckedContinuation<Answer, any Error>
        /// How often its batch came too late, because another process had written to one of its logs.
        var conflicts = 0
    }

    /// Then it is told to come back.
    private static let mostConflicts = 5

    /// Where an admitted statement is going.
    enum Place {
        case leaf(Int)
        case held
    }

    let store: any Store
    /// Nil where no witness is asked: then a checkpoint is shown by the commit that makes it.
    let publisher: Publisher?
    let logger: Logger
    let clock: @Sendable () -> UInt64
    /// Submissions that may wait; beyond, the service says that it is busy.
    private let capacity: Int
    /// How co-signatures are mixed; nil where each is appended as it comes.
    let mix: ServiceConfiguration.Mix?
    /// Statements that share a transaction at most: so many make the ring's part of a verification small, and wait a
    /// fraction of a second for one another.
    private let batchSize = 1024
    private var queue: [Pending] = []
    private(set) var isDraining = false
    var workplaces: [ID<Workplace>: WorkplaceLog] = [:]
    var petitions: [ID<Petition>: PetitionLog] = [:]
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

    private let metrics: Metrics
    private let readiness: Readiness

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
                    "a due petition could not be closed yet", metadata: ["why": "\(Self.refusal(error).slug)"])
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

    /// What a batch comes to.
    private struct Outcome: Sendable {
        var growth: [LogName: Growth] = [:]
        var appends: [LogAppend] = []
        var holds: [ID<Petition>: [HeldCoSignature]] = [:]
        var spoiled: [ID<Petition>: [Bytes32]] = [:]
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

    /// What must be known of logs, and of what waits, to look at statements; and to admit them, if the logs are growing.
    private func query(for batch: [Pending], growing: Bool) -> LogQuery {
        var query = LogQuery(sizes: [:])
        for pending in batch {
            let log = pending.submission.log
            query.sizes[log] = size(of: log)
            if growing { query.growing.insert(log) }
            guard case .petition(let id) = log else { continue }
            let folded = petitions[id]
            var workplace = folded?.manifest.workplace
            var mixes = folded.map(isDue) ?? true
            var tags: [Bytes32] = []
            switch pending.submission {
            case .workplace: break
            case .mix: mixes = true
            case .petition(let statement, _):
                switch statement.body {
                case .opened(let manifest, _): workplace = manifest.workplace
                case .closed, .ringExtended: mixes = true
                default: tags = statement.coSigned.map { [$0.tag.encoding] } ?? []
                }
            }
            if let workplace { query.sizes[.workplace(workplace)] = size(of: .workplace(workplace)) }
            switch query.held[id] {
            case .all: break
            case .tags(let others): query.held[id] = mixes && growing ? .all : .tags(others + tags)
            case nil: query.held[id] = mixes && growing ? .all : mix == nil ? nil : .tags(tags)
            }
        }
        return query
    }

    /// Statements taken from the queue, and the verdicts on their co-signatures' proofs, by place, being worked out off the
    /// actor.
    private struct Batch: Sendable {
        let pending: [Pending]
        let proofs: Task<[Int: ProofVerdict], Never>
    }

    private func takeBatch() async -> Batch {
        forgetIdle()
        let pending = takePending()
        guard !pending.isEmpty else { return Batch(pending: [], proofs: Task { [:] }) }
        var held: [ID<Petition>: [HeldCoSignature]] = [:]
        // Only what is worth a look at the proofs: the turn looks again, and says so when the database does not answer.
        if (try? await refresh(Set(pending.map(\.submission.log)))) != nil, mix != nil {
            var query = query(for: pending, growing: false)
            query.sizes = [:]
            held = (try? await store.state(query).held) ?? [:]
        }
        waiting = held
        defer { waiting = [:] }
        let work = proofWork(of: pending)
        return Batch(
            pending: pending,
            proofs: Task.detached {
                var verdicts: [Int: ProofVerdict] = [:]
                for part in work {
                    for (place, result) in zip(part.places, part.log.prove(part.coSigned)) {
                        verdicts[place] = ProofVerdict(ring: part.log.ring.digest, result: result)
                    }
                }
                return verdicts
            })
    }

    /// The next statements of the queue, but not a co-signature that comes after another one of its tag: its proof could be
    /// looked at only once the other is in, alone and with everybody waiting. It is the first of the next batch. Those of one
    /// sequence are taken together, whoever made them, so that false ones under somebody's tag cannot hold theirs up.
    private func takePending() -> [Pending] {
        var (taken, left): ([Pending], [Pending]) = ([], [])
        var sequences: [TagInPetition: UInt32] = [:]
        for (place, pending) in queue.enumerated() {
            guard taken.count < batchSize else {
                left += queue[place...]
                break
            }
            guard pending.isWaitedFor() else {
                pending.answer.resume(throwing: Refusal.busy)
                continue
            }
            if case .petition(let statement, _) = pending.submission, let coSigned = statement.coSigned {
                let tag = TagInPetition(petition: statement.petition, tag: coSigned.tag)
                let first = sequences[tag, default: coSigned.sequence]
                guard first >= coSigned.sequence else {
                    left.append(pending)
                    continue
                }
                sequences[tag] = coSigned.sequence
            }
            taken.append(pending)
        }
        queue = left
        return taken
    }

    private struct TagInPetition: Hashable {
        let petition: ID<Petition>
        let tag: LinkingTag
    }

    /// What became of a co-signature's proof, and the ring that it was held against.
    private struct ProofVerdict: Sendable {
        let ring: Bytes32
        let result: Result<ProvenCoSignature, RuleViolation>
    }

    private struct ProofWork: Sendable {
        let log: PetitionLog
        var places: [Int] = []
        var coSigned: [CoSigned] = []
    }

    /// The proofs worth looking at, by petition: of co-signatures that break none of the cheap rules so far.
    private func proofWork(of pending: [Pending]) -> [ProofWork] {
        var work: [ID<Petition>: ProofWork] = [:]
        for (place, pending) in pending.enumerated() {
            guard case .petition(let statement, let sealedName) = pending.submission, let coSigned = statement.coSigned,
                let log = try? petitionLog(statement.petition), (try? log.check(coSigned)) != nil,
                (try? Self.nameChange(coSigned, sealedName, log.manifest)) != nil,
                mix == nil || (try? isHeld(coSigned)) == false
            else { continue }
            work[statement.petition, default: ProofWork(log: log)].places.append(place)
            work[statement.petition]?.coSigned.append(coSigned)
        }
        return Array(work.values)
    }

    private func write(
        _ outcome: Outcome, in turn: any LogTurn, answering admitted: [(pending: Pending, place: Place)]
    ) async {
        do {
            if !outcome.appends.isEmpty || !outcome.holds.isEmpty {
                let start = ContinuousClock.now
                try await turn.commit(outcome.appends, holding: outcome.holds)
                metrics.committed(in: ContinuousClock.now - start)
                readiness.wrote(failed: false)
            } else {
                await turn.end()
            }
            await answer(admitted, after: outcome.appends)
            // Tried again at the next mix when it fails.
            for (petition, tags) in outcome.spoiled { try? await store.drop(held: tags, of: petition) }
        } catch {
            // Nothing of the batch is on the disk: take back what was folded in advance. Where that is not sure, or what was
            // committed could not be recorded as signed, the database knows better than what was folded before.
            let isUnsure = [StorageError.unanswered, .unrecorded].contains { $0 == error as? StorageError }
            for (log, growth) in outcome.growth {
                if isUnsure { forget(log) } else { restore(log, growth.before) }
            }
            guard error as? StorageError != .conflict else { return takeBack(admitted.map(\.pending)) }
            metrics.commitFailed()
            readiness.wrote(failed: true)
            var metadata: Logger.Metadata = ["error": "\(Self.refusal(error).slug)"]
            if case .unreachable(let why)? = error as? StorageError { metadata["why"] = "\(why)" }
            logger.error("a commit failed", metadata: metadata)
            for (pending, _) in admitted { pending.answer.resume(throwing: Self.refusal(error)) }
        }
    }

    enum Folded {
        case workplace(WorkplaceLog?)
        case petition(PetitionLog?)
    }

    private func restore(_ log: LogName, _ before: Folded) {
        switch (log, before) {
        case (.workplace(let id), .workplace(let log)): workplaces[id] = log
        case (.petition(let id), .petition(let log)): petitions[id] = log
        case (.workplace(let id), _): workplaces[id] = nil
        case (.petition(let id), _): petitions[id] = nil
        }
    }

    /// Another process was first: the same statements are admitted again after what it wrote, before everything else.
    private func takeBack(_ late: [Pending]) {
        var again: [Pending] = []
        for var pending in late {
            pending.conflicts += 1
            if pending.conflicts > Self.mostConflicts {
                pending.answer.resume(throwing: Refusal.busy)
            } else {
                again.append(pending)
            }
        }
        queue.insert(contentsOf: again, at: 0)
    }

    /// It is read from the database when it is needed next.
    private func forget(_ log: LogName) {
        switch log {
        case .workplace(let id): workplaces[id] = nil
        case .petition(let id): petitions[id] = nil
        }
    }

    static func refusal(_ error: any Error) -> Refusal {
        switch error {
        case let error as Refusal: error
        case let error as RuleViolation: .rule(error)
        case let error as StorageError: error == .conflict ? .busy : .storage(error)
        default: .storage(.other(code: 0))
        }
    }

    /// Folds the statement in and notes what is to be written.
    private func admit(
        _ submission: Submission, proof: ProofVerdict?, _ growth: inout [LogName: Growth]
    ) throws -> Place {
        switch submission {
        case .workplace(let statement):
            if let leaf = placeOfSame(submission) { return .leaf(leaf) }
            return .leaf(try admit(submission, statement, &growth))
        case .mix(let petition):
            try mixIn(petition, &growth)
            return .held
        case .petition(let statement, let sealedName):
            let id = statement.petition
            // A co-signature that keeps the rules is new: had it been appended, its tag's next sequence would be another.
            let isNew =
                if let coSigned = statement.coSigned, let log = try petitionLog(id) {
                    (try? log.check(coSigned)) != nil
                } else { false }
            if !isNew, let leaf = placeOfSame(submission) { return .leaf(leaf) }
            if case .opened(let manifest, _) = statement.body {
                return .leaf(try open(submission, manifest, id, &growth))
            }
            try closeIfDue(id, &growth)
            if !isNew, let leaf = placeOfSame(submission) { return .leaf(leaf) }
            // Before it has any effect: anybody may send this one, and it would call for a mix.
            if case .closed(let closure) = statement.body, case .deadline = closure.cause,
                let log = try petitionLog(id), now < log.manifest.closes
            {
                throw Refusal.notAcceptedHere("The deadline has not come by this service's clock.")
            }
            try mixIn(before: statement, &growth)
            guard var log = try petitionLog(id) else { throw Refusal.noSuchLog }
            let before = growth[submission.log] == nil ? log : nil
            // Out of the dictionary while it changes, so that it is changed in place and copied once a batch at most.
            petitions[id] = nil
            defer { petitions[id] = log }
            let start = log.size
            let nodes: [MerkleTree.Node]
            var names: [LogAppend.NameChange] = []
            if let coSigned = statement.coSigned {
                try log.check(coSigned)
                names = [try Self.nameChange(coSigned, sealedName, log.manifest)]
                if mix != nil, try isHeld(coSigned) { return .held }
                // A verdict for another ring than the present one says nothing: the ring has grown in this batch, or has
                // not because a commit failed.
                let known = proof.flatMap { $0.ring == log.ring.digest ? $0.result : nil }
                let proven = try (known ?? log.prove([coSigned])[0]).get()
                guard mix == nil else {
                    hold(coSigned, sealedName)
                    return .held
                }
                nodes = try log.append(proven)
            } else {
                nodes = try log.append(statement, in: workplaceLog(log.manifest.workplace))
            }
            note(submission, nodes, names, at: start, log.manifest.workplace, .petition(before), &growth)
            return .leaf(start)
        }
    }

    private func admit(
        _ submission: Submission, _ statement: WorkplaceStatement, _ growth: inout [LogName: Growth]
    ) throws -> Int {
        let id = statement.workplace
        if case .founded(let founding) = statement.body {
            guard founding.service == store.serviceName, founding.logKey == store.logKey().publicKey else {
                throw Refusal.notAcceptedHere("The statement names another service or another log key than this one's.")
            }
            guard workplaces[id] == nil else { throw RuleViolation.onlyFirst }
            if let refusal = unreadable[submission.log] { throw refusal }
            let log = try WorkplaceLog(founding: submission.bytes)
            workplaces[id] = log
            note(submission, Self.firstNodes(submission), [], at: 0, id, .workplace(nil), &growth)
            return 0
        }
        var log = try workplaceLog(id)
        try log.checkCheaply(statement)
        let before = growth[submission.log] == nil ? log : nil
        workplaces[id] = nil
        defer { workplaces[id] = log }
        let start = log.size
        let nodes = try log.append(submission.bytes)
        note(submission, nodes, [], at: start, id, .workplace(before), &growth)
        return start
    }

    private func open(
        _ submission: Submission, _ manifest: Manifest, _ id: ID<Petition>, _ growth: inout [LogName: Growth]
    ) throws -> Int {
        guard try petitionLog(id) == nil else { throw RuleViolation.onlyFirst }
        // Who knows a manifest whose id was announced is one of those who prepared it: the ring is built for nobody else.
        guard try workplaceLog(manifest.workplace).announcements[id] != nil else { throw RuleViolation.notAnnounced }
        let log = try PetitionLog(opening: submission.bytes, in: workplaceLog(manifest.workplace))
        petitions[id] = log
        note(submission, Self.firstNodes(submission), [], at: 0, manifest.workplace, .petition(nil), &growth)
        return 0
    }

    private static func firstNodes(_ submission: Submission) -> [MerkleTree.Node] {
        [MerkleTree.Node(level: 0, index: 0, hash: MerkleTree.leafHash(submission.bytes))]
    }

    func note(
        _ submission: Submission, _ nodes: [MerkleTree.Node], _ names: [LogAppend.NameChange], at start: Int,
        _ workplace: ID<Workplace>, _ before: Folded, _ growth: inout [LogName: Growth]
    ) {
        growth[submission.log, default: Growth(workplace: workplace, start: start, before: before)].leaves
            .append(LogAppend.Leaf(bytes: submission.bytes, nodes: nodes))
        growth[submission.log]?.names += names
    }

    private func isDue(_ log: PetitionLog) -> Bool {
        log.manifest.closes != 0 && log.closure == nil && now >= log.manifest.closes
    }

    /// Nothing is accepted between a deadline and the statement that says it has passed.
    private func closeIfDue(_ id: ID<Petition>, _ growth: inout [LogName: Growth]) throws {
        guard let due = try petitionLog(id), isDue(due) else { return }
        try mixIn(id, &growth)
        guard var log = try petitionLog(id) else { return }
        let before = growth[.petition(id)] == nil ? log : nil
        let start = log.size
        let statement = try PetitionStatement.closeByDeadline(id, size: UInt64(start), root: log.tree.root)
        let nodes = try log.append(statement, in: workplaceLog(log.manifest.workplace))
        petitions[id] = log
        note(.petition(statement), nodes, [], at: start, log.manifest.workplace, .petition(before), &growth)
    }

    /// A sealed name comes with the co-signature that carries its digest, and goes with it.
    static func nameChange(
        _ coSigned: CoSigned, _ sealed: [UInt8]?, _ manifest: Manifest
    ) throws -> LogAppend.NameChange {
        guard coSigned.level > 0 else {
            guard sealed == nil else { throw RuleViolation.sealedNameMismatch }
            return .delete(tag: coSigned.tag.encoding)
        }
        guard let sealed, sealed.count == manifest.sealedNameLength,
            SealedName.digest(of: sealed) == coSigned.nameDigest
        else { throw RuleViolation.sealedNameMismatch }
        return .keep(tag: coSigned.tag.encoding, sealed: sealed)
    }

    /// Where the very same bytes already are: those of this batch are folded in too.
    private func placeOfSame(_ submission: Submission) -> Int? {
        let tree =
            switch submission.log {
            case .workplace(let id): workplaces[id]?.tree
            case .petition(let id): petitions[id]?.tree
            }
        return tree?.place(ofLeafHash: MerkleTree.leafHash(submission.bytes))
    }
}

extension PetitionBundle {
    /// Leaves that this service has accepted must hold; that they do not means that the file was changed.
    static func orDamaged<T>(_ body: () throws(PetitionBundle.Unreadable) -> T) throws -> T {
        do { return try body() } catch { throw Refusal.storage(.damaged) }
    }
}
