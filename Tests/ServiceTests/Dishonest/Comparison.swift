import CoSigning
import Foundation
import Petitions
import Synchronization
import Testing

@testable import Client

/// Something that a person does anonymously.
struct Operation: Sendable {
    let name: String
    /// How many co-signatures go out when nothing is wrong.
    let sendings: Int
    /// Whether requests under the member's name follow. They come afterwards, over their own connections, and are not
    /// compared.
    let isFollowedBySession: Bool
    /// Returns what it came to. A refusal is thrown.
    let run: @Sendable (Member, Scene) async throws -> String

    init(
        _ name: String, sendings: Int = 0, isFollowedBySession: Bool = false,
        run: @escaping @Sendable (Member, Scene) async throws -> String
    ) {
        (self.name, self.sendings) = (name, sendings)
        (self.isFollowedBySession, self.run) = (isFollowedBySession, run)
    }
}

/// What an operator shows and answers while an operation runs.
struct Serving {
    let name: String
    /// The devices' clock.
    let clock: @Sendable () -> UInt64
    /// Made anew for every run, since some of them count.
    let scripts: () -> [Operator.Script]

    init(
        _ name: String, clock: @escaping @Sendable () -> UInt64 = Device.systemClock,
        making scripts: @escaping () -> [Operator.Script]
    ) { (self.name, self.clock, self.scripts) = (name, clock, scripts) }

    init(_ name: String, _ scripts: Operator.Script...) { self.init(name, making: { scripts }) }
}

/// One operation on one device: what the operator saw of it, and what the person was told.
struct Trial {
    let wire: Wire
    /// What it came to, or the code of the refusal.
    let outcome: String

    /// A way in which two devices differ.
    enum Difference: Hashable, Sendable {
        /// They were not served the same, so there is nothing to compare.
        case served
        /// They made other requests, or in another order.
        case requests
        /// One of them sent something that the other did not send.
        case sendings
        /// Only the person could tell.
        case outcome
    }

    func differences(from other: Trial) -> Set<Difference> {
        var differences: Set<Difference> = []
        if wire.answers != other.wire.answers { differences.insert(.served) }
        if wire.connections != other.wire.connections { differences.insert(.requests) }
        if wire.sendings != other.wire.sendings { differences.insert(.sendings) }
        if outcome != other.outcome { differences.insert(.outcome) }
        return differences
    }
}

extension Scene {
    /// Runs an operation on a device that is thrown away.
    /// - Parameter wholeSession: whether requests under the member's name are answered.
    func trial(
        _ operation: Operation, _ path: String, _ serving: Serving, wholeSession: Bool = false
    ) async throws -> Trial {
        try await stage.withDevice(like: path, clock: serving.clock) { member in
            let first = operation.isFollowedBySession && !wholeSession ? [Self.onlyFirstConnection()] : []
            inspector.answer(first + serving.scripts() + [promising()])
            var outcome = ""
            let exchanges = await inspector.watch { outcome = await Self.outcome(operation, member, self) }
            WireRules.check(exchanges, "\(operation.name), \(serving.name)")
            let wire = Wire(exchanges, runs: operation.isFollowedBySession ? 1 : nil)
            return Trial(wire: wire, outcome: outcome)
        }
    }

    private static func outcome(_ operation: Operation, _ member: Member, _ scene: Scene) async -> String {
        do { return try await operation.run(member, scene) } catch let error as ClientError {
            if case .coSigning(.wording(let fault)) = error { return "\(error.code) \(fault)" }
            return error.code.rawValue
        } catch { return String(describing: type(of: error)) }
    }

    /// Breaks every connection but the first.
    static func onlyFirstConnection() -> Operator.Script {
        let first = Once()
        return { $0.connection == first.value(otherwise: $0.connection) ? nil : .drop }
    }

    private final class Once: Sendable {
        private let kept = Mutex<Int?>(nil)

        func value(otherwise value: Int) -> Int {
            kept.withLock { kept in
                kept = kept ?? value
                return kept ?? value
            }
        }
    }
}

/// Compares every device with a fresh one.
///
/// What only reads is compared in every state, with everything that is served. Sending takes longer, and a petition has six
/// operations that send. There each of them tries a third of the pairs of a state and a serving, in turn, so that two of
/// the six try each pair. ROUNDROBIN_COMPARE_ALL in the environment has them try all.
struct Comparison {
    private static let all = ProcessInfo.processInfo.environment["ROUNDROBIN_COMPARE_ALL"] != nil
    private static let turns = 3
    /// Whether all six are there, and can share the work.
    let shares: Bool
    let scene: Scene
    let states: [Scene.DeviceState]
    let expected: ExpectedOutcomes
    private(set) var pairs = 0
    private(set) var repetitions = 0

    init(_ scene: Scene, _ states: [Scene.DeviceState], _ expected: ExpectedOutcomes, shares: Bool) {
        (self.scene, self.states, self.expected) = (scene, states, expected)
        self.shares = shares && !Self.all
    }

    mutating func compare(_ operations: [Operation], _ servings: [Serving]) async throws {
        for operation in operations {
            let turn = Operation.all.firstIndex { $0.name == operation.name } ?? 0
            var met: [Wire] = []
            for (j, serving) in servings.enumerated() {
                // Requests under the member's name differ as they may; they are made once.
                let isWhole = serving.name == Scene.truth
                let fresh = try await scene.trial(operation, scene.fresh, serving, wholeSession: isWhole)
                let known = expected.outcome(of: operation.name, serving.name)
                #expect(fresh.outcome == known, "\(operation.name), \(serving.name)")
                if isWhole { #expect(fresh.wire.sendings == operation.sendings, "\(operation.name)") }
                // Another serving may differ only in what this operation never asks for. The very same requests with
                // the very same responses need no second comparison.
                if fresh.wire.sendings == 0 {
                    guard !met.contains(fresh.wire) else {
                        repetitions += 1
                        continue
                    }
                    met.append(fresh.wire)
                }
                for (k, state) in states.enumerated() where !scene.mayResend(state, serving) {
                    guard isWhole || !shares || operation.sendings == 0 || (turn + j + k) % Self.turns == 0 else {
                        continue
                    }
                    let found = try await scene.trial(operation, state.path, serving, wholeSession: isWhole)
                    report(found, fresh, state, operation, serving)
                    pairs += 1
                }
            }
        }
    }

    private func report(
        _ found: Trial, _ fresh: Trial, _ state: Scene.DeviceState, _ operation: Operation, _ serving: Serving
    ) {
        let differences = found.differences(from: fresh)
        let comment = "\(state.name), \(operation.name), \(serving.name)"
        if differences.contains(.served) { Issue.record("not served the same: \(comment)") }
        if differences.contains(.requests) { Issue.record("\(comment):\n\(fresh.wire)\n\(found.wire)") }
        let outcome = expected.exception(state.name, operation.name, serving.name) ?? fresh.outcome
        if found.outcome != outcome { Issue.record("\(comment): \(found.outcome), not \(outcome)") }
    }
}
