import ArgumentParser
import Presentation

@main
struct RoundRobin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roundrobin",
        abstract: words("help.program"),
        discussion: words("help.programMore"),
        version: CommandLineProgram.version,
        subcommands: [Sitting.self],
        groupedSubcommands: [
            CommandGroup(
                name: words("help.groupTakePart"),
                subcommands: [
                    Join.self, Status.self, Watch.self, PetitionCommand.self, Cosign.self, Withdraw.self, Names.self,
                    Forget.self, KeysCommand.self, AlarmsCommand.self,
                ]),
            CommandGroup(
                name: words("help.groupWrite"), subcommands: [DraftCommand.self, TemplateCommand.self]),
            CommandGroup(
                name: words("help.groupOrganise"),
                subcommands: [
                    WorkplaceCommand.self, InviteCommand.self, MembersCommand.self, OrganisersCommand.self,
                    NegotiationCommand.self,
                ]),
            CommandGroup(name: words("help.groupTrustees"), subcommands: [Release.self]),
            CommandGroup(
                name: words("help.groupCheck"),
                subcommands: [
                    TallyCommand.self, Verify.self, VerifyPage.self, Export.self, ReportCommand.self,
                    LetterCommand.self,
                    PolicyCommand.self, GossipCommand.self, MonitorCommand.self,
                ]),
        ],
        defaultSubcommand: Sitting.self)

    static func main() async { await CommandLineProgram.run(self) }
}
