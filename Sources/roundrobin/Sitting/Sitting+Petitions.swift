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
            let isAnyOpen = petitions.contains(where: \.isOpen)
            Terminal.line("\n" + (isAnyOpen ? words("sitting.petitionsHint") : words("sitting.petitionsClosedHint")))
            let question =
                petitions.contains { $0.isOpen && !isSigned($0) }
                ? words("sitting.petitionsAsk", count: petitions.count)
                : words("sitting.petitionsChoose", count: petitions.count)
            let choice = try choose(question, among: petitions.count, others: "g")
            guard let place = choice.place else {
                if try await mayBeNamed() { return true }
                continue
            }
            try await act(on: petitions[place])
            if Unlocked.hasSent { return false }
        }
    }

    private func read() async throws -> [PetitionSummary] {
        while true {
            do {
                return try await keystore.withMember { try await $0.cosigner.summaries().petitions }
            } catch {
                try tell(error)
                guard try agrees(words("sitting.retry")) else { throw Left() }
            }
        }
    }

    /// What is asked for under the member's name right after something anonymous could be connected with it.
    private func mayBeNamed() async throws -> Bool {
        guard try await keystore.withMember({ $0.device.hasSentLately }) else { return true }
        return try agrees(words("sitting.connectAsk"))
    }

    /// Whether a co-signature of this member stands, or was sent and is not settled.
    private func isSigned(_ petition: PetitionSummary) -> Bool {
        petition.standing?.action == .sign || petition.own != .nothing && petition.own != .withdrawn
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

    /// Something that can be done with a petition. What sends or erases asks by itself.
    private struct Deed {
        let title: String
        let arguments: [String]
    }

    private func act(on petition: PetitionSummary) async throws {
        let id = String(petition.id.hex.prefix(16))
        let read = Deed(title: words("sitting.show"), arguments: ["petition", "show", id])
        var deeds: [Deed] = []
        if petition.isOpen, isSigned(petition) {
            deeds = [
                read, Deed(title: words("sitting.change"), arguments: ["cosign", id]),
                Deed(title: words("sitting.withdraw"), arguments: ["withdraw", id]),
            ]
        } else if petition.isOpen, petition.own == .withdrawn || petition.standing?.action == .withdraw {
            deeds = [read, Deed(title: words("sitting.signAgain"), arguments: ["cosign", id])]
        } else if petition.isOpen {
            // Its text comes with the questions.
            try await perform(["cosign", id])
            return
        } else {
            deeds = [
                Deed(title: words("sitting.tally"), arguments: ["tally", id]), read,
                Deed(title: words("sitting.export"), arguments: ["export", id, "--overwrite"]),
            ]
            // Whether they have signed or not: if only signers were offered it, only signers would renew their key.
            if petition.isInRing {
                deeds.append(Deed(title: words("sitting.forget"), arguments: ["forget", id]))
            }
        }
        for (i, deed) in deeds.enumerated() { Terminal.line("  \(i + 1)  \(deed.title)") }
        let choice = try choose(words("sitting.choose", ["count": "\(deeds.count)"]), among: deeds.count)
        guard let place = choice.place else { return }
        try await perform(deeds[place].arguments)
    }
}
