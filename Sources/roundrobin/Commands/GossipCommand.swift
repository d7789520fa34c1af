import Presentation
import ArgumentParser
import Client
import Foundation
import Petitions

struct GossipCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gossip", abstract: words("help.gossip"), discussion: words("help.gossipMore"),
        subcommands: [Phrase.self, Export.self, Compare.self, Check.self])

    struct Phrase: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.gossipPhrase"))

        @Argument(help: help("phrase"))
        var phrase: [String] = []
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            guard !phrase.isEmpty else {
                let own = try await keystore.withMember { try await $0.cosigner.phrase() }
                Terminal.line(Terminal.bold(own.text))
                return Terminal.line(words("gossip.readOut"))
            }
            let theirs = try GossipPhrase(parsing: phrase.joined(separator: " "))
            switch try await keystore.withMember({ try await $0.cosigner.compare(theirs) }) {
            case .same(let absent):
                Terminal.line(Terminal.green(words("gossip.samePhrase")))
                for id in absent { Terminal.line(GossipText.line(.absent(id))) }
            case .withheld:
                Terminal.line(Terminal.red(words("gossip.withheldPhrase")))
                throw ExitCode(1)
            case .different(let ours):
                Terminal.line(Terminal.red(words("gossip.otherPhrase")))
                if let ours { Terminal.line(words("gossip.ourPhrase", ["phrase": ours.text])) }
                throw ExitCode(1)
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.gossipExport"))

        @Option(name: .shortAndLong, help: help("outputFile", "file"))
        var output = "gossip.json"
        @Flag(help: help("overwrite"))
        var overwrite = false
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try PageOptions.check(output, overwrite)
            let file = try await keystore.withMember { try await $0.cosigner.gossip() }
            try PageOptions.write(file.serialized, to: output)
            Terminal.line(words("gossip.exported", ["file": output], count: file.checkpoints.count))
        }
    }

    struct Compare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.gossipCompare"))

        @Argument(help: help("gossipFile"))
        var file: String
        @Option(help: help("evidence", "file"))
        var evidence = "fork.json"
        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard let data = FileManager.default.contents(atPath: file) else {
                throw ClientError.invalid(.noFile, ["file": file])
            }
            let theirs = try GossipFile(parsing: [UInt8](data))
            let comparison = try await keystore.withMember { try await $0.cosigner.compare(theirs) }
            if output.json {
                try Terminal.json(
                    comparison.findings.map { ["log": GossipText.id($0.log), "finding": $0.word] })
            } else {
                for finding in comparison.findings { Terminal.line(GossipText.line(finding)) }
                if comparison.holds { Terminal.line(Terminal.green(words("gossip.same"))) }
            }
            if let proof = comparison.evidence {
                // An older one is evidence, too.
                try PageOptions.check(evidence, false)
                try PageOptions.write(proof.serialized, to: evidence)
                Terminal.note(words("gossip.evidence", ["file": evidence]))
            }
            if !comparison.holds { throw ExitCode(1) }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.gossipCheck"))

        @Argument(help: help("evidenceFile"))
        var file: String

        func run() async throws {
            guard let data = FileManager.default.contents(atPath: file) else {
                throw ClientError.invalid(.noFile, ["file": file])
            }
            let evidence = try ForkEvidence(parsing: [UInt8](data))
            Terminal.line(words("gossip.evidenceOf", ["workplace": evidence.workplace.hex]))
            guard let proof = evidence.proof() else {
                Terminal.line(words("gossip.noProof"))
                throw ExitCode(1)
            }
            Terminal.line(
                Terminal.red(
                    words(
                        "gossip.proof",
                        [
                            "log": GossipText.name(evidence.log), "longer": "\(proof.longer)",
                            "shorter": "\(proof.shorter)",
                        ])))
        }
    }
}
