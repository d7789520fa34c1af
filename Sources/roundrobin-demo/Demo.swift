import Presentation
import ArgumentParser
import Client
import Foundation
import Sodium

@main
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roundrobin-demo",
        abstract: "Play the whole story with 41 invented coworkers over real HTTP.",
        discussion:
            "A service on a temporary database, a keystore for each member, every step as a workplace takes it.",
        version: CommandLineProgram.version)

    @Option(
        help: ArgumentHelp(
            "Leave the database, the keystores, petition.rrbundle, negotiation.rrhistory and report.html in this directory.",
            valueName: "dir"))
    var keep: String?

    static func main() async { await CommandLineProgram.run(self) }

    func run() async throws {
        let directory =
            keep
            ?? FileManager.default.temporaryDirectory
            .appending(path: "roundrobin-demo-" + Hex.encode(Random.bytes(6))).path
        guard (try? FileManager.default.contentsOfDirectory(atPath: directory))?.isEmpty ?? true else {
            throw ClientError.invalid(.directoryNotEmpty, ["path": directory])
        }
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let story = Story(directory: directory)
        do { try await story.play() } catch {
            if keep == nil { try? FileManager.default.removeItem(atPath: directory) }
            throw error
        }
        if keep == nil {
            try story.leaveOnlyWhatAnybodyMayHave()
        } else {
            Terminal.line()
            Terminal.line(
                "Left in \(directory): service.sqlite, the keystores member-01 to member-41, passphrase, petition.rrbundle, negotiation.rrhistory, report.html."
            )
            Terminal.line(
                "To go on with them: roundrobin-service serve --database \(directory)/service.sqlite --name \(Story.serviceName) --listen 127.0.0.1:\(story.port)"
            )
            Terminal.line(
                "and, beside it: roundrobin petition list --home \(directory)/member-01 --passphrase-file \(directory)/passphrase"
            )
        }
        try story.showPage()
    }
}
