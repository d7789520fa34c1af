import Presentation
import Client
import Foundation
import Petitions
import Sodium

/// Preparing a petition: each answer is checked when it is given, as the command checks it, and asked for again by itself.
extension Sitting {
    /// Asks for what a petition needs, with an answer that can be taken by pressing Enter for most of it, shows it, and prepares it with a
    /// yes.
    func prepare(eligible: UInt32) async throws {
        let (adopted, willing, members): (Drafts, [NamedMember], Int)
        do {
            adopted = try await drafts().filter { $0.adopted != nil }
            (willing, members) = try await keystore.withSession { session in
                let people = try await session.people()
                let willing = try await session.willingTrustees().map { people.person($0) }
                return (willing, session.roster.members(at: session.roster.size).count)
            }
        } catch { return try tell(error) }
        guard !adopted.isEmpty else { return Terminal.line(words("sitting.nothingAdopted")) }
        let titles = adopted.map { Terminal.harmless($0.draft.title) }
        for (i, title) in titles.enumerated() { Terminal.line("  \(i + 1)  \(title)") }
        let demands = try await askDemands(among: adopted.count)
        let trustees = try await askTrustees(willing)
        let majority = "\(trustees.count / 2 + 1)"
        let threshold = try await askNumber(
            words("sitting.askThreshold", ["usual": majority]), in: 1...trustees.count, otherwise: majority)
        let half = "\(eligible / 2 + 1)"
        let quorum = try await askNumber(
            words("sitting.askQuorum", ["usual": half]), in: 1...max(1, Int(eligible)), otherwise: half)
        let (deadline, closes) = try await askDeadline()
        let title = try await asking(words("sitting.askPetitionTitle")) { title in
            guard !title.isEmpty, ReadableText.firstHidden(inLine: title) == nil else {
                throw ClientError.invalid(.petitionTitle)
            }
            return title
        }
        let preamble = try await asking(words("sitting.askPreamble")) { text in
            if let hidden = ReadableText.firstHidden(in: text) {
                throw ClientError.invalid(
                    .hiddenPreamble, ["line": "\(hidden.line)", "code": ReadableText.code(hidden.scalar)])
            }
            return text
        }

        Terminal.line("\n" + Terminal.bold(Terminal.harmless(title)))
        if !preamble.isEmpty { Terminal.line(Terminal.block(preamble)) }
        for (i, place) in demands.enumerated() {
            Terminal.line("  " + words("petition.demand", ["number": "\(i + 1)", "title": titles[place]]))
        }
        let close =
            closes == 0 ? words("petition.closedByHand") : words("petition.closesAt", ["time": Moment.describe(closes)])
        Terminal.line(
            "  "
                + words(
                    "sitting.trustees",
                    [
                        "trustees": Words.list(trustees.map(Words.name)),
                        "threshold": "\(threshold)", "quorum": "\(quorum)", "close": close,
                    ]))
        if let weak = PetitionText.weakThreshold(threshold, of: trustees.count) { Terminal.line("  " + weak) }
        if let far = PetitionText.farQuorum(Int(quorum), members: members) { Terminal.line("  " + far) }
        guard try agrees(words("sitting.prepareAsk")) else { return }
        var arguments = ["petition", "prepare"] + Self.option("--title", title)
        arguments += ["--threshold", "\(threshold)", "--quorum", "\(quorum)"]
        for place in demands { arguments += ["--draft", short(adopted[place].draft.id)] }
        for trustee in trustees { arguments += ["--trustee", trustee.number.map(String.init) ?? trustee.key.hex] }
        if !deadline.isEmpty { arguments += ["--deadline", deadline] }
        if !preamble.isEmpty { arguments += Self.option("--preamble", preamble) }
        try await perform(arguments)
    }

    /// A text that begins like an option is one word with it.
    private static func option(_ name: String, _ value: String) -> [String] {
        value.hasPrefix("-") ? ["\(name)=\(value)"] : [name, value]
    }

    /// Places in the list; all of them for nothing.
    private func askDemands(among count: Int) async throws -> [Int] {
        try await asking(words("sitting.askDemands")) { answer in
            guard !answer.isEmpty else { return Array(0..<count) }
            if let numbers = Answers.numbers(answer, in: 1...count) { return numbers.map { $0 - 1 } }
            Terminal.note(words("sitting.numbersWithin", ["most": "\(count)"]))
            return nil
        }
    }

    /// By number or by name. Who has no offer ready is asked about: the petition waits for them.
    private func askTrustees(_ willing: [NamedMember]) async throws -> [NamedMember] {
        if willing.isEmpty { Terminal.line(words("sitting.nobodyWilling")) }
        for person in willing { Terminal.line("  \(person.number ?? 0)  \(Words.name(person))") }
        let usual = willing.compactMap { $0.number.map(String.init) }.joined(separator: " ")
        return try await asking(words("sitting.askTrustees"), otherwise: usual) { answer in
            let trustees = try await keystore.withSession { session in
                let keys = try await Naming.memberKeys(Self.names(answer), session)
                guard (1...32).contains(keys.count), Set(keys).count == keys.count,
                    keys.allSatisfy({ session.roster.isMember($0) })
                else { throw ClientError.invalid(.trustees) }
                let people = try await session.people()
                return keys.map { people.person($0) }
            }
            let missing = trustees.filter { one in !willing.contains { $0.key == one.key } }
            guard !missing.isEmpty else { return trustees }
            let names = Words.list(missing.map(Words.name))
            Terminal.note(words("petition.offersWanted", ["people": names]))
            return try agrees(words("sitting.offersAsk")) ? trustees : nil
        }
    }

    /// Numbers may stand with spaces between; names have spaces within.
    private static func names(_ answer: String) -> [String] {
        let parts = Answers.list(answer, atSpaces: true)
        let numbers = parts.compactMap { Answers.number($0).map(String.init) }
        return numbers.count == parts.count ? numbers : Answers.list(answer)
    }

    /// What was typed, and the moment that it means; nothing, and 0, where an organiser closes it.
    private func askDeadline() async throws -> (text: String, closes: UInt64) {
        try await asking(words("sitting.askDeadline")) { answer in
            guard !answer.isEmpty else { return ("", 0) }
            let closes = try Moment.deadline(answer)
            guard closes > Device.systemClock() else { throw ClientError.invalid(.deadline) }
            return (answer, closes)
        }
    }
}
