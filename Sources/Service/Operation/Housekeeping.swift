import Logging
import ServiceLifecycle
import Storage

/// Erases what could not be erased at once, and takes over renewed certificates, though nobody asks.
struct Housekeeping: ServiceLifecycle.Service {
    let store: any Store
    let certificates: Certificates?
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await store.eraseLeftovers()
                certificates?.renew(logger)
                try? await Task.sleep(for: .seconds(2))
            }
        }
    }
}
