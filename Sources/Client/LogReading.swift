// docs/protocol.md, section 10

import Petitions
import Sodium
import TransparencyLog

/// Logs as a client reads them: whole, from the first leaf, at the newest checkpoint, against the pins.
struct LogReader {
    let connection: Connection
    /// Whose signatures a checkpoint must have; nil where nobody's are asked for.
    var policy: WitnessPolicy?

    /// A log's checkpoint and leaves, as served. Nothing of it is believed yet.
    /// - Parameter known: leaves that the caller has already; the answer has those that follow. A checkpoint that is smaller
    ///   comes with none.
    func fetch(_ path: String, after known: Int = 0) async throws -> PetitionBundle.Log {
        guard let note = String(validating: try await connection.get("/\(path)/checkpoint"), as: UTF8.self),
            let parsed = try? SignedNote(parsing: note), let claimed = try? Checkpoint(parsing: parsed.text)
        else { throw ClientError.badAnswer("checkpoint") }
        guard claimed.size <= Self.maximalLeaves else {
            throw ClientError.badAnswer("logTooLarge")
        }
        var leaves: [[UInt8]] = []
        var bytes = 0
        for tile in Tile.entries(upTo: claimed.size).dropFirst(known / Tile.width) where claimed.size > known {
            let entries = try await connection.get("/\(path)/\(tile.path)")
            bytes += entries.count
            guard bytes <= Self.maximalBytes else { throw ClientError.badAnswer("logTooLarge") }
            do { leaves += try EntryBundle.decode(entries, count: tile.count) } catch {
                throw ClientError.badAnswer("entries")
            }
        }
        return PetitionBundle.Log(checkpoint: note, leaves: Array(leaves.dropFirst(known % Tile.width)))
    }

    /// Bounds on what is read before it can be verified.
    private static let maximalLeaves: UInt64 = 1 << 22
    private static let maximalBytes = 1 << 30

    /// The workplace's log.
    func workplace(
        _ id: ID<Workplace>, pins: inout LocalState.Pins
    ) async throws -> (log: WorkplaceLog, raw: PetitionBundle.Log) {
        let raw = try await fetch("workplace/\(id.hex)")
        let audited = try audit(raw, id)
        try check(raw, audited.log.verifier, audited.log.tree, "workplace", &pins)
        guard audited.faults.isEmpty else { throw ClientError.serviceFaults(audited.faults.map(\.description)) }
        return (audited.log, raw)
    }

    private func audit(_ raw: PetitionBundle.Log, _ id: ID<Workplace>) throws -> Audited<WorkplaceLog> {
        let audited: Audited<WorkplaceLog>
        do { audited = try WorkplaceLog.audit(raw.leaves) } catch { throw ClientError.badAnswer("firstLeaf") }
        guard audited.log.id == id else { throw ClientError.otherWorkplace }
        return audited
    }

    /// Both logs of a petition, as they were served.
    struct Both {
        let workplace: PetitionBundle.Log
        let petition: PetitionBundle.Log
    }

    /// The petition's log first: a statement in it may name a roster that a workplace log fetched before does not have yet.
    func fetchBoth(_ id: ID<Petition>, in workplace: ID<Workplace>, known: Bool) async throws -> Both {
        let petition: PetitionBundle.Log
        do { petition = try await fetch("petition/\(id.hex)") } catch ClientError.refused(let status, _, _, _)
            where status == 404 && known
        {
            // Once seen, a log does not go away.
            throw ClientError.rolledBack(log: "petition", pinned: 1, served: 0)
        }
        do {
            return Both(workplace: try await fetch("workplace/\(workplace.hex)"), petition: petition)
        } catch ClientError.refused(404, _, _, _) {
            // Not to be taken for a petition that is not opened.
            throw ClientError.rolledBack(log: "workplace", pinned: 1, served: 0)
        }
    }

