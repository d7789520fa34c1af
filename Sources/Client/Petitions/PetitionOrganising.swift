// docs/protocol.md, section 4, "Petition log"

import CoSigning
import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

extension Session {
    /// Makes and posts an organiser's statement in a petition's log. If another statement came first, it is made again,
    /// once.
    func organise(
        _ id: ID<Petition>, _ make: (PetitionLog, WorkplaceLog, UInt32) throws -> PetitionStatement
    ) async throws {
        for attempt in 0..<2 {
            let log = try await petition(id).log
            try requireOrganiser()
            let statement = try make(log, roster, nextSequence(.petition(id), log.nextSequence(of: signKey)))
            do { return try await submit(statement) } catch let error as ClientError {
                guard attempt == 0, error.breaks(.sequenceOfSigner, .roster, .close, .ringEpoch) else { throw error }
            }
        }
    }

    /// Extends the ring by members who were admitted since it was fixed. Returns the new ring's size.
    public func extend(_ id: ID<Petition>) async throws -> Int {
        var count = 0
        try await organise(id) { log, roster, sequence in
            guard log.closure == nil else { throw ClientError.coSigning(.closed) }
            let ring = try ClientError.rules { () throws(RuleViolation) in
                try log.extendedRing(in: roster, to: roster.size)
            }
            count = ring.count
            guard count > log.ring.count else {
                throw ClientError.invalid(.nobodyJoined, ["count": "\(log.ring.count)"])
            }
            return try ClientError.rules { () throws(RuleViolation) in
                try PetitionStatement.extendRing(
                    of: id,
                    .init(
                        epoch: log.ringEpoch + 1, roster: .init(size: UInt64(roster.size), root: roster.tree.root),
                        ringCount: UInt32(ring.count), ringDigest: ring.digest), sequence: sequence,
                    by: device.identity.seed.signingKey())
            }
        }
        return count
    }

    /// Closes a petition to further co-signatures.
    public func closePetition(_ id: ID<Petition>) async throws {
        try await organise(id) { log, roster, sequence in
            guard log.closure == nil else { throw ClientError.coSigning(.closed) }
            return try ClientError.rules { () throws(RuleViolation) in
                try PetitionStatement.close(
                    id, size: UInt64(log.size), root: log.tree.root,
                    roster: .init(size: UInt64(roster.size), root: roster.tree.root), sequence: sequence,
                    by: device.identity.seed.signingKey())
            }
        }
    }

    /// Stores a record's document, encrypted, and then appends its digest to the petition's log.
    public func record(_ document: RecordDocument, in id: ID<Petition>) async throws {
        let log = try await petition(id).log
        try requireOrganiser()
        guard log.closure != nil else { throw ClientError.notClosed }
        guard document.demands.allSatisfy({ $0.number <= log.manifest.options.count }) else {
            throw ClientError.noSuch(.demand)
        }
        // An answer to a petition that was never delivered, or an agreement without an answer, is a slip.
        guard document.what == .delivered || !log.records.isEmpty else { throw ClientError.invalid(.notDelivered) }
        // The document first, so that no log refers to a document that was lost.
        try await put(document.bytes, .init(.record, ID(document.digest)), after: nil)
        try await organise(id) { _, roster, sequence in
            try ClientError.rules { () throws(RuleViolation) in
                try PetitionStatement.record(
                    .init(
                        what: document.what, digest: document.digest,
                        roster: .init(size: UInt64(roster.size), root: roster.tree.root)), in: id, sequence: sequence,
                    by: device.identity.seed.signingKey())
            }
        }
    }
}
