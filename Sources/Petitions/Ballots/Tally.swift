// docs/protocol.md, section 8

import MembershipProofs
import Sodium

/// The figures of a petition, as far as its log has got.
public struct Tally: Hashable, Sendable {
    /// The size of the newest ring.
    public let ring: Int
    /// As declared at the roster size of the newest ring.
    public let eligible: UInt32
    public let cosignatures: Int
    public let withdrawn: Int
    public let closed: Bool
    /// Nil before a threshold of the ballots' keys is released.
    public let spoiled: Int?
    /// For each question the ballots for abstaining, choice 1, ...; nil as above.
    public let questions: [[Int]]?
    /// What co-signers wrote besides, in no order that says who.
    public let remarks: [String]
}

extension PetitionLog {
    public func tally(in workplace: WorkplaceLog) -> Tally {
        var spoiled: Int?
        var questions: [[Int]]?
        var remarks: [String] = []
        if isReleased(0) {
            var counts = manifest.options.map { [Int](repeating: 0, count: Int($0) + 1) }
            var unreadable = 0
            let standing = tags.filter { $0.value.action == .sign }
            let sealed = standing.map { tag, standing in
                SealedPayload.Sealed(
                    bytes: standing.sealedBallot,
                    associatedData: Ballot.associatedData(id, tag, standing.sequence))
            }
            let opened = SealedPayload.open(
                sealed, with: released[0], keys: manifest.trustees, threshold: manifest.threshold,
                context: Ballot.context)
            for padded in opened {
                let ballot = Ballot(padded: padded, for: manifest)
                guard let ballot else {
                    unreadable += 1
                    continue
                }
                for (question, choice) in ballot.choices.enumerated() { counts[question][Int(choice)] += 1 }
                if !ballot.remark.isEmpty { remarks.append(ballot.remark) }
            }
            (spoiled, questions) = (unreadable, counts)
        }
        return Tally(
            ring: ring.count, eligible: eligible(in: workplace), cosignatures: cosignatures,
            withdrawn: tags.count - cosignatures, closed: closure != nil, spoiled: spoiled, questions: questions,
            remarks: remarks.sorted())
    }

    /// How many people the workplace had, as declared at the roster size of the newest ring.
    public func eligible(in workplace: WorkplaceLog) -> UInt32 { workplace.eligible(at: newestRingRosterSize) }

    private var newestRingRosterSize: Int { rings[rings.count - 1].rosterSize }
}
