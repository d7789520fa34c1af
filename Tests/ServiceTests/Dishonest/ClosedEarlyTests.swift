import ChildProcesses
import CoSigning
import Foundation
import Petitions
import TestSupport
import Testing

@testable import Client

@Suite("A deadline's close before the deadline, as the built program tells it", .serialized, .takingTurns)
struct ClosedEarlyTests {
    private static let told = "was closed as if its deadline"
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        try Data("passphrase\n".utf8).write(to: URL(filePath: directory("pass")))
    }

    private func run(_ arguments: [String]) async throws -> ChildProcess.Said {
        let environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
        return try await Blocking.run {
            Result { try ChildProcess.run([BuiltProgram.roundrobin] + arguments, environment: environment) }
        }.get()
    }

    /// Everything that shows a petition or counts it, as a member and as a stranger.
    private func tellings(_ id: ID<Petition>, _ home: String, _ url: String) async throws -> [String: ChildProcess.Said]
    {
        let keystore = ["--home", home, "--passphrase-file", directory("pass")]
        let file = directory("out.rrbundle")
        try? FileManager.default.removeItem(atPath: file)
        let exported = try await run(["export", id.hex, "--output", file] + keystore)
        #expect(exported.status == 0, "\(exported.error)")
        var said: [String: ChildProcess.Said] = [:]
        for (name, command) in [
            "show": ["petition", "show", id.hex] + keystore, "tally": ["tally", id.hex] + keystore,
            "verify": ["verify", id.hex] + keystore,
            // Without a keystore: no device remembers anything, and no alarm is told.
            "verify service": ["verify", id.hex, "--service", url, "--home", directory("none")],
            "verify file": ["verify", file, "--home", directory("none")],
            "verify json": ["verify", file, "--json", "--home", directory("none")],
        ] { said[name] = try await run(command) }
        return said
    }

    @Test("petition show, tally and verify all say so, beside a verdict that holds; JSON is not disturbed")
    func told() async throws {
        let scene = try await Scene()
        // Commands open the keystore themselves.
        let home = try scene.stage.copy(scene.fresh)
        scene.inspector.answer([try scene.closedEarly().script])
        for (name, said) in try await tellings(scene.id, home, scene.inspector.url) {
            #expect(said.status == 0, "\(name): \(said.error)")
            let place = name.hasSuffix("json") || name == "show" ? said.error : said.output
            #expect(place.contains(Self.told), "\(name): \(said.output)\(said.error)")
            if name.hasPrefix("verify") || name == "tally", !name.hasSuffix("json") {
                // Directly behind the verdict, both times.
                let lines = said.output.split(separator: "\n")
                let verdicts = lines.indices.filter { lines[$0].hasPrefix("Verified:") }
                #expect(verdicts.count == 2, "\(name): \(said.output)")
                for verdict in verdicts {
                    #expect(lines.dropFirst(verdict + 1).first?.contains(Self.told) == true, "\(name)")
                }
            }
            if name.hasSuffix("json") {
                #expect((try? JSONSerialization.jsonObject(with: Data(said.output.utf8))) != nil)
            }
        }
        await scene.stage.close()
    }

    @Test("An organiser may close it before its deadline, and nobody says otherwise")
    func byAnOrganiser() async throws {
        let scene = try await Scene()
        let home = try scene.stage.copy(scene.fresh)
        try await scene.stage.members[0].closePetition(scene.id)
        for (name, said) in try await tellings(scene.id, home, scene.inspector.url) {
            #expect(said.status == 0, "\(name): \(said.error)")
            #expect(!(said.output + said.error).contains("deadline ("), "\(name): \(said.output)\(said.error)")
        }
        await scene.stage.close()
    }
}
