import Presentation
import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions
import Sodium
import TransparencyLog

struct Cosign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.cosign"), discussion: words("help.cosignMore"))

    @OptionGroup var petition: PetitionArgument

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
        for word in all.map({ [$0] }) ?? answers.map({ Answers.list($0, withGaps: true) }) ?? [] {
            guard Choices.choice(word, of: .petition) ?? Choices.choice(word, of: .ratification) != nil else {
                throw ValidationError(words("usage.answer", ["word": word]))
            }
        }
        guard name == nil || when != nil else { throw ValidationError(words("usage.nameNeedsWhen")) }
    }

    func run() async throws {
        // The keystore is free while a person thinks and a delay runs: what else uses it does not show that somebody co-signs.
        let remark = try OutsideText.remark(remark)
        if name != nil, Terminal.canAsk { Terminal.warning(words("warning.nameHistory")) }
        guard when == nil || name != nil || Terminal.canAsk else { throw ClientError.invalid(.nameMissing) }
        let opener = try keystore.opener()
        var scope = try petition.scope()
        var seen: Set<Warning>?
        var intention: Intention?
        while true {
            try await signing.pause(keystore, opener)
            let begun = try await SigningOptions.begin(
                scope, petition, keystore, opener,
                stopped: intention == nil ? words("cosign.nothingSent") : words("cosign.keptUnsent")
            ) { $0.isOpen }
            guard let begun else { continue }
            let view = begun.view
            // From here on it is this one, whatever comes meanwhile.
            scope = .petition(view.petition.id)
            let kept = answers == nil && all == nil ? try await self.kept(begun, opener) : nil
            // Whether a name can be given at this count is known, and said, before anybody is asked for one.
            let given =
                (intention ?? kept).map(\.conditionalName) ?? when.map { ConditionalName(name ?? "?", when: $0) }
            var warnings = try await orAbandon(begun, opener) { try $0.cosigner.warnings(begun, name: given) }
            if intention == nil, kept == nil, offersNames(view) { warnings.remove(.nameDropped) }
            if seen.map({ !warnings.isSubset(of: $0) }) ?? true {
                SigningOptions.tell(view, proxy: keystore.proxy)
                SigningOptions.warn(warnings, view.petition.manifest)
                if let before = seen {
                    // Nobody is there to see them.
                    guard Terminal.canAsk else {
                        try await abandon(begun, opener)
                        throw ClientError.coSigning(.unseenWarnings(Array(warnings.subtracting(before))))
                    }
                    let goesOn = try await keeping(intention, begun, opener) {
                        try Terminal.confirms(words("cosign.goOn"))
                    }
                    guard goesOn else { return try await abandon(begun, opener) }
                }
                seen = warnings.union(seen ?? [])
            }
            if intention == nil {
                var shown = seen ?? []
                guard let decided = try await decide(begun, kept: kept, remark: remark, seen: &shown, opener) else {
                    return
                }
                (intention, seen) = (decided, shown)
                let now = Device.systemClock()
                if decided.notBefore > now {
                    // Kept before it is waited for, so that a computer that is shut meanwhile loses nothing. Hours may pass: what is
                    // sent rests on what is read then.
                    try await keystore.withMember(opener) {
                        try $0.cosigner.abandon(begun)
                        try $0.device.intend(decided, in: view.petition.id)
                    }
                    Terminal.note(words("cosign.waiting", ["time": Moment.describe(decided.notBefore)]))
                    try await Task.sleep(for: .seconds(Int(decided.notBefore - now)))
                    continue
                }
            }
            guard let intention else { return }
            let decision = Decision.sign(
                choices: intention.choices, remark: intention.remark, name: intention.conditionalName)
            do {
                let sent = try await keystore.withMember(opener) { member in
                    let sent = try await member.cosigner.send(decision, in: begun, seen: seen ?? [])
                    try member.device.intend(nil, in: view.petition.id)
                    return sent
                }
                return try show(sent, view.petition.id)
            } catch let error as ClientError where error.isRingGrown {
                Terminal.note(words("cosign.ringGrown"))
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// What was decided earlier and not sent, if it answers this petition's questions.
    private func kept(_ begun: CoSigner.Begun, _ opener: KeystoreOpener) async throws -> Intention? {
        let id = begun.view.petition.id
        let kept = try await keystore.withMember(opener) { $0.device.intentions[id] }
        return kept?.choices.count == begun.view.petition.manifest.options.count ? kept : nil
    }

    private func abandon(_ begun: CoSigner.Begun, _ opener: KeystoreOpener) async throws {
        try await keystore.withMember(opener) { try $0.cosigner.abandon(begun) }
    }

    /// The person's answers, shown before they are sent.
    /// - Parameter seen: the warnings that the person has been shown; those of a name are added.
    /// - Returns: nil when nothing is to be sent.
    private func decide(
        _ begun: CoSigner.Begun, kept: Intention?, remark: String, seen: inout Set<Warning>, _ opener: KeystoreOpener
    ) async throws -> Intention? {
        let view = begun.view
        if var kept, Terminal.canAsk {
            Terminal.line("\n" + words("cosign.kept"))
            summarise(kept.choices, view)
            sayName(kept.conditionalName)
            let sends = try await keeping(kept, begun, opener) { try Terminal.confirms(words("cosign.send")) }
            if sends {
                kept.notBefore = 0
                return kept
            }
            try await keystore.withMember(opener) { try $0.device.intend(nil, in: view.petition.id) }
        }
        var named = try await when.asyncMap { try await nameToGive(at: $0, begun, opener) } ?? nil
        let choices = try await keeping(nil, begun, opener) { try self.choices(view, asked: begun.asked) }
        guard Ballot.supportsSomething(choices, of: view.petition.manifest) else {
            try await refuse(begun, opener)
            return nil
        }
        if offersNames(view) { named = try await offeredName(begun, seen: &seen, opener) }
        let warnings = try await orAbandon(begun, opener) { try $0.cosigner.warnings(begun, name: named) }
        SigningOptions.warn(warnings.subtracting(seen), view.petition.manifest)
        seen.formUnion(warnings)
        Terminal.note("")
        summarise(choices, view)
        sayName(named)
        let standing = try await keystore.withMember(opener) { view.standing(of: $0.device.identity) }
        if standing?.action == .sign { Terminal.note(words("cosign.replaces")) }
        var decided = Intention(choices: choices, remark: remark, name: named, notBefore: 0)
        let sends = try await keeping(decided, begun, opener) { try Terminal.confirms(words("cosign.send")) }
        guard sends else {
            try await abandon(begun, opener)
            return nil
        }
        decided.notBefore = Device.systemClock() + signing.chosenDelay()
        return decided
    }

    // MARK: A name on a condition

    /// Whether the person is to be asked for a name: in a sitting, where nobody types options.
    private func offersNames(_ view: PetitionView) -> Bool {
        Unlocked.isSitting && when == nil && !view.petition.manifest.levels.isEmpty
    }

    /// What `--name` says, or the person where it says nothing. One that cannot be given is asked for again.
    private func nameToGive(
        at count: UInt32, _ begun: CoSigner.Begun, _ opener: KeystoreOpener
    ) async throws -> ConditionalName? {
        func checked(_ text: String) async throws -> ConditionalName {
            let name = ConditionalName(text.trimmingCharacters(in: .whitespaces), when: count)
            _ = try await keystore.withMember(opener) { try $0.cosigner.warnings(begun, name: name) }
            return name
        }
        if let name {
            do { return try await checked(name) } catch {
                try await abandon(begun, opener)
                Terminal.note(words("cosign.stopped"))
                throw error
            }
        }
        while true {
            let typed = try await keeping(nil, begun, opener) { try Terminal.answer(words("cosign.askName")) }
            guard let typed else { throw ClientError.invalid(.nameMissing) }
            if Unlocked.isSitting, typed.allSatisfy(\.isWhitespace) { return nil }
            do { return try await checked(typed) } catch let error as ClientError {
                Terminal.note(Words.sentences([error.what, error.nextStep]))
            }
        }
    }

    /// Offers the counts at which this petition opens names. Where a name would hide nobody that is said instead.
    private func offeredName(
        _ begun: CoSigner.Begun, seen: inout Set<Warning>, _ opener: KeystoreOpener
    ) async throws -> ConditionalName? {
        let counts = begun.view.petition.manifest.levels.map(\.count)
        let possible: Set<Warning>
        do {
            possible = try await keystore.withMember(opener) {
                try $0.cosigner.warnings(begun, name: counts.first.map { ConditionalName("?", when: $0) })
            }
        } catch let error as ClientError {
            Terminal.note(words("cosign.noName", ["why": error.what]))
            return nil
        }
        guard !possible.contains(.nameIsOut) else { return nil }
        let question = words("cosign.nameAsk", ["counts": Words.list(counts.map(String.init))])
        let count = try await keeping(nil, begun, opener) { () throws -> UInt32? in
            while true {
                Terminal.dropTypedAhead()
                let typed = try Terminal.answer("\n" + question) ?? ""
                if typed.allSatisfy(\.isWhitespace) || Answers.refuses(typed) { return nil }
                if let count = Answers.number(typed).flatMap(UInt32.init(exactly:)), counts.contains(count) {
                    return count
                }
                Terminal.note(words("cosign.nameAgain", ["counts": Words.list(counts.map(String.init))]))
            }
        }
        guard let count else { return nil }
        let warnings = try await keystore.withMember(opener) {
            try $0.cosigner.warnings(begun, name: ConditionalName("?", when: count))
        }
        SigningOptions.warn(warnings.subtracting(seen), begun.view.petition.manifest)
        seen.formUnion(warnings)
        return try await nameToGive(at: count, begun, opener)
    }

    private func sayName(_ name: ConditionalName?) {
        guard let name else { return }
        let values = ["name": Terminal.harmless(name.text)]
        Terminal.note("  " + words("cosign.withName", values, count: Int(name.count)))
    }

    /// Asks. Somebody who leaves at the question has not said no: their answers are kept for the next time.
    private func keeping<R>(
        _ intention: Intention?, _ begun: CoSigner.Begun, _ opener: KeystoreOpener, ask: () throws -> R
    ) async throws -> R {
        do { return try ask() } catch {
            try await keystore.withMember(opener) { member in
                try member.cosigner.abandon(begun)
                if let intention { try member.device.intend(intention, in: begun.view.petition.id) }
            }
            Terminal.note(intention == nil ? words("cosign.nothingSent") : words("cosign.keptUnsent"))
            throw error
        }
    }

    private func summarise(_ choices: [UInt8], _ view: PetitionView) {
        let known = Choices.all(of: view.petition.manifest.kind)
        for (i, choice) in choices.enumerated() {
            let title = view.document?.demands.dropFirst(i).first?.title ?? ""
            Terminal.note(
                "  "
                    + words(
                        "cosign.answer",
                        [
                            "number": "\(i + 1)", "answer": known.dropFirst(Int(choice)).first ?? "",
                            "title": Terminal.harmless(title),
                        ]))
        }
    }

    /// Runs what may refuse; when it does the run ends without a sending.
    private func orAbandon<R>(
        _ begun: CoSigner.Begun, _ opener: KeystoreOpener, _ body: (Member) async throws -> R
    ) async throws -> R {
        try await keystore.withMember(opener) { member in
            do { return try await body(member) } catch {
                try member.cosigner.abandon(begun)
                Terminal.note(words("cosign.stopped"))
                throw error
            }
        }
    }

    /// Whoever supports nothing has no reason to co-sign: nothing is sent, and what stands can be taken back.
    private func refuse(_ begun: CoSigner.Begun, _ opener: KeystoreOpener) async throws {
        let stands = try await keystore.withMember(opener) { member in
            let standing = begun.view.standing(of: member.device.identity)
            return standing?.action == .sign
        }
        Terminal.line(words("cosign.supportsNothing"))
        // Only where somebody can answer: nobody's co-signature is taken back unasked.
        var withdraws = false
        if stands, Terminal.canAsk {
            withdraws = try await keeping(nil, begun, opener) {
                try Terminal.confirms(words("cosign.withdrawInstead"))
            }
        }
        guard withdraws else {
            try await keystore.withMember(opener) { try $0.cosigner.abandon(begun) }
            throw ExitCode(2)
        }
        let sent = try await keystore.withMember(opener) { member in
            let seen: Set<Warning> = begun.view.nameIsOut(for: member.device.identity) ? [.nameIsOut] : []
            SigningOptions.warn(seen)
            return try await member.cosigner.send(.withdraw, in: begun, seen: seen)
        }
        Withdraw.show(sent)
    }

    private func show(_ sent: Sent, _ id: ID<Petition>) throws {
        Unlocked.noteSending()
        if output.json {
            struct Facts: Encodable {
                let petition: String
                /// Absent while the service holds it.
                let leaf: UInt64?
                /// Until when the service has promised that it stands; absent with a receipt.
                let promised_until: UInt64?
            }
            switch sent {
            case .receipt(let receipt):
                return try Terminal.json(Facts(petition: id.hex, leaf: receipt.index, promised_until: nil))
            case .promised(let promise):
                return try Terminal.json(Facts(petition: id.hex, leaf: nil, promised_until: promise.until))
            }
        }
        switch sent {
        case .receipt(let receipt): Terminal.line(words("cosign.done", ["leaf": "\(receipt.index)"]))
        case .promised(let promise):
            Terminal.line(words("cosign.held", ["time": Moment.describe(promise.until)]))
        }
        Terminal.line(words("cosign.next"))
        SigningOptions.advise()
    }

    private func choices(_ view: PetitionView, asked: PetitionDocument?) throws -> [UInt8] {
        let manifest = view.petition.manifest
        let count = manifest.options.count
        if let given = all.map({ Array(repeating: $0, count: count) })
            ?? answers.map({ Answers.list($0, withGaps: true) })
        {
            guard given.count == count else {
                throw ClientError.invalid(.answersCount, ["demands": "\(count)", "answers": "\(given.count)"])
            }
            return try given.map { word in
                guard let choice = Choices.choice(word, of: manifest.kind) else {
                    throw ClientError.invalid(
                        .answerOfKind,
                        ["word": word, "words": Words.list(Choices.facts(of: manifest.kind))])
                }
                return choice
            }
        }
        guard let document = view.document else {
            throw ClientError.coSigning(.wording(view.documentFault ?? .missing))
        }
        let preamble = RatificationTerms.prose(document.preamble)
        if !preamble.isEmpty { Terminal.line("\n" + BilingualText.block(preamble)) }
        let terms = RatificationTerms(document, of: manifest)
        if let terms {
            Terminal.line("\n  " + words("vote.needs", ["majority": NegotiationWords.say(terms.majority, Words.texts)]))
        }
        return try document.demands.enumerated().map { i, demand in
            let title = Terminal.harmless(demand.title)
            let head = words("cosign.demand", ["number": "\(i + 1)", "count": "\(count)", "title": title])
            Terminal.line("\n" + Terminal.bold(head))
            if let number = terms?.demands[i], let asked, asked.demands.indices.contains(number - 1) {
                Terminal.line("  " + words("vote.asked"))
                Terminal.line(Terminal.faint(BilingualText.block(asked.demands[number - 1].text)))
                Terminal.line("  " + words("vote.offered"))
            }
            Terminal.line(BilingualText.block(demand.text) + "\n")
            return try ask(manifest.kind)
        }
    }

    private func ask(_ kind: Manifest.Kind) throws -> UInt8 {
        let known = Choices.all(of: kind)
        let values = ["abstain": known[0], "first": known[1], "second": known[2]]
        while true {
            // A key that was pressed before the demand was on the screen is no answer to it.
            Terminal.dropTypedAhead()
            guard let text = try Terminal.answer(words("choice.ask", values)) else {
                throw ClientError.invalid(.noTerminalToAsk)
            }
            if let choice = Choices.choice(text, of: kind) { return choice }
            Terminal.note(words("choice.again", values))
        }
    }
}
