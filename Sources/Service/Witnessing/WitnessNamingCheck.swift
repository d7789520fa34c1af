// docs/protocol.md, section 4, "Witnesses"

import Petitions
import Storage
import TransparencyLog

/// Whether the witnesses that a workplace wants to name would sign its logs.
struct WitnessNamingCheck: Sendable {
    let sequencer: Sequencer

    /// Logs of one workplace for which witnesses are asked at a time.
    private static let askedTogether = 8

    /// Takes witnesses only that this service asks, and of whom enough have signed the present checkpoint of every
    /// log of the workplace: otherwise nothing of it could be shown from then on. What they sign is kept before the
    /// statement is admitted.
    /// - Throws: `Refusal.witnessUnknown`, `.witnessesSilent`, or the rule that the statement breaks.
    func ask(for statement: WorkplaceStatement) async throws {
        guard case .witnessesNamed(let quorum) = statement.body, quorum != .empty else { return }
        let workplace = statement.workplace
        var trial: WorkplaceLog
        do { trial = try await sequencer.workplace(workplace) } catch { throw Sequencer.refusal(error) }
        // The same again gets its receipt, whoever is silent now.
        guard trial.tree.place(ofLeafHash: MerkleTree.leafHash(statement.bytes)) == nil else { return }
        // Only an organiser has them asked.
        _ = try ruled { () throws(RuleViolation) in try trial.append(trial.check(statement)) }
        guard let publisher = sequencer.publisher, publisher.asks(all: quorum.witnesses) else {
            throw Refusal.witnessUnknown
        }
        let logs: [LogName]
        do { logs = try await sequencer.store.logs(of: workplace) } catch { throw Sequencer.refusal(error) }
        let areSigned = try await withThrowingTaskGroup(of: Bool.self) { group in
            var rest = logs[...]
            func next() {
                guard let log = rest.popFirst() else { return }
                group.addTask { try await isSigned(log, by: quorum, publisher) }
            }
            for _ in 0..<Self.askedTogether { next() }
            while let isSigned = try await group.next() {
                guard isSigned else {
                    group.cancelAll()
                    return false
                }
                next()
            }
            return true
        }
        guard areSigned else { throw Refusal.witnessesSilent }
    }

    /// Whether enough of the witnesses have signed a log's newest checkpoint, when they have been asked.
    private func isSigned(_ log: LogName, by quorum: WitnessQuorum, _ publisher: Publisher) async throws -> Bool {
        do {
            guard let candidate = try await Receipts(sequencer: sequencer).candidate(log, again: true) else {
                return false
            }
            let lines = await publisher.lines(of: log, candidate)
            let verified = try candidate.verifier.verify(candidate.note + lines)
            guard quorum.judge(verified).isSatisfied else { return false }
            // Those in force now decide whether it is shown already.
            try await sequencer.store.publish(
                log, size: candidate.size, witnessed: lines, isShown: candidate.quorum.judge(verified).isSatisfied)
            return true
        } catch { throw Sequencer.refusal(error) }
    }
}
