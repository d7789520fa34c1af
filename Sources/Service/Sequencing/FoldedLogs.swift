import MembershipProofs
import Petitions
import Sodium
import Storage
import TransparencyLog

/// The logs in memory, folded from their leaves: as they are durable, and on top of that what one batch has changed.
/// A value; a copy shares with the original every log that is not changed in it.
struct FoldedLogs: Sendable {
    /// The logs that a batch has changed, each as the batch leaves it.
    struct Changes: Sendable {
        fileprivate(set) var workplaces: [ID<Workplace>: WorkplaceLog] = [:]
        fileprivate(set) var petitions: [ID<Petition>: PetitionLog] = [:]

        var names: Set<LogName> {
            Set(workplaces.keys.map { .workplace($0) }).union(petitions.keys.map { .petition($0) })
        }

        func contains(_ log: LogName) -> Bool {
            switch log {
            case .workplace(let id): workplaces[id] != nil
            case .petition(let id): petitions[id] != nil
            }
        }
    }

    /// What whoever runs the service should know of a log that was read.
    enum Finding: Sendable {
        case sound
        /// What an earlier version of the rules took and the present one does not, leaf by leaf.
        case outdated([String])
        /// It cannot be used: its leaves are not the ones that this service accepted.
        case unreadable(Refusal)
    }

    private var workplaces: [ID<Workplace>: WorkplaceLog] = [:]
    private var petitions: [ID<Petition>: PetitionLog] = [:]
    /// Petitions of an earlier version of the rules.
    private var outdated: [ID<Petition>: OutdatedLog] = [:]
    /// Logs that could not be read, and why.
    private var unreadable: [LogName: Refusal] = [:]
    /// When each workplace was asked for last, counted in such questions. Only of logs that are there: anybody may
    /// ask for others without end.
    private var uses: [ID<Workplace>: UInt64] = [:]
    private var time: UInt64 = 0
    private(set) var changes = Changes()
    /// Workplaces that are kept in memory.
    static let mostWorkplaces = 1000

    var count: Int { workplaces.count }
    var unreadableCount: Int { unreadable.count }

    // MARK: Reading

    /// Nil when there is none.
    /// - Throws: why it cannot be read.
    func find(_ id: ID<Workplace>) throws(Refusal) -> WorkplaceLog? {
        if let log = changes.workplaces[id] { return log }
        if let refusal = unreadable[.workplace(id)] { throw refusal }
        return workplaces[id]
    }

    /// Nil when there is none.
    /// - Throws: why it cannot be read, or the rule that a log of an earlier version breaks.
    func find(_ id: ID<Petition>) throws(Refusal) -> PetitionLog? {
        if let log = changes.petitions[id] { return log }
        if let refusal = unreadable[.petition(id)] { throw refusal }
        if let outdated = outdated[id] { throw .rule(outdated.why) }
        return petitions[id]
    }

    /// - Throws: `Refusal.noSuchLog` when there is none.
    func workplace(_ id: ID<Workplace>) throws(Refusal) -> WorkplaceLog {
        guard let log = try find(id) else { throw .noSuchLog }
        return log
    }

    /// - Throws: `Refusal.noSuchLog` when there is none.
    func petition(_ id: ID<Petition>) throws(Refusal) -> PetitionLog {
        guard let log = try find(id) else { throw .noSuchLog }
        return log
    }

    /// The rule that a petition of an earlier version breaks.
    func outdatedRule(of id: ID<Petition>) -> RuleViolation? { outdated[id]?.why }

    /// The tree of a log, be it of an earlier version. Nil when the log is not in memory.
    func tree(of log: LogName) -> MerkleTree? {
        switch log {
        case .workplace(let id): changes.workplaces[id]?.tree ?? workplaces[id]?.tree
        case .petition(let id): changes.petitions[id]?.tree ?? petitions[id]?.tree ?? outdated[id]?.tree
        }
    }

    /// Leaves that are folded.
    func size(of log: LogName) -> Int { tree(of: log)?.count ?? 0 }

    /// The workplace that a log in memory belongs to.
    func workplace(of log: LogName) -> ID<Workplace>? {
        switch log {
        case .workplace(let id): id
        case .petition(let id):
            (changes.petitions[id] ?? petitions[id])?.manifest.workplace ?? outdated[id]?.workplace
        }
    }

    /// Where these very bytes stand in a log that takes statements.
    func place(of statement: [UInt8], in log: LogName) -> Int? {
        if case .petition(let id) = log, outdated[id] != nil { return nil }
        return tree(of: log)?.place(ofLeafHash: MerkleTree.leafHash(statement))
    }

    // MARK: Changing

