import Logging
import ServiceLifecycle
import Storage

/// Closes petitions whose deadline has come, erases what could not be erased at once, and takes over renewed certificates,
/// though nobody asks.
struct Housekeeping: ServiceLifecycle.Service {
    let store: any Store
    let sequencer: Sequencer
    let certificates: Certificates?
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { try await sequencer.closeDuePetitions() } catch {
                    logger.warning("due petitions could not be looked up")
                }
                await store.eraseLeftovers()
                certificates?.renew(logger)
                try? await Task.sleep(for: .seconds(2))
            }
        }
    }
}
