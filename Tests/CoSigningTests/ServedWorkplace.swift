@testable import CoSigning
import MembershipProofs
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

/// The responses of a service at one moment: a value, so that a test can change a copy.
struct Served {
    struct Log {
        var note: String
        var leaves: [[UInt8]]
    }

    var logs: [LogName: Log] = [:]
    var documents: [ID<Petition>: [UInt8]] = [:]
    var names: [ID<Petition>: [[UInt8]]] = [:]
    var wraps: [UInt32: [KeyWrap]] = [:]
    /// Responses that take the place of those from the fields above.
    var instead: [RunRequest: RunAnswer] = [:]

    func answer(_ request: RunRequest) -> RunAnswer {
        if let answer = instead[request] { return answer }
        let bytes: [UInt8]? =
            switch request {
            case .checkpoint(let name): logs[name].map { Array($0.note.utf8) }
            case .entries(let name, let tile): logs[name].flatMap { Self.entries($0, tile) }
            case .document(let id): documents[id]
            case .names(let id): names[id].map { Self.json(names: $0) }
            case .wraps(let epoch): wraps[epoch].map { Self.json(epoch, $0) }
            }
        return bytes.map { .bytes($0) } ?? .missing
    }

    private static func entries(_ log: Log, _ tile: Tile) -> [UInt8]? {
        let start = Int(tile.index) * Tile.width
        guard start + tile.count <= log.leaves.count else { return nil }
        return EntryBundle.encode(Array(log.leaves[start..<start + tile.count]))
    }

    private static func json(names: [[UInt8]]) -> [UInt8] {
        Array("{\"names\":[\(names.map { "\"\(Base64.encode($0))\"" }.joined(separator: ","))]}".utf8)
    }

    private static func json(_ epoch: UInt32, _ wraps: [KeyWrap]) -> [UInt8] {
        let list = wraps.map {
            "{\"member\":\"\($0.member.hex)\",\"wrap\":\"\(Base64.encode($0.wrap))\",\"by\":\"\($0.by.hex)\","
                + "\"signature\":\"\(Base64.encode($0.signature))\"}"
        }
        return Array("{\"epoch\":\(epoch),\"wraps\":[\(list.joined(separator: ","))]}".utf8)
    }

    /// Feeds a run to its end.
    func run(_ run: Run) -> (reading: Reading, requests: [RunRequest]) { drive(run) { answer($0) } }
}

/// Feeds a run to its end, which must come within the limit.
func drive(_ run: Run, limit: Int = 1000, by answer: (RunRequest) -> RunAnswer) -> (
    reading: Reading, requests: [RunRequest]
) {
    var run = run
    var requests: [RunRequest] = []
    while let request = run.next {
        requests.append(request)
        guard requests.count <= limit else {
            Issue.record("a run that does not end")
            break
        }
        run.take(answer(request))
    }
    return (run.finish(), requests)
}

/// A workplace with its service, built with knowledge of every secret.
final class ServedWorkplace {
    /// A time on a whole hour.
    static let now: UInt64 = 1_800_000_000

    let world: World
    var witnesses: [TestWitness] = []
    /// The time on the witnesses' clocks.
    var witnessed = ServedWorkplace.now
    var served = Served()
    private(set) var petitions: [PetitionWorld] = []

    /// Creates a group key, which everybody has.
    init(members: Int = 12, eligible: UInt32 = 50) throws {
        world = try World(members: members, eligible: eligible)
        try world.rotateGroupKey()
        try wrapForAll()
        serve()
    }

    var id: ID<Workplace> { world.log.id }
    var roster: LogName { .workplace(id) }

    func wrapForAll() throws {
        guard let epoch = world.groupKeys.newest else { return }
        let have = Set((served.wraps[epoch] ?? []).map { $0.member })
        for member in world.log.members(at: world.log.size) where !have.contains(member.signKey) {
            served.wraps[epoch, default: []].append(try world.wrap(for: member.signKey))
        }
    }

    /// Names witnesses, one of which must sign.
    func nameWitness() throws -> TestWitness {
        let witness = TestWitness()
        try world.organise(.witnessesNamed(WitnessQuorum(threshold: 1, witnesses: [witness.verifier])))
        witnesses = [witness]
        serve()
        return witness
    }

    @discardableResult
    func open(
        levels: [UInt32] = [], closes: UInt64 = 0, ratifying terms: RatificationTerms? = nil,
        document: PetitionDocument? = nil
    ) throws -> PetitionWorld {
        let petition = try PetitionWorld(
            world, threshold: 1, levels: levels, closes: closes, ratifying: terms, document: document)
        petitions.append(petition)
        served.documents[petition.log.id] = try petition.storedDocument().bytes
        serve()
        return petition
    }

    /// Serves the logs as they are now.
    func serve() {
        served.logs[roster] = signed(world.leaves, world.log.verifier)
        for petition in petitions {
            let id = petition.log.id
            served.logs[.petition(id)] = signed(petition.leaves, world.log.verifier(of: id))
            served.names[id] = petition.names
        }
    }

