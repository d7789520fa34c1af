import Foundation
import Testing

/// Runs tests on their own threads. The tests of this target wait for programs and terminals. A thread that waits is
/// one of the few on which every service of the same process runs: with two such tests at once, nothing else would make
/// progress.
struct OwnThreads: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        await Places.shared.take()
        let result: Result<Void, any Error>
        do {
            try await withTaskExecutorPreference(ThreadForEach.shared) { try await function() }
            result = .success(())
        } catch { result = .failure(error) }
        await Places.shared.giveBack()
        try result.get()
    }

    /// A new thread for each job, so that none waits behind one that blocks.
    private final class ThreadForEach: TaskExecutor {
        static let shared = ThreadForEach()

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            let thread = Thread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// Limits how many of these tests run at once: each has its own programs, and the machine may have only one core.
    private actor Places {
        static let shared = Places()
        private var free = 3
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func take() async {
            if free > 0 {
                free -= 1
                return
            }
            await withCheckedContinuation { waiting.append($0) }
        }

        func giveBack() {
            if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
        }
    }
}

extension Trait where Self == OwnThreads {
    /// For tests that block their thread.
    static var ownThreads: Self { Self() }
}
