import Foundation
import NIOCore
import NIOPosix
import Service
import TestSupport
import Testing

@testable import roundrobin_service

/// Follows docs/operations.md as a new operator would.
@Suite("The operator's page")
struct RecipeTests {
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

    /// Three consecutive ports on which nobody listens.
    private static func freePorts() async throws -> Int {
        let group = MultiThreadedEventLoopGroup.singleton
        for _ in 0..<100 {
            let first = Int.random(in: 20_000..<30_000)
            var channels: [any Channel] = []
            for port in first..<first + 3 {
                if let channel = try? await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: port).get() {
                    channels.append(channel)
                }
            }
            for channel in channels { try await channel.close() }
            if channels.count == 3 { return first }
        }
        throw Absent()
    }

    @Test("Every command on it runs in an empty directory, from the first start over upgrade and backup to a restore")
    func commands() async throws {
        let directory = try TemporaryDirectory()
        let blocks = try Self.blocks().filter { $0.language == "sh" }
        #expect(blocks.count >= 8)
        let port = try await Self.freePorts()
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
        let directory = try TemporaryDirectory()
        try Data(yaml.text.utf8).write(to: URL(filePath: directory("config.yaml")))
        let settings = try ServeSettings(flags: [:], environment: [:], file: directory("config.yaml"))
        for setting in Setting.all { #expect(settings[setting] != nil, "\(setting.key)") }
        for limit in Setting.limits {
            #expect(settings[limit] == limit.usual?.replacing("_", with: ""), "\(limit.key)")
        }
        let (shown, usual) = (settings.limits, ServiceConfiguration.Limits())
        #expect("\(shown)" == "\(usual)", "the table's defaults are the service's")
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
