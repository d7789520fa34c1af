import CoSigning
import Foundation
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// An event that a monitor reports. Only faults are the service's; the others let people follow along.
public enum MonitorEvent: Sendable, Hashable {
    /// A log grew between these sizes.
    case grew(GossipLog, from: Int, to: Int)
    /// A petition was announced.
    case announced(ID<Petition>)
    /// A petition's count changed.
    case counts(ID<Petition>, cosignatures: Int, ring: Int)
    /// A petition was closed with this count.
    case closed(ID<Petition>, cosignatures: Int)
    /// The service broke a rule.
    case fault(MonitorFault)

    /// A keyword for scripts.
    public var word: String {
        switch self {
        case .grew: "grew"
        case .announced: "announced"
        case .counts: "count"
        case .closed: "closed"
        case .fault(let fault): fault.word
        }
    }

    /// The log that the event is about.
    public var log: GossipLog {
        switch self {
        case .grew(let log, _, _): log
        case .announced(let id), .counts(let id, _, _), .closed(let id, _): .petition(id)
        case .fault(let fault): fault.log
        }
    }
}

/// Something that a service did and must not do.
public enum MonitorFault: Sendable, Hashable {
    /// A log is shorter than the one shown before.
    case rewound(GossipLog, seen: UInt64, served: UInt64)
    /// A log no longer contains what it was shown to contain.
    case forked(GossipLog, size: UInt64)
    /// A log is no longer served.
    case gone(GossipLog)
    /// The checkpoint is not signed as required, or does not match the leaves that are served.
    case unsigned(GossipLog)
    /// A response is not a log.
    case unreadable(GossipLog)
    /// The monitor's own policy is not met.
    case notWitnessed(GossipLog, missing: [String])
    /// Fewer of the witnesses named in the workplace's log have signed than it requires.
    case tooFewWitnesses(GossipLog, signed: Int, asked: Int)
    /// A leaf breaks a rule; the text is the verifier's.
    case leaf(GossipLog, String)
    /// A petition was closed for its deadline although, by this machine's clock, the deadline was still to come.
    case closedEarly(ID<Petition>)
    /// A petition is still open although it should have been closed.
    case closesLate(ID<Petition>)
    /// Sealed names that the log refers to are not served.
    case namesMissing(ID<Petition>, Int)
    /// The page for browsers is none that the monitor knows; its SHA-256.
    case page(digest: String)
    /// The page comes with a header that can show a reader something else.
    case pageHeader(String)

    /// A keyword for scripts.
    public var word: String {
        switch self {
        case .rewound: "rewound"
        case .forked: "forked"
        case .gone: "gone"
        case .unsigned: "unsigned"
        case .unreadable: "unreadable"
        case .notWitnessed: "not-witnessed"
        case .tooFewWitnesses: "too-few-witnesses"
        case .leaf: "leaf"
        case .closedEarly: "closed-early"
        case .closesLate: "closes-late"
        case .namesMissing: "names-missing"
        case .page: "page"
        case .pageHeader: "page-header"
        }
    }

    /// The log that the fault is about.
    public var log: GossipLog {
        switch self {
        case .rewound(let log, _, _), .forked(let log, _), .gone(let log), .unsigned(let log), .unreadable(let log),
            .notWitnessed(let log, _), .tooFewWitnesses(let log, _, _), .leaf(let log, _):
            log
        case .closedEarly(let id), .closesLate(let id), .namesMissing(let id, _): .petition(id)
        case .page, .pageHeader: .workplace
        }
    }
}

/// Follows every log of a workplace, for somebody who need not be a member. It fetches what is new, verifies it by the
/// same rules as everybody, and compares it with everything that it was shown before, in earlier runs too. Only one
/// task at a time may use a monitor.
public final class Monitor {
    /// By how many seconds clocks may differ, and how long a service may take to close what is due.
    static let tolerance: UInt64 = 300

    private let serviceURL: String
    private let workplace: ID<Workplace>
    private let proxy: Proxy?
    private let policy: WitnessPolicy?
    /// Where the state is stored between runs; nil to store nothing.
    private let statePath: String?
    private let clock: @Sendable () -> UInt64
    /// The digests of pages for browsers that are right; empty if none is known, and the page is not looked at.
    private let knownPages: Set<String>
    private var lastPage: UInt64?
    private var pins: [LogName: Seen]
    private var roster: Audited<WorkplaceLog>?
    private var petitions: [ID<Petition>: Audited<PetitionLog>] = [:]
    /// Faults that have been reported, so that each is reported only once.
    private var told: Set<MonitorFault> = []

