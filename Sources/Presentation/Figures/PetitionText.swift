import Client
import CoSigning
import Foundation
import Petitions
import Sodium
import Templates
import TransparencyLog

/// Petitions as people read them.
package enum PetitionText {
    package struct Facts: Encodable {
        package struct Demand: Encodable {
            package let title: String
            package let text: String
        }
        package let petition: String
        package let title: String
        package let language: String
        package let preamble: String
        package let demands: [Demand]
        package let trustees: Int
        package let threshold: UInt8
        package let quorum: UInt32
        package let levels: [UInt32]
        package let closes: UInt64
        package let ring: UInt32

        package init(_ id: ID<Petition>, _ manifest: Manifest, _ document: PetitionDocument) {
            petition = id.hex
            (title, language, preamble) = (document.title, document.language, document.preamble)
            demands = document.demands.map { Demand(title: $0.title, text: $0.text) }
            (trustees, threshold, quorum) = (manifest.trustees.count, manifest.threshold, manifest.quorum)
            (levels, closes, ring) = (manifest.levels.map(\.count), manifest.closes, manifest.ringCount)
        }
    }

    package static func show(
        _ id: ID<Petition>, _ manifest: Manifest, _ document: PetitionDocument, trustees: [NamedMember], json: Bool
    ) throws {
        if json { return try Terminal.json(Facts(id, manifest, document)) }
        Terminal.line(Terminal.bold(Terminal.harmless(document.title)))
        Terminal.line(Terminal.faint(id.hex))
        if !document.preamble.isEmpty { Terminal.line("\n" + BilingualText.block(document.preamble)) }
        for (i, demand) in document.demands.enumerated() {
            Terminal.line()
            let title = Terminal.harmless(demand.title)
            Terminal.line(Terminal.bold(words("petition.demand", ["number": "\(i + 1)", "title": title])))
            Terminal.line(BilingualText.block(demand.text))
        }
        Terminal.line()
        let close =
            manifest.closes == 0
            ? words("petition.closedByHand")
            : words("petition.closesAt", ["time": Moment.describe(manifest.closes)])
        Terminal.line(
            words(
                "petition.trustees",
                [
                    "trustees": "\(manifest.trustees.count)", "threshold": "\(manifest.threshold)",
                    "quorum": "\(manifest.quorum)", "close": close,
                ]))
        Terminal.line(
            words(
                "petition.trusteeNames", ["people": Words.list(trustees.map(Words.name))]
            ))
        if let weak = weakThreshold(Int(manifest.threshold), of: manifest.trustees.count) { Terminal.line(weak) }
        guard !manifest.levels.isEmpty else { return }
        let counts = Words.list(manifest.levels.map { "\($0.count)" })
        Terminal.line(words("petition.namesAt", ["counts": counts]))
    }

    /// That half of the trustees or fewer can open the ballots among themselves; nil if it takes more.
    package static func weakThreshold(_ threshold: Int, of trustees: Int) -> String? {
        guard threshold * 2 <= trustees || threshold == 1 else { return nil }
        return words("petition.weakThreshold", ["trustees": "\(trustees)"], count: threshold)
    }

    /// That fewer people can sign than must; nil if enough can.
    package static func farQuorum(_ quorum: Int, members: Int) -> String? {
        quorum <= members ? nil : words("petition.farQuorum", ["quorum": "\(quorum)"], count: members)
    }

    /// Who the trustees are, in the order of their keys.
    package static func trustees(_ view: PetitionView) -> [NamedMember] {
        view.petition.acceptances.map { view.workplace.person($0.signKey) }
    }

    /// What everybody should know who looks at a petition.
    package static func notes(_ view: PetitionView, at now: UInt64) -> [String] {
        var lines = view.petition.notes(in: view.workplace).filter { !$0.isOfWitnesses }
            .map { NoteText.line($0, in: view.workplace) }
        if let line = NoteText.closedEarly(view.petition, at: now) { lines.append(line) }
        if view.isClosedLate(at: now) {
            lines.append(words("petition.closesLate", ["time": Moment.describe(view.petition.manifest.closes)]))
        }
        return lines
    }

    package static func state(_ view: PetitionView, _ tally: Tally, _ own: OwnStatus, standing: PetitionLog.Standing?) {
        let log = view.petition
        let count = tally.cosignatures
        let state = log.closure == nil ? words("petition.open") : words("petition.closed")
        Terminal.line(words("petition.state", ["state": state]))
        for line in SignersText(log, in: view.workplace).lines { Terminal.line(line) }
        let quorum = Int(log.manifest.quorum)
        let bars = Terminal.barred([
            Terminal.BarRow(count, of: tally.ring) { bar in
                words(
                    "petition.standing",
                    ["bar": bar, "count": "\(count)", "ring": "\(tally.ring)", "eligible": "\(tally.eligible)"])
            },
            Terminal.BarRow(count, of: quorum) { bar in
                words("petition.quorum", ["bar": bar, "count": "\(count)", "quorum": "\(quorum)"])
            },
        ])
        Terminal.line(bars[0])
        Terminal.line(
            words(
                "petition.seats",
                [
                    "live": "\(view.seats.count)", "rotated": "\(view.seats.rotated)",
                    "unseated": "\(view.seats.unseated)",
                ]))
        Terminal.line(bars[1])
        Terminal.line(words("petition.you", ["own": self.own(own, log.manifest, standing: standing)]))
    }

    package static func title(_ petition: PetitionSummary) -> String {
        Terminal.harmless(petition.view?.document?.title ?? words("tally.noWording"))
    }

    /// One entry of a list: the title above, where it stands below.
    package static func line(_ summary: PetitionSummary) -> String {
        if let failure = summary.failure {
            return "\(summary.id.hex.prefix(16))  " + Terminal.red(failure.what)
        }
        guard let log = summary.log, let tally = summary.tally else {
            return "\(summary.id.hex.prefix(16))  \(words("petition.announced"))"
        }
        let own = own(summary.own, log.manifest, standing: summary.standing)
        return Terminal.bold(title(summary)) + "\n"
            + Terminal.barred(tally.cosignatures, of: tally.ring) { bar in
                "  "
                    + words(
                        "petition.line",
                        [
                            "id": String(summary.id.hex.prefix(16)),
                            "state": log.closure == nil ? words("petition.open") : words("petition.closed"),
                            "bar": bar, "count": "\(tally.cosignatures)", "ring": "\(tally.ring)",
                            "quorum": "\(log.manifest.quorum)", "own": own,
                        ])
            }
    }

    /// - Parameter standing: what the log shows under this member's tag, whichever device sent it.
    package static func own(_ status: OwnStatus, _ manifest: Manifest, standing: PetitionLog.Standing?) -> String {
        switch status {
        case .nothing, .notCounted:
            switch standing?.action {
            case .sign: words("own.elsewhere")
            case .withdraw: words("own.withdrawnElsewhere")
            case nil: status == .nothing ? words("own.nothing") : words("own.notCounted")
            }
        case .forgotten: words("own.forgotten")
        case .pending: words("own.pending")
        case .promised(let until): words("own.held", ["time": Moment.describe(until)])
        case .signed: words("own.signed")
        case .signedWithName(let level):
            words("own.signedWithName", ["count": "\(manifest.levels.dropFirst(Int(level) - 1).first?.count ?? 0)"])
        case .withdrawn: words("own.withdrawn")
        }
    }
}

extension OwnStatus {
    /// For JSON: a word that does not depend on the language.
    package var fact: String {
        switch self {
        case .nothing: "nothing"
        case .notCounted: "not-counted"
        case .forgotten: "forgotten"
        case .pending: "pending"
        case .promised: "held"
        case .signed: "signed"
        case .signedWithName: "signed-with-name"
        case .withdrawn: "withdrawn"
        }
    }
}
