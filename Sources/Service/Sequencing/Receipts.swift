// docs/protocol.md, sections 3 and 4

import Petitions
import Sodium
import Storage
import TransparencyLog

/// What is answered once statements are durable: checkpoints are shown, and receipts, promises or words given under
/// them. Knows of logs what the sequencer shows as durable.
struct Receipts: Sendable {
    let sequencer: Sequencer

    private var store: any Store { sequencer.store }
    private var publisher: Publisher? { sequencer.publisher }

    /// An admitted statement with its leaf.
    private typealias Waiting = (pending: Pending, leaf: Int)

    /// Answers what a commit has made durable.
    func answer(_ admitted: [(pending: Pending, place: Admission.Place)], after appends: [LogAppend]) async {
        var leaves: [Waiting] = []
        for (pending, place) in admitted {
            switch place {
            case .leaf(let leaf): leaves.append((pending, leaf))
            case .held(let until): promise(pending, until)
            case .mixed: pending.answer.resume(returning: .mixed)
            }
        }
        // What nobody waits for, a mix or a close by the deadline, is shown all the same.
        let waitedFor = Set(leaves.map(\.pending.submission.log))
        for append in appends where !append.isPublished && !waitedFor.contains(append.log) {
            Task { _ = try? await publish(append.log) }
        }
        let byLog = Dictionary(uniqueKeysWithValues: appends.map { ($0.log, $0) })
        for (log, answers) in Dictionary(grouping: leaves, by: { $0.pending.submission.log }) {
            let append = byLog[log]
            if publisher == nil, let append, append.isPublished {
                let written = Written(start: append.start, size: append.start + append.leaves.count, note: append.note)
                for (pending, leaf) in answers { await answer(pending, leaf, under: written) }
            } else {
                // Witnesses are slower than a disk: the next batch does not wait for them. What was there before may
                // wait for witnesses that the workplace names, too.
                Task { await publish(log, append?.start, answering: answers) }
            }
        }
        for case .workplace(let statement) in leaves.map(\.pending.submission) {
            if case .witnessesNamed = statement.body { Task { await publishAll(of: statement.workplace) } }
        }
    }

    /// A checkpoint of a log, and the size before the leaves that it was made for.
    private struct Written {
        let start: Int
        let size: Int
        let note: String
    }

    private func promise(_ pending: Pending, _ until: UInt64) {
        do {
            let promise = try Promise.make(
                ID(pending.submission.log.subject), leafHash: MerkleTree.leafHash(pending.submission.bytes),
                until: until, by: store.logKey())
            pending.answer.resume(returning: .promise(promise))
        } catch { pending.refuse(Sequencer.refusal(error)) }
    }

    /// The receipt of a durable leaf.
    /// - Parameter written: what was just written to the log. A leaf that was there before has an older checkpoint.
    private func answer(_ pending: Pending, _ leaf: Int, under written: Written?) async {
        do {
            let log = pending.submission.log
            let fresh = written.flatMap { leaf >= $0.start && leaf < $0.size ? ($0.size, $0.note) : nil }
            var shown = fresh
            if shown == nil { shown = try await shownCheckpoint(of: log, covering: leaf) }
            guard let (size, note) = shown,
                let path = try await sequencer.tail(of: log, covering: size).tree.inclusionProof(of: leaf, at: size)
            else { throw Refusal.storage(.damaged) }
            pending.answer.resume(
                returning: .receipt(Receipt(index: UInt64(leaf), path: path, note: note).serialized))
        } catch { pending.refuse(Sequencer.refusal(error)) }
    }

    /// The checkpoint under which an older leaf has its receipt: the first that was shown with it, so that the same
    /// bytes get the same receipt; where witnesses are asked, the newest, which alone keeps their lines.
    private func shownCheckpoint(of log: LogName, covering leaf: Int) async throws -> (size: Int, note: String)? {
        if publisher != nil, let note = try await store.checkpoint(of: log) {
            let verified = try? await sequencer.tail(of: log).verifier.verify(note)
            if let size = verified.flatMap({ Int(exactly: $0.size) }), size > leaf { return (size, note) }
        }
        return try await store.checkpoint(of: log, covering: leaf)
    }

    /// Has a log's newest checkpoint shown, and answers whoever waits for it.
    /// - Parameter start: the size before what was just written; nil where nothing was.
    private func publish(_ log: LogName, _ start: Int?, answering answers: [Waiting]) async {
        do {
            let witnesses = try await sequencer.tail(of: log).witnesses
            guard witnesses == .empty else {
                return try await answer(answers, of: log, as: witnesses, isNew: start != nil)
            }
            // A leaf that was there before is shown already, or its checkpoint is the newest.
            var isShown = start == nil
            for (_, leaf) in answers where isShown {
                isShown = try await store.checkpoint(of: log, covering: leaf) != nil
            }
            var written: Written?
            if !isShown, case .shown(let shown) = try await publish(log) {
                written = start.map { Written(start: $0, size: shown.size, note: shown.note) }
            }
            for (pending, leaf) in answers { await answer(pending, leaf, under: written) }
        } catch { for (pending, _) in answers { pending.refuse(Sequencer.refusal(error)) } }
    }

