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
        let dropped = Set(order.prefix(order.count / 2))
        workplaces = workplaces.filter { !dropped.contains($0.key) }
        petitions = petitions.filter { !dropped.contains($0.value.manifest.workplace) }
        uses = uses.filter { workplaces[$0.key] != nil }
    }

    /// Leaves that another process has appended; nil when there are none. They are audited like anybody else's.
    private func news(of log: LogName, since size: Int) throws -> [[UInt8]]? {
        if isDraining { guard current.insert(log).inserted else { return nil } }
        guard try store.size(of: log) > size else { return nil }
        return try store.leaves(of: log, from: size)
    }

    func workplaceLog(_ id: ID<Workplace>) throws -> WorkplaceLog {
        if let log = workplaces[id] {
            use(id)
            guard let more = try news(of: .workplace(id), since: log.size) else { return log }
            let audited = log.audited(with: more)
            guard audited.faults.isEmpty else { throw Refusal.storage(.damaged) }
            workplaces[id] = audited.log
            return audited.log
        }
        guard let leaves = try store.leaves(of: .workplace(id)) else { throw Refusal.noSuchLog }
        let audited = try PetitionBundle.orDamaged { () throws(PetitionBundle.Unreadable) in
            try WorkplaceLog.audit(leaves)
        }
        guard audited.faults.isEmpty else { throw Refusal.storage(.damaged) }
        workplaces[id] = audited.log
        use(id)
        return audited.log
    }

    /// Only of a log that is there: anybody may ask for others without end.
    private func use(_ id: ID<Workplace>) {
        time += 1
        uses[id] = time
    }

    func petitionLog(_ id: ID<Petition>) throws -> PetitionLog? {
        if let log = petitions[id] {
            guard let more = try news(of: .petition(id), since: log.size) else { return log }
            let audited = log.audited(with: more, in: try workplaceLog(log.manifest.workplace))
            guard audited.faults.isEmpty else { throw Refusal.storage(.damaged) }
            petitions[id] = audited.log
            return audited.log
        }
        guard let leaves = try store.leaves(of: .petition(id)), let workplace = try store.workplace(of: id) else {
            return nil
        }
        let roster = try workplaceLog(workplace)
        let audited = try PetitionBundle.orDamaged { () throws(PetitionBundle.Unreadable) in
            try PetitionLog.audit(leaves, in: roster)
        }
        guard audited.faults.isEmpty else { throw Refusal.storage(.damaged) }
        petitions[id] = audited.log
        return audited.log
    }
}
