// docs/protocol.md, section 8

import MembershipProofs
import Sodium

/// A petition's figures at the newest leaf of its log.
public struct Tally: Hashable, Sendable {
    /// The size of the newest ring.
    public let ring: Int
    /// How many people the workplace had, as declared at the roster size of the newest ring.
    public let eligible: UInt32
    /// Tags whose standing statement is a co-signature.
    public let cosignatures: Int
    /// Tags whose standing statement is a withdrawal.
    public let withdrawn: Int
    /// Whether the log has been closed.
    public let closed: Bool
    /// Ballots that cannot be read or support no demand; nil until a threshold of trustees has released the ballots'
    /// keys.
    public let spoiled: Int?
    /// For each question, the ballots that abstain, take choice 1, and so on; nil as above.
    public let questions: [[Int]]?
    /// The co-signers' remarks, sorted, so that their order does not show who wrote what.
    public let remarks: [String]
}

extension PetitionLog {
    /// Counts this log, and opens the ballots if their keys have been released.
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
