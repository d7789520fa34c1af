// docs/protocol.md, sections 3 and 4

import MembershipProofs
import Sodium
import TransparencyLog

/// A workplace's log, folded: its tree, and the roster at every size it has had. This is the one place that decides
/// whether a statement of this log is valid.
public struct WorkplaceLog: Sendable {
    /// Somebody who was admitted to the workplace at some time.
    public struct Member: Sendable {
        /// The leaf that admitted them.
        public let admitted: Int
        /// Their Ed25519 key, by which they are known.
        public let signKey: Bytes32
        /// Their X25519 key.
        public let boxKey: Bytes32
        /// The ring keys, each with the leaf from which it was the member's.
        var ringKeys: [(from: Int, key: Element)]
        /// The leaf that removed them; nil for a present member.
        public internal(set) var removed: Int?
        /// The sign key of the member whom they replace.
        public let replaces: Bytes32?
        /// The invite with which they joined; nil for the founder.
        public let inviteKey: Bytes32?

        /// Whether they are a member after the first `size` leaves.
        public func isMember(at size: Int) -> Bool { admitted < size && (removed.map { $0 >= size } ?? true) }

        /// Their ring key after the first `size` leaves; nil if they were not admitted yet.
        public func ringKey(at size: Int) -> Element? { ringKeys.last(where: { $0.from < size })?.key }

        /// Every ring key that they have held since the log had `size` leaves, or since they were admitted.
        public func ringKeys(since size: Int) -> [Element] {
            let first = ringKeys.lastIndex { $0.from < size } ?? ringKeys.startIndex
            return ringKeys[first...].map { $0.key }
        }
    }

    struct InviteState: Sendable {
        let issuer: Bytes32
        let replaces: Bytes32?
        var isOpen = true
    }

    /// The workplace's id.
    public let id: ID<Workplace>
    /// The content of the first leaf.
    public let founding: WorkplaceStatement.Founding
    /// The tree over all leaves, faulty ones included.
    public private(set) var tree = MerkleTree() {
        didSet { state = LogMoment() }
    }
    /// The state that an `Admissible` is bound to. Every leaf changes the tree, and this with it.
    private(set) var state = LogMoment()
    /// Everybody who was ever admitted, in the order of admission.
    public internal(set) var members: [Member] = []
    var memberIndex: [Bytes32: Int] = [:]
    /// For each organiser, the leaves that gave and took the office.
    var offices: [Bytes32: [(from: Int, until: Int?)]] = [:]
    var invites: [Bytes32: InviteState] = [:]
    var usedKeys: Set<Bytes32> = []
    var sequences: [Bytes32: UInt32] = [:]
    var eligible: [(from: Int, count: UInt32)] = []
    /// An accepted PetitionAnnounced: who announced the petition, and over which roster.
    public struct Announcement: Sendable {
        /// The sign key of the organiser who announced it.
        public let signer: Bytes32
        /// Its index in this log.
        public let leaf: Int
        /// The size of this log whose members make the petition's ring.
        public let rosterSize: UInt64
    }

    /// The announcements of each petition, in the order of the log.
    public internal(set) var announcements: [ID<Petition>: [Announcement]] = [:]
    /// Every accepted one, in the order of the log.
    public internal(set) var witnessNamings: [WitnessNaming] = []
    var relayNamings: [(leaf: Int, naming: RelayNaming)] = []
    /// The newest accepted leaf that changed who is a member, or a member's ring key.
    public internal(set) var lastRosterChange = 0
    /// Former members whom somebody has replaced.
    var replaced: Set<Bytes32> = []
    /// The group keys' commitments, by epoch.
    public internal(set) var groupKeys: [Bytes32] = []
    /// Whether, since the newest group key, somebody left or an open invite was closed without being used. Nothing may
    /// be written under that key then.
    public internal(set) var rotationIsDue = false

    /// Starts a log from its first leaf.
    /// - Throws: `RuleViolation` if the leaf does not found a workplace.
    public init(founding leaf: [UInt8]) throws(RuleViolation) {
        let statement = try WorkplaceStatement(decoding: leaf)
        guard case .founded(let founding) = statement.body else { throw .mustBeFirst }
        let keys = founding.keys
        guard Set(keys.all).count == 3 else { throw .keyUsedBefore }
        guard Possession.verify([keys.possession(founding.possession, in: statement.workplace)])[0] else {
            throw .possession
        }
        try statement.verifyLastSignature(by: keys.signKey)
        id = statement.workplace
        self.founding = founding
        tree.append(leaf)
        eligible = [(0, founding.eligible)]
        admit(keys, at: 0, replaces: nil, inviteKey: nil)
        offices[keys.signKey] = [(0, nil)]
    }

    /// Number of leaves, faulty ones included.
    public var size: Int { tree.count }

    /// Verifies this log's checkpoints by its name and key.
    public var verifier: LogVerifier {
        LogVerifier(origin: "\(founding.service)/workplace/\(id.hex)", key: founding.logKey)
    }

    /// Verifies the checkpoints of a petition's log, which the same key signs.
    public func verifier(of petition: ID<Petition>) -> LogVerifier {
        LogVerifier(origin: "\(founding.service)/petition/\(petition.hex)", key: founding.logKey)
    }

