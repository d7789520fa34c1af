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

    private let state = Mutex((isStopping: false, isLost: false, hasFailed: false))

    var isStopping: Bool { state.withLock { $0.isStopping } }

    func stop() { state.withLock { $0.isStopping = true } }

    /// Whether something was found after which nothing is served any more.
    var isLost: Bool { state.withLock { $0.isLost } }

    func lose() { state.withLock { $0.isLost = true } }

    /// - Parameter failed: whether the last batch could not be committed.
    func wrote(failed: Bool) { state.withLock { $0.hasFailed = failed } }

    /// After a write that was refused it is ready again when one has been committed: a batch, or a row that is written
    /// to see.
    func state(of store: any Store) async -> State {
        let (isStopping, isLost, hasFailed) = state.withLock { $0 }
        if isStopping { return .stopping }
        guard !isLost else { return .disk }
        if hasFailed || store.hasRefused {
            guard await store.canWrite() else { return .disk }
            wrote(failed: false)
        }
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
        guard !readiness.isLost else { return }
        try? await Task.sleep(for: delay)
    }
}
