// docs/protocol.md, section 10

import Petitions
import Sodium
import TransparencyLog

/// Logs as a client reads them: whole, from the first leaf, at the newest checkpoint, against the pins.
struct LogReader {
    let connection: Connection

    /// A log's checkpoint and leaves, as served. Nothing of it is believed yet.
    func fetch(_ path: String) async throws -> PetitionBundle.Log {
        guard let note = String(validating: try await connection.get("/\(path)/checkpoint"), as: UTF8.self),
            let parsed = try? SignedNote(parsing: note), let claimed = try? Checkpoint(parsing: parsed.text),
            claimed.size <= 1 << 32
        else { throw ClientError.badAnswer("no checkpoint") }
        var leaves: [[UInt8]] = []
        for tile in Tile.entries(upTo: claimed.size) {
            let bytes = try await connection.get("/\(path)/\(tile.path)")
            do { leaves += try EntryBundle.decode(bytes, count: tile.count) } catch {
                throw ClientError.badAnswer("entries that are no entries")
            }
        }
        return PetitionBundle.Log(checkpoint: note, leaves: leaves)
    }

    /// The workplace's log.
    func workplace(_ id: ID<Workplace>, pins: inout [String: LocalState.Pin]) async throws -> (
        WorkplaceLog, PetitionBundle.Log
    ) {
        let log = try await fetch("workplace/\(id.hex)")
        let audited: Audited<WorkplaceLog>
        do { audited = try WorkplaceLog.audit(log.leaves) } catch { throw ClientError.badAnswer(error.rawValue) }
        guard audited.log.id == id else { throw ClientError.otherWorkplace }
        try check(log, audited.log.verifier, audited.log.tree, "workplace", &pins)
        guard audited.faults.isEmpty else { throw ClientError.serviceFaults(audited.faults.map(\.description)) }
        return (audited.log, log)
    }

    /// A petition's log.
    func petition(
        _ id: ID<Petition>, in workplace: WorkplaceLog, pins: inout [String: LocalState.Pin]
    ) async throws -> (PetitionLog, PetitionBundle.Log) {
        let log = try await fetch("petition/\(id.hex)")
        let audited: Audited<PetitionLog>
        do { audited = try PetitionLog.audit(log.leaves, in: workplace) } catch {
            throw ClientError.badAnswer(error.rawValue)
        }
        guard audited.log.id == id else { throw ClientError.otherWorkplace }
        try check(log, workplace.verifier(of: id), audited.log.tree, "petition", &pins)
        guard audited.faults.isEmpty else { throw ClientError.serviceFaults(audited.faults.map(\.description)) }
        return (audited.log, log)
    }

    /// The signature, the size, the root, and that the log has only grown since the pin; then the pin moves on.
    private func check(
        _ log: PetitionBundle.Log, _ verifier: LogVerifier, _ tree: MerkleTree, _ name: String,
        _ pins: inout [String: LocalState.Pin]
    ) throws {
        let verified: VerifiedCheckpoint
        do { verified = try verifier.verify(log.checkpoint) } catch {
            throw ClientError.logUnverified(log: name, error)
        }
        guard verified.size == UInt64(tree.count), verified.root == tree.root else {
            throw ClientError.badAnswer("leaves that do not give the checkpoint's root")
        }
        if let pin = pins[verifier.origin] {
            guard verified.size >= pin.size else {
                throw ClientError.rolledBack(log: name, pinned: pin.size, served: verified.size)
            }
            guard Int(exactly: pin.size).flatMap({ tree.root(at: $0) })?.hex == pin.root else {
                throw ClientError.forked(log: name, size: pin.size)
            }
        }
        pins[verifier.origin] = LocalState.Pin(size: verified.size, root: verified.root.hex)
    }
}
