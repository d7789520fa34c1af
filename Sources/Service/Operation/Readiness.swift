import ServiceLifecycle
import Storage
import Synchronization

/// Whether the service can take a statement just now.
final class Readiness: Sendable {
    enum State: String, Sendable {
        case ready = "ready\n"
        /// It goes on serving what comes, and asks for nothing more to be sent.
        case stopping = "stopping\n"
        case disk = "the disk refuses\n"
    }

    private let state = Mutex((isStopping: false, hasFailed: false))

    var isStopping: Bool { state.withLock { $0.isStopping } }

    func stop() { state.withLock { $0.isStopping = true } }

    /// - Parameter failed: whether the disk refused the last batch.
    func wrote(failed: Bool) { state.withLock { $0.hasFailed = failed } }

    func state(of store: any Store) async -> State {
        let (isStopping, hasFailed) = state.withLock { $0 }
        if isStopping { return .stopping }
        if hasFailed, await !store.canWrite() { return .disk }
        return await store.canRead() ? .ready : .disk
    }
}

/// Tells a proxy that it stops, some seconds before it accepts nothing more.
struct Drain: ServiceLifecycle.Service {
    let readiness: Readiness
    let delay: Duration

    func run() async throws {
        try? await gracefulShutdown()
        readiness.stop()
        try? await Task.sleep(for: delay)
    }
}
