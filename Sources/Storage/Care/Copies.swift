import Foundation
import GRDB
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// Backups, and what comes back from them.
extension Store {
    /// Makes a consistent copy while a service may be running. It has what was committed when it began, and nothing that was
    /// erased.
    /// - Parameters:
    ///   - path: the database.
    ///   - copy: a new file; it is there whole and synced, or not at all.
    /// - Returns: what the check of the copy found; when that is not sound, no copy is kept.
    /// - Throws: `StorageError`.
    public static func backUp(_ path: String, to copy: String) throws -> CheckReport {
        guard access(path, F_OK) == 0 else { throw StorageError.cannotOpen("there is no file \(path)") }
        return try make(copy) { part in
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(10)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            guard try queue.read({ try Int.fetchOne($0, sql: "PRAGMA application_id") }) == Schema.applicationID else {
                throw StorageError.notOurs
            }
            // One read transaction, so it does not wait for the writer nor keep it; deleted rows and free pages stay behind.
            try queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [part]) }
            try queue.close()
        } changing: { _ in
        }
    }

    /// Puts a backup in the place of a database that is gone.
    /// - Parameters:
    ///   - bundles: petitions that somebody has exported. Leaves that the backup has not yet are taken from them, if this
    ///     service has signed them.
    ///   - heads: the record of signed checkpoints. When it says that more was signed than the backup and the bundles have,
    ///     nothing is restored.
    ///   - withoutRecord: that nothing was signed after the backup was made is believed without a record.
    /// - Returns: what the check of the restored database found; when that is not sound, nothing is restored.
    /// - Throws: `StorageError`; `.noHeads` when there is no record.
    public static func restore(
        _ backup: String, to path: String, bundles: [PetitionBundle] = [], heads: String? = nil,
        withoutRecord: Bool = false
    ) throws -> CheckReport {
        guard access(backup, F_OK) == 0 else { throw StorageError.cannotOpen("there is no file \(backup)") }
        let heads = heads ?? Self.heads(besides: path)
        let hasRecord = access(heads, F_OK) == 0
        guard hasRecord || withoutRecord else { throw StorageError.noHeads(heads) }
        return try make(path) { part in
            try FileManager.default.copyItem(atPath: backup, toPath: part)
        } changing: { store in
            for bundle in bundles { try store.adopt(bundle) }
            guard hasRecord else { return }
            let heads = try SignedHeads(path: heads, key: store.logKey().publicKey)
            try store.compare(with: heads)
            try heads.close()
        }
    }

    /// A file made under another name, changed and checked there, synced, and then put in its place.
    private static func make(
        _ path: String, _ fill: (String) throws -> Void, changing: (Store) throws -> Void
    ) throws -> CheckReport {
        let part = path + ".part"
        do {
            // Files beside a database belong to it: a write-ahead log that is left there would be played into the new one.
            for suffix in ["", "-wal", "-shm"] where access(path + suffix, F_OK) == 0 {
                throw StorageError.exists(path + suffix)
            }
            try remove(part)
            defer { try? remove(part) }
            // The log key is in it.
            let file = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw StorageError.cannotOpen("\(part): \(String(cString: strerror(errno)))") }
            Foundation.close(file)
            try FileManager.default.removeItem(atPath: part)
            let mask = umask(0o077)
            defer { umask(mask) }
            try fill(part)
            let store = try Store(inspecting: part)
            try changing(store)
            let report = try store.check()
            try store.close()
            guard report.isSound || report.isUsable else { return report }
            try sync(part)
            // Fails when something has come there meanwhile.
            guard link(part, path) == 0 else { throw StorageError.exists(path) }
            try sync((path as NSString).deletingLastPathComponent)
            return report
        } catch { throw StorageError(error) }
    }

    private static func remove(_ part: String) throws {
        for suffix in ["", "-wal", "-shm"] where access(part + suffix, F_OK) == 0 {
            try FileManager.default.removeItem(atPath: part + suffix)
        }
    }

    private static func sync(_ path: String) throws {
        let file = open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw StorageError.cannotOpen(path) }
        defer { Foundation.close(file) }
        guard fsync(file) == 0 else { throw StorageError.diskFails }
    }
}

extension CheckReport {
    /// Whether a service can go on with it: names that are missing are missed by those who gave them, and by nobody else.
    public var isUsable: Bool { findings.allSatisfy { $0.isRepaired || $0.what == .nameMissing } }
}

extension Store {
    /// Takes leaves from a bundle that this service has signed and this database has not.
    /// - Throws: `StorageError.foreignBundle` unless its checkpoints are this service's and what is here is where it begins.
    func adopt(_ bundle: PetitionBundle) throws {
        guard let workplace = try? WorkplaceLog.audit(bundle.workplace.leaves), workplace.faults.isEmpty,
            workplace.log.id == bundle.workplaceID, workplace.log.founding.logKey == logKey().publicKey,
            let petition = try? PetitionLog.audit(bundle.petition.leaves, in: workplace.log), petition.faults.isEmpty,
            petition.log.id == bundle.petitionID
        else { throw StorageError.foreignBundle }
        let closes = petition.log.closure == nil ? petition.log.manifest.closes : 0
        let due = petition.log.namesDue
        let names: [LogAppend.NameChange] = bundle.names.compactMap { sealed in
            due[SealedName.digest(of: sealed)].map { .keep(tag: $0.encoding, sealed: sealed) }
        }
        let appends = [
            try growth(
                of: .workplace(bundle.workplaceID), in: bundle.workplaceID, to: bundle.workplace, workplace.log.tree,
                workplace.log.verifier),
            try growth(
                of: .petition(bundle.petitionID), in: bundle.workplaceID, to: bundle.petition, petition.log.tree,
                workplace.log.verifier(of: bundle.petitionID), deadline: closes > 0 ? closes : nil, names: names),
        ].compactMap(\.self)
        do {
            try pool.write { db in for append in appends { _ = try Self.apply(append, db) } }
        } catch { throw StorageError(error) }
    }

    private func growth(
        of log: LogName, in workplace: ID<Workplace>, to there: PetitionBundle.Log, _ tree: MerkleTree,
        _ verifier: LogVerifier, deadline: UInt64? = nil, names: [LogAppend.NameChange] = []
    ) throws -> LogAppend? {
        let here = try leaves(of: log) ?? []
        guard let signed = try? verifier.verify(there.checkpoint), signed.root == tree.root,
            signed.size == UInt64(tree.count), zip(here, there.leaves).allSatisfy({ $0 == $1 })
        else { throw StorageError.foreignBundle }
        guard there.leaves.count > here.count else { return nil }
        var grown = MerkleTree()
        let leaves = there.leaves.map { LogAppend.Leaf(bytes: $0, nodes: grown.append($0)) }
        // What waited when the backup was made and is among them waits no longer.
        var mixed: [Bytes32] = []
        if case .petition(let petition) = log {
            let new = Set(there.leaves[here.count...])
            mixed = try held(of: petition).filter { new.contains($0.bytes) }.map(\.tag)
        }
        return LogAppend(
            log: log, workplace: workplace, start: here.count, leaves: Array(leaves[here.count...]),
            note: signed.checkpoint.signed(by: logKey()).serialized, deadline: deadline, names: names, mixed: mixed)
    }
}
