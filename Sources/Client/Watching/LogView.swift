import CoSigning
import Petitions
import Sodium
import TransparencyLog

/// A workplace's logs as one service shows them to one reader at one time: the checkpoints, and the trees recomputed
/// from every leaf.
struct LogView: Sendable {
    struct Log: Sendable {
        let verifier: LogVerifier
        /// The checkpoint with only the log's own signature.
        let note: String
        let tree: MerkleTree

        var size: Int { tree.count }
    }

    let workplace: ID<Workplace>
    let roster: Log
    /// In order of announcement; nil for petitions that are not open yet.
    let petitions: [(id: ID<Petition>, log: Log?)]
    /// The first leaf that announces each, in the same order.
    let announcements: [Int]
    /// The workplace log's first leaf.
    let founding: [UInt8]

    /// Every log, the workplace's first.
    var all: [(name: GossipLog, log: Log)] {
        [(.workplace, roster)] + petitions.compactMap { id, log in log.map { (.petition(id), $0) } }
    }
}

/// The logs that two readers compare.
public enum GossipLog: Hashable, Sendable {
    /// The workplace's log.
    case workplace
    /// A petition's log.
    case petition(ID<Petition>)
}

extension CoSigner {
    /// Reads every log again over one anonymous connection, whether this device has co-signed a petition or not. So the
    /// comparison does not reveal that, and contains no checkpoint that came with a receipt.
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
