import ArgumentParser
import Foundation
import Petitions
import Sodium

@main
struct Benchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures what docs/performance.md says, and makes the files to measure with.",
        subcommands: [
            Basics.self, Proofs.self, Timing.self, ServiceLoad.self, MakeBundle.self, Stages.self,
        ])
}

struct MakeBundle: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "make-bundle", abstract: "Write the bundle of an invented workplace whose every member co-signed.")

    @Option(help: "How many members.")
    var members = 1024
    @Option(name: .shortAndLong, help: "The file.")
    var output: String

    func run() throws {
        let key = SigningKey(seed: .random(32))
        let petition = try InventedPetition(members: members, service: "bench.example", logKey: key.publicKey)
        try Data(petition.bundle(signedBy: key).serialized).write(to: URL(filePath: output))
        print(petition.id.hex)
    }
}
