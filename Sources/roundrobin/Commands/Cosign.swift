import Presentation
import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions
import Sodium
import TransparencyLog

/// What co-signing and withdrawing share.
struct SigningOptions: ParsableArguments {
    @Option(help: help("delay", "minutes"))
    var delay: UInt32?
    @Flag(help: help("now"))
    var now = false

    /// A run that follows a signed request too closely tells by its time whose it is. The keystore is free while this waits.
    func pause(_ keystore: KeystoreOptions, _ opener: KeystoreOpener) async throws {
        // What was typed while this waited answers nothing that is asked from here on.
        defer { Terminal.dropTypedAhead() }
        guard !now else { return }
        let seconds = try await keystore.withMember(opener) { $0.device.pauseBeforeRun() }
        guard seconds > 0 else { return }
        let until = Device.systemClock() + seconds
        Terminal.note(words("cosign.pausing", ["time": Moment.describe(until)]))
        try await Task.sleep(for: .seconds(Int(seconds)))
    }

    /// Seconds to wait, at random within what was asked for.
    func chosenDelay() -> UInt64 {
        guard let delay, delay > 0 else { return 0 }
        return UInt64(Random.number(below: min(delay, 10_080) * 60))
    }

    /// After a sending. A sitting says it when it ends, which it does now.
    static func advise() { if !Unlocked.isSitting { Terminal.note(words("sitting.afterSending")) } }

    static func warn(_ warnings: Set<Warning>, _ manifest: Manifest? = nil) {
        for line in warnings.map({ Self.line($0, manifest) }).sorted() { Terminal.warning(line) }
    }

    static func line(_ warning: Warning, _ manifest: Manifest?) -> String {
        switch warning {
        case .fewSettledSeats(let settled, let live):
            words("warning.fewSeats", ["settled": "\(settled)", "live": "\(live)"], count: settled)
        case .ringLargerThanEligible(let ring, let eligible):
            words("warning.largeRing", ["ring": "\(ring)", "eligible": "\(eligible)"])
        case .nameOpens(let count):
            words(
                "warning.nameOpens",
                [
                    "count": "\(count)", "threshold": "\(manifest?.threshold ?? 0)",
                    "trustees": "\(manifest?.trustees.count ?? 0)",
                ])
        case .nameAtOnce: words("warning.nameAtOnce")
        case .nameDropped: words("warning.nameDropped")
        case .nameIsOut: words("warning.nameIsOut")
        }
    }

