// docs/protocol.md, section 7

import Logging
import MembershipProofs
import Petitions
import ServiceLifecycle
import Sodium
import Storage
import TransparencyLog

/// Co-signatures that are held and appended together: who watches the network, or takes the file later, cannot tell from the order
/// or the time of a leaf who sent something just then.
extension Sequencer {
    /// This very co-signature, if it waits already. Asked before its proof is looked at.
    /// - Throws: `Refusal.held` when another one of the tag waits: the service promises one statement of a tag at a time.
    func held(as coSigned: CoSigned) throws -> HeldCoSignature? {
        let (petition, tag) = (coSigned.petition, coSigned.tag.encoding)
        let known = holds[petition]?.first { $0.tag == tag } ?? waiting[petition]?.first { $0.tag == tag }
        guard let known else { return nil }
        guard known.bytes == coSigned.bytes else { throw Refusal.held }
        return known
    }

    /// Keeps a co-signature that would count now, until enough others wait with it or its time comes.
    /// - Returns: until when it is promised.
    func hold(_ coSigned: CoSigned, _ sealedName: [UInt8]?, until: UInt64) -> UInt64 {
        holds[coSigned.petition, default: []].append(
            HeldCoSignature(tag: coSigned.tag.encoding, bytes: coSigned.bytes, sealedName: sealedName, until: until))
        return until
    }

    /// What waits goes in before a statement after which it could not: a close, or a new ring. Only if that statement holds, or
    /// anybody could call for a mix.
    func mixIn(before statement: PetitionStatement, _ growth: inout [LogName: Growth]) throws {
        switch statement.body {
        case .closed, .ringExtended:
            guard var trial = try petitionLog(statement.petition) else { return }
            try trial.append(statement, in: workplaceLog(trial.manifest.workplace))
            try mixIn(statement.petition, &growth)
        default: return
        }
    }

    /// Appends everything that waits in a petition, in a random order.
    func mixIn(_ id: ID<Petition>, _ growth: inout [LogName: Growth]) throws {
        // What this batch has mixed in already is still in the database.
        let mixed = Set(growth[.petition(id)]?.mixed ?? [])
        var list =
            (waiting[id] ?? []).filter { !mixed.contains($0.tag) } + (holds.removeValue(forKey: id) ?? [])
        guard !list.isEmpty, var log = try petitionLog(id) else { return }
        list.shuffle()
        let before = growth[.petition(id)] == nil ? log : nil
        petitions[id] = nil
        defer { petitions[id] = log }
        let statements = list.map { try? PetitionStatement(decoding: $0.bytes) }
        let places = list.indices.filter { statements[$0]?.coSigned != nil }
        let verdicts = Dictionary(
            uniqueKeysWithValues: zip(places, log.prove(statements.compactMap { $0?.coSigned })))
        for (i, held) in list.enumerated() {
            do {
                guard let statement = statements[i], let coSigned = statement.coSigned, let verdict = verdicts[i] else {
                    throw RuleViolation.encoding
                }
                // A database that was put back may have it in both places.
                if log.tree.place(ofLeafHash: MerkleTree.leafHash(coSigned.bytes)) != nil {
                    spoiled[id, default: []].append(held.tag)
                    continue
                }
                let admissible = try log.check(coSigned)
                let name = try Self.nameChange(coSigned, held.sealedName, log.manifest)
                let start = log.size
                let nodes = try log.append(admissible, verdict.get())
                note(
                    .petition(statement), nodes, [name], at: start, log.manifest.workplace, .petition(before), &growth,
                    promised: held.until)
                growth[.petition(id)]?.mixed.append(held.tag)
            } catch {
                // It was looked at when it came; that it does not hold now means that the file was changed.
                logger.error("a held co-signature does not hold any more")
                spoiled[id, default: []].append(held.tag)
            }
        }
    }

    /// Appends what waits in every petition where enough do, or where the time comes that one of them was promised; where nothing is
    /// mixed any more, all of it.
    func mixDue() async throws {
        let now = clock()
        for (petition, held) in try await store.heldCounts() {
            if let mix {
                let isLate = held.until <= now.addingReportingOverflow(mix.margin).partialValue
                guard held.count >= mix.atLeast || isLate else { continue }
            }
            do { _ = try await submit(.mix(petition)) } catch {
                logger.warning("held co-signatures could not be appended yet")
            }
        }
    }
}

/// Mixes again and again.
struct Mixer: ServiceLifecycle.Service {
    let sequencer: Sequencer
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // What an earlier configuration has held is let go at once, and what became due while nothing ran.
            await mix()
            while !Task.isCancelled {
                try? await Task.sleep(for: sequencer.mix?.every ?? .seconds(3600))
                if !Task.isCancelled { await mix() }
            }
        }
    }

    private func mix() async {
        do { try await sequencer.mixDue() } catch { logger.warning("what waits to be mixed could not be looked up") }
    }
}
