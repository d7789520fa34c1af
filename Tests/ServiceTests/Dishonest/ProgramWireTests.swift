import ChildProcesses
import Foundation
import Petitions
import TestSupport
import Testing

@testable import Client

/// The commands as people run them, each in a process of its own.
@Suite(
    "The built program makes the same requests on devices that have seen different things", .serialized, .takingTurns)
struct ProgramWireTests {
    private struct Command {
        let name: String
        let arguments: [String]
        /// Questions on a terminal, with the answers; nil where there is no terminal.
        var dialogue: [(question: String, answer: String)]?
        var sendings = 0
        var isFollowedBySession = false
    }

    private static let states = [
        "anonymous pins further ahead", "both faces", "a policy of its own that is not met",
        "a wrap that was missing for a while",
    ]

    private static func commands(_ scene: Scene) -> [Command] {
        let bundle = scene.stage.directory("exported.rrbundle")
        return [
            Command(name: "cosign", arguments: ["cosign", scene.id.hex, "--all", "support", "--now"], sendings: 1),
            Command(name: "withdraw", arguments: ["withdraw", "--now", "--yes"], sendings: 1),
            Command(name: "petition show", arguments: ["petition", "show", "guardrails"]),
            Command(name: "tally", arguments: ["tally", String(scene.id.hex.prefix(8))]),
            Command(name: "export", arguments: ["export", scene.id.hex, "-o", bundle, "--overwrite"]),
            Command(name: "status", arguments: ["status"], isFollowedBySession: true),
            Command(name: "petition list", arguments: ["petition", "list"], isFollowedBySession: true),
        ]
    }

    /// A device whose person has answered what a new member is asked.
    private func settled(_ path: String, _ scene: Scene) throws -> String {
        let member = try scene.stage.open(path)
        try member.device.settleIn()
        member.close()
        return path
    }

    private func trial(_ command: Command, _ path: String, _ scene: Scene, _ serving: Serving) async throws -> Trial {
        let home = try scene.stage.copy(path)
        defer { try? FileManager.default.removeItem(atPath: home) }
        scene.inspector.answer(serving.scripts() + [scene.promising()])
        var outcome = ""
        let exchanges = try await scene.inspector.watch {
            outcome = try await run(command, ["--home", home, "--lang", "en"], scene)
        }
        WireRules.check(exchanges, command.name)
        return Trial(wire: Wire(exchanges, runs: command.isFollowedBySession ? 1 : nil), outcome: outcome)
    }

    private func run(_ command: Command, _ options: [String], _ scene: Scene) async throws -> String {
        let line = [BuiltProgram.roundrobin] + command.arguments + options
        if let dialogue = command.dialogue {
            let terminal = try PseudoTerminal(line, environment: ["NO_COLOR": "1"], columns: 160)
            var place = 0
            for (question, answer) in dialogue {
                place = try await see(question, after: place, terminal)
                terminal.type(answer + "\r")
            }
            guard try await eventually({ terminal.program.end != nil }) else { throw Unanswered(shown: terminal.text) }
            return terminal.program.end == .exited(0) ? "done" : terminal.text
        }
        let pass = scene.stage.directory("pass")
        try Data("passphrase\n".utf8).write(to: URL(filePath: pass))
        let process = try ChildProcess(
            logging: line + ["--passphrase-file", pass], to: scene.stage.directory("output"))
        guard try await eventually({ process.end != nil }) else { throw Unanswered(shown: command.name) }
        return process.end == .exited(0) ? "done" : "\(process.end ?? .exited(-1))"
    }

    private struct Unanswered: Error { let shown: String }

    /// Waits without blocking a thread, since the service runs in this process too.
    private func see(_ text: String, after place: Int, _ terminal: PseudoTerminal) async throws -> Int {
        var end: Int?
        let isSeen = try await eventually {
            let shown = terminal.text
            let rest = shown.dropFirst(place)
            end = rest.range(of: text).map { shown.distance(from: shown.startIndex, to: $0.upperBound) }
            return end != nil
        }
        guard isSeen, let end else { throw Unanswered(shown: "no \(text) in \(terminal.text)") }
        return end
    }

    private func compare(
        _ commands: [Command], _ scene: Scene, _ states: [Scene.DeviceState], _ serving: Serving, sends: Bool = true
    ) async throws {
        let fresh = try settled(try scene.stage.copy(scene.fresh), scene)
        for command in commands {
            let expected = try await trial(command, fresh, scene, serving)
            #expect(!expected.wire.connections.isEmpty)
            if sends { #expect(expected.outcome == "done", "\(command.name), \(serving.name)") }
            #expect(expected.wire.sendings == (sends ? command.sendings : 0), "\(command.name), \(serving.name)")
            for state in states {
                let found = try await trial(command, state.path, scene, serving)
                let differences = found.differences(from: expected).subtracting([.outcome])
                let comment = "\(state.name), \(command.name), \(serving.name): \(differences)"
                if !differences.isEmpty { Issue.record("\(comment)\n\(expected.wire)\n\(found.wire)") }
            }
        }
    }

    @Test("Without a terminal: a co-signature, a withdrawal, and what only shows")
    func commands() async throws {
        let scene = try await Scene(grown: 7)
        let states = try await scene.deviceStates(Self.states)
        scene.inspector.keepResponses()
        let commands = Self.commands(scene)
        try await compare(commands, scene, states, Serving(Scene.truth))
        let withoutWrap = Serving("no wrap of one's own", Scene.withoutWraps(of: scene.member.signKey))
        try await compare(Array(commands.prefix(1)), scene, states, withoutWrap, sends: false)
        await scene.stage.close()
    }

    @Test("On a terminal: the questions, a second reading with another warning, and one sitting")
    func terminal() async throws {
        let scene = try await Scene(grown: 7)
        let states = try await scene.deviceStates(Self.states).map {
            (name: $0.name, path: try settled($0.path, scene))
        }
        scene.inspector.keepResponses()
        let questions: [(question: String, answer: String)] = [("abstain: ", "1"), ("Send this? [y/N]", "y")]
        let cosign = Command(
            name: "cosign on a terminal", arguments: ["cosign", "guardrails", "--now"],
            dialogue: [("Passphrase: ", "passphrase")] + questions + [("Go on? [y/N]", "y")], sendings: 2)
        try await compare([cosign], scene, states, scene.growingWithWarnings())
        let sitting = Command(
            name: "a sitting", arguments: ["--now"],
            dialogue: [("Passphrase: ", "passphrase"), ("q to leave: ", "2"), ("q to leave: ", "2")] + questions,
            sendings: 1)
        try await compare([sitting], scene, states, Serving(Scene.truth))
        await scene.stage.close()
    }
}
