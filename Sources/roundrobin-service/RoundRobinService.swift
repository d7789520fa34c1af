import ArgumentParser
import Presentation

@main
struct RoundRobinService: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roundrobin-service",
        abstract: words("help.service"),
        discussion: words("help.serviceMore"),
        version: CommandLineProgram.version,
        groupedSubcommands: [
            CommandGroup(name: words("help.groupServe"), subcommands: [Serve.self, Witness.self, Bench.self]),
            CommandGroup(
                name: words("help.groupDatabase"),
                subcommands: [Fsck.self, Backup.self, Restore.self, Migrate.self]),
        ])

    static func main() async {
        await CommandLineProgram.run(self) { Failure(ofService: $0) }
    }
}
