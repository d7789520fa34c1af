import Foundation
import NIOCore
import NIOPosix
import Service
import TestSupport
import Testing

@testable import roundrobin_service

/// Follows docs/operations.md as a new operator would.
@Suite("The operator's page", .takingTurns)
struct RecipeTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/operations.md")

    private struct Block {
        let language: Substring
        let text: String
        /// The paragraph before the block.
        let before: String
    }

    private static func blocks() throws -> [Block] {
        let page = try String(contentsOf: page, encoding: .utf8)
        return page.matches(of: /(?s)([^\n]*(?:\n[^\n]+)*)\n\n```([a-z]*)\n(.*?)\n```/).map {
            Block(language: $0.2, text: String($0.3), before: String($0.1))
        }
    }

    @Test("Every command on it runs in an empty directory, from the first start over upgrade and backup to a restore")
    func commands() async throws {
        let blocks = try Self.blocks().filter { $0.language == "sh" }
        #expect(blocks.count >= 8)
        let port = FreePorts.take(3)
        let script =
            """
            set -eu -o pipefail
            # Whatever is still running ends with the script.
            trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
            export HOME=$PWD PATH=\(BuiltProgram.directory):$PATH
            set -x

            """ + blocks.map { $0.text.replacing("port=8080", with: "port=\(port)") }.joined(separator: "\n")
        let empty = directory("empty")
        try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
        try Data(script.utf8).write(to: URL(filePath: directory("script")))
        let (status, said) = try await Finished.run(
            "/bin/bash", ["-c", "cd '\(empty)' && exec bash '\(directory("script"))'"], output: directory("said"))
        #expect(status == 0, "\(said)")
    }

    @Test("The page's configuration file has every setting, and every limit's default")
    func settings() throws {
        let yaml = try #require(Self.blocks().first { $0.language == "yaml" })
        try Data(yaml.text.utf8).write(to: URL(filePath: directory("config.yaml")))
        let settings = try ServeSettings(file: directory("config.yaml"))
        for setting in Setting.all { #expect(settings[setting] != nil, "\(setting.key)") }
        for limit in Setting.limits {
            #expect(settings[limit] == limit.usual?.replacing("_", with: ""), "\(limit.key)")
        }
        let (shown, usual) = (settings.limits, ServiceConfiguration.Limits())
        #expect("\(shown)" == "\(usual)", "the table's defaults are the service's")
    }

    /// No engine for containers runs here, so this is what can be held against it: both stages are there, each file that
    /// is copied exists or is made by the first, and the program takes the arguments that it is started with.
    @Test("The container's file is whole, and starts the program that it builds")
    func container() async throws {
        let root = Self.page.deletingLastPathComponent().deletingLastPathComponent()
        let file = try String(contentsOf: root.appending(path: "docs/Containerfile"), encoding: .utf8)
        let lines = file.replacing("\\\n", with: " ").split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(
            lines.allSatisfy {
                $0.contains(#/^(FROM|RUN|WORKDIR|COPY|USER|VOLUME|EXPOSE|ENV|HEALTHCHECK|ENTRYPOINT) /#)
            })
        #expect(lines.count { $0.hasPrefix("FROM ") } == 2 && lines.first?.hasPrefix("FROM ") == true)
        #expect(lines.contains("COPY --from=build /out/ /usr/local/"))
        let entry = try #require(lines.last)
        let list = try #require(entry.wholeMatch(of: #/ENTRYPOINT (\[.*\])/#)?.1)
        let command = try JSONDecoder().decode([String].self, from: Data(list.utf8))
        #expect(lines.contains { $0.contains("--product \(command[0])") && $0.contains("/out/bin/\(command[0])") })
        #expect(command.prefix(2) == ["roundrobin-service", "serve"])
        let package = try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
        #expect(package.contains(".executable(name: \"\(command[0])\""))
        let (status, said) = try await Finished.run(
            ServiceProgram.path, Array(command.dropFirst()) + ["--help"], output: directory("said"))
        #expect(status == 0, "\(said)")
    }

    @Test("What the tests do not run says so, and why")
    func others() throws {
        for block in try Self.blocks() where block.language != "sh" {
            #expect(["text", "yaml"].contains(String(block.language)), "\(block.text)")
            guard block.language == "text" else { continue }
            #expect(
                block.before.contains(/[Nn]ot run|tests do not|was not|not by the tests/),
                "\(block.before)\n\(block.text)")
        }
    }
}