    /// The newest verified checkpoint of a log, and the leaves read by this process.
    private struct Seen: Codable {
        var size: UInt64
        var root: Bytes32
    }

    private struct Kept: Codable {
        var workplace: ID<Workplace>
        var pins: [LogName: Seen]
    }

    private var served: [LogName: ServedLog] = [:]

    /// A monitor that continues from a stored state, if there is one.
    /// - Throws: `ClientError` if the state belongs to another workplace or cannot be read.
    public init(
        of workplace: ID<Workplace>, at serviceURL: String, proxy: Proxy? = nil, policy: WitnessPolicy? = nil,
        state statePath: String? = nil, knownPages: Set<String> = [],
        clock: @escaping @Sendable () -> UInt64 = Device.systemClock
    ) throws(ClientError) {
        self.knownPages = knownPages
        self.serviceURL = try ServiceAddress(serviceURL).text
        (self.workplace, self.proxy, self.policy) = (workplace, proxy, policy)
        (self.statePath, self.clock) = (statePath, clock)
        pins = [:]
        guard let statePath, let bytes = try SecureFiles.read(statePath) else { return }
        guard let kept = try? JSONDecoder().decode(Kept.self, from: Data(bytes)), kept.workplace == workplace else {
            throw .invalid(.monitorState, ["path": statePath])
        }
        pins = kept.pins
    }

    /// The workplace's log at the last look; nil before the first.
    public var workplaceLog: WorkplaceLog? { roster?.log }

    /// Looks once, and returns what has happened since the last look. A fault is returned the first time that it is
    /// seen.
    /// - Throws: `ClientError` if the service cannot be reached at all, or its founding is another workplace's.
    public func look() async throws -> [MonitorEvent] {
        var events: [MonitorEvent] = []
        do {
            try await AnonymousConnection.with(serviceURL, proxy: proxy) { connection in
                try await self.look(over: connection, &events)
            }
        } catch {
            // What was found before the error is still reported and stored.
            guard !events.isEmpty, let error = error as? ClientError, error.code != .unreachable else {
                try keep()
                throw error
            }
            events.append(.fault(.unreadable(.workplace)))
        }
        events += await lookAtPage()
        try keep()
        let faults = Set(events.compactMap { if case .fault(let fault) = $0 { fault } else { nil } })
        let fresh = events.filter { event in
            if case .fault(let fault) = event { !told.contains(fault) } else { true }
        }
        // A condition that has passed is reported again when it recurs.
        told = told.filter { !$0.passes || faults.contains($0) }.union(faults)
        var seen: Set<MonitorEvent> = []
        return fresh.filter { seen.insert($0).inserted }
    }

    private func look(over reader: AnonymousConnection, _ events: inout [MonitorEvent]) async throws {
        // Petitions before the roster: a statement in one may refer to a roster entry that an earlier workplace log
        // would lack.
        let known = announced
        var fetched = await fetchAll(known, reader, &events)
        events += try await lookAtRoster(reader)
        let new = announced.filter { !known.contains($0) }
        if !new.isEmpty {
            events += new.map { .announced($0) }
            fetched += await fetchAll(new, reader, &events)
            events += try await lookAtRoster(reader)
        }
        // Without a believable roster, nothing can be judged.
        let isBroken = events.contains { if case .fault(let fault) = $0 { fault.isOfTree } else { false } }
        for (id, log) in fetched where !isBroken {
            do { events += try await look(at: id, log, over: reader) } catch {
                events.append(.fault(.unreadable(.petition(id))))
            }
        }
    }

    /// Fetches petitions' logs. Those that cannot be fetched are reported, and do not keep the others from being
    /// checked.
    private func fetchAll(
        _ ids: [ID<Petition>], _ reader: AnonymousConnection, _ events: inout [MonitorEvent]
    ) async -> [(id: ID<Petition>, log: PetitionBundle.Log?)] {
        var fetched: [(id: ID<Petition>, log: PetitionBundle.Log?)] = []
        for id in ids {
            do {
                fetched.append((id, try await fetch(reader, .petition(id))))
            } catch {
                events.append(.fault(.unreadable(.petition(id))))
            }
        }
        return fetched
    }

