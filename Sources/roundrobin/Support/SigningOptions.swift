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

    /// Reads. What went out before, and is not settled, goes out first and unchanged: nil then.
    /// - Parameters:
    ///   - stopped: what is said when the reading fails.
    ///   - none: why none fits; nil where that is where each petition stands.
    ///   - fits: what is offered where no petition was named.
    static func begin(
        _ scope: Run.Scope, _ petition: PetitionArgument, _ keystore: KeystoreOptions, _ opener: KeystoreOpener,
        stopped: String, none: ClientError.Invalid? = nil, fits: @escaping (PetitionSummary) -> Bool
    ) async throws -> CoSigner.Begun? {
        var mayBeSent = false
        do {
            return try await keystore.withMember(opener) { member in
                mayBeSent = member.device.hasPending(in: scope)
                let begun = try await member.cosigner.begin(
                    scope, choosing: petition.choosing(member.cosigner, none: none, fits: fits))
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
            Terminal.note(mayBeSent ? words("cosign.perhapsSent") : stopped)
            throw error
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
        let trustees = Words.list(PetitionText.trustees(view).map(Words.name))
        Terminal.note(
            words("cosign.trustees", ["people": trustees, "threshold": "\(view.petition.manifest.threshold)"]))
        let manifest = view.petition.manifest
        if let weak = PetitionText.weakThreshold(Int(manifest.threshold), of: manifest.trustees.count) {
            Terminal.warning(weak)
        }
        for line in PetitionText.notes(view, at: Device.systemClock()) { Terminal.warning(line) }
        if proxy == nil { Terminal.warning(words("warning.noProxy")) }
    }
}
