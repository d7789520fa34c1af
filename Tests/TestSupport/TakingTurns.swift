import Testing

/// Lets only a few tests run at once. Each of them has services, databases or clients of its own; if hundreds shared a slow
/// core, the limits in time that these have would decide what a test sees.
public struct TakingTurns: SuiteTrait, TestTrait, TestScoping {
    public let isRecursive = true

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws { try await Self.places.having { try await function() } }

    private static let places = Places(8)
}

extension Trait where Self == TakingTurns {
    /// For tests that start services, or talk to them.
    public static var takingTurns: Self { Self() }
}

/// So many may be somewhere at once; the others wait in line.
public actor Places {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    public init(_ count: Int) { free = count }

    /// Runs what needs a place.
    public nonisolated func having(_ body: @Sendable () async throws -> Void) async throws {
        await take()
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        await giveBack()
        try result.get()
    }

    private func take() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func giveBack() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
