import Foundation
import Hummingbird
import Logging
import Storage
import Templates
import TestSupport
import Testing
import Yams

@testable import Service

@Suite("docs/openapi.yaml says what is served")
struct OpenAPITests {
    private struct Description: Decodable {
        let paths: [String: [String: Ignored]]
    }

    private struct Ignored: Decodable { init(from decoder: any Decoder) {} }

    @Test("Every route is described, and every described route is served")
    func routes() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
            .appending(path: "docs/openapi.yaml")
        let description = try YAMLDecoder().decode(Description.self, from: Data(contentsOf: file))
        let methods: Set<String> = ["get", "put", "post", "delete"]
        let described = Set(
            description.paths.flatMap { path, items in
                items.keys.filter(methods.contains).map { "\($0.uppercased()) \(path)" }
            })
        let directory = try TemporaryDirectory()
        let store = try SQLiteStore(path: directory("a.sqlite"), serviceName: "a")
        let sequencer = Sequencer(store: store, logger: .init(label: "test"), capacity: 1, clock: { 0 })
        let router = Routes(
            store: store, sequencer: sequencer, verifier: RequestVerifier(store: store, clock: { 0 }), limits: .init(),
            pages: try Pages(directory: TemplateLibrary.standardDirectory()), witnesses: nil,
            addresses: AddressBuckets(rate: 1, burst: 1), budgets: Budgets(.init()), penance: Penance(.zero, most: 0),
            memory: AnswerMemory(most: 1 << 20),
            metrics: Metrics(), readiness: Readiness()
        ).router()
        let served = Set(
            router.routes.map { route in
                // Hummingbird's {id} and ** are OpenAPI's {id} and {tile}.
                "\(route.method.rawValue) \(route.path.description.replacing("**", with: "{tile}"))"
            })
        #expect(served == described)
    }
}
