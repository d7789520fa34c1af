import ArgumentParser
import Client
import Foundation
import Petitions
import Sodium
import TransparencyLog

/// What co-signing and withdrawing share.
struct SigningOptions: ParsableArguments {
    @Flag(help: help("acceptSmallRing"))
    var acceptSmallRing = false

    @Option(help: help("delay", "minutes"))
    var delay: UInt32?

    var parsed: CoSigningOptions {
        var options = CoSigningOptions()
        options.acceptSmallRing = acceptSmallRing
        return options
    }

    func wait() async throws {
        guard let delay, delay > 0 else { return }
        let seconds = Random.number(below: min(delay, 10_080) * 60)
        Terminal.note(words("cosign.waiting", count: Int(delay)))
        try await Task.sleep(for: .seconds(Int(seconds)))
    }

    static func warn(_ warnings: [CoSigningWarning], _ manifest: Manifest? = nil, proxy: String?) {
        for warning in warnings {
            switch warning {
            case .smallRing(let count): Terminal.warning(words("warning.smallRing", ["count": "\(count)"]))
            case .ringLargerThanEligible(let ring, let eligible):
                Terminal.warning(words("warning.largeRing", ["ring": "\(ring)", "eligible": "\(eligible)"]))
            case .nameOpens(let count):
                Terminal.warning(
                    words(
                        "warning.nameOpens",
                        [
                            "count": "\(count)", "threshold": "\(manifest?.threshold ?? 0)",
                            "trustees": "\(manifest?.trustees.count ?? 0)",
                        ]))
            case .nameAtOnce: Terminal.warning(words("warning.nameAtOnce"))
            case .nameDropped: Terminal.warning(words("warning.nameDropped"))
            case .nameIsOut: Terminal.warning(words("warning.nameIsOut"))
            }
        }
        if proxy == nil { Terminal.warning(words("warning.noProxy")) }
    }

    /// The whole id is taken as it is; a short one is looked up in the workplace's log, unsigned.
    static func petition(_ name: String, _ member: Member) async throws -> ID<Petition> {
        if let id = ID<Petition>(hex: name) { return id }
        return try Naming.petition(name, in: try await member.anonymousRoster())
    }
}

struct Cosign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.cosign"), discussion: words("help.cosignMore"))

    @Argument(help: help("petitionID"))
    var petition: String

    @Option(help: help("answers", "answers"))
    var answers: String?

    @Option(help: help("all", "answer"))
    var all: String?

    @Option(help: help("remark"))
    var remark = ""

    @Option(help: help("nameToShow"))
    var name: String?

    @Option(help: help("when", "count"))
    var when: UInt32?

    @OptionGroup var signing: SigningOptions
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    mutating func validate() throws {
        guard answers == nil || all == nil else { throw ValidationError(words("usage.answersOrAll")) }
        for word in all.map({ [$0] }) ?? answers?.components(separatedBy: ",") ?? [] {
            guard Choices.choice(word, of: .petition) ?? Choices.choice(word, of: .ratification) != nil else {
                throw ValidationError(words("usage.answer", ["word": word]))
            }
        }
        guard name == nil || when != nil else { throw ValidationError(words("usage.nameNeedsWhen")) }
    }

    func run() async throws {
        // The keystore is free while a person thinks and a delay runs: what else uses it does not show that somebody co-signs.
        let passphrase = try keystore.openingPassphrase()
        var options = signing.parsed
        options.name = try conditionalName()
        let (id, view) = try await keystore.withMember(passphrase) { member in
            let id = try await SigningOptions.petition(petition, member)
            let view = try await member.view(id)
            SigningOptions.warn(
                try member.warnings(for: view, options), view.petition.manifest, proxy: keystore.proxy)
            return (id, view)
        }
        if options.name != nil, !Terminal.confirms(words("cosign.goOn")) { return }
        let choices = try await choices(view, passphrase)
        try await signing.wait()
        let receipt = try await keystore.withMember(passphrase) { member in
            try await member.cosign(id, choices: choices, remark: remark, options)
        }
        if output.json {
            struct Facts: Encodable {
                let petition: String
                /// Absent while the service holds it.
                let leaf: UInt64?
                let held: Bool
            }
            return try Terminal.json(Facts(petition: id.hex, leaf: receipt?.index, held: receipt == nil))
        }
        Terminal.line(receipt.map { words("cosign.done", ["leaf": "\($0.index)"]) } ?? words("cosign.held"))
        Terminal.line(words("cosign.next"))
    }

    private func conditionalName() throws -> CoSigningOptions.ConditionalName? {
        guard let when else { return nil }
        if name != nil, isatty(STDIN_FILENO) == 1 { Terminal.warning(words("warning.nameHistory")) }
        guard let text = name ?? Terminal.ask(words("cosign.askName")) else { throw ClientError.invalid("nameMissing") }
        return .init(text.trimmingCharacters(in: .whitespaces), when: when)
    }

    private func choices(_ view: PetitionView, _ passphrase: borrowing SecretBytes) async throws -> [UInt8] {
        let manifest = view.petition.manifest
        let count = manifest.options.count
        if let given = all.map({ Array(repeating: $0, count: count) }) ?? answers?.components(separatedBy: ",") {
            guard given.count == count else {
                throw ClientError.invalid("answersCount", ["demands": "\(count)", "answers": "\(given.count)"])
            }
            return try given.map { word in
                guard let choice = Choices.choice(word, of: manifest.kind) else {
                    throw ClientError.invalid(
                        "answerOfKind",
                        ["word": word, "words": Choices.facts(of: manifest.kind).joined(separator: ", ")])
                }
                return choice
            }
        }
        guard let document = view.document else {
            throw ClientError.invalid("wordingUnreadable", ["why": words("reason." + (view.documentFault ?? ""))])
        }
        let preamble = RatificationTerms.prose(document.preamble)
        if !preamble.isEmpty { Terminal.line("\n" + Terminal.block(preamble)) }
        let terms = RatificationTerms(document, of: manifest)
        if let terms {
            Terminal.line("\n  " + words("vote.needs", ["majority": NegotiationWords.say(terms.majority, Words.texts)]))
        }
        // What they answer is read beside what was asked. Unsigned, like everything here.
        var asked: PetitionDocument?
        if let about = manifest.about {
            asked = try? await keystore.withMember(passphrase) { try await $0.view(about.petition).document }
        }
        return try document.demands.enumerated().map { i, demand in
            let title = Terminal.harmless(demand.title)
            let head = words("cosign.demand", ["number": "\(i + 1)", "count": "\(count)", "title": title])
            Terminal.line("\n" + Terminal.bold(head))
            if let number = terms?.demands[i], let asked, asked.demands.indices.contains(number - 1) {
                Terminal.line("  " + words("vote.asked"))
                Terminal.line(Terminal.faint(Terminal.block(asked.demands[number - 1].text)))
                Terminal.line("  " + words("vote.offered"))
            }
            Terminal.line(Terminal.block(demand.text) + "\n")
            return try ask(manifest.kind)
        }
    }

    private func ask(_ kind: Manifest.Kind) throws -> UInt8 {
        let known = Choices.all(of: kind)
        while true {
            guard
                let text = Terminal.ask(
                    words("choice.ask", ["abstain": known[0], "first": known[1], "second": known[2]]))
            else { throw ClientError.invalid("noTerminalToAsk") }
            if let choice = Choices.choice(text, of: kind) { return choice }
        }
    }
}