    /// Has a log changed in place, and keeps it among the changes. It is copied the first time that a batch changes
    /// it, and stays what it was where `body` throws.
    mutating func change<T>(
        _ id: ID<Workplace>, _ body: (inout WorkplaceLog) throws(RuleViolation) -> T
    ) throws(Refusal) -> T {
        try Self.change(id, &changes.workplaces, workplaces, body)
    }

    mutating func change<T>(
        _ id: ID<Petition>, _ body: (inout PetitionLog) throws(RuleViolation) -> T
    ) throws(Refusal) -> T {
        try Self.change(id, &changes.petitions, petitions, body)
    }

    private static func change<Name: Hashable, Log, T>(
        _ id: Name, _ changed: inout [Name: Log], _ durable: [Name: Log],
        _ body: (inout Log) throws(RuleViolation) -> T
    ) throws(Refusal) -> T {
        let isChanged = changed[id] != nil
        // Out of the dictionary while it changes: a second reference would have its arrays copied.
        guard var log = isChanged ? changed.removeValue(forKey: id) : durable[id] else { throw .noSuchLog }
        do throws(RuleViolation) {
            let result = try body(&log)
            changed[id] = log
            return result
        } catch {
            if isChanged { changed[id] = log }
            throw .rule(error)
        }
    }

    mutating func begin(_ log: WorkplaceLog) { changes.workplaces[log.id] = log }

    mutating func begin(_ log: PetitionLog) { changes.petitions[log.id] = log }

    /// As the logs will be once these changes are durable.
    func with(_ changes: Changes) -> FoldedLogs {
        var logs = self
        logs.changes = changes
        return logs
    }

    /// These changes are durable. What was read from the database meanwhile stays if it is more.
    mutating func keep(_ changes: Changes) {
        for (id, log) in changes.workplaces where log.size > workplaces[id]?.size ?? 0 {
            workplaces[id] = log
            use(id)
        }
        for (id, log) in changes.petitions where log.size > petitions[id]?.size ?? 0 { petitions[id] = log }
    }

    /// They are read from the database when they are needed next.
    mutating func forget(_ logs: Set<LogName>) {
        for log in logs {
            switch log {
            case .workplace(let id): workplaces[id] = nil
            case .petition(let id): petitions[id] = nil
            }
        }
    }

    // MARK: How long they stay

    /// Somebody asked for these.
    mutating func use(_ logs: Set<LogName>) {
        for case .workplace(let id) in logs where workplaces[id] != nil { use(id) }
    }

    private mutating func use(_ id: ID<Workplace>) {
        time += 1
        uses[id] = time
    }

    /// Drops the half of the workplaces that was not used for longest, when there are too many. They are read and
    /// audited again when somebody comes back.
    mutating func forgetIdle(keeping most: Int = mostWorkplaces) {
        guard workplaces.count > most else { return }
        let order = workplaces.keys.sorted { uses[$0] ?? 0 < uses[$1] ?? 0 }
        let dropped = Set(order.prefix(order.count / 2))
        workplaces = workplaces.filter { !dropped.contains($0.key) }
        petitions = petitions.filter { !dropped.contains($0.value.manifest.workplace) }
        outdated = outdated.filter { !dropped.contains($0.value.workplace) }
        uses = uses.filter { workplaces[$0.key] != nil }
    }
}

// MARK: What the database has

extension FoldedLogs {
    /// Takes up leaves that are durable; they are audited like anybody else's.
    /// - Returns: what was found, of each log that had news.
    mutating func take(_ news: [LogName: LogState.News]) -> [LogName: Finding] {
        var findings: [LogName: Finding] = [:]
        for case (.workplace(let id), let news) in news {
            guard let leaves = fresh(.workplace(id), news) else { continue }
            findings[.workplace(id)] = take(.workplace(id)) { logs throws(Refusal) in
                try logs.fold(id, leaves, legacy: news.legacy)
            }
            use([.workplace(id)])
        }
        for case (.petition(let id), let news) in news {
            guard let leaves = fresh(.petition(id), news) else { continue }
            findings[.petition(id)] = take(.petition(id)) { logs throws(Refusal) in
                try logs.fold(id, leaves, legacy: news.legacy)
            }
        }
        return findings
    }

    /// Leaves that are not folded yet: others may have asked meanwhile.
    private func fresh(_ log: LogName, _ news: LogState.News) -> [[UInt8]]? {
        let known = size(of: log) - news.start
        guard (0..<news.leaves.count).contains(known) else { return nil }
        return Array(news.leaves.dropFirst(known))
    }

