import Petitions
import Sodium
import TransparencyLog

/// One service's durable state: logs, trees, checkpoints and encrypted objects. What each engine promises:
///
/// - A write that has returned survives the loss of power; one that throws has left nothing, but for `StorageError.unrecorded` and
///   `.unanswered`.
/// - A log grows from the very checkpoint that the writer has seen or not at all, whoever else writes: it cannot be split.
/// - A checkpoint is shown after it is on record, in a file apart from the database, that it was signed.
public protocol Store: Sendable {
    /// The name under which this service's logs are signed.
    var serviceName: String { get }

    /// The key that signs this service's checkpoints.
    func logKey() -> SigningKey

    // MARK: Logs

    /// What is durable, in one consistent look.
    /// - Throws: `StorageError.wentBack` when a log has fewer leaves than the caller.
    func state(_ query: LogQuery) async throws -> LogState

    /// The same, to be written to: where several processes share a database, the logs that grow are this one's until the turn ends.
    /// Each turn is ended by `commit` or by `end`.
    func turn(_ query: LogQuery) async throws -> any LogTurn

    /// Every leaf in order, from a place on; nil when there is no such log.
    func leaves(of log: LogName, from start: Int) async throws -> [[UInt8]]?

    /// A tile's bytes. Nil when the log has not all of it.
    func tile(_ tile: Tile, of log: LogName) async throws -> [UInt8]?

    /// Sealed names that are kept, by tag.
    func sealedNames(of petition: ID<Petition>) async throws -> [Bytes32: [UInt8]]

    /// Open petitions whose deadline has come.
    func petitionsDue(at time: UInt64) async throws -> [ID<Petition>]

    /// The workplace that a petition belongs to.
    func workplace(of petition: ID<Petition>) async throws -> ID<Workplace>?

    // MARK: Checkpoints

    /// The newest checkpoint that is shown.
    func checkpoint(of log: LogName) async throws -> String?

    /// The newest checkpoint, whether it is shown or not.
    func newestCheckpoint(of log: LogName) async throws -> (size: Int, note: String)?

    /// The first shown checkpoint that covers a leaf: what its receipt was made with, and is made with again.
    func checkpoint(of log: LogName, covering leaf: Int) async throws -> (size: Int, note: String)?

    /// Shows a checkpoint from now on.
    /// - Parameter witnessed: the witnesses' signature lines. Those of earlier checkpoints go: their times would say to whoever
    ///   takes the database when each leaf came.
    func publish(_ log: LogName, size: Int, witnessed: String) async throws

    /// Shows every newest checkpoint as it is.
    func publishAll() async throws

    /// Logs whose newest checkpoint is not shown yet, as a stop between the two leaves them.
    func unpublished() async throws -> [LogName]

    /// Logs whose newest checkpoint is shown without any witness.
    func unwitnessed() async throws -> [LogName]

    // MARK: Co-signatures that wait to be mixed

    /// Petitions in which something waits, and how much.
    func heldCounts() async throws -> [ID<Petition>: Int]

    /// Lets go of what can no longer be appended.
    func drop(held tags: [Bytes32], of petition: ID<Petition>) async throws

    // MARK: Objects and keys

    /// Keeps the next revision of an object.
    /// - Parameter most: bytes that a workplace's objects may take together.
    /// - Throws: `StorageError.conflict` unless it follows the newest revision, of the same kind; `.quota`.
    func put(_ object: StoredObject, most: Int) async throws

    /// A revision's bytes; the newest when none is named.
    func object(_ id: ID<Object>, in workplace: ID<Workplace>, revision: UInt32?) async throws -> [UInt8]?

    /// The newest revisions of a kind's objects with their bytes, oldest object first.
    /// - Parameters:
    ///   - after: how many objects come before the first.
    ///   - most: objects in one answer at most; fewer when they are large, and at least one.
    ///   - bytes: what their revisions may have together, but for the first's.
    /// - Returns: the entries, and how many objects come before the next; nil at the end.
    func objects(
        of kind: StoredObject.Kind, in workplace: ID<Workplace>, after: Int, most: Int, bytes: Int
    ) async throws -> (entries: [ObjectEntry], next: Int?)

    /// Keeps wraps. Each author has a place of their own for each member, so that nobody's wrong wrap keeps out a right one.
    /// - Throws: `StorageError.quota`.
    func put(_ wraps: [StoredWrap], by author: Bytes32, in workplace: ID<Workplace>, most: Int) async throws

    func wraps(of member: Bytes32, in workplace: ID<Workplace>) async throws -> [StoredWrap]

