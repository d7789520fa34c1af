import Presentation
import ArgumentParser
import Client
import Petitions

struct Names: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: words("help.names"))

    @OptionGroup var petition: PetitionArgument
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    private struct Facts: Encodable {
        struct Level: Encodable {
            let count: UInt32
            let names: Int
            let released: Int
            let open: Bool
        }
        struct Claim: Encodable {
            let member: Int?
            let name: String
            let listed_as: String?
        }
        let levels: [Level]
        let names: [Claim]
    }

    func run() async throws {
        let names = try await keystore.withMember { member in
            let view = try await member.cosigner.view(
                in: petition.scope(),
                choosing: petition.choosing(member.cosigner, none: .noneWithNames) {
                    !($0.log?.manifest.levels.isEmpty ?? true)
                })
            return try await member.names(view)
        }
        if output.json {
            return try Terminal.json(
                Facts(
                    levels: names.levels.map {
                        .init(count: $0.count, names: $0.names, released: $0.released, open: $0.isOpen)
                    },
                    names: names.claims.map {
                        .init(member: $0.person.number, name: $0.name, listed_as: $0.listedAs)
                    }))
        }
        if names.levels.isEmpty { return Terminal.note(words("names.none")) }
        for level in names.levels {
            let shut = words(
                "names.shut", ["released": "\(level.released)", "threshold": "\(names.threshold)"], count: level.names)
            Terminal.line(
                words(
                    "names.level",
                    ["state": level.isOpen ? words("names.open") : shut], count: Int(level.count)))
        }
        for claim in names.claims { Terminal.line("  " + TallyText.line(claim)) }
        if !names.claims.isEmpty { Terminal.note(words("names.claims")) }
    }
}