    private func keep() throws(ClientError) {
        guard let statePath else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let bytes = try? encoder.encode(Kept(workplace: workplace, pins: pins)) else { return }
        try SecureFiles.write([UInt8](bytes), to: statePath)
    }

    // MARK: The page

    /// Seconds between two looks at the page, which is large.
    private static let pageInterval: UInt64 = 3600

    /// Compares the page for browsers, over a connection of its own that looks like a browser's. A page that cannot be
    /// fetched deceives nobody.
    private func lookAtPage() async -> [MonitorEvent] {
        let now = clock()
        guard !knownPages.isEmpty, lastPage.map({ now >= $0 + Self.pageInterval || now < $0 }) ?? true,
            let address = try? PageAddress(serviceURL),
            let page = try? await PageReader.page(at: address, proxy: proxy)
        else { return [] }
        lastPage = now
        var events = page.meddling.map { MonitorEvent.fault(.pageHeader($0)) }
        let digest = Hex.encode(SHA256.hash(page.bytes).bytes)
        if !knownPages.contains(digest) { events.append(.fault(.page(digest: digest))) }
        return events
    }

    private var announced: [ID<Petition>] { roster?.log.announcedInOrder.map(\.id) ?? [] }

    /// Fetches what was appended since the last look. Nil if there is no such log.
    private func fetch(_ reader: AnonymousConnection, _ name: LogName) async throws -> PetitionBundle.Log? {
        switch try await reader.read(name, after: served[name], of: workplace) {
        case .log(let log): return log
        case .missing: return nil
        case .unreadable: throw ClientError.coSigning(.logUnreadable(name))
        }
    }

    // MARK: The workplace's log

    private func lookAtRoster(_ reader: AnonymousConnection) async throws -> [MonitorEvent] {
        let before = roster?.log.size ?? 0
        let name = LogName.workplace(workplace)
        guard let raw = try await fetch(reader, name) else {
            guard roster != nil || pins[name] != nil else { throw ClientError.invalid(.noSuchWorkplace) }
            return [.fault(.gone(.workplace))]
        }
        let now: Audited<WorkplaceLog>
        if let roster {
            now = roster.extended(by: Array(raw.leaves.dropFirst(before)))
        } else {
            do { now = try WorkplaceLog.audit(raw.leaves) } catch { throw ClientError.coSigning(.firstLeaf(name)) }
            guard now.log.id == workplace else { throw ClientError.coSigning(.otherWorkplace) }
        }
        let faults = check(raw, .workplace, name, now.log.verifier, now.log.tree, now.log.witnesses)
        // An inconsistent log is not taken over: the next look continues from the last consistent state.
        guard faults.isEmpty || !faults.contains(where: \.isOfTree) else { return faults.map { .fault($0) } }
        (roster, served[name]) = (now, .log(raw))
        var events: [MonitorEvent] = faults.map { .fault($0) }
        events += now.faults.map { .fault(.leaf(.workplace, $0.description)) }
        if now.log.size != before { events.append(.grew(.workplace, from: before, to: now.log.size)) }
        return events
    }

    // MARK: A petition's log

    private func look(
        at id: ID<Petition>, _ raw: PetitionBundle.Log?, over connection: AnonymousConnection
    ) async throws -> [MonitorEvent] {
        guard let roster else { return [] }
        let name = LogName.petition(id)
        let verifier = roster.log.verifier(of: id)
        guard let raw else {
            // Announced but not open, unless it was seen before.
            return pins[name] == nil ? [] : [.fault(.gone(.petition(id)))]
        }
        let before = petitions[id]?.log.size ?? 0
        let now: Audited<PetitionLog>
        if let known = petitions[id] {
            now = known.extended(by: Array(raw.leaves.dropFirst(before)), in: roster.log)
        } else {
            // Anybody may announce any id: a petition of another workplace does not concern this monitor.
            guard let first = try? PetitionLog.audit(raw.leaves, in: roster.log), first.log.id == id else {
                return pins[name] == nil ? [] : [.fault(.unsigned(.petition(id)))]
            }
            now = first
        }
        let faults = check(raw, .petition(id), name, verifier, now.log.tree, roster.log.witnesses)
        guard !faults.contains(where: \.isOfTree) else { return faults.map { .fault($0) } }
        let earlier = petitions[id]?.log
        (petitions[id], served[name]) = (now, .log(raw))
        var events: [MonitorEvent] = faults.map { .fault($0) }
        events += now.faults.map { .fault(.leaf(.petition(id), $0.description)) }
        let log = now.log
        if log.size != before {
            events.append(.grew(.petition(id), from: before, to: log.size))
            if log.cosignatures != earlier?.cosignatures ?? 0 {
                events.append(.counts(id, cosignatures: log.cosignatures, ring: log.ring.count))
            }
            if earlier?.closure == nil, log.closure != nil {
                events.append(.closed(id, cosignatures: log.cosignatures))
            }
        }
        events += deadlineFaults(log, isNew: earlier?.closure == nil).map { .fault($0) }
        events += try await nameFaults(log, over: connection).map { .fault($0) }
        return events
    }

