import Petitions
import Sodium
import TransparencyLog

/// A workplace's logs as one service shows them to one reader at one time: the checkpoints, and the trees that were recomputed
/// from every leaf.
struct LogView: Sendable {
    struct Log: Sendable {
        let verifier: LogVerifier
        /// With the log's own signature alone.
        let note: String
        let tree: MerkleTree

        var size: Int { tree.count }
    }

    let workplace: ID<Workplace>
    let roster: Log
    /// In order of announcement; nil for those that are not opened.
    let petitions: [(id: ID<Petition>, log: Log?)]
    /// The leaves that announce them first, in the same order.
    let announcements: [Int]
    /// The workplace log's first leaf.
    let founding: [UInt8]

    /// Every log, the workplace's first.
    var all: [(name: GossipLog, log: Log)] {
        [(.workplace, roster)] + petitions.compactMap { id, log in log.map { (.petition(id), $0) } }
    }
}

/// Which log two readers compare.
public enum GossipLog: Hashable, Sendable {
    case workplace
    case petition(ID<Petition>)
}

extension Member {
    /// Reads every log anew, each petition over a connection of its own, whether this device co-signed it or not: what is compared
    /// says nothing of that, and no checkpoint that came with a receipt is among it.
    func logView() async throws -> LogView {
        let (roster, raw) = try await Connection.anonymous(serviceURL, proxy: proxy) {
            try await reader($0).workplace(workplaceID, pins: &state.pins)
        }
        var petitions: [(ID<Petition>, LogView.Log?)] = []
        var failure: ClientError?
        let announced = roster.announcements.map { ($0.key, $0.value.map(\.leaf).min() ?? 0) }.sorted { $0.1 < $1.1 }
        for (id, _) in announced {
            do {
                let (_, log, raw) = try await Connection.anonymous(serviceURL, proxy: proxy) {
                    try await reader($0).petition(id, in: workplaceID, pins: &state.pins)
                }
                petitions.append((id, try Self.log(raw.petition.checkpoint, roster.verifier(of: id), log.tree)))
            } catch let error as ClientError where error.isNotOpened && ownStatus(id) == .nothing {
                petitions.append((id, nil))
            } catch let error as ClientError {
                // The others all the same: to stop here would say what this device has seen.
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        try save()
        return LogView(
            workplace: workplaceID, roster: try Self.log(raw.checkpoint, roster.verifier, roster.tree),
            petitions: petitions, announcements: announced.map(\.1), founding: raw.leaves.first ?? [])
    }

    private static func log(_ note: String, _ verifier: LogVerifier, _ tree: MerkleTree) throws -> LogView.Log {
        do {
            return LogView.Log(verifier: verifier, note: try verifier.verify(note).ownNote(verifier), tree: tree)
        } catch {
            throw ClientError.logUnverified(log: "workplace", error)
        }
    }
}
