import Foundation
import NIOHTTP1
import Petitions
import Sodium
import Synchronization
import TransparencyLog

/// Everything that was ever acknowledged for one database.
final class Ledger: Sendable {
    struct Entry: Sendable {
        let isPetition: Bool
        let leaf: [UInt8]
        /// Nil while there is only a promise.
        var receipt: Receipt?
    }

    private struct State {
        var entries: [Entry] = []
        /// By leaf, so that repeated responses count once.
        var places: [[UInt8]: Int] = [:]
        var promises = 0
        var problems: [String] = []
        /// Notes whose signature was verified, with what they say.
        var notes: [String: VerifiedCheckpoint] = [:]
    }

    private let state = Mutex(State())
    let petition: ID<Petition>
    let verifiers: (workplace: LogVerifier, petition: LogVerifier)
    let logKey: Bytes32

    init(petition: ID<Petition>, verifiers: (workplace: LogVerifier, petition: LogVerifier), logKey: Bytes32) {
        (self.petition, self.verifiers, self.logKey) = (petition, verifiers, logKey)
    }

    var counts: (receipts: Int, promises: Int) {
        state.withLock { state in (state.entries.count { $0.receipt != nil }, state.promises) }
    }

    var problems: [String] { state.withLock { $0.problems } }

    func fault(_ what: String) { state.withLock { $0.problems.append(what) } }

    /// Records a response with status 200 or 202.
    func take(_ leaf: [UInt8], isPetition: Bool, status: UInt, body: [UInt8]) {
        if status == 202 {
            guard let promise = try? Promise(parsing: body), promise.isSigned(for: leaf, in: petition, by: logKey)
            else {
                return fault("a promise does not hold: \(String(decoding: body, as: UTF8.self))")
            }
            state.withLock { state in
                guard state.places[leaf] == nil else { return }
                state.places[leaf] = state.entries.count
                state.entries.append(Entry(isPetition: isPetition, leaf: leaf, receipt: nil))
                state.promises += 1
            }
            return
        }
        let verifier = isPetition ? verifiers.petition : verifiers.workplace
        guard let receipt = try? Receipt(parsing: String(decoding: body, as: UTF8.self)),
            let checkpoint = try? receipt.verify(leaf: leaf, by: verifier)
        else { return fault("a receipt does not hold: \(String(decoding: body, as: UTF8.self))") }
        state.withLock { state in
            state.notes[receipt.note] = checkpoint
            if let place = state.places[leaf] {
                if let known = state.entries[place].receipt, known.index != receipt.index {
                    state.problems.append("one leaf has two places: \(known.index) and \(receipt.index)")
                }
                state.entries[place].receipt = receipt
            } else {
                state.places[leaf] = state.entries.count
                state.entries.append(Entry(isPetition: isPetition, leaf: leaf, receipt: receipt))
            }
        }
    }

    /// Promised leaves that a log lacks.
    func missing(in log: ServedLog) -> [[UInt8]] {
        state.withLock { state in
            state.entries.filter { $0.isPetition && $0.receipt == nil && log.places[$0.leaf] == nil }.map(\.leaf)
        }
    }

    /// Compares everything that was handed out with what is served now.
    /// - Returns: how many receipts and promises were checked.
    func check(_ workplace: ServedLog, _ petition: ServedLog) -> Int {
        state.withLock { state in
            var problems: [String] = []
            for entry in state.entries {
                let log = entry.isPetition ? petition : workplace
                guard let receipt = entry.receipt else { continue }
                guard let place = log.places[entry.leaf] else {
                    problems.append("lost: a leaf with a receipt for index \(receipt.index)")
                    continue
                }
                if place != Int(receipt.index) { problems.append("moved from \(receipt.index) to \(place)") }
                guard let checkpoint = state.notes[receipt.note] else { continue }
                if log.tree.root(at: Int(checkpoint.size)) != checkpoint.root {
                    problems.append("forked: another root at size \(checkpoint.size)")
                }
            }
            state.problems += problems
            return state.entries.count
        }
    }
}

/// A log as one service shows it.
struct ServedLog {
    let tree: MerkleTree
    let leaves: [[UInt8]]
    let places: [[UInt8]: Int]

    enum Fault: Error { case unanswered(String), contradiction(String) }

    /// Reads the whole log.
    init(_ path: String, from service: Running, verifier: LogVerifier) async throws {
        guard let answer = await service.send(.GET, "/\(path)/checkpoint"), answer.status == 200 else {
            throw Fault.unanswered("\(path)/checkpoint")
        }
        let checkpoint = try verifier.verify(String(decoding: answer.body, as: UTF8.self))
        var leaves: [[UInt8]] = []
        for tile in Tile.entries(upTo: checkpoint.size) {
            guard let answer = await service.send(.GET, "/\(path)/\(tile.path)"), answer.status == 200 else {
                throw Fault.unanswered(tile.path)
            }
            leaves += try EntryBundle.decode(answer.body, count: tile.count)
        }
        try self.init(leaves)
        guard tree.root == checkpoint.root else { throw Fault.contradiction("the leaves are not the checkpoint's") }
    }

    init(_ leaves: [[UInt8]]) throws {
        var tree = MerkleTree()
        for leaf in leaves { _ = tree.append(leaf) }
        var places: [[UInt8]: Int] = [:]
        for (place, leaf) in leaves.enumerated() where places.updateValue(place, forKey: leaf) != nil {
            throw Fault.contradiction("a leaf stands twice")
        }
        (self.tree, self.leaves, self.places) = (tree, leaves, places)
    }
}
