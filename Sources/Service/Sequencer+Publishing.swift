// docs/protocol.md, sections 3 and 4

import Logging
import Petitions
import ServiceAPI
import Sodium
import Storage
import TransparencyLog

/// Checkpoints, and what is answered under them.
extension Sequencer {
    /// - Returns: nil for a log that is not folded.
    func append(_ log: LogName, _ growth: Growth) -> LogAppend? {
        guard let (verifier, tree) = tail(of: log), let root = tree.root(at: growth.start),
            let roster = try? workplaceLog(growth.workplace)
        else { return nil }
        let base = Checkpoint(origin: verifier.origin, size: UInt64(growth.start), root: root)
        let checkpoint = Checkpoint(origin: verifier.origin, size: UInt64(tree.count), root: tree.root)
        let names = roster.witnesses != .empty
        var (deadline, isLive): (UInt64?, Bool) = (nil, names)
        if case .petition(let id) = log, let petition = petitions[id] {
            isLive = petition.isLive
            deadline = petition.manifest.closes > 0 && petition.closure == nil ? petition.manifest.closes : nil
        }
        return LogAppend(
            log: log, workplace: growth.workplace, start: growth.start, base: base.text, leaves: growth.leaves,
            note: checkpoint.signed(by: store.logKey()).serialized, isPublished: publisher == nil && !names,
            deadline: deadline, names: growth.names, mixed: growth.mixed, closedInvites: growth.closedInvites,
            isLive: isLive)
    }

    /// Nil for a log that is not folded.
    private func tail(of log: LogName) -> (LogVerifier, MerkleTree)? {
        switch log {
        case .workplace(let id): (try? workplaceLog(id)).map { ($0.verifier, $0.tree) }
        case .petition(let id):
            workplace(of: log).flatMap { try? workplaceLog($0) }.flatMap { roster in
                (petitions[id]?.tree ?? outdated[id]?.tree).map { (roster.verifier(of: id), $0) }
            }
        }
    }

    /// The same of a log that may have been dropped from memory meanwhile, with the witnesses that its workplace names.
    func readTail(
        of log: LogName
    ) async throws -> (verifier: LogVerifier, tree: MerkleTree, witnesses: WitnessQuorum) {
        if tail(of: log) == nil { try await refresh([log]) }
        guard let (verifier, tree) = tail(of: log), let workplace = workplace(of: log) else { throw Refusal.noSuchLog }
        return (verifier, tree, try workplaceLog(workplace).witnesses)
    }

    // MARK: Answering

