import Presentation
import ArgumentParser
import Client
import CoSigning
import Foundation
import Petitions

struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("help.release"), discussion: words("help.releaseMore"))

    @OptionGroup var petition: PetitionArgument
    @Option(help: help("releaseLevel", "count"))
    var level: UInt32?
    @OptionGroup var consent: Consent
    @OptionGroup var keystore: KeystoreOptions

    func run() async throws {
        try consent.requireSomebody()
        try await keystore.withMember { member in
            let view = try await member.cosigner.view(
                in: petition.scope(),
                choosing: petition.choosing(
                    member.cosigner, none: level == nil ? .noneToRelease : .noneToReleaseNames
                ) {
                    $0.log?.acceptances.contains { $0.signKey == member.signKey } == true
                        && (!$0.isOpen || level != nil)
                })
            let log = view.petition
            // Before anybody is asked; what the session reads decides.
            guard let place = log.acceptances.firstIndex(where: { $0.signKey == member.signKey }) else {
                throw ClientError.notTrustee
            }
            let set = try keySet(log)
            guard log.released[set][UInt8(place + 1)] == nil else { return Terminal.line(words("release.already")) }
            guard try agrees(view, set) else { return }
            try await member.session { session in
                guard let level else { return try await session.release(log.id) }
                try await session.release(log.id, level: level)
            }
            guard let level else { return Terminal.line(words("release.ballots")) }
            Terminal.line(words("release.level", ["count": "\(level)"]))
            let id = ["id": String(log.id.hex.prefix(8))]
            let missing = Int(log.manifest.threshold) - log.released[set].count - 1
            Terminal.line(
                missing > 0 ? words("release.levelShut", id, count: missing) : words("release.levelOpen", id))
        }
    }

    /// 0 for the ballots, else the place of the count, from 1.
    private func keySet(_ log: PetitionLog) throws -> Int {
        guard let level else {
            guard log.closure != nil else { throw ClientError.notClosed }
            return 0
        }
        let levels = log.manifest.levels.map(\.count)
        guard let place = levels.firstIndex(of: level) else { throw ClientError.coSigning(.noSuchLevel(levels)) }
        guard UInt64(log.cosignatures) >= UInt64(level) else {
            throw ClientError.levelNotReached(standing: log.cosignatures, needed: level)
        }
        return place + 1
    }

    private func agrees(_ view: PetitionView, _ set: Int) throws -> Bool {
        let log = view.petition
        let title = Terminal.harmless(view.document?.title ?? words("tally.noWording"))
        Terminal.note(Terminal.bold(title))
        let count = Int(log.manifest.threshold)
        let released = "\(log.released[set].count)"
        for line in PetitionText.notes(view, at: Device.systemClock()) { Terminal.warning(line) }
        guard let level else {
            Terminal.note(words("release.ballotsMeans", ["released": released], count: count))
            return try consent.given(words("release.ballotsAsk", ["title": title]))
        }
        Terminal.note(words("release.levelMeans", ["released": released, "level": "\(level)"], count: count))
        return try consent.given(words("release.levelAsk", ["title": title]))
    }
}
