// docs/protocol.md, sections 3 and 4

import MembershipProofs
import Sodium
import TransparencyLog

/// A workplace's log, folded: its tree, and the roster at every size it has had. The one place that decides whether a
/// statement of this log holds.
public struct WorkplaceLog: Sendable {
    public struct Member: Sendable {
        /// The leaf that admitted them.
        public let admitted: Int
        public let signKey: Bytes32
        public let boxKey: Bytes32
        /// The leaves from which each ring key was the member's.
        var ringKeys: [(from: Int, key: Element)]
        /// The leaf that removed them.
        public internal(set) var removed: Int?
        /// The sign key of whom this member replaces.
        public let replaces: Bytes32?
        /// The invite that let them in; nil for the founder.
        public let inviteKey: Bytes32?

        public func isMember(at size: Int) -> Bool { admitted < size && (removed.map { $0 >= size } ?? true) }

        public func ringKey(at size: Int) -> Element? { ringKeys.last(where: { $0.from < size })?.key }
    }

    struct InviteState: Sendable {
        let issuer: Bytes32
        let replaces: Bytes32?
        var isOpen = true
    }

    public let id: ID<Workplace>
    public let founding: WorkplaceStatement.Founding
    public private(set) var tree = MerkleTree() {
        didSet { state = LogMoment() }
    }
    /// What an `Admissible` is bound to. Every leaf changes the tree, and with it this.
    private(set) var state = LogMoment()
    /// Everybody who was ever admitted, in that order.
    public internal(set) var members: [Member] = []
    var memberIndex: [Bytes32: Int] = [:]
    /// The leaves from which, and until which, somebody was an organiser.
    var offices: [Bytes32: [(from: Int, until: Int?)]] = [:]
    var invites: [Bytes32: InviteState] = [:]
    var usedKeys: Set<Bytes32> = []
    var sequences: [Bytes32: UInt32] = [:]
    var eligible: [(from: Int, count: UInt32)] = []
    /// An accepted PetitionAnnounced: who announced the petition, and over which members.
    public struct Announcement: Sendable {
        public let signer: Bytes32
        public let leaf: Int
        public let rosterSize: UInt64
    }

    public internal(set) var announcements: [ID<Petition>: [Announcement]] = [:]
    /// In order, each accepted one.
    public internal(set) var witnessNamings: [WitnessNaming] = []
    var relayNamings: [(leaf: Int, naming: RelayNaming)] = []
    /// The newest accepted leaf that changed who is a member, or under which ring key.
    public internal(set) var lastRosterChange = 0
    /// Former members in whose place somebody has come.
    var replaced: Set<Bytes32> = []
    /// The commitments to the group keys, by epoch.
    public internal(set) var groupKeys: [Bytes32] = []
    /// Whether somebody left, or an open invite was closed otherwise than by its use, since the newest group key:
    /// nothing may be written under it.
    public internal(set) var rotationIsDue = false

    /// Starts from the first leaf.
    /// - Throws: `RuleViolation`; then there is no log.
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

    public var size: Int { tree.count }

    /// The log's name and key.
    public var verifier: LogVerifier {
        LogVerifier(origin: "\(founding.service)/workplace/\(id.hex)", key: founding.logKey)
    }

    public func verifier(of petition: ID<Petition>) -> LogVerifier {
        LogVerifier(origin: "\(founding.service)/petition/\(petition.hex)", key: founding.logKey)
    }

    // MARK: The roster at a size

    public func member(_ signKey: Bytes32) -> Member? { memberIndex[signKey].map { members[$0] } }

    public func isMember(_ signKey: Bytes32, at size: Int) -> Bool { member(signKey)?.isMember(at: size) ?? false }

    public func isMember(_ signKey: Bytes32) -> Bool { isMember(signKey, at: size) }

    /// Petitions in the order of their first announcement, each with that leaf.
    public var announcedInOrder: [(id: ID<Petition>, leaf: Int)] {
        announcements.map { ($0.key, $0.value.first?.leaf ?? 0) }.sorted { $0.1 < $1.1 }
    }

    /// In order of admission.
    public func members(at size: Int) -> [Member] { members.filter { $0.isMember(at: size) } }

    public func isOrganiser(_ signKey: Bytes32, at size: Int) -> Bool {
        (offices[signKey] ?? []).contains { $0.from < size && ($0.until.map { $0 >= size } ?? true) }
    }

    public func isOrganiser(_ signKey: Bytes32) -> Bool { isOrganiser(signKey, at: size) }

    /// Whether somebody ever held that office.
    public func wasOrganiser(_ signKey: Bytes32) -> Bool { offices[signKey] != nil }

    public func eligible(at size: Int) -> UInt32 { eligible.last(where: { $0.from < size })?.count ?? 0 }

    /// How many statements of this signer the log has accepted: the next one's sequence.
    public func nextSequence(of signer: Bytes32) -> UInt32 { sequences[signer] ?? 0 }

    public func root(at size: UInt64) -> Bytes32? { Int(exactly: size).flatMap { tree.root(at: $0) } }

    /// Nil when the log has issued no such invite.
    public func inviteIsOpen(_ key: Bytes32) -> Bool? { invites[key]?.isOpen }

    public var openInvites: [Bytes32] { invites.filter { $0.value.isOpen }.map { $0.key } }

    /// The former member whom an invite's holder is; nil for a new person, and for no invite.
    public func replaces(ofInvite key: Bytes32) -> Bytes32? { invites[key]?.replaces }

    /// The sign key of who issued an invite.
    public func issuer(ofInvite key: Bytes32) -> Bytes32? { invites[key]?.issuer }

    var organiserCount: Int { offices.values.count { $0.last?.until == nil } }

    // MARK: Appending

    /// Appends a statement that holds here; a statement that does not is refused and nothing changes.
    /// - Returns: the tree's nodes that this completes.
    @discardableResult
    public mutating func append(_ leaf: [UInt8]) throws(RuleViolation) -> [MerkleTree.Node] {
        let proven = try prove([leaf])[0].get()
        return try append(check(proven.statement), proven)
    }

    /// The same, for a statement whose cheap rules have been looked at: its signatures are now.
    /// - Parameter admissible: what `check` said of it, with no leaf appended since.
    @discardableResult
    public mutating func append(_ admissible: Admissible) throws(RuleViolation) -> [MerkleTree.Node] {
        guard admissible.state === state else { throw .signature }
        return try append(admissible, prove([admissible.statement.bytes])[0].get())
    }

    /// The same, for a statement whose signatures have been looked at too.
    /// - Throws: `RuleViolation.signature` where either piece of evidence is for something else.
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

    /// Keeps the place of a leaf that breaks a rule: it is in the tree, and counts for nothing.
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
