import CoSigning
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

extension CoSigner {
    /// Reads every log anew over one anonymous connection, whether this device co-signed a petition or not: what is compared says
    /// nothing of that, and no checkpoint that came with a receipt is among it.
    func logView() async throws -> LogView {
        let reading = try await look(.everything)
        let roster = try ClientError.coSigning { () throws(CoSigningError) in try reading.judgedRoster() }
        var petitions: [(ID<Petition>, LogView.Log?)] = []
        for id in reading.announced {
            do throws(ClientError) {
                let log = try ClientError.coSigning { () throws(CoSigningError) in try reading.judgedLog(id) }
                petitions.append((id, LogView.Log(log)))
            } catch {
                guard error.isNotOpened else { throw error }
                petitions.append((id, nil))
            }
        }
        return LogView(
            workplace: device.workplaceID, roster: LogView.Log(roster), petitions: petitions,
            announcements: roster.log.announcedInOrder.map(\.leaf), founding: roster.raw.leaves.first ?? [])
    }
}

extension LogView.Log {
    fileprivate init<Folded>(_ judged: JudgedLog<Folded>) {
        self.init(
            verifier: judged.verifier, note: Pin(judged.checkpoint, by: judged.verifier).note, tree: judged.tree)
    }
}
