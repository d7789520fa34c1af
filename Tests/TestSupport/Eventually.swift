/// Waits for something that happens elsewhere, and checks every few milliseconds. The result does not depend on how
/// long it takes; the limit only ends a test that would wait for ever.
/// - Returns: whether it happened within ten minutes.
public func eventually(
    isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(600)
    while try await !condition() {
        guard ContinuousClock.now < end else { return false }
        try await Task.sleep(for: .milliseconds(20))
    }
    return true
}
