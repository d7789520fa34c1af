import Foundation
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// A petition of the workplace, as its log shows it.
public struct PetitionSummary: Sendable {
    public let id: ID<Petition>
    /// Nil while it is announced and not opened.
    public let log: PetitionLog?
    public let tally: Tally?
    public let own: Member.OwnStatus
}

extension Member {
    /// Every announced petition, in order of announcement.
    public func petitions() async throws -> [PetitionSummary] {
        let roster = try await roster()
        var summaries: [PetitionSummary] = []
        var failure: ClientError?
        let announced = roster.announcements.map { ($0.key, $0.value.map(\.leaf).min() ?? 0) }.sorted { $0.1 < $1.1 }
        for (id, _) in announced {
            do {
                let (roster, log) = try await petition(id)
                summaries.append(.init(id: id, log: log, tally: log.tally(in: roster), own: ownStatus(id)))
            } catch let error as ClientError where error.isNotOpened && ownStatus(id) == .nothing {
                summaries.append(.init(id: id, log: nil, tally: nil, own: .nothing))
            } catch let error as ClientError {
                failure = failure ?? error
            }
        }
        // After all of them, so that what this device has seen of one does not show in which it asks for.
        if let failure { throw failure }
        return summaries
    }

    /// Makes and posts a statement of an organiser in a petition's log. When another came first it is made anew, once.
    func organise(
        _ id: ID<Petition>, when check: () throws -> Void,
        _ make: (PetitionLog, WorkplaceLog, UInt32) throws(RuleViolation) -> PetitionStatement
    ) async throws {
        for attempt in 0..<2 {
            let (roster, log) = try await petition(id)
            guard roster.isOrganiser(signKey) else { throw ClientError.notOrganiser }
            let statement = try ClientError.rules {
                () throws(RuleViolation) in try make(log, roster, log.nextSequence(of: signKey))
            }
            try check()
            do { return try await submit(statement, in: roster) } catch ClientError.refused(let status, _, _, _)
                where status == 409 && attempt == 0
            { continue }
        }
    }

    private func submit(_ statement: PetitionStatement, in roster: WorkplaceLog) async throws {
        let id = statement.petition
        let answer = try await connection.postAgain("/v1/petitions/\(id.hex)/statements", statement.bytes)
        _ = try receipt(answer, for: statement.bytes, by: roster.verifier(of: id), log: "petition")
        try save()
    }

    /// Lets in those who were admitted since the ring was fixed. Returns the new ring's size.
    public func extend(_ id: ID<Petition>) async throws -> Int {
        var (before, count, isClosed) = (0, 0, false)
        try await organise(
            id,
            when: {
                if isClosed { throw ClientError.closed }
                if count == before {
                    throw ClientError.invalid("nobodyJoined", ["count": "\(before)"])
                }
            }
        ) { (log, roster, sequence) throws(RuleViolation) in
            let ring = try log.extendedRing(in: roster, to: roster.size)
            (before, count) = (log.ring.count, ring.count)
            isClosed = log.closure != nil
            return try PetitionStatement.extendRing(
                of: id,
                .init(
                    epoch: log.ringEpoch + 1, roster: .init(size: UInt64(roster.size), root: roster.tree.root),
                    ringCount: UInt32(ring.count), ringDigest: ring.digest), sequence: sequence,
                by: identity.seed.signingKey())
        }
        return count
    }

    /// Closes a petition to further co-signatures.
    public func closePetition(_ id: ID<Petition>) async throws {
        var isClosed = false
        try await organise(id, when: { if isClosed { throw ClientError.closed } }) {
            (log, roster, sequence) throws(RuleViolation) in
            isClosed = log.closure != nil
            return try PetitionStatement.close(
                id, size: UInt64(log.size), root: log.tree.root,
                roster: .init(size: UInt64(roster.size), root: roster.tree.root), sequence: sequence,
                by: identity.seed.signingKey())
        }
    }

