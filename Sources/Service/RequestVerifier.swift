import Foundation
import Logging
import Petitions
import RequestSignatures
import Sodium
import Storage

/// The two clocks of the machine.
struct Clocks: Sendable {
    /// Unix seconds, as somebody has set them.
    let wall: @Sendable () -> UInt64
    /// Seconds that nobody sets, and which pass while the machine sleeps.
    let steady: @Sendable () -> UInt64

    init(
        wall: @escaping @Sendable () -> UInt64, steady: @escaping @Sendable () -> UInt64 = { Clocks.elapsed }
    ) { (self.wall, self.steady) = (wall, steady) }

    private static let first = ContinuousClock.now
    /// Whole seconds since somebody first asked; the standard library's clock goes on while the machine sleeps.
    private static var elapsed: UInt64 { UInt64(max(0, first.duration(to: .now).components.seconds)) }
}

/// Checks signed requests and refuses each nonce a second time, whichever of the processes on a database it comes to. Guards the nonces
/// that this process has seen, by the steady clock; the time before its start counts as seen, so that a restart opens no window.
///
/// The wall clock may be wrong at the start, and be set while the service runs. The start is therefore moved
/// with it: it stays as many steady seconds ago as it was, and nobody is locked out for longer than the clock is wrong. Where the clock is set back, the
/// time that comes again is not open again for what came in it.
actor RequestVerifier {
    private struct Nonce {
        let created: UInt64
        /// By the steady clock.
        let at: UInt64
        /// How often the wall clock had been set by then.
        let era: Int
    }

    private let store: any Store
    private let clocks: Clocks
    private let logger: Logger?
    /// The time of the start, as the wall clock now counts.
    private var start: Int64
    /// The wall clock less the steady one, when they were last looked at.
    private var offset: Int64
    private var nextSweep: UInt64
    /// By workplace, so that no founder can use up everybody's.
    private var seen: [ID<Workplace>: [String: Nonce]] = [:]
    /// How often the wall clock has been set.
    private var era = 0
    /// Times of signatures whose nonces were forgotten, by the era in which they came.
    private var forgotten: [Int: ClosedRange<UInt64>] = [:]

    /// Nonces of a workplace within the tolerance.
    static let capacity = 20_000
    /// How long a nonce is kept: as long as its signature may be fresh, whichever of the two clocks is ahead; and what clocks drift.
    private static let keeping = 2 * SignedRequest.tolerance + 60
    /// A change up to this is a clock that is being brought into step.
    private static let slew = Int64(10)
    private static let mostEras = 32

    init(store: any Store, clocks: Clocks, logger: Logger? = nil) {
        (self.store, self.clocks, self.logger) = (store, clocks, logger)
        nextSweep = clocks.steady()
        start = Int64(clamping: clocks.wall())
        offset = start - Int64(clamping: nextSweep)
    }

    /// Waits until a second begins. What a service took before it stopped was signed in an earlier one than the first of the next service
    /// then, so that the two can be told apart by their seconds.
    static func nextSecond() async {
        let now = Date().timeIntervalSince1970
        try? await Task.sleep(for: .seconds(now.rounded(.down) + 1.005 - now))
    }

    /// Checks the signature.
    /// - Throws: `Refusal.notAuthenticated`.
    static func check(
        _ claim: SignedRequest.Claim
    ) throws -> (SignedRequest.Parameters, SignedRequest.BodyDigest) {
        do { return try SignedRequest.verify(claim) } catch { throw Refusal.notAuthenticated(error.rawValue) }
    }

    /// Checks that a member's signature is fresh and was not used before.
    /// - Throws: `Refusal`.
    func accept(_ parameters: SignedRequest.Parameters, in workplace: ID<Workplace>) async throws {
        let (now, steady) = (clocks.wall(), clocks.steady())
        notice(now, steady)
        sweep(steady)
        // Bounded before it is added to, so that a time from far away cannot overflow.
        guard parameters.created <= now + SignedRequest.tolerance,
            parameters.created + SignedRequest.tolerance >= now, Int64(clamping: parameters.created) >= start,
            !forgotten.contains(where: { $0.key != era && $0.value.contains(parameters.created) })
        else {
            throw Refusal.notAuthenticated("The signature is too old or from the future: check this machine's clock.")
        }
        try remember(parameters, workplace, steady)
        // Of the random nonce, so that the hash tells nobody who has asked.
        let request = Domain.digest(
            "seen-request", workplace.bytes.bytes, parameters.key.bytes, Array(parameters.nonce.utf8))
        guard try await store.claim(request, at: steady, lasting: Self.keeping) else { throw Self.usedBefore }
    }

    private static let usedBefore = Refusal.notAuthenticated("This signature was used before.")

    /// Looks whether the wall clock was set.
    private func notice(_ now: UInt64, _ steady: UInt64) {
        let present = Int64(clamping: now) - Int64(clamping: steady)
        defer { offset = present }
        let change = present - offset
        guard abs(change) > Self.slew else { return }
        start += change
        logger?.warning(
            "the clock was set", metadata: ["seconds": "\(change)", "meaning": "signed requests are judged by it"])
        era += 1
        forgotten[era - Self.mostEras] = nil
    }

    /// All of them now and then, not each time that one is full.
    private func sweep(_ steady: UInt64) {
        guard steady >= nextSweep else { return }
        nextSweep = steady + 30
        for (workplace, nonces) in seen {
            var kept: [String: Nonce] = [:]
            for (id, nonce) in nonces {
                if nonce.at + Self.keeping >= steady { kept[id] = nonce } else { forget(nonce) }
            }
            seen[workplace] = kept.isEmpty ? nil : kept
        }
    }

    private func forget(_ nonce: Nonce) {
        let range = forgotten[nonce.era] ?? nonce.created...nonce.created
        forgotten[nonce.era] = min(range.lowerBound, nonce.created)...max(range.upperBound, nonce.created)
    }

    private func remember(
        _ parameters: SignedRequest.Parameters, _ workplace: ID<Workplace>, _ steady: UInt64
    ) throws {
        let id = parameters.key.hex + parameters.nonce
        guard seen[workplace]?[id] == nil else { throw Self.usedBefore }
        guard seen[workplace]?.count ?? 0 < Self.capacity else { throw Refusal.tooMany(seconds: 60) }
        seen[workplace, default: [:]][id] = Nonce(created: parameters.created, at: steady, era: era)
    }
}
