import MembershipProofs
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Storage

/// A workplace and a petition with everything that a store keeps, written batch by batch as a service would.
struct StoredLogs {
    let world: World
    let petition: PetitionWorld
    /// How many statements of the workplace's log and of the petition's are stored.
    private(set) var sizes = (workplace: 0, petition: 0)
    /// A co-signature that nobody has appended.
    let waiting: PetitionStatement

    /// - Parameter store: the store whose key signs.
    init(for store: any Store, members: Int = 7, closes: UInt64 = 3_999_996_000) throws {
        world = try World(members: members, logKey: store.logKey().publicKey)
        petition = try PetitionWorld(world, levels: [2], closes: closes)
        waiting = try petition.coSignature(by: world.people[5], name: (1, "Eve"))
    }

    static func tree(of leaves: [[UInt8]]) -> MerkleTree {
        var tree = MerkleTree()
        for leaf in leaves { tree.append(leaf) }
        return tree
    }

    var workplaceName: LogName { .workplace(world.log.id) }
    var petitionName: LogName { .petition(petition.log.id) }

    private static func append(
        _ leaves: [[UInt8]], from start: Int, to end: Int, of log: LogName, _ workplace: ID<Workplace>,
        _ verifier: LogVerifier, _ store: any Store, deadline: UInt64? = nil, names: [LogAppend.NameChange] = [],
        isLive: Bool = false, promised: [Int: UInt64] = [:]
    ) -> LogAppend {
        var tree = MerkleTree()
        let made = leaves.prefix(end).enumerated().map { place, leaf in
            LogAppend.Leaf(bytes: leaf, nodes: tree.append(leaf), promised: promised[place])
        }
        let note = Checkpoint(origin: verifier.origin, size: UInt64(end), root: tree.root).signed(by: store.logKey())
        let base = Checkpoint(
            origin: verifier.origin, size: UInt64(start), root: tree.root(at: start) ?? tree.root)
        return LogAppend(
            log: log, workplace: workplace, start: start, base: base.text, leaves: Array(made[start...]),
            note: note.serialized, isPublished: promised.isEmpty,
            deadline: deadline, names: names, isLive: isLive)
    }

    /// Stores the leaves that the worlds have and the store lacks, `step` leaves for each commit.
    /// - Parameter promised: times for leaves of the petition's log, which then wait to be shown.
    mutating func store(in store: any Store, each step: Int = 3, promising promised: [Int: UInt64] = [:]) async throws {
        while sizes.workplace < world.leaves.count {
            let end = min(sizes.workplace + step, world.leaves.count)
            try await store.commit([
                Self.append(
                    world.leaves, from: sizes.workplace, to: end, of: workplaceName, world.log.id, world.log.verifier,
                    store, isLive: world.log.witnesses != .empty)
            ])
            sizes.workplace = end
        }
        while sizes.petition < petition.leaves.count {
            let end = min(sizes.petition + step, petition.leaves.count)
            try await store.commit([
                Self.append(
                    petition.leaves, from: sizes.petition, to: end, of: petitionName, world.log.id,
                    world.log.verifier(of: petition.log.id), store,
                    deadline: petition.log.closure == nil ? petition.manifest.closes : nil,
                    names: names(upTo: end, from: sizes.petition), isLive: petition.log.isLive,
                    promised: promised)
            ])
            sizes.petition = end
        }
    }

    private func names(upTo end: Int, from start: Int) -> [LogAppend.NameChange] {
        petition.leaves[start..<end].compactMap { leaf in
            guard let coSigned = (try? PetitionStatement(decoding: leaf))?.coSigned else { return nil }
            let tag = coSigned.tag.encoding
            guard coSigned.level > 0,
                let sealed = petition.names.first(where: { coSigned.isNamed(by: $0) })
            else { return .delete(tag: tag) }
            return .keep(tag: tag, sealed: sealed)
        }
    }

    /// Stores an object with two revisions by the founder.
    func storeObject(in store: any Store) async throws {
        let id = ID<Petitions.Object>(Random.bytes32())
        let key = GroupKey.generate(epoch: 0)
        var newest: StoredObject?
        for text in ["one", "two"] {
            let object = try StoredObject.seal(
                Array(text.utf8), kind: .draft, id: id, after: newest, in: world.log.id, under: key,
                by: world.founder.seed.signingKey())
            try await store.put(object)
            newest = object
        }
    }

    /// The time that is promised for waiting co-signatures.
    static let until: UInt64 = 1_800_000_000

    /// A store with five co-signatures (one with a name, one replaced), one more that waits to be mixed, and an object.
    static func make(at path: String) async throws -> (SQLiteStore, StoredLogs) {
        let store = try SQLiteStore(path: path, serviceName: "test.example")
        return (store, try await make(in: store))
    }

    static func make(in store: any Store) async throws -> StoredLogs {
        var logs = try StoredLogs(for: store)
        for (i, person) in logs.world.people.prefix(5).enumerated() {
            try logs.petition.cosign(person, name: i == 1 ? (1, "Ann") : nil)
        }
        try logs.petition.cosign(logs.world.people[2], choices: [2, 2])
        try await logs.store(in: store)
        let tag = try #require(logs.waiting.coSigned).tag.encoding
        try await store.commit(
            [],
            holding: [
                logs.petition.log.id: [
                    .init(tag: tag, bytes: logs.waiting.bytes, sealedName: logs.petition.names.first, until: Self.until)
                ]
            ])
        try await logs.storeObject(in: store)
        return logs
    }
}

extension World {
    /// The batch that a service would append to this workplace's log.
    func append(from start: Int, to end: Int, base: String? = nil, published: Bool = true) -> LogAppend {
        var tree = MerkleTree()
        let made = leaves.prefix(end).map { LogAppend.Leaf(bytes: $0, nodes: tree.append($0)) }
        let checkpoint = Checkpoint(
            origin: log.verifier.origin, size: UInt64(start), root: tree.root(at: start) ?? tree.root)
        return LogAppend(
            log: .workplace(log.id), workplace: log.id, start: start, base: base ?? checkpoint.text,
            leaves: Array(made[start...]), note: note(tree, log.verifier), isPublished: published, deadline: nil,
            names: [])
    }
}
