import Logging
import Petitions
import Sodium
import Storage
import TransparencyLog

/// The folded logs in memory: read and audited when they are asked for, caught up with what other processes have written, and dropped
/// when nobody asks any more.
extension Sequencer {
    /// Drops the half of the folded logs that was not used for longest when there are too many. They are read and audited anew
    /// when somebody comes back.
    func forgetIdle() {
        guard workplaces.count > Self.mostWorkplaces else { return }
        let order = workplaces.keys.sorted { uses[$0] ?? 0 < uses[$1] ?? 0 }
        let busy = Set(inFlight.compactMap(workplace))
        let dropped = Set(order.prefix(order.count / 2)).subtracting(busy)
        workplaces = workplaces.filter { !dropped.contains($0.key) }
        petitions = petitions.filter { !dropped.contains($0.value.manifest.workplace) }
        outdated = outdated.filter { !dropped.contains($0.value.workplace) }
        uses = uses.filter { workplaces[$0.key] != nil }
    }

    func workplace(of log: LogName) -> ID<Workplace>? {
        switch log {
        case .workplace(let id): id
        case .petition(let id): petitions[id]?.manifest.workplace ?? outdated[id]?.workplace
        }
    }

    /// Leaves that are folded.
    func size(of log: LogName) -> Int {
        switch log {
        case .workplace(let id): workplaces[id]?.size ?? 0
        case .petition(let id): petitions[id]?.size ?? outdated[id]?.tree.count ?? 0
        }
    }

    /// Brings logs up to what is durable, petitions with their workplaces. Those that this service is writing to are that already.
    /// - Throws: `StorageError`. What is wrong with a log itself is said by whoever asks for it.
    func refresh(_ logs: Set<LogName>) async throws {
        var wanted = logs
        for case .petition(let id) in logs {
            var workplace = workplace(of: .petition(id))
            if workplace == nil { workplace = try await store.workplace(of: id) }
            if let workplace { wanted.insert(.workplace(workplace)) }
        }
        while true {
            let sizes = Dictionary(
                uniqueKeysWithValues: wanted.subtracting(inFlight).map { ($0, size(of: $0)) })
            guard !sizes.isEmpty else { return }
            let news = try await store.state(LogQuery(sizes: sizes)).news
            // One that was dropped from memory meanwhile is asked for as a whole.
            guard sizes.allSatisfy({ size(of: $0.key) >= $0.value }) else { continue }
            return fold(news)
        }
    }

    /// Takes up leaves that are durable; they are audited like anybody else's.
    func fold(_ news: [LogName: LogState.News]) {
        // Others may have asked meanwhile.
        func fresh(_ log: LogName, _ news: LogState.News) -> ArraySlice<[UInt8]> {
            let known = size(of: log) - news.start
            return inFlight.contains(log) || known < 0 ? [] : news.leaves.dropFirst(known)
        }
        for case (.workplace(let id), let news) in news {
            let leaves = fresh(.workplace(id), news)
            guard !leaves.isEmpty else { continue }
            take(.workplace(id)) {
                let audited =
                    if let log = workplaces[id] { log.audited(with: Array(leaves)) } else {
                        try PetitionBundle.orDamaged { () throws(PetitionBundle.Unreadable) in
                            try WorkplaceLog.audit(Array(leaves))
                        }
                    }
                workplaces[id] = try sound(audited, .workplace(id), legacy: news.legacy)
                use(id)
            }
        }
        for case (.petition(let id), let news) in news {
            let leaves = fresh(.petition(id), news)
            guard !leaves.isEmpty else { continue }
            take(.petition(id)) { try foldPetition(id, Array(leaves), legacy: news.legacy) }
        }
    }

    private func foldPetition(_ id: ID<Petition>, _ leaves: [[UInt8]], legacy: Int) throws {
        guard outdated[id] == nil else { throw Refusal.storage(.damaged) }
        if let log = petitions[id] {
            let roster = try workplaceLog(log.manifest.workplace)
            petitions[id] = try sound(log.audited(with: leaves, in: roster), .petition(id), legacy: legacy)
            return
        }
        guard case .opened(let manifest, _)? = try leaves.first.map({ try PetitionStatement(decoding: $0) })?.body
        else { throw Refusal.storage(.damaged) }
        let roster = try workplaceLog(manifest.workplace)
        do throws(RuleViolation) { _ = try PetitionLog(opening: leaves[0], in: roster) } catch {
            guard legacy > 0 else { throw Refusal.storage(.damaged) }
            var tree = MerkleTree()
            for leaf in leaves { tree.append(leaf) }
            outdated[id] = OutdatedLog(workplace: manifest.workplace, tree: tree, why: error)
            return tell(["petition leaf 0: \(error.rawValue); the petition takes nothing more"], .petition(id))
        }
        let audited = try PetitionBundle.orDamaged { () throws(PetitionBundle.Unreadable) in
            try PetitionLog.audit(leaves, in: roster)
        }
        petitions[id] = try sound(audited, .petition(id), legacy: legacy)
    }

    private func take(_ log: LogName, _ body: () throws -> Void) {
        do {
            try body()
            unreadable[log] = nil
        } catch { unreadable[log] = Self.refusal(error) }
    }

    /// - Parameter legacy: how many of the log's first leaves an earlier version took: what is wrong with those was right then.
    private func sound<Log>(_ audited: Audited<Log>, _ log: LogName, legacy: Int) throws -> Log {
        guard audited.faults.allSatisfy({ $0.isLeaf(below: legacy) }) else { throw Refusal.storage(.damaged) }
        tell(audited.faults.map(\.description), log)
        return audited.log
    }

    /// Says once which leaves of a log count for nothing any more.
    private func tell(_ faults: [String], _ log: LogName) {
        guard !faults.isEmpty, toldOutdated.insert(log).inserted else { return }
        let most = 50
        var list = faults.prefix(most).joined(separator: "; ")
        if faults.count > most { list += "; and \(faults.count - most) more" }
        logger.notice(
            "leaves that an earlier version took break the present rules and count for nothing",
            metadata: ["log": "\(log.subject.hex)", "leaves": "\(list)"])
    }

    /// As it is folded: whoever needs what is durable now refreshes first.
    func workplaceLog(_ id: ID<Workplace>) throws -> WorkplaceLog {
        if let refusal = unreadable[.workplace(id)] { throw refusal }
        guard let log = workplaces[id] else { throw Refusal.noSuchLog }
        use(id)
        return log
    }

    /// Only of a log that is there: anybody may ask for others without end.
    private func use(_ id: ID<Workplace>) {
        time += 1
        uses[id] = time
    }

    /// As it is folded. Nil when there is none.
    func petitionLog(_ id: ID<Petition>) throws -> PetitionLog? {
        if let refusal = unreadable[.petition(id)] { throw refusal }
        if let outdated = outdated[id] { throw outdated.why }
        return petitions[id]
    }
}

/// A petition's log whose first leaf an earlier version of the rules took and the present one does not: it is served as it is, and
/// takes nothing more.
struct OutdatedLog: Sendable {
    let workplace: ID<Workplace>
    let tree: MerkleTree
    /// What the first leaf breaks.
    let why: RuleViolation
}
