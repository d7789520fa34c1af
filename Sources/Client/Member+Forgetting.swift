// docs/protocol.md, section 10, "Forgetting" (P9)

import Foundation
import MembershipProofs
import Petitions
import Sodium

/// What who takes this device, and has its passphrase, would read from it about one petition.
public struct Exposure: Sendable, Hashable {
    /// Statements that were sent, and the receipts for them.
    public var statements = 0
    public var receipts = 0
    /// Whether a sealed name is still here, waiting for its receipt.
    public var hasSealedName = false
    /// Whether the ring key is here from which anybody computes this member's tag on the petition.
    public var hasRingKey = false

    public var isClean: Bool { self == Exposure() }
}

public struct ForgetReport: Sendable {
    public let before: Exposure
    public let after: Exposure
    /// Whether the ring key was replaced for it.
    public let hasRotated: Bool
    /// Petitions that still need the old ring key, which therefore stays.
    public let waitingFor: [ID<Petition>]
}

extension Member {
    /// What this device shows of one petition now.
    public func exposure(_ log: PetitionLog) -> Exposure {
        let sent = state.cosignatures[log.id.hex]?.sent ?? []
        return Exposure(
            statements: sent.count, receipts: sent.count { $0.receipt != nil },
            hasSealedName: sent.contains { $0.sealedName != nil }, hasRingKey: identity.ringKey(in: log.ring) != nil)
    }

    /// Erases what this device keeps of a closed petition: statements, receipts, and the ring key that signed it, which is
    /// replaced first if it is the newest. Where another petition needs the old key, the key stays until that is closed.
    /// - Throws: `ClientError.invalid` while the petition is open, when a receipt may still be needed to withdraw.
    /// - Parameter eraseAll: also erases keys that a petition may need which is announced and not open yet.
    public func forget(_ id: ID<Petition>, eraseAll: Bool = false) async throws -> ForgetReport {
        // Reading moves every pin on to a later checkpoint than the one of the signing.
        let (roster, log) = try await petition(id)
        guard roster.isMember(signKey) else { throw ClientError.notMember }
        guard log.closure != nil else { throw ClientError.invalid("stillOpen") }
        let before = exposure(log)
        // First, whatever becomes of the rest.
        state.cosignatures[id.hex] = nil
        try save()
        var rotated = false
        var waiting: [ID<Petition>] = []
        if before.hasRingKey {
            let newest = identity.newestRingKey.secret.publicKey
            rotated = log.ring.keys.contains(newest)
            let report =
                rotated
                ? try await rotateRingKey(eraseAll: eraseAll)
                : try await eraseOldRingKeys(keeping: identity.newestRingKey, eraseAll: eraseAll)
            waiting = report.waitingFor
        }
        return ForgetReport(before: before, after: exposure(log), hasRotated: rotated, waitingFor: waiting)
    }
}
