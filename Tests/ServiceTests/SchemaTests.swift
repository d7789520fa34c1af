import Foundation
import Service
import Storage
import TestSupport
import Testing

@Suite("docs/openapi.yaml and the service, by a tool that others wrote", .serialized, .takingTurns)
struct SchemaTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Two checks are left out: that whatever fits the schema is accepted (statements must be valid, requests signed),
    /// and that an unknown method gets 405 (it gets 404, like any unknown address).
    @Test(
        "A thousand requests made from the schema, fitting and not: no error of the service, no answer but the described"
    )
    func requests() async throws {
        var limits = ServiceConfiguration.Limits()
        limits.requests = .init(burst: 1_000_000, perSecond: 1_000_000)
        limits.penance = .milliseconds(1)
        let service = try await RunningService.start(database: directory("a.sqlite"), limits: limits)
        let schema = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/openapi.yaml").path
        let result = try await ForeignTools.run(
            [
                "-m", "schemathesis.cli", "run", schema, "--url", service.url, "--generation-deterministic",
                "--max-examples", "15", "--exclude-checks", "positive_data_acceptance,unsupported_method",
                "--continue-on-failure", "--warnings", "off", "--request-timeout", "60",
            ], in: directory.path)
        #expect(result.status == 0, "\(result.output.suffix(4000))")
        let tested = result.output.firstMatch(of: /Tested: ([0-9]+)/).flatMap { Int($0.1) }
        #expect(tested ?? 0 >= 27)
        #expect(try await service.send("GET", "/readyz").status == 200)
        await service.stop()
        let store = try SQLiteStore(inspecting: directory("a.sqlite"))
        #expect(try store.check().findings == [])
        try await store.close()
    }
}