    // MARK: Under named witnesses

    /// Receipts under a checkpoint that the named witnesses have signed, as soon as there is one; promises until
    /// then, and word that other statements are durable.
    private func answer(
        _ answers: [Waiting], of log: LogName, as witnesses: WitnessQuorum, isNew: Bool
    ) async throws {
        let newest = answers.map(\.leaf).max() ?? 0
        var shown = try await signedCheckpoint(of: log, by: witnesses)
        if isNew || (shown?.size ?? 0) <= newest, case .shown = try await publish(log) {
            shown = try await signedCheckpoint(of: log, by: witnesses)
        }
        let tree = try await sequencer.tail(of: log, covering: shown?.size ?? 1).tree
        var late: [Waiting] = []
        for (pending, leaf) in answers {
            guard let shown, leaf < shown.size, let path = tree.inclusionProof(of: leaf, at: shown.size) else {
                late.append((pending, leaf))
                continue
            }
            let receipt = Receipt(index: UInt64(leaf), path: path, note: shown.note).serialized
            pending.answer.resume(returning: .receipt(receipt))
        }
        await promise(late, in: log)
    }

    /// The newest checkpoint that is shown, if the named witnesses have signed it.
    private func signedCheckpoint(
        of log: LogName, by witnesses: WitnessQuorum
    ) async throws -> Publisher.Published? {
        guard let note = try await store.checkpoint(of: log) else { return nil }
        let verifier = try await sequencer.tail(of: log).verifier
        guard let verified = try? verifier.verify(note), let size = Int(exactly: verified.size),
            witnesses.judge(verified).isSatisfied
        else { return nil }
        return Publisher.Published(size: size, note: note)
    }

    /// Leaves that are in the log, under no checkpoint that may be shown.
    private func promise(_ late: [Waiting], in log: LogName) async {
        guard !late.isEmpty else { return }
        let leaves = late.filter { $0.pending.submission.coSigned != nil }.map(\.leaf)
        var kept: [Int: UInt64] = [:]
        var refusal: Refusal?
        if case .petition(let petition) = log, !leaves.isEmpty {
            // An hour at least: a witness may be signing an older checkpoint at this moment, and its time must not
            // say that this promise was broken.
            let until = (sequencer.clock() / 3600).addingReportingOverflow(2).partialValue * 3600
            do { kept = try await store.promise(petition, leaves: leaves, until: until) } catch {
                refusal = Sequencer.refusal(error)
            }
        }
        for (pending, leaf) in late {
            if pending.submission.coSigned == nil {
                pending.answer.resume(returning: .accepted(leaf))
            } else if let until = kept[leaf] {
                promise(pending, until)
            } else {
                pending.refuse(refusal ?? .storage(.damaged))
            }
        }
    }

    // MARK: Publishing

    /// Has the newest checkpoint of a log shown, unless it waits for named witnesses.
    /// - Parameters:
    ///   - again: ask witnesses that have not signed, though it is shown.
    ///   - fresh: ask those too that have.
    @discardableResult
    func publish(_ log: LogName, again: Bool = false, fresh: Bool = false) async throws -> Publisher.Outcome {
        guard let candidate = try await candidate(log, again: again, fresh: fresh) else { throw Refusal.noSuchLog }
        guard let publisher else {
            guard candidate.quorum == .empty else { return .late }
            // What witnesses signed before stays with it.
            try await store.publish(log, size: candidate.size, witnessed: candidate.witnessed)
            return .shown(.init(size: candidate.size, note: candidate.note + candidate.witnessed))
        }
        return try await publisher.publish(log, candidate)
    }

    /// - Returns: nil when there is no such log.
    func candidate(_ log: LogName, again: Bool, fresh: Bool = false) async throws -> Publisher.Candidate? {
        guard let newest = try await store.newestCheckpoint(of: log) else { return nil }
        // Another process may have admitted other witnesses, or the leaves of this checkpoint.
        try await sequencer.refresh([log])
        let tail = try await sequencer.tail(of: log)
        return Publisher.Candidate(
            size: newest.size, note: newest.note, witnessed: newest.witnessed, verifier: tail.verifier,
            quorum: tail.witnesses, again: again, fresh: fresh
        ) { old in await consistencyProof(of: log, from: old, to: newest.size) }
    }

    private func consistencyProof(of log: LogName, from old: UInt64, to new: Int) async -> [Bytes32]? {
        guard let old = Int(exactly: old), let tree = try? await sequencer.tail(of: log, covering: new).tree else {
            return nil
        }
        return tree.consistencyProof(from: old, to: new)
    }

    /// After other witnesses were named: what waited for the former ones is judged by the new, the workplace's own
    /// log first, in which readers find them.
    private func publishAll(of workplace: ID<Workplace>) async {
        for log in (try? await store.logs(of: workplace)) ?? [] { _ = try? await publish(log, again: true) }
    }
}
