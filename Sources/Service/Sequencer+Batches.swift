import MembershipProofs
import Petitions
import Sodium
import Storage

/// What shares a batch, and what must be known before it is admitted.
extension Sequencer {
    /// Statements that share a transaction at most: so many make the ring's part of a verification small, and wait a
    /// fraction of a second for one another.
    private static let batchSize = 1024

    /// What must be known of logs, and of what waits, to look at statements; and to admit them, if the logs are growing.
    func query(for batch: [Pending], growing: Bool) -> LogQuery {
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
            // Where nothing is mixed any more, something may wait all the same, and its promise binds.
            case nil: query.held[id] = mixes && growing ? .all : .tags(tags)
            }
        }
        return query
    }

    /// Statements taken from the queue, and the verdicts on their co-signatures' proofs, by place, being worked out off the
    /// actor.
    struct Batch: Sendable {
        let pending: [Pending]
        let proofs: Task<[Int: ProofVerdict], Never>
    }

    func takeBatch() async -> Batch {
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
            guard taken.count < Self.batchSize else {
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
    struct ProofVerdict: Sendable {
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
                (try? held(as: coSigned)) == .some(nil)
            else { continue }
            work[statement.petition, default: ProofWork(log: log)].places.append(place)
            work[statement.petition]?.coSigned.append(coSigned)
        }
        return Array(work.values)
    }
}
