import Presentation
import Client
import Foundation
import Petitions
import Sodium

/// Preparing a petition: each answer is checked when it is given, as the command checks it, and asked for again by itself.
extension Sitting {
    /// What has been answered so far.
    private struct Answered {
        /// Places in the list of adopted drafts.
        var demands: [Int] = []
        var trustees: [NamedMember] = []
        var threshold = 0
        var quorum = 0
        var deadline: (text: String, closes: UInt64) = ("", 0)
        var title = ""
        var preamble = ""
    }

    /// What a petition needs, in the order in which it is asked for.
    private enum Needed: CaseIterable {
        case demands, trustees, threshold, quorum, deadline, title, preamble

        var name: String {
            switch self {
            case .demands: words("sitting.needsDemands")
            case .trustees: words("sitting.needsTrustees")
            case .threshold: words("sitting.needsThreshold")
            case .quorum: words("sitting.needsQuorum")
            case .deadline: words("sitting.needsDeadline")
            case .title: words("sitting.needsTitle")
            case .preamble: words("sitting.needsPreamble")
            }
        }
    }

    /// What the answers are chosen from.
    private struct Choice {
        let adopted: Drafts
        /// Who keeps an offer to be a trustee ready.
        let willing: [NamedMember]
        let members: Int
        let eligible: UInt32

        var titles: [String] { adopted.map { Terminal.harmless($0.draft.title) } }
    }

    /// Asks for what a petition needs, with an answer that can be taken by pressing Enter for most of it, shows it, and prepares it with a
    /// yes. With a no, one answer after the other can be changed.
    func prepare(eligible: UInt32) async throws {
        let choice: Choice
        do {
            let adopted = try await drafts().filter { $0.adopted != nil }
            choice = try await keystore.withSession { session in
                let people = try await session.people()
                return Choice(
                    adopted: adopted, willing: try await session.willingTrustees().map { people.person($0) },
                    members: session.roster.members(at: session.roster.size).count, eligible: eligible)
            }
        } catch { return try tell(error) }
        guard !choice.adopted.isEmpty else { return Terminal.line(words("sitting.nothingAdopted")) }
        var answered = Answered()
        for needed in Needed.allCases { try await ask(for: needed, &answered, choice) }
        show(answered, choice)
        while try !agrees(words("sitting.prepareAsk")) {
            for (i, needed) in Needed.allCases.enumerated() { Terminal.line("  \(i + 1)  \(needed.name)") }
            let count = Needed.allCases.count
            // Enter is no answer: by it nobody gives up what they have typed.
            let change = try Terminal.choice(
                words("sitting.changeAsk", ["count": "\(count)"]), among: count, letters: "n"
            ) { try ask($0) }
            guard let place = change.place else { return }
            try await ask(for: Needed.allCases[place], &answered, choice)
            if answered.threshold > answered.trustees.count { try await ask(for: .threshold, &answered, choice) }
            show(answered, choice)
        }
        try await perform(arguments(answered, choice))
    }

    private func ask(for needed: Needed, _ answered: inout Answered, _ choice: Choice) async throws {
        switch needed {
        case .demands:
            for (i, title) in choice.titles.enumerated() { Terminal.line("  \(i + 1)  \(title)") }
            answered.demands = try await askDemands(among: choice.adopted.count)
        case .trustees: answered.trustees = try await askTrustees(choice.willing)
        case .threshold:
            let majority = "\(answered.trustees.count / 2 + 1)"
            answered.threshold = try await askNumber(
                words("sitting.askThreshold", ["usual": majority]), in: 1...answered.trustees.count,
                otherwise: majority)
        case .quorum:
            let half = "\(choice.eligible / 2 + 1)"
            answered.quorum = try await askNumber(
                words("sitting.askQuorum", ["usual": half]), in: 1...max(1, Int(choice.eligible)), otherwise: half)
        case .deadline: answered.deadline = try await askDeadline()
        case .title:
            answered.title = try await asking(words("sitting.askPetitionTitle")) { title in
                guard !title.isEmpty, ReadableText.firstHidden(inLine: title) == nil else {
                    throw ClientError.invalid(.petitionTitle)
                }
                return title
            }
        case .preamble:
            answered.preamble = try await asking(words("sitting.askPreamble")) { text in
                if let hidden = ReadableText.firstHidden(in: text) {
                    throw ClientError.invalid(
                        .hiddenPreamble, ["line": "\(hidden.line)", "code": ReadableText.code(hidden.scalar)])
                }
                return text
            }
        }
    }

    private func show(_ answered: Answered, _ choice: Choice) {
        Terminal.line("\n" + Terminal.bold(Terminal.harmless(answered.title)))
        if !answered.preamble.isEmpty { Terminal.line(Terminal.block(answered.preamble)) }
        for (i, place) in answered.demands.enumerated() {
            Terminal.line("  " + words("petition.demand", ["number": "\(i + 1)", "title": choice.titles[place]]))
        }
        let closes = answered.deadline.closes
        let close =
            closes == 0 ? words("petition.closedByHand") : words("petition.closesAt", ["time": Moment.describe(closes)])
        Terminal.line(
            "  "
                + words(
                    "sitting.trustees",
                    [
                        "trustees": Words.list(answered.trustees.map(Words.name)),
                        "threshold": "\(answered.threshold)", "quorum": "\(answered.quorum)", "close": close,
                    ]))
        if let weak = PetitionText.weakThreshold(answered.threshold, of: answered.trustees.count) {
            Terminal.line("  " + weak)
        }
        if let far = PetitionText.farQuorum(answered.quorum, members: choice.members) { Terminal.line("  " + far) }
    }

    private func arguments(_ answered: Answered, _ choice: Choice) -> [String] {
        var arguments = ["petition", "prepare"] + Self.option("--title", answered.title)
        arguments += ["--threshold", "\(answered.threshold)", "--quorum", "\(answered.quorum)"]
        for place in answered.demands { arguments += ["--draft", short(choice.adopted[place].draft.id)] }
        for trustee in answered.trustees {
            arguments += ["--trustee", trustee.number.map(String.init) ?? trustee.key.hex]
        }
        if !answered.deadline.text.isEmpty { arguments += ["--deadline", answered.deadline.text] }
        if !answered.preamble.isEmpty { arguments += Self.option("--preamble", answered.preamble) }
        return arguments
    }

    /// A text that begins like an option is one word with it.
    static func option(_ name: String, _ value: String) -> [String] {
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
