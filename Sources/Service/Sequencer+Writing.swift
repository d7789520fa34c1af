import Logging
import Petitions
import ServiceAPI
import Storage

/// A batch on its way to the disk, and what becomes of it when it does not get there.
extension Sequencer {
    func write(
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
            // Tried again at the next mix when it fails.
            for (petition, tags) in outcome.spoiled { try? await store.drop(held: tags, of: petition) }
            await answer(admitted, after: outcome.appends)
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
            var metadata: Logger.Metadata = ["error": "\(Self.refusal(error).code.rawValue)"]
            if case .unreachable(let why)? = error as? StorageError { metadata["why"] = "\(why)" }
            logger.error("a commit failed", metadata: metadata)
            for (pending, _) in admitted { pending.answer.resume(throwing: Self.refusal(error)) }
        }
    }

    private func restore(_ log: LogName, _ before: Folded) {
        switch (log, before) {
        case (.workplace(let id), .workplace(let log)): workplaces[id] = log
        case (.petition(let id), .petition(let log)): petitions[id] = log
        case (.workplace(let id), _): workplaces[id] = nil
        case (.petition(let id), _): petitions[id] = nil
        }
    }

    /// Then it is told to come back.
    private static let mostConflicts = 5

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
}
