import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium
import TransparencyLog

/// What co-signing and withdrawing share.
struct SigningOptions: ParsableArguments {
    @Flag(help: "Insist although the ring is so small that it hides little.")
    var acceptSmallRing = false

    @Option(
        help: ArgumentHelp(
            "Wait a random time up to this many minutes first, so that the time says less.", valueName: "minutes"))
    var delay: UInt32?

    var parsed: CoSigningOptions {
        var options = CoSigningOptions()
        options.acceptSmallRing = acceptSmallRing
        return options
    }

    func wait() async throws {
        guard let delay, delay > 0 else { return }
        let seconds = Random.number(below: min(delay, 10_080) * 60)
        Terminal.note("Waiting up to \(delay) minutes. Keep this running.")
        try await Task.sleep(for: .seconds(Int(seconds)))
    }

    static func warn(_ warnings: [CoSigningWarning], proxy: String?) {
        for warning in warnings {
            switch warning {
            case .smallRing(let count):
                Terminal.warning("Only \(count) people could have made this co-signature. That hides you among few.")
            case .ringLargerThanEligible(let ring, let eligible):
                Terminal.warning(
                    "The ring has \(ring) keys, but the workplace is said to have \(eligible) people: some may be invented."
                )
            }
        }
        if proxy == nil {
            Terminal.warning(
                "Without --proxy the network, and who runs the service, can see that this device sends something now.")
        }
    }
}

struct Cosign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Co-sign a petition anonymously, or change what you said.",
        discussion: """
            Nobody learns which member you are: not the service, not the organisers. A later co-signature replaces the \
            earlier one. Without --answers or --all each demand is asked about.
            """)

    @Argument(help: "The first characters of the petition's id.")
    var petition: String

    @Option(
        help: ArgumentHelp(
            "An answer for each demand in order: support, oppose or abstain, with commas.", valueName: "answers"))
    var answers: String?

    @Option(help: ArgumentHelp("The same answer to every demand.", valueName: "answer"))
    var all: String?

    @Option(help: "A remark that is opened with the ballots. Write nothing that shows who you are.")
    var remark = ""

    @OptionGroup var signing: SigningOptions
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    private static let words = ["abstain", "support", "oppose"]

    mutating func validate() throws {
        guard answers == nil || all == nil else { throw ValidationError("Give --answers or --all, not both.") }
        let given = all.map { [$0] } ?? answers?.components(separatedBy: ",") ?? []
        for word in given where !Self.words.contains(word) {
            throw ValidationError("An answer is support, oppose or abstain, not \(word.isEmpty ? "nothing" : word).")
        }
    }

    func run() async throws {
        try await keystore.withMember { member in
            try await signing.wait()
            let id = try await petitionID(member)
            let view = try await member.view(id)
            SigningOptions.warn(try member.warnings(for: view, signing.parsed), proxy: keystore.proxy)
            let receipt = try await member.cosign(
                id, choices: try choices(view), remark: remark, signing.parsed)
            if output.json {
                struct Facts: Encodable {
                    let petition: String
                    let leaf: UInt64
                }
                return try Terminal.json(Facts(petition: id.hex, leaf: receipt.index))
            }
            Terminal.line("Co-signed. The receipt verifies and is in your keystore: leaf \(receipt.index).")
            Terminal.line("You can change your mind while it is open: cosign again, or withdraw.")
        }
    }

    /// The whole id is taken as it is; a short one is looked up in the workplace's log, unsigned.
    private func petitionID(_ member: Member) async throws -> ID<Petition> {
        if let id = ID<Petition>(hex: petition) { return id }
        return try Naming.petition(petition, in: try await member.anonymousRoster())
    }

    private func choices(_ view: PetitionView) throws -> [UInt8] {
        let count = view.petition.manifest.options.count
        if let all, let choice = Self.words.firstIndex(of: all) { return Array(repeating: UInt8(choice), count: count) }
        if let answers {
            let list = answers.components(separatedBy: ",").compactMap {
                Self.words.firstIndex(of: $0).map { UInt8($0) }
            }
            guard list.count == count else {
                throw ClientError.invalid("answersCount", ["demands": "\(count)", "answers": "\(list.count)"])
            }
            return list
        }
        guard let document = view.document else {
            throw ClientError.invalid("wordingUnreadable", ["why": view.documentFault ?? ""])
        }
        return try document.demands.enumerated().map { i, demand in
            Terminal.line(
                "\n" + Terminal.bold("Demand \(i + 1) of \(document.demands.count): " + Terminal.harmless(demand.title))
            )
            Terminal.line(Terminal.block(demand.text) + "\n")
            while true {
                guard let text = Terminal.ask("[s]upport, [o]ppose or [a]bstain? ") else {
                    throw ClientError.invalid("noTerminalToAsk")
                }
                let fitting = Self.words.indices.filter { !text.isEmpty && Self.words[$0].hasPrefix(text.lowercased()) }
                if fitting.count == 1 { return UInt8(fitting[0]) }
            }
        }
    }
}

struct Withdraw: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take your co-signature back while the petition is open.")

    @Argument(help: "The first characters of the petition's id.")
    var petition: String
    @OptionGroup var signing: SigningOptions
    @OptionGroup var keystore: KeystoreOptions

    func run() async throws {
        try await keystore.withMember { member in
            try await signing.wait()
            SigningOptions.warn([], proxy: keystore.proxy)
            let id: ID<Petition>
            if let whole = ID<Petition>(hex: petition) {
                id = whole
            } else {
                id = try Naming.petition(petition, in: try await member.anonymousRoster())
            }
            try await member.withdraw(id, signing.parsed)
        }
        Terminal.line("Withdrawn. The receipt is in your keystore.")
    }
}

struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "As a trustee: release your seal key of a closed petition, so that the ballots can be counted.")

    @Argument(help: "The first characters of the petition's id.")
    var petition: String
    @Option(help: "The key set: 0 for the ballots, 1... for names on a condition.")
    var set = 0
    @OptionGroup var keystore: KeystoreOptions

    func run() async throws {
        try await keystore.withMember { member in
            try await member.release(try Naming.petition(petition, in: try await member.roster()), set: set)
        }
        Terminal.line("Released.")
    }
}
