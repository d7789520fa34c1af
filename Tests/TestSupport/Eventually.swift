/// Waits for something that happens elsewhere, looking every few milliseconds. How long it takes decides nothing: the
/// cap only ends a test that would wait for ever.
/// - Returns: whether it happened, within ten minutes.
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