    /// Both logs, verified; faults are an error here, because nothing may be signed on top of them.
    func petition(
        _ id: ID<Petition>, in workplaceID: ID<Workplace>, pins: inout LocalState.Pins
    ) async throws -> (workplace: WorkplaceLog, petition: PetitionLog, raw: Both) {
        let known = pins.verified.keys.contains { $0.hasSuffix("/petition/\(id.hex)") }
        let raw = try await fetchBoth(id, in: workplaceID, known: known)
        let workplace = try audit(raw.workplace, workplaceID)
        // Anybody may announce any id; what the id stands for says its workplace.
        if !known, let first = raw.petition.leaves.first, let opening = try? PetitionStatement(decoding: first),
            case .opened(let manifest, _) = opening.body, manifest.id == id, manifest.workplace != workplaceID
        {
            throw ClientError.otherWorkplace
        }
        let petition: Audited<PetitionLog>
        do { petition = try PetitionLog.audit(raw.petition.leaves, in: workplace.log) } catch {
            throw ClientError.badAnswer("firstLeaf")
        }
        // Another petition's log under this one's address is no answer to take for "not opened yet".
        guard petition.log.id == id else { throw ClientError.badAnswer("firstLeaf") }
        try check(raw.workplace, workplace.log.verifier, workplace.log.tree, "workplace", &pins)
        try check(raw.petition, workplace.log.verifier(of: id), petition.log.tree, "petition", &pins)
        let faults = workplace.faults + petition.faults
        guard faults.isEmpty else { throw ClientError.serviceFaults(faults.map(\.description)) }
        return (workplace.log, petition.log, raw)
    }

    /// The signature, the size, the root, and that the log has only grown since everything this device has seen of it; then the
    /// pin moves on.
    func check(
        _ log: PetitionBundle.Log, _ verifier: LogVerifier, _ tree: MerkleTree, _ name: String,
        _ pins: inout LocalState.Pins
    ) throws {
        let verified: VerifiedCheckpoint
        do { verified = try verifier.verify(log.checkpoint) } catch {
            throw ClientError.logUnverified(log: name, error)
        }
        guard verified.size == UInt64(tree.count), verified.root == tree.root else {
            throw ClientError.badAnswer("root")
        }
        try Self.checkNotOlder(verified, tree, verifier, name, pins)
        try checkWitnesses(verified, verifier, name)
        pins.promised[verifier.origin] = nil
        pins.verified[verifier.origin] = LocalState.Pin(
            size: verified.size, root: verified.root.hex, note: verified.ownNote(verifier))
    }

    private static func checkNotOlder(
        _ verified: VerifiedCheckpoint, _ tree: MerkleTree, _ verifier: LogVerifier, _ name: String,
        _ pins: LocalState.Pins
    ) throws {
        let seen = (pins.promised[verifier.origin] ?? []) + [pins.verified[verifier.origin]].compactMap { $0 }
        for pin in seen {
            guard verified.size >= pin.size else {
                throw ClientError.rolledBack(log: name, pinned: pin.size, served: verified.size)
            }
            guard Int(exactly: pin.size).flatMap({ tree.root(at: $0) })?.hex == pin.root else {
                throw ClientError.forked(log: name, size: pin.size)
            }
        }
    }

    /// - Throws: `ClientError.notWitnessed`, `.logNotInPolicy`, `.logUnverified`.
    func checkWitnesses(_ verified: VerifiedCheckpoint, _ verifier: LogVerifier, _ name: String) throws {
        guard let policy else { return }
        guard policy.accepts(logKey: verifier.key) else { throw ClientError.logNotInPolicy(log: name) }
        let verdict = policy.judge(verified)
        guard verdict.isSatisfied else { throw ClientError.notWitnessed(log: name, missing: verdict.missing) }
    }
}

extension VerifiedCheckpoint {
    /// With the log's signatures alone.
    func ownNote(_ verifier: LogVerifier) -> String {
        SignedNote(text: note.text, signatures: note.signatures.filter { $0.name == verifier.origin }).serialized
    }
}
