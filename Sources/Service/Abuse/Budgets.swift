import NIOCore
import Petitions
import Synchronization

/// What a workplace may write, so that one cannot fill the disk for all. Only what was accepted is counted, and only members can have
/// something accepted: strangers cannot use up a workplace's budget.
final class Budgets: Sendable {
    /// A level that drains with time.
    private struct Bucket {
        var level: Double = 0
        var at: UInt64 = 0

        /// How many seconds it takes until one more fits; 0 when it does.
        mutating func wait(_ rate: ServiceConfiguration.Rate, _ now: UInt64) -> Double {
            level = max(0, level - Double(now >= at ? now - at : 0) / 1000 * rate.perSecond)
            at = now
            return max(0, (level + 1 - Double(rate.burst)) / rate.perSecond)
        }
    }

    private struct State {
        var foundings = Bucket()
        var statements: [ID<Workplace>: Bucket] = [:]
        var objects: [ID<Workplace>: Bucket] = [:]
    }

    private let limits: ServiceConfiguration.Limits
    private let clock: @Sendable () -> UInt64
    private let state = Mutex(State())
    /// Workplaces whose levels are kept; beyond, empty ones are forgotten.
    private static let maximalWorkplaces = 100_000

    init(
        _ limits: ServiceConfiguration.Limits,
        clock: @escaping @Sendable () -> UInt64 = { NIODeadline.now().uptimeNanoseconds / 1_000_000 }
    ) {
        (self.limits, self.clock) = (limits, clock)
    }

    enum Kind: Sendable {
        case founding
        case statement(ID<Workplace>)
        case object(ID<Workplace>)
    }

    /// - Throws: `Refusal.tooMany` if one more would exceed the rate.
    func check(_ kind: Kind) throws {
        let wait = state.withLock { state in change(&state, kind) { $0.wait($1, clock()) } }
        guard wait <= 0 else { throw Refusal.tooMany(seconds: Int(wait.rounded(.up))) }
    }

    /// Counts one that was accepted.
    func count(_ kind: Kind, cost: Double = 1) {
        state.withLock { state in
            change(&state, kind) { bucket, rate in
                _ = bucket.wait(rate, clock())
                bucket.level += cost
            }
        }
    }

    private func change<R>(
        _ state: inout State, _ kind: Kind, _ body: (inout Bucket, ServiceConfiguration.Rate) -> R
    ) -> R {
        switch kind {
        case .founding: return body(&state.foundings, limits.foundings)
        case .statement(let id):
            forget(&state.statements)
            return body(&state.statements[id, default: Bucket()], limits.statements)
        case .object(let id):
            forget(&state.objects)
            return body(&state.objects[id, default: Bucket()], limits.objects)
        }
    }

    private func forget(_ buckets: inout [ID<Workplace>: Bucket]) {
        guard buckets.count > Self.maximalWorkplaces else { return }
        buckets = buckets.filter { $0.value.level > 1 }
    }
}
