import Presentation
import Client
import CoSigning
import Foundation
import Petitions

/// The first room: what an anonymous reading shows.
extension Sitting {
    /// - Returns: whether the person goes on to the workplace.
    func petitions() async throws -> Bool {
        while true {
            let petitions = try await read().filter { $0.view != nil }
            // That there is none is known to everybody.
            guard !petitions.isEmpty else { return true }
            Terminal.line("\n" + Terminal.bold(words("sitting.petitions")))
            for (i, petition) in petitions.enumerated() { show(petition, number: i + 1) }
            Terminal.line("\n" + words("sitting.petitionsHint"))
            let choice = try choose(
                words("sitting.petitionsAsk", count: petitions.count), among: petitions.count, others: "g")
            guard let place = choice.place else { return true }
            try await act(on: petitions[place])
            if Unlocked.hasSent { return false }
        }
    }

    private func read() async throws -> [PetitionSummary] {
        while true {
            do {
                return try await keystore.withMember { try await $0.cosigner.summaries().petitions }
            } catch {
                Failure(error).show()
                guard try agrees(words("sitting.retry")) else { throw Left() }
            }
        }
    }

    private func show(_ petition: PetitionSummary, number: Int) {
        guard let manifest = petition.log?.manifest, let tally = petition.tally else { return }
        Terminal.line("  \(number)  " + Terminal.bold(PetitionText.title(petition)))
        let count = words(
            "petition.closeCount", ["count": "\(tally.cosignatures)", "quorum": "\(manifest.quorum)"])
        let until =
            !petition.isOpen
            ? words("petition.closed")
            : manifest.closes == 0
                ? words("status.untilClosed") : words("status.until", ["time": Moment.describe(manifest.closes)])
        Terminal.line("     \(count) \(until)")
        Terminal.line(
            "     "
                + words("status.you", ["own": PetitionText.own(petition.own, manifest, standing: petition.standing)]))
    }

    private func act(on petition: PetitionSummary) async throws {
        let id = String(petition.id.hex.prefix(16))
        let isSigned = petition.standing?.action == .sign || petition.own != .nothing
        var actions: [(String, [String])] = []
        if petition.isOpen, isSigned {
            actions = [
                (words("sitting.show"), ["petition", "show", id]), (words("sitting.change"), ["cosign", id]),
                (words("sitting.withdraw"), ["withdraw", id]),
            ]
        } else if petition.isOpen {
            // Its text comes with the questions.
            try await perform(["cosign", id])
            return
        } else {
            actions = [
                (words("sitting.tally"), ["tally", id]), (words("sitting.show"), ["petition", "show", id]),
                (words("sitting.export"), ["export", id, "--overwrite"]),
            ]
            if petition.own != .nothing { actions.append((words("sitting.forget"), ["forget", id])) }
        }
        for (i, action) in actions.enumerated() { Terminal.line("  \(i + 1)  \(action.0)") }
        let choice = try choose(words("sitting.choose", ["count": "\(actions.count)"]), among: actions.count)
        if let place = choice.place { try await perform(actions[place].1) }
    }
}
