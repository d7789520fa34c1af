import Logging
import ServiceLifecycle

/// Tries again when its address is in use, as it is while another service hands over: figures are no reason not to serve.
struct Patient<Served: ServiceLifecycle.Service>: ServiceLifecycle.Service {
    let logger: Logger
    let make: @Sendable () -> Served

    func run() async throws {
        var hasWarned = false
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            do { return try await make().run() } catch {
                if !hasWarned { logger.warning("the address for figures is in use; it is tried again") }
                hasWarned = true
                try? await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(1)) }
            }
        }
    }
}