    /// Who holds a wrap of this epoch.
    func wrappedMembers(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> Set<Bytes32>

    /// - Throws: `StorageError.quota`.
    func put(inviteKeys: [UInt8], for invite: Bytes32, in workplace: ID<Workplace>, most: Int) async throws

    func inviteKeys(for invite: Bytes32, in workplace: ID<Workplace>) async throws -> [UInt8]?

    // MARK: The service's own

    /// Whether a signed request is new to every process that shares the database. Where one process serves, it remembers by itself.
    /// - Parameters:
    ///   - request: a hash of its signer and nonce.
    ///   - time: in Unix seconds; what was claimed longer than `lasting` seconds ago is forgotten.
    func claim(_ request: Bytes32, at time: UInt64, lasting: UInt64) async throws -> Bool

    /// Whether the database answers.
    func canRead() async -> Bool

    /// Whether it takes a write, which is taken back.
    func canWrite() async -> Bool

    /// Bytes that it takes, by what they are.
    func sizes() async -> [(name: String, bytes: Int)]

    /// Erases what was deleted from where an engine still has it, when it can be done now.
    func eraseLeftovers() async

    /// Lets go of the database.
    func close() async throws
}

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
    }

    /// Of each log that is there and has more than the caller knows.
    public internal(set) var news: [LogName: News] = [:]
    /// By the order of the leaves' hashes.
    public internal(set) var held: [ID<Petition>: [HeldCoSignature]] = [:]
}

/// One writer's turn.
public protocol LogTurn: Sendable {
    var state: LogState { get }

    /// Appends to several logs in one transaction with one sync, and records the checkpoints as signed. When this returns,
    /// everything in it is durable; when it throws, nothing is there, but for `StorageError.unrecorded` and `.unanswered`.
    /// - Parameter held: co-signatures that are kept to be mixed, by petition.
    func commit(_ appends: [LogAppend], holding held: [ID<Petition>: [HeldCoSignature]]) async throws

    /// Ends the turn with nothing written.
    func end() async
}

extension Store {
    /// Appends in a turn of its own, for who knows what the logs have.
    public func commit(_ appends: [LogAppend], holding held: [ID<Petition>: [HeldCoSignature]] = [:]) async throws {
        var query = LogQuery(sizes: [:])
        query.growing = Set(appends.map(\.log)).union(held.keys.map { .petition($0) })
        try await turn(query).commit(appends, holding: held)
    }

    public func leaves(of log: LogName) async throws -> [[UInt8]]? { try await leaves(of: log, from: 0) }

    public func put(_ object: StoredObject) async throws { try await put(object, most: .max) }

    public func object(_ id: ID<Object>, in workplace: ID<Workplace>) async throws -> [UInt8]? {
        try await object(id, in: workplace, revision: nil)
    }

    public func objects(
        of kind: StoredObject.Kind, in workplace: ID<Workplace>, after: Int = 0, most: Int = 256
    ) async throws -> (entries: [ObjectEntry], next: Int?) {
        try await objects(of: kind, in: workplace, after: after, most: most, bytes: 8 << 20)
    }

    /// Everything that waits in a petition, by the order of the leaves' hashes.
    public func held(of petition: ID<Petition>) async throws -> [HeldCoSignature] {
        var query = LogQuery(sizes: [:])
        query.held[petition] = .all
        return try await state(query).held[petition] ?? []
    }
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

        public init(bytes: [UInt8], nodes: [MerkleTree.Node]) { (self.bytes, self.nodes) = (bytes, nodes) }
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

    public init(
        log: LogName, workplace: ID<Workplace>, start: Int, base: String, leaves: [Leaf], note: String,
        isPublished: Bool = true, deadline: UInt64?, names: [NameChange], mixed: [Bytes32] = []
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
    }

    /// - Parameters:
    ///   - size: of the log in the database.
    ///   - note: its checkpoint of that size.
    /// - Throws: `StorageError.conflict` when somebody else has written to it meanwhile; `.wentBack` when it is not the log that the
    ///   writer has seen.
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

    public init(tag: Bytes32, bytes: [UInt8], sealedName: [UInt8]?) {
        (self.tag, self.bytes, self.sealedName) = (tag, bytes, sealedName)
    }
}

/// What a list of objects says of each.
public struct ObjectEntry: Sendable, Hashable {
    public let id: ID<Object>
    public let kind: StoredObject.Kind
    /// The newest.
    public let revision: UInt32
    public let digest: Bytes32
    public let bytes: [UInt8]
}

/// A group key wrapped for one member.
public struct StoredWrap: Sendable, Hashable {
    public let member: Bytes32
    public let epoch: UInt32
    public let wrap: [UInt8]

    public init(member: Bytes32, epoch: UInt32, wrap: [UInt8]) {
        (self.member, self.epoch, self.wrap) = (member, epoch, wrap)
    }
}

extension Tile {
    /// The places of its level's hashes, or of its leaves. Nil for a place that no log has.
    var range: Range<Int>? {
        guard let index = Int(exactly: index) else { return nil }
        let (first, overflows) = index.multipliedReportingOverflow(by: Tile.width)
        let (end, overflowsToo) = first.addingReportingOverflow(count)
        return overflows || overflowsToo || end < first ? nil : first..<end
    }
}
