import CProcess
import Foundation
import GRDB
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// Backups, and what comes back from them.
extension SQLiteStore {
    /// Makes a consistent copy while a service may be running. It has what was committed when it began, and nothing
    /// that was erased.
    /// - Parameters:
    ///   - path: the database.
    ///   - copy: a new file; it is there whole and synced, or not at all.
    /// - Returns: what the check of the copy found; when that is not sound, no copy is kept.
    /// - Throws: `StorageError`.
    public static func backUp(_ path: String, to copy: String) async throws -> CheckReport {
        try await make(copy, from: path) { _ in }
    }

    /// Puts a backup in the place of a database that is gone.
    /// - Parameters:
    ///   - bundles: petitions that somebody has exported. Leaves that the backup has not yet are taken from them, if
    ///     this service has signed them.
    ///   - heads: the record of signed checkpoints. When it says that more was signed than the backup and the bundles
    ///     have, nothing is restored.
    ///   - withoutRecord: that nothing was signed after the backup was made is believed without a record.
    /// - Returns: what the check of the restored database found; when that is not sound, nothing is restored.
    /// - Throws: `StorageError`; `.noHeads` when there is no record.
    public static func restore(
        _ backup: String, to path: String, bundles: [PetitionBundle] = [], heads: String? = nil,
        withoutRecord: Bool = false
    ) async throws -> CheckReport {
        guard access(backup, F_OK) == 0 else { throw StorageError.noFile(backup) }
        let record = heads ?? SignedHeads.path(besides: path)
        let hasRecord = access(record, F_OK) == 0
        // A service that has it open goes on signing, whatever becomes of its database's name.
        let locks = try [path, record].filter { (path: String) in access(path, F_OK) == 0 }.map { (path: String) in
            try FileLock(path, exclusive: true)
        }
        defer { for lock in locks { lock.end() } }
        guard hasRecord || withoutRecord else { throw StorageError.noHeads(record) }
        return try await make(path, from: backup) { store in
            // One that has moved may be put back, as far as the record lets it.
            try store.setMoved(false)
            for bundle in bundles { try await store.adopt(bundle) }
            // A record is made at the next start, where there is none.
            guard hasRecord else { return try store.setRecord(nil) }
            let heads = try SignedHeads(path: record, key: store.logKey().publicKey)
            defer { try? heads.close() }
            // One that was made since the backup is believed on the operator's word only.
            let known = try store.record
            guard withoutRecord || known == nil || known == heads.id else {
                throw StorageError.otherRecord(record)
            }
            try store.compare(with: heads)
            try store.setRecord(heads.id)
        }
    }

