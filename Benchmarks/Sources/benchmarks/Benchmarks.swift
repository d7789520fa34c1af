import ArgumentParser
import Foundation
import Petitions

@main
struct Benchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures what docs/performance.md says, and makes the files to measure with.",
        subcommands: [MakeBundle.self, Stages.self])
}

struct MakeBundle: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "make-bundle", abstract: "Write the bundle of an invented workplace whose every member co-signed.")

    @Option(help: "How many members.")
    var members = 1024
    @Option(name: .shortAndLong, help: "The file.")
    var output: String

    func run() throws {
        let petition = try InventedPetition(members: members, cosigning: members)
        try Data(petition.bundle.serialized).write(to: URL(filePath: output))
        print(petition.bundle.petitionID.hex)
    }
}
