import Presentation
import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions
import Sodium

struct Forget: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.forget"), discussion: words("help.forgetMore"))

    @OptionGroup var petition: PetitionArgument
    @Flag(help: help("eraseAll"))
    var eraseAll = false
    @Flag(help: help("forgetDry"))
    var dryRun = false
    @Flag(help: help("forgetOffline"))
    var offline = false
    @OptionGroup var consent: Consent
    @OptionGroup var keystore: KeystoreOptions
    @OptionGroup var output: OutputOptions

    private struct Facts: Encodable {
        struct Shown: Encodable {
            let statements: Int
            let receipts: Int
            let ring_key: Bool

            init(_ exposure: Exposure) {
                (statements, receipts, ring_key) = (exposure.statements, exposure.receipts, exposure.hasRingKey)
            }
        }
        let before: Shown
        let after: Shown?
        let rotated: Bool
        let waiting_for: [String]
        let key_stays: Bool
        let given_up: [String]
    }

    func run() async throws {
        if !dryRun { try consent.requireSomebody() }
        try await keystore.withMember { member in
            if offline || dryRun {
                // From what the device itself has: nobody is asked.
                let id = try known(member.device)
                guard offline, !dryRun else {
                    let now = member.device.exposure(id)
                    if output.json {
                        return try Terminal.json(
                            Facts(
                                before: .init(now), after: nil, rotated: false, waiting_for: [], key_stays: false,
                                given_up: []))
                    }
                    return show(words("forget.now"), now)
                }
                guard try agrees(member.device.exposure(id), String(id.hex.prefix(16))) else { return }
                return try tell(member.device.forgetOffline(id, all: eraseAll), id)
            }
            // Whether promises were kept is seen before anything is erased.
            let reading = try await member.cosigner.look(petition.scope())
            // Which one is meant depends on what everybody can see, never on whether this device has signed.
            let id = try petition.choosing(member.cosigner, none: .noneToForget) { !$0.isOpen && $0.isInRing }(reading)
            let summary = member.cosigner.summaries(in: reading).first { $0.id == id }
            let title = summary.map(PetitionText.title) ?? String(id.hex.prefix(16))
            guard try agrees(member.device.exposure(id, ring: summary?.log?.ring), title) else { return }
            try await member.sessionOfAnybody { session in
                try tell(try await session.forget(id, givingUp: eraseAll ? .everything : .nothing), id)
            }
        }
    }

    /// Shows what the device has, and asks.
    private func agrees(_ exposure: Exposure, _ title: String) throws -> Bool {
        if Terminal.canAsk, !consent.yes, !output.json { show(words("forget.now"), exposure) }
        if eraseAll { Terminal.warning(words("forget.eraseAll")) }
        return try consent.given(words("forget.ask", ["title": title]))
    }

    private func known(_ device: Device) throws -> ID<Petition> {
        switch petition.petition.map(PetitionArgument.meaning) {
        case nil: return try only(device.knownPetitions.filter { device.ownStatus($0) != .nothing })
        case .id(let id)?: return try only(device.knownPetitions.filter { $0 == id })
        case .beginning(let digits)?: return try only(device.knownPetitions.filter { $0.hex.hasPrefix(digits) })
        // Without the service there are no titles.
        case .title?, .some(nil): throw ClientError.noSuch(.petition)
        }
    }

    private func only(_ fitting: [ID<Petition>]) throws -> ID<Petition> {
        guard let id = fitting.first else { throw ClientError.noSuch(.petition) }
        guard fitting.count == 1 else { throw ClientError.ambiguous(.petition) }
        return id
    }

    private func tell(_ report: ForgetReport, _ id: ID<Petition>) throws {
        if output.json {
            return try Terminal.json(
                Facts(
                    before: .init(report.before), after: .init(report.after), rotated: report.hasRotated,
                    waiting_for: report.waitingFor.map(\.hex), key_stays: report.presentKeyStays,
                    given_up: report.givenUp.map(\.hex)))
        }
        show(words("forget.before"), report.before)
        show(words("forget.after"), report.after)
        if report.hasRotated { Terminal.line(words("forget.rotated")) }
        if report.presentKeyStays { Terminal.warning(words("forget.presentKey")) }
        if report.after.hasRingKey {
            for other in report.waitingFor where other != id {
                Terminal.line(words("forget.waiting", ["id": String(other.hex.prefix(16))]))
            }
        }
        for other in report.givenUp { Terminal.line(words("cli.givenUp", ["id": String(other.hex.prefix(16))])) }
        Terminal.line(words("forget.stays"))
    }

    private func show(_ head: String, _ exposure: Exposure) {
        Terminal.line(Terminal.bold(head))
        if exposure.isClean { return Terminal.line("  " + words("forget.nothing")) }
        if exposure.statements > 0 {
            if exposure.promises > 0 { Terminal.line("  " + words("forget.promises", count: exposure.promises)) }
            let values = ["statements": "\(exposure.statements)", "receipts": "\(exposure.receipts)"]
            Terminal.line("  " + words("forget.statements", values))
        }
        if exposure.hasSealedName { Terminal.line("  " + words("forget.sealedName")) }
        if exposure.hasRingKey { Terminal.line("  " + words("forget.ringKey")) }
    }
}