    /// A database copied under another name, changed and checked there, synced, and then put in its place.
    private static func make(
        _ path: String, from source: String, changing: (SQLiteStore) async throws -> Void
    ) async throws -> CheckReport {
        let part = path + ".part-" + Hex.encode(Random.bytes(8))
        do {
            guard access(source, R_OK) == 0 else { throw StorageError.noFile(source) }
            // Files beside a database belong to it: a write-ahead log that is left there would be played into the new
            // one.
            for suffix in ["", "-wal", "-shm"] where access(path + suffix, F_OK) == 0 {
                throw StorageError.exists(path + suffix)
            }
            defer { try? remove(part) }
            // The log key is in it. SQLite fills the empty file, and makes the ones beside it in its likeness.
            let file = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw StorageError.cannotOpen("\(part): \(String(cString: strerror(errno)))") }
            Foundation.close(file)
            try await copy(source, into: part)
            let store = try SQLiteStore(inspecting: part)
            try await changing(store)
            let report = try store.check()
            try store.closeNow()
            guard report.isUsable else { return report }
            // One file that can be opened where nothing may be written.
            let queue = try DatabaseQueue(path: part)
            try await queue.writeWithoutTransaction { _ = try String.fetchOne($0, sql: "PRAGMA journal_mode = DELETE") }
            try queue.close()
            try sync(part)
            // Neither overwrites what has come there meanwhile.
            if link(part, path) != 0 {
                guard errno != EEXIST else { throw StorageError.exists(path) }
                // A file system without links.
                guard access(path, F_OK) != 0, rename(part, path) == 0 else { throw StorageError.exists(path) }
            }
            guard roundrobin_sync_directory_of(path) == 0 else {
                throw StorageError.diskFails("fsync: " + String(cString: strerror(errno)))
            }
            return report
        } catch { throw StorageError(error) }
    }

    /// In one read transaction, so that it neither waits for a writer nor keeps it; deleted rows and free pages stay
    /// behind.
    private static func copy(_ source: String, into part: String) async throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(patience)
        let queue = try DatabaseQueue(path: source, configuration: configuration)
        guard try await queue.read({ try Int.fetchOne($0, sql: "PRAGMA application_id") }) == Schema.applicationID
        else {
            throw StorageError.notOurs
        }
        try await queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [part]) }
        try queue.close()
    }

    private static func remove(_ part: String) throws {
        for suffix in ["", "-wal", "-shm"] where access(part + suffix, F_OK) == 0 {
            try FileManager.default.removeItem(atPath: part + suffix)
        }
    }

    private static func sync(_ path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw StorageError.cannotOpen(path) }
        defer { Foundation.close(file) }
        guard fsync(file) == 0 else { throw StorageError.diskFails("fsync: " + String(cString: strerror(errno))) }
    }
}

extension CheckReport {
    /// Whether a service can go on with it: names that are missing are missed by those who gave them, and by nobody
    /// else.
    public var isUsable: Bool { findings.allSatisfy { $0.isRepaired || $0.what == .nameMissing } }
}

extension SQLiteStore {
    /// Takes leaves from a bundle that this service has signed and this database has not.
    /// - Throws: `StorageError.foreignBundle` unless its checkpoints are this service's and what is here is where it
    ///   begins.
    func adopt(_ bundle: PetitionBundle) async throws {
        let legacy = try legacy()
        guard let workplace = try? WorkplaceLog.audit(bundle.workplace.leaves),
            workplace.faults.allSatisfy({ $0.isLeaf(below: legacy[.workplace(bundle.workplaceID)] ?? 0) }),
            workplace.log.id == bundle.workplaceID, workplace.log.founding.logKey == logKey().publicKey,
            let petition = try? PetitionLog.audit(bundle.petition.leaves, in: workplace.log), petition.faults.isEmpty,
            petition.log.id == bundle.petitionID
        else { throw StorageError.foreignBundle }
        let closes = petition.log.closure == nil ? petition.log.manifest.closes : 0
        let names = try await names(for: petition.log, bundle)
        let appends = [
            try await growth(
                of: .workplace(bundle.workplaceID), in: bundle.workplaceID, to: bundle.workplace, workplace.log.tree,
                workplace.log.verifier, isLive: workplace.log.witnesses != .empty),
            try await growth(
                of: .petition(bundle.petitionID), in: bundle.workplaceID, to: bundle.petition, petition.log.tree,
                workplace.log.verifier(of: bundle.petitionID), deadline: closes > 0 ? closes : nil, names: names,
                isLive: petition.log.isLive),
        ].compactMap(\.self)
        do {
            try await pool.write { db in for append in appends { _ = try self.apply(append, db) } }
        } catch { throw StorageError(error) }
        try await dropClosedInvites(of: workplace.log)
    }

