import Logging
import ServiceLifecycle

/// Shows what a stop kept back, and asks witnesses again. Apart from everything else, because they may take their time.
struct Republisher: ServiceLifecycle.Service {
    let sequencer: Sequencer
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            do { try await sequencer.publishLeftovers() } catch {
                logger.warning("checkpoints that wait to be shown could not be looked up")
            }
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(2))
                if !Task.isCancelled { await sequencer.publishAgain() }
            }
        }
    }
}

/// Keeps the named witnesses' signatures fresh.
struct Refresher: ServiceLifecycle.Service {
    let sequencer: Sequencer
    /// How old signatures may become.
    let age: Duration
    /// The same of a petition's log where a level's names wait for trustees.
    let releaseAge: Duration
    /// How often the service looks.
    let interval: Duration

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await sequencer.publishFresh(
                    olderThan: UInt64(clamping: age.components.seconds),
                    orToRelease: UInt64(clamping: releaseAge.components.seconds))
                try? await Task.sleep(for: interval)
            }
        }
    }
}