    /// Before anything is sent: who could have made it, who the trustees are, what else is known.
    static func tell(_ view: PetitionView, proxy: String?) {
        Terminal.note(
            words(
                "cosign.seats",
                [
                    "live": "\(view.seats.count)", "rotated": "\(view.seats.rotated)",
                    "unseated": "\(view.seats.unseated)",
                ]))
        let trustees = PetitionText.trustees(view).map(Words.name).joined(separator: ", ")
        Terminal.note(
            words("cosign.trustees", ["people": trustees, "threshold": "\(view.petition.manifest.threshold)"]))
        for line in PetitionText.notes(view, at: Device.systemClock()) { Terminal.warning(line) }
        if proxy == nil { Terminal.warning(words("warning.noProxy")) }
    }
}

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
        let opener = try keystore.opener()
        let name = try conditionalName()
        var scope = try petition.scope()
        var seen: Set<Warning>?
        var intention: Intention?
        while true {
            try await signing.pause(keystore, opener)
            guard let begun = try await begin(scope, opener, intention) else { continue }
            let view = begun.view
            // From here on it is this one, whatever comes meanwhile.
            scope = .petition(view.petition.id)
            let kept = answers == nil && all == nil ? try await self.kept(begun, opener) : nil
            let warnings = try await orAbandon(begun, opener) {
                try $0.cosigner.warnings(begun, name: (intention ?? kept)?.conditionalName ?? name)
            }
            if seen.map({ !warnings.isSubset(of: $0) }) ?? true {
                SigningOptions.tell(view, proxy: keystore.proxy)
                SigningOptions.warn(warnings, view.petition.manifest)
                if seen != nil {
                    let goesOn = try await keeping(intention, begun, opener) {
                        try Terminal.confirms(words("cosign.goOn"))
                    }
                    guard goesOn else { return try await abandon(begun, opener) }
                }
                seen = warnings.union(seen ?? [])
            }
            if intention == nil {
                guard let decided = try await decide(begun, kept: kept, name: name, remark: remark, opener) else {
                    return
                }
                intention = decided
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

    /// Reads. What went out before, and is not settled, goes out first and unchanged: nil then.
    private func begin(
        _ scope: Run.Scope, _ opener: KeystoreOpener, _ intention: Intention?
    ) async throws -> CoSigner.Begun? {
        var mayBeSent = false
        do {
            return try await keystore.withMember(opener) { member in
                mayBeSent = member.device.hasPending(in: scope)
                let begun = try await member.cosigner.begin(
                    scope, choosing: petition.choosing(member.cosigner) { $0.isOpen })
                mayBeSent = member.device.hasPending(in: .petition(begun.view.petition.id))
                guard let sent = try await member.cosigner.resend(begun) else { return begun }
                Terminal.note(words("cosign.resent"))
                if case .promised(let promise) = sent {
                    // It was perhaps another decision; this one was not sent.
                    throw ClientError.coSigning(.held(until: promise.until))
                }
                return nil
            }
        } catch {
            Terminal.note(
                mayBeSent
                    ? words("cosign.perhapsSent")
                    : intention == nil ? words("cosign.nothingSent") : words("cosign.keptUnsent"))
            throw error
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
    /// - Returns: nil when nothing is to be sent.
    private func decide(
        _ begun: CoSigner.Begun, kept: Intention?, name: ConditionalName?, remark: String, _ opener: KeystoreOpener
    ) async throws -> Intention? {
        let view = begun.view
        if var kept, Terminal.canAsk {
            Terminal.line("\n" + words("cosign.kept"))
            summarise(kept.choices, view)
            let sends = try await keeping(kept, begun, opener) { try Terminal.confirms(words("cosign.send")) }
            if sends {
                kept.notBefore = 0
                return kept
            }
            try await keystore.withMember(opener) { try $0.device.intend(nil, in: view.petition.id) }
        }
        let choices = try await orAbandon(begun, opener) { _ in try self.choices(view, asked: begun.asked) }
        guard Ballot.supportsSomething(choices, of: view.petition.manifest) else {
            try await refuse(begun, opener)
            return nil
        }
        Terminal.note("")
        summarise(choices, view)
        if let name { Terminal.note("  " + words("cosign.withName", ["name": name.text], count: Int(name.count))) }
        let standing = try await keystore.withMember(opener) { view.standing(of: $0.device.identity) }
        if standing?.action == .sign { Terminal.note(words("cosign.replaces")) }
        var decided = Intention(choices: choices, remark: remark, name: name, notBefore: 0)
        let sends = try await keeping(decided, begun, opener) { try Terminal.confirms(words("cosign.send")) }
        guard sends else {
            try await abandon(begun, opener)
            return nil
        }
        decided.notBefore = Device.systemClock() + signing.chosenDelay()
        return decided
    }

    /// Asks. Somebody who leaves at the question has not said no: their answers are kept for the next time.
    private func keeping(
        _ intention: Intention?, _ begun: CoSigner.Begun, _ opener: KeystoreOpener, ask: () throws -> Bool
    ) async throws -> Bool {
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

    private func conditionalName() throws -> ConditionalName? {
        guard let when else { return nil }
        if name != nil, isatty(STDIN_FILENO) == 1 { Terminal.warning(words("warning.nameHistory")) }
        guard let text = try name ?? Terminal.answer(words("cosign.askName")) else {
            throw ClientError.invalid(.nameMissing)
        }
        return ConditionalName(text.trimmingCharacters(in: .whitespaces), when: when)
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
                        ["word": word, "words": Choices.facts(of: manifest.kind).joined(separator: ", ")])
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

struct Withdraw: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: words("help.withdraw"))

    @OptionGroup var petition: PetitionArgument
    @OptionGroup var signing: SigningOptions
    @OptionGroup var keystore: KeystoreOptions

    func run() async throws {
        let opener = try keystore.opener()
        let scope = try petition.scope()
        let delay = signing.chosenDelay()
        if delay > 0 {
            Terminal.note(words("cosign.withdrawalWaiting", ["time": Moment.describe(Device.systemClock() + delay)]))
            try await Task.sleep(for: .seconds(Int(delay)))
        }
        try await signing.pause(keystore, opener)
        let sent = try await keystore.withMember(opener) { member in
            try await member.cosigner.carryOut(
                .withdraw, in: scope,
                choosing: petition.choosing(member.cosigner) { $0.isOpen && $0.standing?.action == .sign }
            ) { view, warnings in
                for line in PetitionText.notes(view, at: Device.systemClock()) { Terminal.warning(line) }
                SigningOptions.warn(warnings)
                if keystore.proxy == nil { Terminal.warning(words("warning.noProxy")) }
                return true
            }
        }
        if let sent { Self.show(sent) }
    }

    static func show(_ sent: Sent) {
        Unlocked.noteSending()
        switch sent {
        case .receipt: Terminal.line(words("cosign.withdrawn"))
        case .promised(let promise):
            Terminal.line(words("cosign.withdrawalHeld", ["time": Moment.describe(promise.until)]))
        }
        SigningOptions.advise()
    }
}

struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.release"), discussion: words("help.releaseMore"))

    @OptionGroup var petition: PetitionArgument
    @Option(help: help("releaseLevel", "count"))
    var level: UInt32?
    @OptionGroup var keystore: KeystoreOptions

    func run() async throws {
        try await keystore.withMember { member in
            let id = try await petition.find(member) {
                $0.log?.acceptances.contains { $0.signKey == member.signKey } == true && (!$0.isOpen || level != nil)
            }
            try await member.session { session in
                guard let level else { return try await session.release(id) }
                try await session.release(id, level: level)
            }
        }
        guard let level else { return Terminal.line(words("release.ballots")) }
        Terminal.line(words("release.level", ["count": "\(level)"]))
    }
}
