// docs/protocol.md, section 10, "Two views"

import Petitions
import Sodium
import TransparencyLog

/// One request of a run. It is never authenticated.
public enum RunRequest: Hashable, Sendable {
    case checkpoint(LogName)
    case entries(LogName, Tile)
    case document(ID<Petition>)
    /// The sealed names of a petition whose manifest has levels.
    case names(ID<Petition>)
    /// Every wrap of one epoch's group key.
    case wraps(epoch: UInt32)
}

/// The service's response to a `RunRequest`.
public enum RunAnswer: Sendable {
    /// The response's body.
    case bytes([UInt8])
    /// The service does not have it.
    case missing
}

/// The reading half of a run, as a state machine: given the answers so far, what to ask for next. Nothing else decides.
/// No pin, no key and no memory of this device goes in, so devices that are served the same bytes make the same
/// requests.
public struct Run: Sendable {
    /// The extent of a run.
    public enum Scope: Sendable, Hashable {
        /// One petition by its id.
        case petition(ID<Petition>)
        /// The one petition whose id begins with these hexadecimal digits.
        case prefix(String)
        /// Every announced petition.
        case everything
        /// The workplace's log alone.
        case roster
        /// A petition's log, and nothing else of the petition.
        case log(ID<Petition>)
    }

    private enum Step: Hashable {
        case log(LogName)
        /// The workplace's log once more: a petition's log may refer to a roster entry that was added meanwhile.
        case again
        case document(ID<Petition>)
        case names(ID<Petition>)
        case wraps(UInt32)
    }

    /// The extent of this run.
    public let scope: Scope
    /// The workplace that it reads.
    public let workplace: ID<Workplace>
    private var queue: [Step]
    private var log: LogReading?
    private(set) var reading: Reading

    /// A run from the first leaf.
    public init(_ scope: Scope, of workplace: ID<Workplace>) {
        (self.scope, self.workplace) = (scope, workplace)
        reading = Reading(scope: scope, workplace: workplace)
        switch scope {
        case .log(let id): queue = [.log(.petition(id)), .log(.workplace(workplace))]
        // Petitions that are not announced here are not requested: this device could know them only from another view.
        case .petition, .prefix, .everything, .roster: queue = [.log(.workplace(workplace))]
        }
    }

    /// Continues an earlier reading of the workplace's log: asks for the leaves added since, and first for a petition's
    /// log if one is given.
    public init(continuing reading: Reading, with petition: ID<Petition>? = nil) {
        scope = petition.map { .log($0) } ?? .roster
        workplace = reading.workplace
        self.reading = reading
        queue = (petition.map { [.log(.petition($0))] } ?? []) + [.again]
    }

    /// The next request; nil when everything has been read.
    public var next: RunRequest? {
        if let log { return log.next }
        switch queue.first {
        case .log(let name): return .checkpoint(name)
        case .again: return .checkpoint(.workplace(workplace))
        case .document(let id): return .document(id)
        case .names(let id): return .names(id)
        case .wraps(let epoch): return .wraps(epoch: epoch)
        case nil: return nil
        }
    }

    /// Takes the answer to `next` and decides what follows.
    public mutating func take(_ answer: RunAnswer) {
        guard let step = queue.first else { return }
        switch step {
        case .log(let name): takeLog(name, answer, after: nil)
        case .again: takeLog(.workplace(workplace), answer, after: reading.workplaceLog)
        case .document(let id):
            queue.removeFirst()
            guard case .bytes(let bytes) = answer else { return }
            reading.documents[id] = bytes
            // Only the document's header says which epoch it belongs to.
            if let object = try? StoredObject(decoding: bytes) { add(.wraps(object.epoch)) }
        case .names(let id):
            queue.removeFirst()
            if case .bytes(let bytes) = answer { reading.names[id] = bytes }
        case .wraps(let epoch):
            queue.removeFirst()
            if case .bytes(let bytes) = answer { reading.wraps[epoch] = bytes }
        }
    }

    /// Returns the reading. Call it once `next` is nil.
    public consuming func finish() -> Reading { reading }

    private mutating func add(_ step: Step) {
        guard !queue.contains(step) else { return }
        // Wraps, and the second reading of the workplace's log, come after everything else.
        if case .wraps = step { return queue.append(step) }
        let end = queue.firstIndex { if case .wraps = $0 { true } else { $0 == .again } } ?? queue.endIndex
        queue.insert(step, at: end)
    }