    private func deadlineFaults(_ log: PetitionLog, isNew: Bool) -> [MonitorFault] {
        let (now, closes) = (clock(), log.manifest.closes)
        guard closes > 0 else { return [] }
        if let closure = log.closure {
            guard isNew, case .deadline = closure.cause, now + Self.tolerance < closes else { return [] }
            return [.closedEarly(log.id)]
        }
        return now > Self.tolerance && now - Self.tolerance > closes ? [.closesLate(log.id)] : []
    }

    private func nameFaults(_ log: PetitionLog, over connection: AnonymousConnection) async throws -> [MonitorFault] {
        let due = log.namesDue
        guard !due.isEmpty else { return [] }
        let answer = try await connection.answer(.names(log.id), of: workplace)
        let left = due.count - log.due(among: Reading.names(answer)).count
        guard left > 0, let known = petitions[log.id], let roster else { return [] }
        // The log may have grown between the two requests: a name that was withdrawn meanwhile is not a fault.
        guard let raw = try await fetch(connection, .petition(log.id)) else { return [] }
        let grown = known.extended(by: Array(raw.leaves.dropFirst(log.size)), in: roster.log)
        guard let verified = try? roster.log.verifier(of: log.id).verify(raw.checkpoint),
            verified.root == grown.log.tree.root
        else { return [.namesMissing(log.id, left)] }
        let still = grown.log.namesDue.count - grown.log.due(among: Reading.names(answer)).count
        return still > 0 && grown.log.namesDue.count <= due.count ? [.namesMissing(log.id, still)] : []
    }

    // MARK: Checkpoints

    private func check(
        _ raw: PetitionBundle.Log, _ log: GossipLog, _ name: LogName, _ verifier: LogVerifier, _ tree: MerkleTree,
        _ witnesses: WitnessQuorum
    ) -> [MonitorFault] {
        guard let verified = try? verifier.verify(raw.checkpoint) else { return [.unsigned(log)] }
        let pin = pins[name]
        if let pin, verified.size < pin.size { return [.rewound(log, seen: pin.size, served: verified.size)] }
        guard let size = Int(exactly: verified.size), tree.root(at: size) == verified.root else {
            // Leaves that continue what is known lead to another root, so this is another log.
            return [pin == nil ? .unsigned(log) : .forked(log, size: pin?.size ?? 0)]
        }
        if let pin, Int(exactly: pin.size).flatMap({ tree.root(at: $0) }) != pin.root {
            return [.forked(log, size: pin.size)]
        }
        pins[name] = Seen(size: verified.size, root: verified.root)
        let named = witnesses.judge(verified)
        var faults: [MonitorFault] =
            named.isSatisfied
            ? [] : [.tooFewWitnesses(log, signed: named.times.count, asked: named.threshold)]
        guard let policy else { return faults }
        guard policy.accepts(logKey: verifier.key) else { return faults + [.unsigned(log)] }
        let verdict = policy.judge(verified)
        if !verdict.isSatisfied { faults.append(.notWitnessed(log, missing: verdict.missing)) }
        return faults
    }
}

extension MonitorFault {
    /// Whether what was served does not continue what is known.
    var isOfTree: Bool {
        switch self {
        case .rewound, .forked, .unsigned, .gone: true
        default: false
        }
    }

    /// Whether it is a condition, which may pass, rather than an event.
    var passes: Bool {
        switch self {
        case .notWitnessed, .tooFewWitnesses, .closesLate, .namesMissing, .gone, .unreadable: true
        default: false
        }
    }
}
