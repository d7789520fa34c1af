import Presentation
import ArgumentParser
import Client
import CoSigning
import Foundation
import TransparencyLog

struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: words("help.policy"), discussion: words("help.policyMore"),
        subcommands: [Use.self, Show.self, Drop.self])

    struct Use: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.policyUse"))

        @Argument(help: help("policyFile"))
        var file: String
        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            let (_, bytes) = try PolicyFile.read(file)
            try await keystore.withMember { member in
                try member.device.watch(by: bytes)
                if let verdict = try await PolicyCommand.verdict(member) { PolicyFile.show(verdict) }
            }
            Terminal.line(words("policy.used"))
        }
    }

    /// What the workplace's checkpoint has of the policy's signatures, now; nil without a policy. Read anonymously.
    static func verdict(_ member: Member) async throws -> WitnessPolicy.Verdict? {
        guard let policy = try member.device.witnessPolicy() else { return nil }
        let reading = try await member.cosigner.look(.roster)
        return (try? reading.judgedRoster()).map { policy.judge($0.checkpoint) }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.policyShow"))

        @OptionGroup var keystore: KeystoreOptions
        @OptionGroup var output: OutputOptions

        private struct Facts: Encodable {
            let policy: String?
            let satisfied: Bool?
            let signed: [String: UInt64]
            let missing: [String]
        }

        func run() async throws {
            let (text, verdict) = try await keystore.withMember { member in
                (member.device.witnessPolicyText, try await PolicyCommand.verdict(member))
            }
            if output.json {
                return try Terminal.json(
                    Facts(
                        policy: text, satisfied: verdict?.isSatisfied,
                        signed: Dictionary(verdict?.times ?? [], uniquingKeysWith: max), missing: verdict?.missing ?? []
                    ))
            }
            guard let text, let verdict else { return Terminal.line(words("policy.none")) }
            Terminal.line(Terminal.block(text.trimmingCharacters(in: .newlines)))
            PolicyFile.show(verdict)
            Terminal.line(
                verdict.isSatisfied ? Terminal.green(words("policy.met")) : Terminal.red(words("policy.unmet")))
        }
    }

    struct Drop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: words("help.policyDrop"))

        @OptionGroup var keystore: KeystoreOptions

        func run() async throws {
            try await keystore.withMember { try $0.device.watchByNoPolicy() }
            Terminal.line(words("policy.dropped"))
        }
    }
}
