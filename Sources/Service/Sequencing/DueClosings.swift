import Logging
import Petitions
import ServiceLifecycle
import Storage
import TransparencyLog

/// Closes petitions whose deadline has come, though nobody asks.
struct DueClosings: ServiceLifecycle.Service {
    private let sequencer: Sequencer
    private let lookUps: OncePerState
    private let closing: OncePerState

    init(sequencer: Sequencer) {
        self.sequencer = sequencer
        lookUps = OncePerState(
            "due petitions could not be looked up", over: "due petitions can be looked up again",
            logger: sequencer.logger)
        closing = OncePerState(
            "a due petition could not be closed yet", over: "a due petition is closed", logger: sequencer.logger)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await closeDue()
                try? await Task.sleep(for: .seconds(2))
            }
        }
    }

    func closeDue() async {
        let due: [ID<Petition>]
        do { due = try await sequencer.store.petitionsDue(at: sequencer.clock()) } catch {
            return lookUps.begins(Sequencer.why(error))
        }
        lookUps.ends()
        for petition in due {
            // One that cannot be loaded must not keep the others open.
            guard let log = try? await sequencer.petition(petition), log.closure == nil else { continue }
            do {
                let statement = try PetitionStatement.closeByDeadline(
                    petition, size: UInt64(log.size), root: log.tree.root)
                _ = try await sequencer.submit(.petition(statement))
                closing.ends(about: petition.hex)
            } catch { closing.begins(Sequencer.why(error), about: petition.hex) }
        }
    }
}
