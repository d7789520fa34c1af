import Logging
import Petitions
import ServiceLifecycle
import Storage
import TransparencyLog

/// Shows what a stop kept back, and asks witnesses again. Apart from everything else, because they may take their time.
struct Republisher: ServiceLifecycle.Service {
    private let sequencer: Sequencer
    private let lookUps: OncePerState
    private let showing: OncePerState

    init(sequencer: Sequencer) {
        self.sequencer = sequencer
        lookUps = OncePerState(
            "checkpoints that wait to be shown could not be looked up",
            over: "checkpoints that wait to be shown can be looked up again", logger: sequencer.logger)
        showing = OncePerState(
            "a checkpoint could not be shown", over: "a checkpoint could be shown again", level: .error,
            logger: sequencer.logger)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await publishLeftovers()
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(2))
                if !Task.isCancelled { await publishAgain() }
            }
        }
    }

    /// Shows what a stop has left between a commit and its publication.
    private func publishLeftovers() async {
        let store = sequencer.store
        guard let unpublished = await lookUp({ try await store.unpublished() }) else { return }
        let unwitnessed = sequencer.publisher == nil ? [] : await lookUp { try await store.unwitnessed() } ?? []
        // One that cannot be loaded must not keep the others back.
        for log in unpublished + unwitnessed { await publish(log) }
    }

    /// Asks again for what witnesses have not signed when it was shown, or what waits for them.
    private func publishAgain() async {
        guard let publisher = sequencer.publisher else { return }
        let store = sequencer.store
        let unpublished = await lookUp { try await store.unpublished() } ?? []
        for log in Set(await publisher.due()).union(unpublished) { await publish(log) }
    }

    private func lookUp(_ body: () async throws -> [LogName]) async -> [LogName]? {
        do {
            let logs = try await body()
            lookUps.ends()
            return logs
        } catch {
            lookUps.begins(Sequencer.why(error))
            return nil
        }
    }

    private func publish(_ log: LogName) async {
        do {
            try await Receipts(sequencer: sequencer).publish(log, again: true)
            showing.ends(about: log.title)
        } catch { showing.begins(Sequencer.why(error), about: log.title, metadata: ["log": "\(log.title)"]) }
    }
}

/// Has the checkpoints of workplaces that name witnesses, and of their open petitions, signed again when too many of
/// those signatures are older than so many seconds. Members ask for signatures of the last day before they co-sign;
/// trustees ask for those of the last hour before they release a level's names.
struct Refresher: ServiceLifecycle.Service {
    private let sequencer: Sequencer
    /// How old signatures may become.
    private let age: UInt64
    /// The same of a petition's log where a level's names wait for trustees.
    private let releaseAge: UInt64
    /// How often the service looks.
    private let interval: Duration
    private let signing: OncePerState

    init(sequencer: Sequencer, age: Duration, releaseAge: Duration, interval: Duration) {
        (self.sequencer, self.interval) = (sequencer, interval)
        self.age = UInt64(clamping: age.components.seconds)
        self.releaseAge = UInt64(clamping: releaseAge.components.seconds)
        signing = OncePerState(
            "a checkpoint could not be signed again", over: "a checkpoint is signed again", logger: sequencer.logger)
    }

    func run() async throws {
        guard sequencer.publisher != nil else {
            // Until the group stops: a service that returned would stop it.
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                for log in (try? await sequencer.store.liveLogs()) ?? [] { await refresh(log) }
                try? await Task.sleep(for: interval)
            }
        }
    }

    private func refresh(_ log: LogName) async {
        do {
            // Another process may have written to it.
            try await sequencer.refresh([log])
            let tail = try await sequencer.tail(of: log)
            let age = tail.awaitsNames ? min(age, releaseAge) : age
            guard tail.witnesses != .empty, let note = try await sequencer.store.checkpoint(of: log),
                let time = try tail.witnesses.judge(tail.verifier.verify(note)).time
            else { return }
            let due = time.addingReportingOverflow(age)
            guard !due.overflow, due.partialValue <= sequencer.clock() else { return }
            try await Receipts(sequencer: sequencer).publish(log, again: true, fresh: true)
            signing.ends(about: log.title)
        } catch { signing.begins(Sequencer.why(error), about: log.title) }
    }
}
