import Petitions
import Sodium
import TransparencyLog

/// One service's durable state, by what is stored: logs and their trees, checkpoints, co-signatures that wait,
/// encrypted texts and keys, and what a database says of itself. What each engine promises:
///
/// - A write that has returned survives the loss of power; one that throws has left nothing, but for
///   `StorageError.unrecorded` and `.unanswered`.
/// - A log grows from the very checkpoint that the writer has seen or not at all, whoever else writes: it cannot be
///   split.
/// - A checkpoint is shown after it is on record, in a file apart from the database, that it was signed.
public protocol Store: LogStore, CheckpointStore, HeldStore, TextStore, PiecewiseReading, RequestStore, StoreHealth {
    /// The name under which this service's logs are signed.
    var serviceName: String { get }

    /// The key that signs this service's checkpoints.
    func logKey() -> SigningKey
}

/// Logs: leaves, their tree, and what is kept of each leaf.
public protocol LogStore: Sendable {
    /// What is durable, in one consistent look.
    /// - Throws: `StorageError.wentBack` when a log has fewer leaves than the caller.
    func state(_ query: LogQuery) async throws -> LogState

    /// The same, to be written to: where several processes share a database, the logs that grow are this one's until
    /// the turn ends. Each turn is ended by `commit` or by `end`.
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

    /// A workplace's own log, if there is one, and those of its petitions.
    func logs(of workplace: ID<Workplace>) async throws -> [LogName]

    /// Logs whose checkpoints are to be kept fresh: of workplaces that name witnesses, and of their petitions that are
    /// open or have names that wait for trustees.
    func liveLogs() async throws -> [LogName]
}

/// Signed checkpoints, and which of them are shown.
public protocol CheckpointStore: Sendable {
    /// The newest checkpoint that is shown.
    func checkpoint(of log: LogName) async throws -> String?

    /// The newest checkpoint, whether it is shown or not.
    func newestCheckpoint(of log: LogName) async throws -> StoredCheckpoint?

    /// The first shown checkpoint that covers a leaf: what its receipt was made with, and is made with again.
    func checkpoint(of log: LogName, covering leaf: Int) async throws -> (size: Int, note: String)?

    /// Keeps the witnesses' lines of a checkpoint, and shows it from now on, unless it is to wait for more of them.
    /// - Parameter witnessed: the witnesses' signature lines. Once it is shown, those of earlier checkpoints go: their
    ///   times would say to whoever takes the database when each leaf came. So do the promises of the leaves that it
    ///   covers.
    func publish(_ log: LogName, size: Int, witnessed: String, isShown: Bool) async throws

    /// Logs whose newest checkpoint is not shown yet, as a stop between the two leaves them.
    func unpublished() async throws -> [LogName]

    /// Logs whose newest checkpoint is shown without any witness.
    func unwitnessed() async throws -> [LogName]
}

/// Co-signatures between their acknowledgement and the log, and promises.
public protocol HeldStore: Sendable {
    /// Petitions in which something waits to be mixed.
    func heldCounts() async throws -> [ID<Petition>: HeldCount]

    /// Lets go of what can no longer be appended.
    func drop(held tags: [Bytes32], of petition: ID<Petition>) async throws

    /// Notes until when leaves are promised that stand in the log, under no checkpoint that is shown.
    /// - Returns: for each leaf the time that is kept: the first that was noted.
    func promise(_ petition: ID<Petition>, leaves: [Int], until: UInt64) async throws -> [Int: UInt64]
}

/// What members write for one another: objects, wrapped keys, and keys for invites. The service reads none of it.
public protocol TextStore: Sendable {
    /// Refuses early what there is no room for. What `put` finds decides all the same.
    /// - Parameter count: bytes of a write to come.
    /// - Throws: `StorageError.quota`.
    func checkRoom(
        for count: Int, of workplace: ID<Workplace>, by author: Bytes32, within quota: Quota
    ) async throws

    /// Whether a revision of an object is there.
    func hasObject(_ name: StoredObject.Name, in workplace: ID<Workplace>, revision: UInt32) async throws -> Bool

    /// Keeps the next revision of an object.
    /// - Throws: `StorageError.conflict` unless it follows the newest revision; `.quota`.
    func put(_ object: StoredObject, within quota: Quota) async throws

    /// A revision's bytes; the newest when none is named.
    func object(_ name: StoredObject.Name, in workplace: ID<Workplace>, revision: UInt32?) async throws -> [UInt8]?

    /// The newest revisions of a kind's objects with their bytes, oldest object first.
    /// - Parameters:
    ///   - after: how many objects come before the first.
    ///   - most: objects in one answer at most; fewer when they are large, and at least one.
    ///   - bytes: what their revisions may have together, but for the first's.
    /// - Returns: the entries, and how many objects come before the next; nil at the end.
    func objects(
        of kind: StoredObject.Kind, in workplace: ID<Workplace>, after: Int, most: Int, bytes: Int
    ) async throws -> (entries: [ObjectEntry], next: Int?)

