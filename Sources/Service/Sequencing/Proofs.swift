import MembershipProofs
import Petitions
import Sodium

/// What became of a co-signature's proof, and the ring that it was held against.
struct ProofVerdict: Sendable {
    let ring: Bytes32
    let result: Result<ProvenCoSignature, RuleViolation>
}

/// The proofs of a batch that are worth looking at: of co-signatures that break none of the cheap rules so far.
struct ProofWork: Sendable {
    private struct Part: Sendable {
        let log: PetitionLog
        var places: [Int] = []
        var coSigned: [CoSigned] = []
    }

    private var parts: [ID<Petition>: Part] = [:]

    /// - Parameter admission: to the logs as they are expected to be when the batch's turn comes.
    init(of batch: [Sequencer.Submission], by admission: Admission) {
        for (place, submission) in batch.enumerated() {
            guard case .petition(let statement, let sealedName) = submission, let coSigned = statement.coSigned,
                admission.isWorthProving(coSigned, sealedName)
            else { continue }
            let id = statement.petition
            if parts[id] == nil { parts[id] = (try? admission.logs.petition(id)).map { Part(log: $0) } }
            parts[id]?.places.append(place)
            parts[id]?.coSigned.append(coSigned)
        }
    }

    /// The verdicts by the statements' places in the batch. Takes its time, on all cores.
    func verdicts() -> [Int: ProofVerdict] {
        var verdicts: [Int: ProofVerdict] = [:]
        for part in parts.values {
            for (place, result) in zip(part.places, part.log.prove(part.coSigned)) {
                verdicts[place] = ProofVerdict(ring: part.log.ring.digest, result: result)
            }
        }
        return verdicts
    }
}
