import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Petitions
import ServiceAPI
import Storage
import Templates
import TestSupport
import Testing
import Yams

@testable import Service

@Suite("docs/openapi.yaml says what is served", .takingTurns)
struct OpenAPITests {
    private struct Description: Decodable {
        struct Components: Decodable {
            struct Schemas: Decodable {
                struct Enumeration: Decodable { let `enum`: [String] }

                let ProblemType: Enumeration
            }

            let schemas: Schemas
        }

        let paths: [String: [String: Ignored]]
        let components: Components
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
            store: store, sequencer: sequencer,
            verifier: RequestVerifier(store: store, clocks: Clocks(wall: { 0 })), limits: .init(),
            pages: try Pages(directory: TemplateLibrary.standardDirectory()), witnesses: nil,
            doorkeeper: Doorkeeper(.init()), readiness: Readiness(), foundingToken: nil
        ).router()
        let served = Set(
            router.routes.map { route in
                // Hummingbird's {id} and ** are OpenAPI's {id} and {tile}.
                "\(route.method.rawValue) \(route.path.description.replacing("**", with: "{tile}"))"
            })
        #expect(served == described)
        // The list from which both sides take their paths and codes.
        let api = Set(description.paths.keys.filter { $0.hasPrefix("/v1/") })
        #expect(api == Set(Route.allCases.map(\.rawValue)))
        #expect(
            description.components.schemas.ProblemType.enum
                == ProblemCode.allCases.map { Answers.Problem.typePrefix + $0.rawValue })
    }

    @Test("Every refusal has a code of its own, a status of an error, and words; a rule of the protocol is named")
    func refusals() {
        let all: [Refusal] = [
            .rule(.proof), .noSuchLog, .notFound, .notAuthenticated("x"), .notAllowed, .malformed("x"),
            .tooLarge(limit: 7), .busy, .tooMany(seconds: 9), .full, .held, .otherService, .foundingsClosed,
            .deadlineNotReached, .witnessUnknown, .witnessesSilent, .rotationDue, .staleEpoch, .conflict,
            .storage(.diskFull), .wrongMethod([.get]), .foundingToken, .internal,
        ]
        #expect(all.map(\.code) == ProblemCode.allCases)
        for refusal in all {
            let words = refusal.words
            #expect((400..<600).contains(words.status.code) && !words.title.isEmpty && !words.detail.isEmpty)
        }
        #expect(Refusal.unknownMethod.words.status == .notImplemented)
        #expect(Refusal.expectation.words.status == .expectationFailed)
        #expect(Refusal.tooLarge(limit: 7).words.values == ["limit": "7"])
        #expect(Refusal.tooMany(seconds: 9).words.values == ["seconds": "9"])
        #expect(Refusal.rule(.proof).rule == "proof" && Refusal.held.rule == nil)
    }
}
