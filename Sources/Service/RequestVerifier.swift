import Petitions
import RequestSignatures
import Sodium
import Storage

/// Checks signed requests and refuses each nonce a second time, whichever of the processes on a database it comes to. Guards the
/// nonces that this one has seen within the tolerance; the time before its start counts as seen, so that a restart opens no window.
actor RequestVerifier {
    private let store: any Store
    private let clock: @Sendable () -> UInt64
    private let started: UInt64
    private var nextSweep: UInt64 = 0
    /// By workplace, so that no founder can use up everybody's.
    private var seen: [ID<Workplace>: [String: UInt64]] = [:]
    /// Nonces of a workplace within the tolerance.
    static let capacity = 20_000

    init(store: any Store, clock: @escaping @Sendable () -> UInt64) {
        self.store = store
        self.clock = clock
        started = clock()
    }

    /// Checks digest and signature.
    /// - Throws: `Refusal.notAuthenticated`.
    static func check(_ claim: SignedRequest.Claim) throws -> SignedRequest.Parameters {
        do { return try SignedRequest.verify(claim) } catch { throw Refusal.notAuthenticated(error.rawValue) }
    }

    /// Checks that a member's signature is fresh and was not used before.
    /// - Throws: `Refusal`.
    func accept(_ parameters: SignedRequest.Parameters, in workplace: ID<Workplace>) async throws {
        let now = clock()
        // Bounded before it is added to, so that a time from far away cannot overflow.
        guard parameters.created <= now + SignedRequest.tolerance,
            parameters.created + SignedRequest.tolerance >= now, parameters.created >= started
        else {
            throw Refusal.notAuthenticated("The signature is too old or from the future: check this machine's clock.")
        }
        try remember(parameters, workplace, now)
        // Of the random nonce, so that the hash tells nobody who has asked.
        let request = Domain.digest(
            "seen-request", workplace.bytes.bytes, parameters.key.bytes, Array(parameters.nonce.utf8))
        guard try await store.claim(request, at: now, lasting: 2 * SignedRequest.tolerance) else {
            throw Self.usedBefore
        }
    }

    private static let usedBefore = Refusal.notAuthenticated("This signature was used before.")

    private func remember(
        _ parameters: SignedRequest.Parameters, _ workplace: ID<Workplace>, _ now: UInt64
    ) throws {
        // All of them now and then, not each time that one is full.
        if now >= nextSweep {
            for (workplace, nonces) in seen {
                let kept = nonces.filter { $0.value + SignedRequest.tolerance >= now }
                seen[workplace] = kept.isEmpty ? nil : kept
            }
            nextSweep = now + 30
        }
        let id = parameters.key.hex + parameters.nonce
        guard seen[workplace]?[id] == nil else { throw Self.usedBefore }
        guard seen[workplace]?.count ?? 0 < Self.capacity else { throw Refusal.tooMany(seconds: 60) }
        seen[workplace, default: [:]][id] = parameters.created
    }
}