    // MARK: The roster at a size

    /// The member with this sign key, even if they have left.
    public func member(_ signKey: Bytes32) -> Member? { memberIndex[signKey].map { members[$0] } }

    /// In the order of admission, from 1; nil for somebody who was never admitted.
    public func number(of signKey: Bytes32) -> Int? { memberIndex[signKey].map { $0 + 1 } }

    /// Whether somebody has come in the place of a former member.
    public func isReplaced(_ signKey: Bytes32) -> Bool { replaced.contains(signKey) }

    /// Whether this is the sign key of a member after the first `size` leaves.
    public func isMember(_ signKey: Bytes32, at size: Int) -> Bool { member(signKey)?.isMember(at: size) ?? false }

    /// Whether this is the sign key of a present member.
    public func isMember(_ signKey: Bytes32) -> Bool { isMember(signKey, at: size) }

    /// Petitions in the order of their first announcement, each with that leaf.
    public var announcedInOrder: [(id: ID<Petition>, leaf: Int)] {
        announcements.map { ($0.key, $0.value.first?.leaf ?? 0) }.sorted { $0.1 < $1.1 }
    }

    /// Everyone who is a member after the first `size` leaves, in the order of admission.
    public func members(at size: Int) -> [Member] { members.filter { $0.isMember(at: size) } }

    /// Whether this is the sign key of an organiser after the first `size` leaves.
    public func isOrganiser(_ signKey: Bytes32, at size: Int) -> Bool {
        (offices[signKey] ?? []).contains { $0.from < size && ($0.until.map { $0 >= size } ?? true) }
    }

    /// Whether this is the sign key of a present organiser.
    public func isOrganiser(_ signKey: Bytes32) -> Bool { isOrganiser(signKey, at: size) }

    /// Whether this member ever held the office of organiser.
    public func wasOrganiser(_ signKey: Bytes32) -> Bool { offices[signKey] != nil }

    /// How many people the workplace has, as declared below `size`; 0 before the first declaration.
    public func eligible(at size: Int) -> UInt32 { eligible.last(where: { $0.from < size })?.count ?? 0 }

    /// How many statements of this signer the log has accepted: the next one's sequence.
    public func nextSequence(of signer: Bytes32) -> UInt32 { sequences[signer] ?? 0 }

    /// The root at an earlier size; nil beyond the end.
    public func root(at size: UInt64) -> Bytes32? { Int(exactly: size).flatMap { tree.root(at: $0) } }

    /// Nil if the log has issued no such invite.
    public func inviteIsOpen(_ key: Bytes32) -> Bool? { invites[key]?.isOpen }

    /// The keys of invites that have been neither used nor closed.
    public var openInvites: [Bytes32] { invites.filter { $0.value.isOpen }.map { $0.key } }

    /// The sign key of the former member who is the invite's holder; nil for a new person, and if there is no such
    /// invite.
    public func replaces(ofInvite key: Bytes32) -> Bytes32? { invites[key]?.replaces }

    /// The sign key of the organiser who issued an invite.
    public func issuer(ofInvite key: Bytes32) -> Bytes32? { invites[key]?.issuer }

    var organiserCount: Int { offices.values.count { $0.last?.until == nil } }

    // MARK: Appending

    /// Appends a valid statement; an invalid one is rejected, and nothing changes.
    /// - Returns: the tree's nodes that this completes.
    @discardableResult
    public mutating func append(_ leaf: [UInt8]) throws(RuleViolation) -> [MerkleTree.Node] {
        let proven = try prove([leaf])[0].get()
        return try append(check(proven.statement), proven)
    }

    /// The same for a statement whose cheap rules have been checked: only its signatures are checked now.
    /// - Parameter admissible: the result of `check` for it; no leaf may have been appended since.
    @discardableResult
    public mutating func append(_ admissible: Admissible) throws(RuleViolation) -> [MerkleTree.Node] {
        guard admissible.state === state else { throw .signature }
        return try append(admissible, prove([admissible.statement.bytes])[0].get())
    }

    /// The same for a statement whose signatures have been checked too.
    /// - Throws: `RuleViolation.signature` if either piece of evidence is for something else.
    @discardableResult
    public mutating func append(
        _ admissible: Admissible, _ proven: ProvenWorkplaceStatement
    ) throws(RuleViolation) -> [MerkleTree.Node] {
        guard admissible.state === state, admissible.statement.bytes == proven.statement.bytes else {
            throw .signature
        }
        try checkFurther(proven)
        let index = size
        let nodes = tree.append(leafHash: proven.leafHash)
        apply(proven.statement, at: index)
        return nodes
    }

    /// Keeps the place of a leaf that breaks a rule: it is in the tree but counts for nothing.
    mutating func skip(_ leaf: [UInt8]) { tree.append(leaf) }

    mutating func admit(_ keys: MemberKeys, at leaf: Int, replaces: Bytes32?, inviteKey: Bytes32?) {
        memberIndex[keys.signKey] = members.count
        members.append(
            Member(
                admitted: leaf, signKey: keys.signKey, boxKey: keys.boxKey, ringKeys: [(leaf, keys.ringKey)],
                replaces: replaces, inviteKey: inviteKey))
        usedKeys.formUnion(keys.all)
    }
}