    /// As a trustee: releases the seal key of a key set, if the petition holds one's own acceptance and the log, verified to
    /// a fresh checkpoint, allows it. A co-signing trustee's keys do not depend on who asks.
    public func release(_ id: ID<Petition>, set: Int = 0) async throws {
        let (roster, log) = try await petition(id)
        guard let place = log.acceptances.firstIndex(where: { $0.signKey == signKey }) else {
            throw ClientError.notTrustee
        }
        let nonce = log.acceptances[place].nonce
        guard let keys = log.manifest.keySet(set), let number = UInt8(exactly: set) else {
            throw ClientError.noSuch("keySet")
        }
        let pair = identity.seed.sealKey(nonce: nonce, set: number)
        guard pair.publicKey == keys[place] else { throw ClientError.foreignSealKey }
        if log.released[set][UInt8(place + 1)] != nil { return }
        try checkRelease(log, set: set)
        let statement = try ClientError.rules {
            () throws(RuleViolation) in
            try PetitionStatement.release(id, set: number, trustee: UInt8(place + 1), secret: pair.reveal())
        }
        try await submit(statement, in: roster)
    }

    /// As a trustee: releases the key of the names that wait for this count.
    public func release(_ id: ID<Petition>, level count: UInt32) async throws {
        let levels = try await petition(id).log.manifest.levels.map(\.count)
        guard let place = levels.firstIndex(of: count) else { throw ClientError.noSuchLevel(levels) }
        try await release(id, set: place + 1)
    }

    private func checkRelease(_ log: PetitionLog, set: Int) throws {
        if set == 0 {
            guard let closure = log.closure else { throw ClientError.notClosed }
            if case .deadline = closure.cause, clock() < log.manifest.closes { throw ClientError.deadlineNotReached }
        } else {
            let needed = Int(log.manifest.levels[set - 1].count)
            guard log.cosignatures >= needed else {
                throw ClientError.levelNotReached(standing: log.cosignatures, needed: needed)
            }
        }
    }
}

/// Reads a petition for somebody who has no keystore: the figures verify, the wording stays encrypted.
public enum PublicReader {
    private static func due(_ raw: LogReader.Both) -> [Bytes32: LinkingTag] {
        guard let workplace = try? WorkplaceLog.audit(raw.workplace.leaves).log else { return [:] }
        return (try? PetitionLog.audit(raw.petition.leaves, in: workplace).log.namesDue) ?? [:]
    }

    /// Nothing of it is verified here: that is the auditor's work, who reports the faults.
    public static func bundle(of id: ID<Petition>, at serviceURL: String, proxy: Proxy?) async throws -> PetitionBundle
    {
        try await Connection.anonymous(serviceURL, proxy: proxy) { connection in
            let reader = LogReader(connection: connection)
            let workplace = try await reader.workplaceID(of: id)
            let raw = try await reader.fetchBoth(id, in: workplace, known: false)
            return PetitionBundle(
                workplaceID: workplace, petitionID: id, workplace: raw.workplace, petition: raw.petition,
                names: try await LogReader.names(of: id, due: due(raw), over: connection), document: nil)
        }
    }
}

extension LogReader {
    /// The sealed names that the log calls for, as far as the service has them.
    static func names(
        of id: ID<Petition>, due: [Bytes32: LinkingTag], over connection: Connection
    ) async throws -> [[UInt8]] {
        guard !due.isEmpty else { return [] }
        struct Names: Decodable { let names: [String] }
        let answer = try await connection.get("/v1/petitions/\(id.hex)/names")
        guard let names = try? JSONDecoder().decode(Names.self, from: Data(answer)).names else {
            throw ClientError.badAnswer("names")
        }
        // The log may have grown since it was read: what it does not call for here is not the bundle's.
        return names.compactMap { Base64.decode($0) }.filter { due[SealedName.digest(of: $0)] != nil }
    }

    /// The workplace that a petition's first leaf names.
    func workplaceID(of id: ID<Petition>) async throws -> ID<Workplace> {
        let log = try await fetch("petition/\(id.hex)")
        guard let first = log.leaves.first, let statement = try? PetitionStatement(decoding: first),
            case .opened(let manifest, _) = statement.body
        else { throw ClientError.badAnswer("opening") }
        return manifest.workplace
    }
}