struct Withdraw: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: words("help.withdraw"))

    @Argument(help: help("petitionID"))
    var petition: String
    @OptionGroup var signing: SigningOptions
    @OptionGroup var keystore: KeystoreOptions

    func run() async throws {
        let passphrase = try keystore.openingPassphrase()
        let isOut = try await keystore.withMember(passphrase) { member in
            member.nameIsOut(try await member.view(try await SigningOptions.petition(petition, member)))
        }
        SigningOptions.warn(isOut ? [.nameIsOut] : [], proxy: keystore.proxy)
        try await signing.wait()
        let receipt = try await keystore.withMember(passphrase) { member in
            try await member.withdraw(try await SigningOptions.petition(petition, member), signing.parsed)
        }
        Terminal.line(receipt == nil ? words("cosign.withdrawalHeld") : words("cosign.withdrawn"))
    }
}

struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.release"), discussion: words("help.releaseMore"))

    @Argument(help: help("petitionID"))
    var petition: String
    @Option(help: help("releaseLevel", "count"))
    var level: UInt32?
    @OptionGroup var keystore: KeystoreOptions

    func run() async throws {
        try await keystore.withMember { member in
            let id = try Naming.petition(petition, in: try await member.roster())
            guard let level else { return try await member.release(id) }
            try await member.release(id, level: level)
        }
        guard let level else { return Terminal.line(words("release.ballots")) }
        Terminal.line(words("release.level", ["count": "\(level)"]))
    }
}

struct Names: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: words("help.names"))

    @Argument(help: help("petitionID"))
    var petition: String
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
            try await member.names(try Naming.petition(petition, in: try await member.roster()))
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
                    ["count": "\(level.count)", "state": level.isOpen ? words("names.open") : shut]))
        }
        for claim in names.claims { Terminal.line("  " + Self.line(claim)) }
        if !names.claims.isEmpty { Terminal.note(words("names.claims")) }
    }

    static func line(_ claim: ConditionalNames.Claim) -> String {
        let text = words(
            "names.claim", ["person": Words.name(claim.person), "name": Terminal.harmless(claim.name)])
        guard let listed = claim.listedAs else { return text }
        return text + "  " + Terminal.red("! " + words("names.listedAs", ["listed": Terminal.harmless(listed)]))
    }
}