    /// Answers what a commit has made durable.
    func answer(_ admitted: [(pending: Pending, place: Place)], after appends: [LogAppend]) async {
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
            // Witnesses are slower than a disk: the next batch does not wait for them.
            if publisher != nil || append?.isPublished == false {
                Task { await publish(log, append?.start, answering: answers) }
            } else if let append {
                let written = Written(start: append.start, size: append.start + append.leaves.count, note: append.note)
                for (pending, leaf) in answers { await answer(pending, leaf, under: written) }
            } else {
                // What was there before may wait for witnesses that the workplace names.
                Task { await publish(log, nil, answering: answers) }
            }
        }
        for case .workplace(let statement) in leaves.map(\.pending.submission) {
            if case .witnessesNamed = statement.body { Task { await publishAll(of: statement.workplace) } }
        }
    }

    typealias Waiting = (pending: Pending, leaf: Int)

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
        } catch { pending.answer.resume(throwing: Self.refusal(error)) }
    }

    /// The receipt of a durable leaf, under the first shown checkpoint that covers it: the same bytes each time.
    /// - Parameter written: what was just written to the log. A leaf that was there before has an older checkpoint.
    private func answer(_ pending: Pending, _ leaf: Int, under written: Written?) async {
        do {
            let tree = try await readTail(of: pending.submission.log).tree
            let fresh = written.flatMap { leaf >= $0.start && leaf < $0.size ? ($0.size, $0.note) : nil }
            var shown = fresh
            if shown == nil { shown = try await store.checkpoint(of: pending.submission.log, covering: leaf) }
            guard let (size, note) = shown, let path = tree.inclusionProof(of: leaf, at: size) else {
                throw Refusal.storage(.damaged)
            }
            pending.answer.resume(
                returning: .receipt(Receipt(index: UInt64(leaf), path: path, note: note).serialized))
        } catch { pending.answer.resume(throwing: Self.refusal(error)) }
    }

    /// Has a log's newest checkpoint shown, and answers who waits for it.
    private func publish(_ log: LogName, _ start: Int?, answering answers: [Waiting]) async {
        do {
            let witnesses = try await readTail(of: log).witnesses
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
        } catch { for (pending, _) in answers { pending.answer.resume(throwing: Self.refusal(error)) } }
    }

    // MARK: Under named witnesses

    /// Receipts under a checkpoint that the named witnesses have signed, as soon as there is one; promises until then, and word that
    /// other statements are durable.
    private func answer(
        _ answers: [Waiting], of log: LogName, as witnesses: WitnessQuorum, isNew: Bool
    ) async throws {
        let newest = answers.map(\.leaf).max() ?? 0
        var shown = try await signedCheckpoint(of: log, by: witnesses)
        if isNew || (shown?.size ?? 0) <= newest, case .shown = try await publish(log) {
            shown = try await signedCheckpoint(of: log, by: witnesses)
        }
        let tree = try await readTail(of: log).tree
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
    func signedCheckpoint(of log: LogName, by witnesses: WitnessQuorum) async throws -> Publisher.Published? {
        guard let note = try await store.checkpoint(of: log) else { return nil }
        let verifier = try await readTail(of: log).verifier
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
            // An hour at least: a witness may be signing an older checkpoint at this moment, and its time must not say that this
            // promise was broken.
            let until = (clock() / 3600).addingReportingOverflow(2).partialValue * 3600
            do { kept = try await store.promise(petition, leaves: leaves, until: until) } catch {
                refusal = Self.refusal(error)
            }
        }
        for (pending, leaf) in late {
            if pending.submission.coSigned == nil {
                pending.answer.resume(returning: .accepted(leaf))
            } else if let until = kept[leaf] {
                promise(pending, until)
            } else {
                pending.answer.resume(throwing: refusal ?? .storage(.damaged))
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
        try await refresh([log])
        let (verifier, _, witnesses) = try await readTail(of: log)
        return Publisher.Candidate(
            size: newest.size, note: newest.note, witnessed: newest.witnessed, verifier: verifier, quorum: witnesses,
            again: again, fresh: fresh
        ) { [weak self] old in await self?.consistencyProof(of: log, from: old, to: newest.size) }
    }

    private func consistencyProof(of log: LogName, from old: UInt64, to new: Int) async -> [Bytes32]? {
        guard let old = Int(exactly: old), let tree = try? await readTail(of: log).tree else { return nil }
        return tree.consistencyProof(from: old, to: new)
    }

    /// After other witnesses were named: what waited for the former ones is judged by the new, the workplace's own log first, in which
    /// readers find them.
    private func publishAll(of workplace: ID<Workplace>) async {
        for log in (try? await store.logs(of: workplace)) ?? [] { _ = try? await publish(log, again: true) }
    }

    /// Shows what a stop has left between a commit and its publication.
    func publishLeftovers() async throws {
        let unwitnessed = publisher == nil ? [] : try await store.unwitnessed()
        for log in try await store.unpublished() + unwitnessed {
            // One that cannot be loaded must not keep the others back.
            do { try await publish(log, again: true) } catch {
                logger.error(
                    "a checkpoint could not be shown", metadata: ["why": "\(Self.refusal(error).code.rawValue)"])
            }
        }
    }

    /// Asks again for what witnesses have not signed when it was shown, or what waits for them.
    func publishAgain() async {
        guard let publisher else { return }
        let unpublished = (try? await store.unpublished()) ?? []
        for log in Set(await publisher.due()).union(unpublished) { _ = try? await publish(log, again: true) }
    }

    /// Has the checkpoints of workplaces that name witnesses, and of their open petitions, signed again when too many of those
    /// signatures are older than so many seconds. Members ask for signatures of the last day before they co-sign; trustees ask for
    /// those of the last hour before they release a level's names.
    /// - Parameter releaseAge: the same where a level's names wait for trustees.
    func publishFresh(olderThan age: UInt64, orToRelease releaseAge: UInt64) async {
        guard publisher != nil else { return }
        for log in (try? await store.liveLogs()) ?? [] {
            do {
                // Another process may have written to it.
                try await refresh([log])
                var age = age
                if case .petition(let id) = log, petitions[id]?.awaitsNames == true { age = min(age, releaseAge) }
                let (verifier, _, witnesses) = try await readTail(of: log)
                guard witnesses != .empty, let note = try await store.checkpoint(of: log),
                    let time = try witnesses.judge(verifier.verify(note)).time
                else { continue }
                let due = time.addingReportingOverflow(age)
                guard !due.overflow, due.partialValue <= clock() else { continue }
                try await publish(log, again: true, fresh: true)
            } catch {
                logger.warning(
                    "a checkpoint could not be signed again", metadata: ["why": "\(Self.refusal(error).code.rawValue)"])
            }
        }
    }
}