    /// Keeps wraps that one member made. Each maker has a place of their own for each member, so that nobody's wrong
    /// wrap keeps out a right one. A wrap that is new ends its member's request for one.
    /// - Throws: `StorageError.quota`.
    func put(
        _ wraps: [KeyWrap], by maker: Bytes32, in workplace: ID<Workplace>, places: WrapPlaces, within quota: Quota
    ) async throws

    /// Every wrap of an epoch.
    func wraps(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> [KeyWrap]

    /// Who holds a wrap of this epoch.
    func wrappedMembers(of epoch: UInt32, in workplace: ID<Workplace>) async throws -> Set<Bytes32>

    /// Notes that none of a member's wraps opens.
    func want(wrapFor member: Bytes32, in workplace: ID<Workplace>) async throws

    /// Members who say so, and for whom nothing new has come since.
    func wantingMembers(in workplace: ID<Workplace>) async throws -> Set<Bytes32>

    /// Keeps what an invite's newcomer will look for. The same again changes nothing.
    /// - Throws: `StorageError.conflict` when the name was ever used otherwise, or the invite has another name;
    ///   `.quota`.
    func put(_ invite: StoredInvite, under name: Bytes32, within quota: Quota) async throws

    func invite(_ name: Bytes32) async throws -> StoredInvite?

    /// Lets go of what is kept for invites that are closed.
    func drop(invites keys: [Bytes32], of workplace: ID<Workplace>) async throws
}

/// Signed requests that were seen.
public protocol RequestStore: Sendable {
    /// Whether a signed request is new to every process that shares the database. Where one process serves, it
    /// remembers by itself.
    /// - Parameters:
    ///   - request: a hash of its signer and nonce.
    ///   - steady: seconds of a clock of this process that nobody sets. What was claimed `lasting` seconds ago or more, by
    ///     this clock, may be forgotten.
    func claim(_ request: Bytes32, at steady: UInt64, lasting: UInt64) async throws -> Bool
}

/// What a database says of itself.
public protocol StoreHealth: Sendable {
    /// Whether the database answers.
    func canRead() async -> Bool

    /// Whether the disk refused a write, and none has been committed since.
    var hasRefused: Bool { get }

    /// Whether it takes a write, which is committed: to the database and to the record of signed checkpoints. Tried
    /// once a second at most.
    func canWrite() async -> Bool

    /// Looks whether this service is still the only one that signs these logs: whether its files are at their paths,
    /// and now and then whether the database has everything that was recorded as signed. Cheap enough for every two
    /// seconds.
    /// - Throws: `StorageError.replaced`, `.contradicted`. From then on the store neither writes nor shows anything.
    func checkStillOwn() async throws

    /// Bytes that it takes, by what they are.
    func sizes() async -> [(name: String, bytes: Int)]

    /// Erases what was deleted from where an engine still has it, when it can be done now.
    func eraseLeftovers() async

    /// Lets go of the database.
    func close() async throws
}

extension CheckpointStore {
    public func publish(_ log: LogName, size: Int, witnessed: String) async throws {
        try await publish(log, size: size, witnessed: witnessed, isShown: true)
    }
}

extension LogStore {
    /// Appends in a turn of its own, for who knows what the logs have.
    public func commit(_ appends: [LogAppend], holding held: [ID<Petition>: [HeldCoSignature]] = [:]) async throws {
        var query = LogQuery(sizes: [:])
        query.growing = Set(appends.map(\.log)).union(held.keys.map { .petition($0) })
        try await turn(query).commit(appends, holding: held)
    }

    public func leaves(of log: LogName) async throws -> [[UInt8]]? { try await leaves(of: log, from: 0) }

    /// Everything that waits in a petition, by the order of the leaves' hashes.
    public func held(of petition: ID<Petition>) async throws -> [HeldCoSignature] {
        var query = LogQuery(sizes: [:])
        query.held[petition] = .all
        return try await state(query).held[petition] ?? []
    }
}

extension TextStore {
    public func put(_ object: StoredObject) async throws { try await put(object, within: .unlimited) }

    public func object(_ name: StoredObject.Name, in workplace: ID<Workplace>) async throws -> [UInt8]? {
        try await object(name, in: workplace, revision: nil)
    }

    public func objects(
        of kind: StoredObject.Kind, in workplace: ID<Workplace>, after: Int = 0, most: Int = 256
    ) async throws -> (entries: [ObjectEntry], next: Int?) {
        try await objects(of: kind, in: workplace, after: after, most: most, bytes: 8 << 20)
    }
}