    private mutating func take(
        _ log: LogName, _ body: (inout FoldedLogs) throws(Refusal) -> Finding
    ) -> Finding {
        do throws(Refusal) {
            let finding = try body(&self)
            unreadable[log] = nil
            return finding
        } catch {
            unreadable[log] = error
            return .unreadable(error)
        }
    }

    private mutating func fold(_ id: ID<Workplace>, _ leaves: [[UInt8]], legacy: Int) throws(Refusal) -> Finding {
        let audited =
            if let log = workplaces[id] { log.audited(with: leaves) } else {
                try Self.orDamaged { () throws(PetitionBundle.Unreadable) in try WorkplaceLog.audit(leaves) }
            }
        let finding = try Self.judge(audited, legacy: legacy)
        workplaces[id] = audited.log
        return finding
    }

    private mutating func fold(_ id: ID<Petition>, _ leaves: [[UInt8]], legacy: Int) throws(Refusal) -> Finding {
        guard outdated[id] == nil else { throw .storage(.damaged) }
        let audited: Audited<PetitionLog>
        if let log = petitions[id] {
            audited = log.audited(with: leaves, in: try workplace(log.manifest.workplace))
        } else {
            guard case .opened(let manifest, _)? = leaves.first.flatMap({ try? PetitionStatement(decoding: $0) })?.body
            else { throw .storage(.damaged) }
            let roster = try workplace(manifest.workplace)
            do throws(RuleViolation) { _ = try PetitionLog(opening: leaves[0], in: roster) } catch {
                guard legacy > 0 else { throw .storage(.damaged) }
                var tree = MerkleTree()
                for leaf in leaves { tree.append(leaf) }
                outdated[id] = OutdatedLog(workplace: manifest.workplace, tree: tree, why: error)
                return .outdated(["petition leaf 0: \(error.rawValue); the petition takes nothing more"])
            }
            audited = try Self.orDamaged { () throws(PetitionBundle.Unreadable) in
                try PetitionLog.audit(leaves, in: roster)
            }
        }
        let finding = try Self.judge(audited, legacy: legacy)
        petitions[id] = audited.log
        return finding
    }

    /// - Parameter legacy: how many of the log's first leaves an earlier version took: what is wrong with those was
    ///   right then.
    private static func judge<Log>(_ audited: Audited<Log>, legacy: Int) throws(Refusal) -> Finding {
        guard audited.faults.allSatisfy({ $0.isLeaf(below: legacy) }) else { throw .storage(.damaged) }
        return audited.faults.isEmpty ? .sound : .outdated(audited.faults.map(\.description))
    }

    /// Leaves that this service has accepted must hold; that they do not means that the file was changed.
    private static func orDamaged<T>(_ body: () throws(PetitionBundle.Unreadable) -> T) throws(Refusal) -> T {
        do throws(PetitionBundle.Unreadable) { return try body() } catch { throw .storage(.damaged) }
    }

    /// What must be known of logs, and of what waits, to look at statements; and to admit them, if the logs are
    /// growing.
    func query(for batch: [Sequencer.Submission], growing: Bool, at now: UInt64) -> LogQuery {
        var query = LogQuery(sizes: [:])
        for submission in batch {
            let log = submission.log
            query.sizes[log] = size(of: log)
            if growing { query.growing.insert(log) }
            guard case .petition(let id) = log else { continue }
            let isDue = try? find(id)?.isDue(at: now)
            var workplace = workplace(of: log)
            var mixes = isDue ?? true
            var tags: [Bytes32] = []
            switch submission {
            case .workplace: break
            case .mix: mixes = true
            case .petition(let statement, _):
                switch statement.body {
                case .opened(let manifest, _): workplace = manifest.workplace
                case .closed, .ringExtended: mixes = true
                default: tags = statement.coSigned.map { [$0.tag.encoding] } ?? []
                }
            }
            if let workplace { query.sizes[.workplace(workplace)] = size(of: .workplace(workplace)) }
            switch query.held[id] {
            case .all: break
            case .tags(let others): query.held[id] = mixes && growing ? .all : .tags(others + tags)
            // Where nothing is mixed any more, something may wait all the same, and its promise binds.
            case nil: query.held[id] = mixes && growing ? .all : .tags(tags)
            }
        }
        return query
    }
}

/// A petition's log whose first leaf an earlier version of the rules took and the present one does not: it is served
/// as it is, and takes nothing more.
struct OutdatedLog: Sendable {
    let workplace: ID<Workplace>
    let tree: MerkleTree
    /// What the first leaf breaks.
    let why: RuleViolation
}

extension PetitionLog {
    /// Whether its deadline has come and nothing says so yet.
    func isDue(at now: UInt64) -> Bool { manifest.closes != 0 && closure == nil && now >= manifest.closes }
}
