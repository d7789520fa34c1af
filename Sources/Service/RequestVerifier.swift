import RequestSignatures
import Sodium

/// Checks signed requests and refuses each nonce a second time. Guards the nonces seen within the tolerance; the time
/// before the service's start counts as seen, so that a restart opens no window.
actor RequestVerifier {
    private let clock: @Sendable () -> UInt64
    private let started: UInt64
    private var seen: [String: UInt64] = [:]
    private let capacity = 100_000

    init(clock: @escaping @Sendable () -> UInt64) {
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
    func accept(_ parameters: SignedRequest.Parameters) throws {
        let now = clock()
        // Bounded before it is added to, so that a time from far away cannot overflow.
        guard parameters.created <= now + SignedRequest.tolerance,
            parameters.created + SignedRequest.tolerance >= now, parameters.created >= started
        else {
            throw Refusal.notAuthenticated("The signature is too old or from the future: check this machine's clock.")
        }
        try remember(parameters, now)
    }

    private func remember(_ parameters: SignedRequest.Parameters, _ now: UInt64) throws {
        let id = parameters.key.hex + parameters.nonce
        guard seen[id] == nil else { throw Refusal.notAuthenticated("This signature was used before.") }
        if seen.count >= capacity {
            seen = seen.filter { $0.value + SignedRequest.tolerance >= now }
            guard seen.count < capacity else { throw Refusal.busy }
        }
        seen[id] = parameters.created
    }
}
