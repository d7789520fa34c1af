import Foundation
import TestSupport
import Testing

/// Runs tests on their own threads. The tests of this target wait for programs and terminals. A thread that waits is
/// one of the few on which every service of the same process runs: with two such tests at once, nothing else would make
/// progress.
struct OwnThreads: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await Self.places.having {
            try await withTaskExecutorPreference(ThreadForEach.shared) { try await function() }
        }
    }

    /// Each has its own programs, and the machine may have only one core.
    private static let places = Places(3)

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
}

extension Trait where Self == OwnThreads {
    /// For tests that block their thread.
    static var ownThreads: Self { Self() }
}