    /// A log of these leaves, whatever they are, under a checkpoint signed by the log's key and the witnesses.
    func signed(_ leaves: [[UInt8]], _ verifier: LogVerifier) -> Served.Log {
        var tree = MerkleTree()
        for leaf in leaves { tree.append(leaf) }
        var note = world.note(tree, verifier)
        for witness in witnesses { note = (try? witness.sign(note, at: witnessed)) ?? "" }
        return Served.Log(note: note, leaves: leaves)
    }

    func signed(_ leaves: [[UInt8]], of id: ID<Petition>) -> Served.Log { signed(leaves, world.log.verifier(of: id)) }

    // MARK: Reading

    func read(_ scope: Run.Scope) -> Reading { served.run(Run(scope, of: id)).reading }

    func read(_ petition: PetitionWorld) -> Reading { read(.petition(petition.log.id)) }

    func view(_ petition: PetitionWorld, _ identity: Identity) throws -> PetitionView {
        try read(petition).view(of: petition.log.id, for: identity)
    }

    // MARK: Answers to a sending

    /// A receipt for a leaf of the petition's current log.
    func receipt(_ petition: PetitionWorld, _ leaf: [UInt8]) throws -> SendingAnswer {
        let tree = petition.log.tree
        let place = try #require(petition.leaves.firstIndex(of: leaf))
        let path = try #require(tree.inclusionProof(of: place, at: tree.count))
        let note = signed(petition.leaves, of: petition.log.id).note
        return .receipt(Array(Receipt(index: UInt64(place), path: path, note: note).serialized.utf8))
    }

    func promise(_ petition: PetitionWorld, _ leaf: [UInt8], until: UInt64) throws -> SendingAnswer {
        let promise = try Promise.make(
            petition.log.id, leafHash: MerkleTree.leafHash(leaf), until: until, by: world.serviceKey)
        return .promise(Array(promise.json.utf8))
    }
}

extension Person {
    /// The present ring key, to be kept alongside a later one.
    var ringSecret: RingSecret {
        guard let secret = ProverSecret(stored: ring.stored()) else { fatalError("a stored ring key") }
        return RingSecret(secret)
    }

    /// A device of this person's.
    /// - Parameters:
    ///   - old: ring keys from before the present one.
    ///   - groupKeys: keys that arrived over the member's connections.
    func identity(with old: [RingSecret] = [], groupKeys: borrowing GroupKeyRing = GroupKeyRing()) -> Identity {
        var bytes = [1] + seed.stored().reveal() + [UInt8(old.count + 1)]
        for key in old { bytes += key.secret.stored().reveal() }
        bytes += ring.stored().reveal() + groupKeys.packed().reveal()
        guard let identity = try? Identity(stored: SecretBytes(moving: &bytes)) else { fatalError("an identity") }
        return identity
    }
}

extension Decision {
    static let support = Decision.sign(choices: [1, 2], remark: "", name: nil)

    static func support(name: String, at count: UInt32) -> Decision {
        .sign(choices: [1, 2], remark: "", name: ConditionalName(name, when: count))
    }
}

/// A person's device, and what it does with a petition.
struct Device {
    let identity: Identity
    var memory = Memory()

    init(_ identity: Identity) { self.identity = identity }

    init(_ person: Person) { identity = person.identity() }

    /// Does what a run does before it shows anything.
    mutating func settled(
        _ workplace: ServedWorkplace, _ petition: PetitionWorld, at now: UInt64 = ServedWorkplace.now
    ) throws -> PetitionView {
        let reading = workplace.read(petition)
        memory.settle(by: reading, at: now)
        return try reading.view(of: petition.log.id, for: identity)
    }

    /// Reads, clears and makes a statement; there is no response yet.
    mutating func make(
        _ decision: Decision, _ workplace: ServedWorkplace, _ petition: PetitionWorld, seen: Set<Warning> = [],
        at now: UInt64 = ServedWorkplace.now
    ) throws -> Sending {
        try settled(workplace, petition, at: now)
            .clear(decision, for: identity, having: memory, seen: seen, at: now).make(in: &memory)
    }

    /// The same, and appends it to the log and takes in its receipt.
    @discardableResult
    mutating func send(
        _ decision: Decision, _ workplace: ServedWorkplace, _ petition: PetitionWorld, seen: Set<Warning> = [],
        at now: UInt64 = ServedWorkplace.now
    ) throws -> Sending {
        let sending = try make(decision, workplace, petition, seen: seen, at: now)
        try petition.append(PetitionStatement(decoding: sending.statement))
        workplace.serve()
        _ = try memory.take(workplace.receipt(petition, sending.statement), to: sending, at: now)
        return sending
    }

    /// Reads the petition and compares, as at the end of a run.
    mutating func compare(
        _ workplace: ServedWorkplace, _ petition: PetitionWorld, in view: View = .anonymous,
        policy: WitnessPolicy? = nil, at now: UInt64 = ServedWorkplace.now
    ) {
        memory.compare(workplace.read(petition), in: view, as: identity.signKey, policy: policy, at: now)
    }

    mutating func settle(_ workplace: ServedWorkplace, _ petition: PetitionWorld, at now: UInt64 = ServedWorkplace.now)
    {
        memory.settle(by: workplace.read(petition), at: now)
    }
}
