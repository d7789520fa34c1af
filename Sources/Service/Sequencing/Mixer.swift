// docs/protocol.md, section 7

import Logging
import Petitions
import ServiceLifecycle
import Storage

/// Has what waits to be mixed appended, again and again.
struct Mixer: ServiceLifecycle.Service {
    private let sequencer: Sequencer
    private let lookUps: OncePerState
    private let appending: OncePerState

    init(sequencer: Sequencer) {
        self.sequencer = sequencer
        lookUps = OncePerState(
            "what waits to be mixed could not be looked up", over: "what waits to be mixed can be looked up again",
            logger: sequencer.logger)
        appending = OncePerState(
            "held co-signatures could not be appended yet", over: "held co-signatures are appended again",
            logger: sequencer.logger)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // What an earlier configuration has held is let go at once, and what became due while nothing ran.
            await mixDue()
            while !Task.isCancelled {
                try? await Task.sleep(for: sequencer.mix?.every ?? .seconds(3600))
                if !Task.isCancelled { await mixDue() }
            }
        }
    }

    /// Appends what waits in every petition where enough do, or where the time comes that one of them was promised;
    /// where nothing is mixed any more, all of it.
    func mixDue() async {
        let waiting: [ID<Petition>: HeldCount]
        do { waiting = try await sequencer.store.heldCounts() } catch {
            return lookUps.begins(Sequencer.why(error))
        }
        lookUps.ends()
        let now = sequencer.clock()
        for (petition, held) in waiting {
            if let mix = sequencer.mix {
                let isLate = held.until <= now.addingReportingOverflow(mix.margin).partialValue
                guard held.count >= mix.atLeast || isLate else { continue }
            }
            do {
                _ = try await sequencer.submit(.mix(petition))
                appending.ends(about: petition.hex)
            } catch { appending.begins(Sequencer.why(error), about: petition.hex) }
        }
    }
}
