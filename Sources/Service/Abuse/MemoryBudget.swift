import CProcess
import Dispatch
import Synchronization

/// How much memory requests and responses may take together, over all connections and streams. A place is taken before a byte is
/// read or built, and given back when the last byte has left or the channel has ended.
///
/// The budget has three parts, by the size of what is asked for: whoever holds large places cannot keep small ones from being had, and a
/// co-signature is small. One that does not fit into its own part may have room in those for larger ones.
final class MemoryBudget: Sendable {
    /// What a request costs by itself: a piece that waits to be written, and what was read of its body before anybody asked for it.
    static let floor = 64 << 10
    /// The largest places that the first two parts give.
    private static let bounds = [floor, 1 << 20]

    private struct State {
        var free: [Int]
        var taken = 0
        /// The most that was taken since memory was last given back to the system.
        var peak = 0
    }

    private let sizes: [Int]
    private let state: Mutex<State>

    /// - Parameter total: bytes, of which a half is for small places, a quarter for those of up to 1 MiB.
    init(_ total: Int) {
        sizes = [total / 2, total / 4, total / 4]
        state = Mutex(State(free: sizes))
    }

    /// - Returns: a place, which is given back when it is released; nil if there is no room. A place that is larger than
    ///   its part is granted if that part is empty.
    func reserve(_ count: Int) -> Place? {
        let least = Self.bounds.firstIndex { count <= $0 } ?? Self.bounds.count
        return state.withLock { state in
            for part in least..<sizes.count {
                let cost = min(count, sizes[part])
                guard state.free[part] >= cost else { continue }
                state.free[part] -= cost
                state.taken += cost
                state.peak = max(state.peak, state.taken)
                return Place(self, cost, part)
            }
            return nil
        }
    }

    /// Bytes that are taken now.
    var taken: Int { state.withLock { $0.taken } }

    private static let worthTrimming = 16 << 20

    private func giveBack(_ count: Int, _ part: Int) {
        let isOver = state.withLock { state in
            state.free[part] += count
            state.taken -= count
            guard state.peak > Self.worthTrimming, state.taken < state.peak / 4 else { return false }
            state.peak = state.taken
            return true
        }
        // After a flood glibc keeps what was freed, in pieces, for ever. By then the connections have let go of theirs too.
        guard isOver else { return }
        for seconds in [1.0, 10.0] {
            DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + seconds) { roundrobin_trim_memory() }
        }
    }

    final class Place: Sendable {
        private let budget: MemoryBudget
        private let count: Int
        private let part: Int

        fileprivate init(_ budget: MemoryBudget, _ count: Int, _ part: Int) {
            (self.budget, self.count, self.part) = (budget, count, part)
        }

        deinit { budget.giveBack(count, part) }
    }
}
