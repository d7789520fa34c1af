import Petitions
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
        uses = uses.filter { workplaces[$0.key] != nil }
    }

    private func workplace(of log: LogName) -> ID<Workplace>? {
        switch log {
        case .workplace(let id): id
        case .petition(let id): petitions[id]?.manifest.workplace
        }
    }

    /// Leaves that are folded.
    func size(of log: LogName) -> Int {
        switch log {
        case .workplace(let id): workplaces[id]?.size ?? 0
        case .petition(let id): petitions[id]?.size ?? 0
        }
    }

    /// Brings logs up to what is durable, petitions with their workplaces. Those that this service is writing to are that already.
    /// - Throws: `StorageError`. What is wrong with a log itself is said by whoever asks for it.
    func refresh(_ logs: Set<LogName>) async throws {
        var wanted = logs
        for case .petition(let id) in logs {
            var workplace = petitions[id]?.manifest.workplace
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
        for case (.workplace(let id), let leaves) in news.map({ ($0, fresh($0, $1)) }) where !leaves.isEmpty {
            take(.workplace(id)) {
                if let log = workplaces[id] {
                    workplaces[id] = try Self.sound(log.audited(with: Array(leaves)))
                } else {
                    workplaces[id] = try Self.sound(
                        PetitionBundle.orDamaged { () throws(PetitionBundle.Unreadable) in
                            try WorkplaceLog.audit(Array(leaves))
                        })
                }
                use(id)
            }
        }
        for case (.petition(let id), let leaves) in news.map({ ($0, fresh($0, $1)) }) where !leaves.isEmpty {
            take(.petition(id)) {
                if let log = petitions[id] {
                    let roster = try workplaceLog(log.manifest.workplace)
                    petitions[id] = try Self.sound(log.audited(with: Array(leaves), in: roster))
                    return
                }
                guard
                    case .opened(let manifest, _)? = try leaves.first.map({ try PetitionStatement(decoding: $0) })?.body
                else { throw Refusal.storage(.damaged) }
                let roster = try workplaceLog(manifest.workplace)
                petitions[id] = try Self.sound(
                    PetitionBundle.orDamaged { () throws(PetitionBundle.Unreadable) in
                        try PetitionLog.audit(Array(leaves), in: roster)
                    })
            }
        }
    }

    private func take(_ log: LogName, _ body: () throws -> Void) {
        do {
            try body()
            unreadable[log] = nil
        } catch { unreadable[log] = Self.refusal(error) }
    }

    private static func sound<Log>(_ audited: Audited<Log>) throws -> Log {
        guard audited.faults.isEmpty else { throw Refusal.storage(.damaged) }
        return audited.log
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
        return petitions[id]
    }
}
