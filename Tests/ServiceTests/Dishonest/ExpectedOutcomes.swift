import Foundation
import Testing
import Yams

/// What a fresh device's operations come to in each serving, and which devices may come to something else. It is written
/// down in a table, so that a refusal is a decision that somebody has seen, and none hides another.
struct ExpectedOutcomes: Decodable {
    /// A device that tells the person something else, after the same requests.
    struct Exception: Decodable {
        let because: String
        let states: [String]
        let operations: [String]
        let servings: [String]
        let outcome: String
    }

    /// By serving: outcomes, with the operations that come to them.
    let outcomes: [String: [String: [String]]]
    let exceptions: [Exception]

    /// Nil if the table has no such operation or serving.
    func outcome(of operation: String, _ serving: String) -> String? {
        outcomes[serving]?.first { $0.value.contains(operation) }?.key
    }

    func exception(_ state: String, _ operation: String, _ serving: String) -> String? {
        exceptions.first {
            $0.states.contains(state) && $0.operations.contains(operation) && $0.servings.contains(serving)
        }?.outcome
    }
}

extension ExpectedOutcomes {
    /// - Parameter name: of a file in Tests/Outcomes.
    init(_ name: String) throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let url = tests.appending(path: "Outcomes/\(name).yaml")
        self = try YAMLDecoder().decode(ExpectedOutcomes.self, from: Data(contentsOf: url))
    }
}
