import Synchronization

/// Who sends a proof or a signature that is false waits for the answer: one connection then costs a verification each time, and not as
/// many as it can send. Honest clients send none. When too many wait already, they are answered at once, and cut off.
final class Penance: Sendable {
    private let time: Duration
    private let most: Int
    private let waiting = Atomic<Int>(0)

    init(_ time: Duration, most: Int) { (self.time, self.most) = (time, most) }

    func serve() async {
        guard waiting.add(1, ordering: .relaxed).newValue <= most else {
            waiting.subtract(1, ordering: .relaxed)
            return
        }
        try? await Task.sleep(for: time)
        waiting.subtract(1, ordering: .relaxed)
    }
}
