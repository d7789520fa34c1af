import Petitions
import Sodium
import TransparencyLog

/// What a batch, or a reader, wants to know of logs.
public struct LogQuery: Sendable {
    /// How much is wanted of what waits to be mixed.
    public enum Held: Sendable {
        case all
        case tags([Bytes32])
    }

    /// How many leaves of each log the caller has.
    public var sizes: [LogName: Int]
    /// Of these, the ones that a turn is for.
    public var growing: Set<LogName> = []
    public var held: [ID<Petition>: Held] = [:]

    public init(sizes: [LogName: Int]) { self.sizes = sizes }
}

/// What a database has.
public struct LogState: Sendable {
    /// Leaves that the caller has not.
    public struct News: Sendable {
        /// How many leaves the caller had.
        public let start: Int
        public let leaves: [[UInt8]]
        /// How many of the log's first leaves an earlier version of the rules took.
        public let legacy: Int
    }

    /// Of each log that is there and has more than the caller knows.
    public internal(set) var news: [LogName: News] = [:]
    /// By the order of the leaves' hashes.
    public internal(set) var held: [ID<Petition>: [HeldCoSignature]] = [:]
}

/// One writer's turn.
public protocol LogTurn: Sendable {
    var state: LogState { get }

    /// Appends to several logs in one transaction with one sync, and records the checkpoints as signed. When this
    /// returns, everything in it is durable; when it throws, nothing is there, but for `StorageError.unrecorded` and
    /// `.unanswered`.
    /// - Parameter held: co-signatures that are kept to be mixed, by petition.
    func commit(_ appends: [LogAppend], holding held: [ID<Petition>: [HeldCoSignature]]) async throws

    /// Ends the turn with nothing written.
    func end() async
}

/// Which log: a workplace's or a petition's.
public enum LogName: Hashable, Sendable {
    case workplace(ID<Workplace>)
    case petition(ID<Petition>)

    var kind: Int {
        switch self {
        case .workplace: 1
        case .petition: 2
        }
    }

    /// - Parameter kind: as in the database: 1 or 2.
    init(_ kind: Int, _ subject: Bytes32) { self = kind == 1 ? .workplace(ID(subject)) : .petition(ID(subject)) }

    public var subject: Bytes32 {
        switch self {
        case .workplace(let id): id.bytes
        case .petition(let id): id.bytes
        }
    }
}

/// What one transaction adds to one log.
public struct LogAppend: Sendable {
    public struct Leaf: Sendable {
        public let bytes: [UInt8]
        public let nodes: [MerkleTree.Node]
        /// Until when this leaf was promised; kept until a checkpoint that covers it is shown.
        public let promised: UInt64?

        public init(bytes: [UInt8], nodes: [MerkleTree.Node], promised: UInt64? = nil) {
            (self.bytes, self.nodes, self.promised) = (bytes, nodes, promised)
        }
    }

    /// What becomes of the sealed name of a tag.
    public enum NameChange: Sendable {
        case keep(tag: Bytes32, sealed: [UInt8])
        case delete(tag: Bytes32)
    }

    public let log: LogName
    public let workplace: ID<Workplace>
    /// The log's size before.
    public let start: Int
    /// The text of the checkpoint of that size, which it must have; of no account for a new log.
    public let base: String
    public var leaves: [Leaf]
    /// The signed checkpoint that covers them.
    public var note: String
    /// Whether it may be shown as it is. Where witnesses are asked first, `Store.publish` says so later.
    public var isPublished: Bool
    /// When the petition closes by itself, as long as it is open.
    public var deadline: UInt64?
    public var names: [NameChange]
    /// The tags whose held co-signatures are among the leaves: they are held no longer.
    public var mixed: [Bytes32]
    /// Public keys of the invites that the leaves use or close: what is kept for them goes.
    public var closedInvites: [Bytes32]
    /// Whether the log's checkpoints are to be kept fresh where its workplace names witnesses: of a workplace, whether
    /// it does; of a petition, whether it is open or has names that wait for trustees.
    public var isLive: Bool

    public init(
        log: LogName, workplace: ID<Workplace>, start: Int, base: String, leaves: [Leaf], note: String,
        isPublished: Bool = true, deadline: UInt64?, names: [NameChange], mixed: [Bytes32] = [],
        closedInvites: [Bytes32] = [], isLive: Bool = false
    ) {
        self.log = log
        self.workplace = workplace
        self.start = start
        self.base = base
        self.leaves = leaves
        self.note = note
        self.isPublished = isPublished
        self.deadline = deadline
        self.names = names
        self.mixed = mixed
        self.closedInvites = closedInvites
        self.isLive = isLive
    }

    /// Places of leaves that were promised, each with the time: to be kept where nothing that covers them is shown by
    /// this commit.
    var promises: [(place: Int, until: UInt64)] {
        guard !isPublished else { return [] }
        return leaves.enumerated().compactMap { offset, leaf in leaf.promised.map { (start + offset, $0) } }
    }

    /// - Parameters:
    ///   - size: of the log in the database.
    ///   - note: its checkpoint of that size.
    /// - Throws: `StorageError.conflict` when somebody else has written to it meanwhile; `.wentBack` when it is not the
    ///   log that the writer has seen.
    func follow(size: Int, note: String?) throws {
        guard size <= start else { throw StorageError.conflict }
        guard size == start, note?.hasPrefix(base) == true else {
            throw StorageError.wentBack(lost: .init(log: log, has: size, signed: start), logs: 1)
        }
    }
}

/// A co-signature that waits to be mixed with others.
public struct HeldCoSignature: Sendable, Hashable {
    /// The tag's encoding.
    public let tag: Bytes32
    /// The statement.
    public let bytes: [UInt8]
    public let sealedName: [UInt8]?
    /// Until when it was promised to stand in the log: Unix seconds, a whole hour.
    public let until: UInt64

    public init(tag: Bytes32, bytes: [UInt8], sealedName: [UInt8]?, until: UInt64) {
        (self.tag, self.bytes, self.sealedName, self.until) = (tag, bytes, sealedName, until)
    }
}

/// What waits in a petition.
public struct HeldCount: Sendable, Hashable {
    public let count: Int
    /// The earliest time that was promised.
    public let until: UInt64

    public init(count: Int, until: UInt64) { (self.count, self.until) = (count, until) }
}

/// A log's checkpoint as it is kept.
public struct StoredCheckpoint: Sendable, Hashable {
    public let size: Int
    /// With the log's own signature.
    public let note: String
    /// The signature lines of witnesses.
    public let witnessed: String
    public let isShown: Bool

    public init(size: Int, note: String, witnessed: String, isShown: Bool) {
        (self.size, self.note, self.witnessed, self.isShown) = (size, note, witnessed, isShown)
    }
}
