import Presentation
import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions

struct Withdraw: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: words("help.withdraw"))

    @OptionGroup var petition: PetitionArgument
    @OptionGroup var consent: Consent
    @OptionGroup var signing: SigningOptions
    @OptionGroup var keystore: KeystoreOptions

    func run() async throws {
        try consent.requireSomebody()
        let opener = try keystore.opener()
        var (scope, delay) = (try petition.scope(), signing.chosenDelay())
        var seen: Set<Warning>?
        var attempts = 0
        while true {
            try await signing.pause(keystore, opener)
            let begun = try await SigningOptions.begin(
                scope, petition, keystore, opener, stopped: words("cosign.nothingSent"), none: .noneToWithdraw
            ) { $0.isOpen && $0.standing?.action == .sign }
            guard let begun else { continue }
            // From here on it is this one, whatever comes meanwhile.
            scope = .petition(begun.view.petition.id)
            let warnings = try await warnings(begun, opener)
            if seen.map({ !warnings.isSubset(of: $0) }) ?? true {
                guard try await agrees(begun, warnings, opener) else { return }
                seen = warnings.union(seen ?? [])
            }
            if delay > 0 {
                // What is sent rests on what is read then.
                try await keystore.withMember(opener) { try $0.cosigner.abandon(begun) }
                let time = Moment.describe(Device.systemClock() + delay)
                Terminal.note(words("cosign.withdrawalWaiting", ["time": time]))
                try await Task.sleep(for: .seconds(Int(delay)))
                delay = 0
                continue
            }
            do {
                let sent = try await keystore.withMember(opener) {
                    try await $0.cosigner.send(.withdraw, in: begun, seen: seen ?? [])
                }
                return Self.show(sent)
            } catch let error as ClientError where error.isRingGrown && attempts < 3 {
                attempts += 1
                Terminal.note(words("cosign.ringGrown"))
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// What the person must have seen. Where nothing can be withdrawn there is nothing to ask about.
    private func warnings(_ begun: CoSigner.Begun, _ opener: KeystoreOpener) async throws -> Set<Warning> {
        try await keystore.withMember(opener) { member in
            let isClosed = begun.view.petition.closure != nil
            guard !isClosed, begun.view.standing(of: member.device.identity)?.action == .sign else {
                try member.cosigner.abandon(begun)
                throw ClientError.coSigning(isClosed ? .closed : .nothingToWithdraw)
            }
            return begun.view.nameIsOut(for: member.device.identity) ? [.nameIsOut] : []
        }
    }

    /// Says what is about to happen, and asks. The keystore is free while the person thinks.
    private func agrees(
        _ begun: CoSigner.Begun, _ warnings: Set<Warning>, _ opener: KeystoreOpener
    ) async throws -> Bool {
        let title = Terminal.harmless(begun.view.document?.title ?? words("tally.noWording"))
        Terminal.note(Terminal.bold(title))
        Terminal.note(words("cosign.withdrawMeans"))
        for line in PetitionText.notes(begun.view, at: Device.systemClock()) { Terminal.warning(line) }
        SigningOptions.warn(warnings)
        if keystore.proxy == nil { Terminal.warning(words("warning.noProxy")) }
        do {
            if try consent.given(words("cosign.withdrawAsk", ["title": title])) { return true }
        } catch {
            try await keystore.withMember(opener) { try $0.cosigner.abandon(begun) }
            Terminal.note(words("cosign.nothingSent"))
            throw error
        }
        try await keystore.withMember(opener) { try $0.cosigner.abandon(begun) }
        return false
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
