import MembershipProofs
import Petitions
import Sodium
import Storage

extension Sequencer {
    /// One statement on its way into a log, decoded once.
    enum Submission: Sendable {
        case workplace(WorkplaceStatement)
        case petition(PetitionStatement, sealedName: [UInt8]? = nil)
        /// Nothing new: what waits in this petition is to be appended now.
        case mix(ID<Petition>)

        var log: LogName {
            switch self {
            case .workplace(let statement): .workplace(statement.workplace)
            case .petition(let statement, _): .petition(statement.petition)
            case .mix(let petition): .petition(petition)
            }
        }

        var bytes: [UInt8] {
            switch self {
            case .workplace(let statement): statement.bytes
            case .petition(let statement, _): statement.bytes
            case .mix: []
            }
        }

        var coSigned: CoSigned? { if case .petition(let statement, _) = self { statement.coSigned } else { nil } }
    }

    /// What became of a statement. Nothing is said before it is durable.
    enum Answer: Sendable {
        case receipt(String)
        /// A co-signature that waits to be mixed with others, or for witnesses.
        case promise(Promise)
        /// Another statement that waits for witnesses, with its leaf.
        case accepted(Int)
        /// What waited has been appended.
        case mixed
    }
}

/// A statement that somebody waits for.
struct Pending: Sendable {
    let submission: Sequencer.Submission
    /// False once the client has gone: no verification is spent on its statement then.
    let isWaitedFor: @Sendable () -> Bool
    let answer: CheckedContinuation<Sequencer.Answer, any Error>
    /// How often its batch came too late, because another process had written to one of its logs.
    var conflicts = 0

    func refuse(_ refusal: Refusal) { answer.resume(throwing: refusal) }
}

/// Statements that wait to be admitted, in the order of their arrival.
struct SubmissionQueue: Sendable {
    /// Statements that share a transaction at most: enough to spread the ring's part of a verification, few enough
    /// that nobody waits more than a fraction of a second for the others.
    private static let batchSize = 1024
    /// After so many conflicts the client is asked to send again.
    private static let mostConflicts = 5

    private struct TagInPetition: Hashable {
        let petition: ID<Petition>
        let tag: Bytes32
    }

    /// Statements that may wait; beyond, the service says that it is busy.
    let capacity: Int
    private var pending: [Pending] = []

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { pending.count }
    var isFull: Bool { pending.count >= capacity }

    mutating func add(_ new: Pending) { pending.append(new) }

    /// The next batch, but not a co-signature that comes after another one of its tag: its proof could be looked at
    /// only once the other is in, alone and with everybody waiting. It is the first of the next batch. Those of one
    /// sequence are taken together, whoever made them, so that false ones under somebody's tag cannot hold theirs up.
    mutating func take() -> [Pending] {
        var (taken, left): ([Pending], [Pending]) = ([], [])
        var sequences: [TagInPetition: UInt32] = [:]
        for (place, next) in pending.enumerated() {
            guard taken.count < Self.batchSize else {
                left += pending[place...]
                break
            }
            guard next.isWaitedFor() else {
                next.refuse(.busy)
                continue
            }
            if let coSigned = next.submission.coSigned {
                let tag = TagInPetition(petition: coSigned.petition, tag: coSigned.tag.encoding)
                let first = sequences[tag, default: coSigned.sequence]
                guard first >= coSigned.sequence else {
                    left.append(next)
                    continue
                }
                sequences[tag] = coSigned.sequence
            }
            taken.append(next)
        }
        pending = left
        return taken
    }

    /// Another process was first: the same statements are admitted again after what it wrote, before everything else.
    mutating func takeBack(_ late: [Pending]) {
        var again: [Pending] = []
        for var late in late {
            late.conflicts += 1
            if late.conflicts > Self.mostConflicts { late.refuse(.busy) } else { again.append(late) }
        }
        pending.insert(contentsOf: again, at: 0)
    }
}