    /// What becomes of sealed names when a petition grows: those that stand are kept, from the bundle, the database or
    /// what waited there; those that were taken back since go.
    private func names(for petition: PetitionLog, _ bundle: PetitionBundle) async throws -> [LogAppend.NameChange] {
        let stored = try await sealedNames(of: petition.id)
        var changes: [LogAppend.NameChange] = []
        for (tag, sealed) in stored where !petition.isStanding(sealed, of: tag) { changes.append(.delete(tag: tag)) }
        for held in try await held(of: petition.id) {
            guard let sealed = held.sealedName, petition.isStanding(sealed, of: held.tag), stored[held.tag] != sealed
            else { continue }
            changes.append(.keep(tag: held.tag, sealed: sealed))
        }
        // A bundle has those that are due, in the order of their leaves.
        var due = petition.namesDue[...]
        for sealed in bundle.names {
            guard let place = due.firstIndex(where: { $0.isMet(by: sealed) }) else { continue }
            let tag = due[place].tag.encoding
            due = due[(place + 1)...]
            if stored[tag] != sealed { changes.append(.keep(tag: tag, sealed: sealed)) }
        }
        return changes
    }

    private func growth(
        of log: LogName, in workplace: ID<Workplace>, to there: PetitionBundle.Log, _ tree: MerkleTree,
        _ verifier: LogVerifier, deadline: UInt64? = nil, names: [LogAppend.NameChange] = [], isLive: Bool
    ) async throws -> LogAppend? {
        let here = try await leaves(of: log) ?? []
        guard let signed = try? verifier.verify(there.checkpoint), signed.root == tree.root,
            signed.size == UInt64(tree.count), zip(here, there.leaves).allSatisfy({ $0 == $1 })
        else { throw StorageError.foreignBundle }
        guard there.leaves.count > here.count else { return nil }
        var grown = MerkleTree()
        let leaves = there.leaves.map { LogAppend.Leaf(bytes: $0, nodes: grown.append($0)) }
        // What waited when the backup was made and is among them waits no longer.
        var mixed: [Bytes32] = []
        if case .petition(let petition) = log {
            let new = Set(there.leaves)
            mixed = try await held(of: petition).filter { new.contains($0.bytes) }.map(\.tag)
        }
        let base = Checkpoint(
            origin: verifier.origin, size: UInt64(here.count), root: tree.root(at: here.count) ?? tree.root)
        return LogAppend(
            log: log, workplace: workplace, start: here.count, base: base.text, leaves: Array(leaves[here.count...]),
            note: signed.checkpoint.signed(by: logKey()).serialized, deadline: deadline, names: names, mixed: mixed,
            isLive: isLive)
    }
}

extension SQLiteStore {
    /// Invites that were used or closed by leaves which this database had not.
    private func dropClosedInvites(of workplace: WorkplaceLog) async throws {
        let kept = try await read { db in
            try Data.fetchAll(
                db, sql: "SELECT invite FROM invites WHERE workplace = ? AND invite IS NOT NULL",
                arguments: [workplace.id.bytes.data]
            ).map(\.bytes32)
        }
        try await drop(invites: kept.filter { workplace.inviteIsOpen($0) == false }, of: workplace.id)
    }
}

extension PetitionLog {
    /// Whether this is the sealed name of the co-signature that stands under a tag.
    func isStanding(_ sealed: [UInt8], of tag: Bytes32) -> Bool {
        guard let tag = try? LinkingTag(decoding: tag), let standing = tags[tag] else { return false }
        return standing.isNamed(by: sealed, of: tag, in: id)
    }
}

extension PetitionLog.Standing {
    func isNamed(by sealed: [UInt8], of tag: LinkingTag, in petition: ID<Petition>) -> Bool {
        action == .sign && level > 0
            && SealedName.digest(of: sealed, petition: petition, tag: tag, sequence: sequence) == nameDigest
    }
}

extension Fault {
    /// Whether it is a leaf's that an earlier version of the rules took.
    public func isLeaf(below legacy: Int) -> Bool {
        if case .leaf(_, let index) = place { index < legacy } else { false }
    }
}

extension SQLiteStore {
    /// How many leaves of each log an earlier version of the rules took.
    func legacy() throws -> [LogName: Int] {
        try readNow { db in
            Dictionary(
                uniqueKeysWithValues: try Row.fetchAll(db, sql: "SELECT kind, subject, legacy FROM logs").map {
                    (LogName($0["kind"], ($0["subject"] as Data).bytes32), $0["legacy"] as Int)
                })
        }
    }
}
