import Logging
import ServiceLifecycle
import Sodium
import Storage

/// Erases what could not be erased at once, takes over renewed certificates, and looks whether this service is still the
/// only one that signs its logs, though nobody asks.
struct Housekeeping: ServiceLifecycle.Service {
    let store: any Store
    let certificates: Certificates?
    let readiness: Readiness
    let logger: Logger

    /// - Throws: a fatal `StorageError`: the service stops.
    func run() async throws {
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try await checkStillOwn()
                await store.eraseLeftovers()
                certificates?.renew(logger)
                try? await Task.sleep(for: .seconds(2))
            }
        }
    }

    private func checkStillOwn() async throws {
        do { try await store.checkStillOwn() } catch let error as StorageError where error.isFatal {
            readiness.lose()
            logger.critical(
                "the service stops: it is not the only one that may be signing these logs",
                metadata: Self.metadata(of: error))
            throw error
        } catch {}
    }

    private static func metadata(of error: StorageError) -> Logger.Metadata {
        switch error {
        case .contradicted(let lost):
            [
                "why": "the record of signed checkpoints contradicts the database", "log": "\(lost.log.subject.hex)",
                "size": "\(lost.has)", "recorded": "\(lost.signed)",
            ]
        case .replaced(let path): ["why": "the file was moved, removed or replaced", "file": "\(path)"]
        default: [:]
        }
    }
}
