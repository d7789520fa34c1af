import ChildProcesses
import Foundation
import Petitions
import Presentation
import TestSupport
import Testing

@testable import Client

@Suite("Whoever signs a merged draft has been shown whose lines they sign along", .ownThreads, .serialized)
struct DraftMergeTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let lines = (1...9).map { "\($0). A clause." }
    private static let question = "Write this revision, with their changes, under your name?"

    private func whole(_ changes: [Int: String] = [:]) -> String {
        "Title\n\n" + Self.lines.indices.map { changes[$0 + 1] ?? Self.lines[$0] }.joined(separator: "\n") + "\n"
    }

    private func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: directory(name)))
        return directory(name)
    }

    /// An editor in which member 2 changes line 5, while members 3 and 4 change lines 1 and 9 from elsewhere.
    private func editor(meanwhile: Bool) throws -> String {
        func edit(_ member: Int, _ file: String) -> String {
            ShellQuoting.command([
                Program.path, "draft", "edit", "1", "--base", "1", "--file", file, "--home", directory("m\(member)"),
                "--passphrase-file", directory("pass"),
            ])
        }
        let others = [
            edit(3, try write("three.md", whole([1: "1. A clause by Chen."]))),
            edit(4, try write("four.md", whole([9: "9. A clause by Dana."]))),
        ]
        let own = ShellQuoting.command(["cp", try write("two.md", whole([5: "5. A clause of my own."]))]) + " \"$1\""
        let script = (meanwhile ? others.map { "\($0) < /dev/null > /dev/null 2>&1 || exit 9" } : []) + [own]
        return ShellQuoting.command(["sh", try write("editor.sh", script.joined(separator: "\n") + "\n")])
    }

    private func coworkers(_ service: ServiceProcess) async throws -> (Coworkers, ID<Object>) {
        let coworkers = try await Coworkers(4, at: service.url, in: directory)
        let parts = Draft.parts(whole())
        let draft = try await coworkers.act(2) {
            try await $0.newDraft(language: "en", title: parts.title, text: parts.text)
        }
        return (coworkers, draft.id)
    }

    private func history(_ draft: ID<Object>, _ coworkers: Coworkers) async throws -> [Draft] {
        try await coworkers.act(1) { try await $0.history(of: draft) }
    }

    @Test("The others are named and their changes shown before anything is written; a yes writes all three's lines")
    func agreed() async throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let (coworkers, draft) = try await coworkers(service)
        let terminal = try coworkers.terminal(
            2, "draft", "edit", "1", environment: ["EDITOR": try editor(meanwhile: true)])
        try terminal.see(Self.question)
        for told in ["member 3", "member 4", "{+ by Chen+}", "{+ by Dana+}"] {
            #expect(terminal.text.contains(told), "\(told): \(terminal.text)")
        }
        #expect(!terminal.text.contains("{+ of my own+}"), "one's own change is no news")
        #expect(try await history(draft, coworkers).count == 3, "nothing is written yet")
        terminal.type("y\r")
        #expect(try terminal.end() == .exited(0), "\(terminal.text)")
        let written = try await history(draft, coworkers)
        let author = try await coworkers.with(2) { $0.signKey }
        #expect(written.count == 4 && written.last?.author == author)
        #expect(
            written.last.map { $0.whole + "\n" }
                == whole([1: "1. A clause by Chen.", 5: "5. A clause of my own.", 9: "9. A clause by Dana."]))
    }

    @Test("A no writes nothing and keeps what was written in the editor")
    func declined() async throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let (coworkers, draft) = try await coworkers(service)
        let terminal = try coworkers.terminal(
            2, "draft", "edit", "1", environment: ["EDITOR": try editor(meanwhile: true)])
        try terminal.see(Self.question)
        terminal.type("n\r")
        #expect(try terminal.end() == .exited(2), "\(terminal.text)")
        #expect(try await history(draft, coworkers).count == 3)
        let kept = try FileManager.default.contentsOfDirectory(atPath: directory(""))
            .filter { $0.hasPrefix("roundrobin-unsaved-") }
        #expect(kept.count == 1 && terminal.text.contains(kept.first ?? "-"), "\(terminal.text)")
        let text = FileManager.default.contents(atPath: directory(kept.first ?? "-")).map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(text?.contains("of my own") == true)
    }

    @Test("Where nobody can be asked it is said before it is written; where nobody else has written nothing is said")
    func unasked() async throws {
        let service = try ServiceProcess(database: directory("service.sqlite"))
        defer { service.kill() }
        let (coworkers, draft) = try await coworkers(service)
        let alone = try coworkers.terminal(
            2, "draft", "edit", "1", environment: ["EDITOR": try editor(meanwhile: false)])
        #expect(try alone.end() == .exited(0) && !alone.text.contains(Self.question), "\(alone.text)")
        #expect(!alone.text.contains("others changed"))
        // One's own revision from another device is merged without a question.
        let again = try coworkers.run(
            2, "draft", "edit", "1", "--base", "1", "--file", try write("again.md", whole([1: "1. Again."])))
        #expect(again.status == 0 && !again.error.contains("others changed"), "\(again)")
        let merged = try coworkers.run(
            3, "draft", "edit", "1", "--base", "1", "--file", try write("three.md", whole([9: "9. By Chen."])), "--json"
        )
        #expect(merged.status == 0 && merged.error.contains("others changed this draft too: member 2"), "\(merged)")
        #expect(merged.error.contains("{+") && merged.error.contains("of my own"), "\(merged)")
        #expect(try merged.json()["revision"] as? Int == 4)
        let written = try await history(draft, coworkers)
        #expect(
            written.last.map { $0.whole + "\n" }
                == whole([1: "1. Again.", 5: "5. A clause of my own.", 9: "9. By Chen."]))
    }
}
