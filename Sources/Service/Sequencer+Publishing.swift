// docs/protocol.md, section 3

import Logging
import Petitions
import ServiceLifecycle
import Sodium
import Storage
import TransparencyLog

/// Checkpoints and receipts.
extension Sequencer {
    func append(_ log: LogName, _ growth: Growth) throws -> LogAppend {
        let (verifier, tree, deadline) = try tail(of: log)
        let checkpoint = Checkpoint(origin: verifier.origin, size: UInt64(tree.count), root: tree.root)
        return LogAppend(
            log: log, workplace: growth.workplace, start: growth.start, leaves: growth.leaves,
            note: checkpoint.signed(by: store.logKey()).serialized, isPublished: publisher == nil, deadline: deadline,
            names: growth.names, mixed: growth.mixed)
    }

    private func tail(of log: LogName) throws -> (LogVerifier, MerkleTree, UInt64?) {
        switch log {
        case .workplace(let id):
            let log = try workplaceLog(id)
            return (log.verifier, log.tree, nil)
        case .petition(let id):
            guard let log = try petitionLog(id) else { throw Refusal.noSuchLog }
            let closes = log.manifest.closes
            return (
                try workplaceLog(log.manifest.workplace).verifier(of: id), log.tree,
                closes > 0 && log.closure == nil ? closes : nil
            )
        }
    }

    /// Answers what a commit has made durable.
    func answer(_ admitted: [(pending: Pending, place: Place)], after appends: [LogAppend]) {
        var leaves: [(pending: Pending, leaf: Int)] = []
        for (pending, place) in admitted {
            switch place {
            case .leaf(let leaf): leaves.append((pending, leaf))
            case .held: pending.answer.resume(returning: .held)
            }
        }
        if publisher != nil {
            // What nobody waits for, a mix or a close by the deadline, is shown all the same.
            let waitedFor = Set(leaves.map(\.pending.submission.log))
            for append in appends where !waitedFor.contains(append.log) {
                Task { _ = try? await publish(append.log) }
            }
        }
        let byLog = Dictionary(uniqueKeysWithValues: appends.map { ($0.log, $0) })
        for (log, answers) in Dictionary(grouping: leaves, by: { $0.pending.submission.log }) {
            let written = byLog[log].map { (start: $0.start, size: $0.start + $0.leaves.count, note: $0.note) }
            // Witnesses are slower than a disk: the next batch does not wait for them.
            guard publisher != nil else {
                for (pending, leaf) in answers { answer(pending, leaf, under: written) }
                continue
            }
            Task { await publish(log, written?.start, answering: answers) }
        }
    }

    /// A checkpoint of a log, and the size before the leaves that it was made for.
    private typealias Written = (start: Int, size: Int, note: String)

    /// The receipt of a durable leaf, under the first shown checkpoint that covers it: the same bytes each time.
    /// - Parameter written: what was just written to the log. A leaf that was there before has an older checkpoint.
    private func answer(_ pending: Pending, _ leaf: Int, under written: Written?) {
        do {
            let (_, tree, _) = try tail(of: pending.submission.log)
            let fresh = written.flatMap { leaf >= $0.start ? ($0.size, $0.note) : nil }
            guard
                let (size, note) = try fresh ?? store.checkpoint(of: pending.submission.log, covering: leaf),
                let path = tree.inclusionProof(of: leaf, at: size)
            else { throw Refusal.storage(.damaged) }
            pending.answer.resume(
                returning: .receipt(Receipt(index: UInt64(leaf), path: path, note: note).serialized))
        } catch { pending.answer.resume(throwing: Self.refusal(error)) }
    }

    /// Has a log's newest checkpoint shown, and answers who waits for it.
    private func publish(
        _ log: LogName, _ start: Int?, answering answers: [(pending: Pending, leaf: Int)]
    ) async {
        do {
            // A leaf that was there before is shown already, or its checkpoint is the newest.
            let isShown =
                try start == nil && answers.allSatisfy { try store.checkpoint(of: log, covering: $0.leaf) != nil }
            let shown = isShown ? nil : try await publish(log)
            let written = shown.flatMap { shown in start.map { ($0, shown.size, shown.note) } }
            for (pending, leaf) in answers { answer(pending, leaf, under: written) }
        } catch { for (pending, _) in answers { pending.answer.resume(throwing: Self.refusal(error)) } }
    }

    @discardableResult
    private func publish(_ log: LogName, again: Bool = false) async throws -> Publisher.Published? {
        guard let publisher, let newest = try store.newestCheckpoint(of: log) else { return nil }
        let verifier = try tail(of: log).0
        let candidate = Publisher.Candidate(size: newest.size, note: newest.note, verifier: verifier) {
            [weak self] old in await self?.consistencyProof(of: log, from: old, to: newest.size)
        }
        return try await publisher.publish(log, candidate, again: again)
    }

    private func consistencyProof(of log: LogName, from old: UInt64, to new: Int) -> [Bytes32]? {
        Int(exactly: old).flatMap { try? tail(of: log).1.consistencyProof(from: $0, to: new) }
    }

    /// Shows what a stop has left between a commit and its publication.
    func publishLeftovers() async throws {
        guard publisher != nil else { return try await store.publishAll() }
        for log in try store.unpublished() + store.unwitnessed() {
            // One that cannot be loaded must not keep the others back.
            do { try await publish(log, again: true) } catch {
                logger.error("a checkpoint could not be shown", metadata: ["why": "\(Self.refusal(error).slug)"])
            }
        }
    }
    /// Asks again for what witnesses have not signed when it was shown.
    func publishAgain() async {
        guard let publisher else { return }
        let unpublished = (try? store.unpublished()) ?? []
        for log in Set(await publisher.due()).union(unpublished) { _ = try? await publish(log, again: true) }
    }
}

/// Shows what a stop kept back, and asks witnesses again. Apart from everything else, because they may take their time.
struct Republisher: ServiceLifecycle.Service {
    let sequencer: Sequencer
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            do { try await sequencer.publishLeftovers() } catch {
                logger.warning("checkpoints that wait to be shown could not be looked up")
            }
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(2))
                if !Task.isCancelled { await sequencer.publishAgain() }
            }
        }
    }
}
