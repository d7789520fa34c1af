import Petitions
import Sodium
import TransparencyLog

/// Logs as a service of the first protocol kept them: an announcement that does not name a roster, a statement whose
/// sequence counts it, and a petition that was opened on it.
public struct OldLogs {
    public struct Log {
        public let isPetition: Bool
        public let id: Bytes32
        public let leaves: [[UInt8]]
        /// One checkpoint for each size from 1.
        public let notes: [String]
        /// The tree's nodes.
        public let nodes: [MerkleTree.Node]
    }

    public let world: World
    public let seed = Random.bytes32()
    public let workplace: Log
    public let petition: Log
    /// A co-signature that waits to be mixed.
    public let waiting: PetitionStatement
    /// An object by the founder.
    public let object: StoredObject
    /// Indices of the workplace's leaves that the present rules reject.
    public let outdated: [Int]

    public init(service: String = "test.example") throws {
        let key = SigningKey(seed: SecretBytes(seed))
        world = try World(members: 4, logKey: key.publicKey)
        // A petition's ring and proofs are the same, whichever way it was announced.
        let opened = try PetitionWorld(World(forking: world), trusteeCount: 2, threshold: 1)
        try opened.cosign(world.people[1])
        waiting = try opened.coSignature(by: world.people[2])
        let sequence = world.log.nextSequence(of: world.founder.signKey)
        var announced: [UInt8] = [11]
        announced += world.log.id.bytes.bytes + opened.log.id.bytes.bytes
        announced += (0..<4).map { UInt8(truncatingIfNeeded: sequence >> (24 - 8 * UInt32($0))) }
        announced += world.founder.signKey.bytes
        announced += world.founder.seed.signingKey().sign(Domain.preimage("statement", announced))
        let declared = try world.statement(.eligibleDeclared(77), sequence: sequence + 1).bytes
        outdated = [world.leaves.count, world.leaves.count + 1]
        let verifier = world.log.verifier
        func log(_ leaves: [[UInt8]], _ id: Bytes32, _ verifier: LogVerifier, isPetition: Bool) -> Log {
            var tree = MerkleTree()
            var (notes, nodes): ([String], [MerkleTree.Node]) = ([], [])
            for leaf in leaves {
                nodes += tree.append(leaf)
                let checkpoint = Checkpoint(origin: verifier.origin, size: UInt64(tree.count), root: tree.root)
                notes.append(checkpoint.signed(by: key).serialized)
            }
            return Log(isPetition: isPetition, id: id, leaves: leaves, notes: notes, nodes: nodes)
        }
        workplace = log(world.leaves + [announced, declared], world.log.id.bytes, verifier, isPetition: false)
        petition = log(
            opened.leaves, opened.log.id.bytes, world.log.verifier(of: opened.log.id), isPetition: true)
        object = try StoredObject.seal(
            Array("kept".utf8), kind: .draft, id: ID(Random.bytes32()), after: nil, in: world.log.id,
            under: .generate(epoch: 0), by: world.founder.seed.signingKey())
    }

    public var logs: [Log] { [workplace, petition] }
}
