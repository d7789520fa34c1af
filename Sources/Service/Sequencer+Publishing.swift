// docs/protocol.md, section 3

import Logging
import Petitions
import ServiceLifecycle
import Sodium
import Storage
import TransparencyLog

/// Checkpoints and receipts.
extension Sequencer {
    /// - Returns: nil for a log that is not folded.
    func append(_ log: LogName, _ growth: Growth) -> LogAppend? {
        guard let (verifier, tree, deadline) = tail(of: log), let root = tree.root(at: growth.start) else { return nil }
        let base = Checkpoint(origin: verifier.origin, size: UInt64(growth.start), root: root)
        let checkpoint = Checkpoint(origin: verifier.origin, size: UInt64(tree.count), root: tree.root)
        return LogAppend(
            log: log, workplace: growth.workplace, start: growth.start, base: base.text, leaves: growth.leaves,
            note: checkpoint.signed(by: store.logKey()).serialized, isPublished: publisher == nil, deadline: deadline,
            names: growth.names, mixed: growth.mixed)
    }

    private func tail(of log: LogName) -> (LogVerifier, MerkleTree, UInt64?)? {
        switch log {
        case .workplace(let id):
            guard let log = try? workplaceLog(id) else { return nil }
            return (log.verifier, log.tree, nil)
        case .petition(let id):
            guard let log = try? petitionLog(id), let workplace = try? workplaceLog(log.manifest.workplace) else {
                return nil
            }
            let closes = log.manifest.closes
            return (workplace.verifier(of: id), log.tree, closes > 0 && log.closure == nil ? closes : nil)
        }
    }

    /// The same of a log that may have been dropped from memory meanwhile.
    private func readTail(of log: LogName) async throws -> (LogVerifier, MerkleTree) {
        if tail(of: log) == nil { try await refresh([log]) }
        guard let (verifier, tree, _) = tail(of: log) else { throw Refusal.noSuchLog }
        return (verifier, tree)
    }

    /// Answers what a commit has made durable.
    func answer(_ admitted: [(pending: Pending, place: Place)], after appends: [LogAppend]) async {
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
                for (pending, leaf) in answers { await answer(pending, leaf, under: written) }
                continue
            }
            Task { await publish(log, written?.start, answering: answers) }
        }
    }

    /// A checkpoint of a log, and the size before the leaves that it was made for.
    private typealias Written = (start: Int, size: Int, note: String)

    /// The receipt of a durable leaf, under the first shown checkpoint that covers it: the same bytes each time.
    /// - Parameter written: what was just written to the log. A leaf that was there before has an older checkpoint.
    private func answer(_ pending: Pending, _ leaf: Int, under written: Written?) async {
        do {
            let (_, tree) = try await readTail(of: pending.submission.log)
            let fresh = written.flatMap { leaf >= $0.start ? ($0.size, $0.note) : nil }
            var shown = fresh
            if shown == nil { shown = try await store.checkpoint(of: pending.submission.log, covering: leaf) }
            guard let (size, note) = shown,
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
            var isShown = start == nil
            for (_, leaf) in answers where isShown {
                isShown = try await store.checkpoint(of: log, covering: leaf) != nil
            }
            let shown = isShown ? nil : try await publish(log)
            let written = shown.flatMap { shown in start.map { ($0, shown.size, shown.note) } }
            for (pending, leaf) in answers { await answer(pending, leaf, under: written) }
        } catch { for (pending, _) in answers { pending.answer.resume(throwing: Self.refusal(error)) } }
    }

    @discardableResult
    private func publish(_ log: LogName, again: Bool = false) async throws -> Publisher.Published? {
        guard let publisher, let newest = try await store.newestCheckpoint(of: log) else { return nil }
        let verifier = try await readTail(of: log).0
        let candidate = Publisher.Candidate(size: newest.size, note: newest.note, verifier: verifier, again: again) {
            [weak self] old in await self?.consistencyProof(of: log, from: old, to: newest.size)
        }
        return try await publisher.publish(log, candidate)
    }

    private func consistencyProof(of log: LogName, from old: UInt64, to new: Int) async -> [Bytes32]? {
        guard let old = Int(exactly: old), let (_, tree) = try? await readTail(of: log) else { return nil }
        return tree.consistencyProof(from: old, to: new)
    }

    /// Shows what a stop has left between a commit and its publication.
    func publishLeftovers() async throws {
        guard publisher != nil else { return try await store.publishAll() }
        for log in try await store.unpublished() + store.unwitnessed() {
            // One that cannot be loaded must not keep the others back.
            do { try await publish(log, again: true) } catch {
                logger.error("a checkpoint could not be shown", metadata: ["why": "\(Self.refusal(error).slug)"])
            }
        }
    }
    /// Asks again for what witnesses have not signed when it was shown.
    func publishAgain() async {
        guard let publisher else { return }
        let unpublished = (try? await store.unpublished()) ?? []
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