    private mutating func takeLog(_ name: LogName, _ answer: RunAnswer, after former: ServedLog?) {
        var log = self.log ?? LogReading(name, after: former)
        log.take(answer)
        self.log = log
        guard log.next == nil else { return }
        self.log = nil
        queue.removeFirst()
        reading.logs[name] = log.result
        if former == nil { goOn(after: name) }
    }

    /// Adds the requests that a log which was just read calls for.
    private mutating func goOn(after name: LogName) {
        switch name {
        case .workplace:
            switch scope {
            case .log, .roster: return
            case .petition, .prefix:
                guard let id = reading.wanted, announced.contains(id) else { return }
                add(.log(.petition(id)))
                add(.again)
            case .everything:
                for id in announced { add(.log(.petition(id))) }
                if !announced.isEmpty { add(.again) }
            }
        case .petition(let id):
            guard isAsked(id), let manifest = reading.manifest(of: id) else { return }
            // A vote is about a response in another petition, so that petition is read too.
            if let about = manifest.about, reading.isAnnounced(about.petition),
                reading.logs[.petition(about.petition)] == nil
            {
                add(.log(.petition(about.petition)))
                add(.document(about.petition))
                add(.again)
            }
            add(.document(id))
            if !manifest.levels.isEmpty { add(.names(id)) }
        }
    }

    /// Whether the whole petition is wanted, not only its log.
    private func isAsked(_ id: ID<Petition>) -> Bool {
        switch scope {
        case .petition(let wanted): id == wanted
        case .prefix: id == reading.wanted
        case .everything: reading.isAnnounced(id)
        case .roster, .log: false
        }
    }

    private var announced: [ID<Petition>] { reading.roster?.log.announcedInOrder.map { $0.id } ?? [] }
}

/// A log as it was served. Nothing in it is believed yet.
public enum ServedLog: Sendable {
    /// The checkpoint and all leaves that it calls for.
    case log(PetitionBundle.Log)
    /// The service has no such log.
    case missing
    /// The responses are not a log, or one that is too long.
    case unreadable
}

/// Reads one log: first its checkpoint, then the tiles that the checkpoint's size calls for.
public struct LogReading: Sendable {
    // Bounds on data that cannot be verified yet.
    private static let mostLeaves: UInt64 = 1 << 22
    private static let mostBytes = 1 << 30

    private let name: LogName
    private var note: String?
    private var leaves: [[UInt8]]
    private var tiles: ArraySlice<Tile> = []
    private var bytes = 0
    /// The next request; nil when the log has been read.
    public private(set) var next: RunRequest?
    private var failure: ServedLog?

    /// Starts to read a log.
    /// - Parameter former: what this same connection has already read of the log; only later leaves are requested.
    public init(_ name: LogName, after former: ServedLog?) {
        self.name = name
        if case .log(let log)? = former { leaves = log.leaves } else { leaves = [] }
        next = .checkpoint(name)
    }

    /// What was read. Only meaningful once `next` is nil.
    public var result: ServedLog {
        if let failure { return failure }
        guard let note else { return .unreadable }
        return .log(PetitionBundle.Log(checkpoint: note, leaves: leaves))
    }

    /// Takes the answer to `next`. A failure ends the reading.
    public mutating func take(_ answer: RunAnswer) {
        guard case .bytes(let bytes) = answer else { return fail(note == nil ? .missing : .unreadable) }
        guard note != nil else { return takeCheckpoint(bytes) }
        guard let tile = tiles.popFirst() else { return fail(.unreadable) }
        self.bytes += bytes.count
        guard self.bytes <= Self.mostBytes, let entries = try? EntryBundle.decode(bytes, count: tile.count) else {
            return fail(.unreadable)
        }
        // The first tile may begin with leaves that are already here.
        let start = Int(truncatingIfNeeded: tile.index) * Tile.width
        leaves.removeLast(max(0, leaves.count - start))
        leaves += entries
        next = tiles.first.map { .entries(name, $0) }
    }

    private mutating func takeCheckpoint(_ bytes: [UInt8]) {
        guard let note = String(validating: bytes, as: UTF8.self), let parsed = try? SignedNote(parsing: note),
            let claimed = try? Checkpoint(parsing: parsed.text), claimed.size <= Self.mostLeaves
        else { return fail(.unreadable) }
        self.note = note
        let known = leaves.count
        if claimed.size < UInt64(known) { leaves.removeLast(known - Int(clamping: claimed.size)) }
        if claimed.size > UInt64(known) {
            tiles = Tile.entries(upTo: claimed.size).dropFirst(known / Tile.width)
        }
        next = tiles.first.map { .entries(name, $0) }
    }

    private mutating func fail(_ result: ServedLog) {
        failure = result
        next = nil
    }
}
