import Logging
import ServiceLifecycle
import UnixSignals

/// Runs services until the task is cancelled or a signal comes; either way what has begun is answered first. A connection that is
/// being accepted while everything is torn down at once would trap in NIO.
func serve(
    _ services: [ServiceGroupConfiguration.ServiceConfiguration], logger: Logger, stoppingOnSignals handlesSignals: Bool
) async throws {
    var configuration = ServiceGroupConfiguration(
        services: services, gracefulShutdownSignals: handlesSignals ? [.sigterm, .sigint] : [], logger: logger)
    // Who takes an answer too slowly does not keep a service from stopping.
    configuration.maximumGracefulShutdownDuration = .seconds(15)
    let group = ServiceGroup(configuration: configuration)
    let running = Task { try await group.run() }
    do {
        try await withTaskCancellationHandler {
            try await running.value
        } onCancel: {
            Task { await group.triggerGracefulShutdown() }
        }
    } catch is CancellationError {}
}
