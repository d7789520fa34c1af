import Client
import Petitions
import Templates

/// The petition as it is handed over.
package enum Letter {
    /// - Parameter file: what is handed over with it.
    /// - Throws: `ClientError.invalid` where there is no wording, or where it is a vote; `notClosed`.
    package static func html(
        _ audited: AuditedPetition, file: String, disclosure: Disclosure, texts: Messages, _ templates: PageTemplates
    ) throws -> String {
        guard let document = audited.document else { throw ClientError.invalid(.letterWording) }
        // Who voted does not ask for what was voted on; and what is open may still change.
        guard audited.petition.manifest.kind == .petition else { throw ClientError.invalid(.letterOfVote) }
        guard audited.tally.closed else { throw ClientError.notClosed }
        let (tally, quorum) = (audited.tally, audited.petition.manifest.quorum)
        let names = Report.names(audited, texts)
        let everybody = Everybody(audited)
        let demands = document.demands.enumerated().map { i, demand in
            var values = BilingualText(demand.text).page("text", texts)
            values["title"] = demand.title
            if let counts = tally.questions?[i] {
                let figures = FigureText(counts, ring: tally.ring, disclosure, texts)
                values["support"] = figures.support
                if let note = figures.note(disclosure) { values["hidden"] = note }
            }
            return values
        }
        var values: [String: Any] = [
            "title": document.title, "demands": demands,
            "standing": texts(
                "letter.standing", ["ring": "\(tally.ring)", "eligible": "\(tally.eligible)"],
                count: tally.cosignatures),
            "needed": texts("page.needed", ["count": "\(tally.cosignatures)", "needed": "\(quorum)"]),
            "names": names, "hasNames": !names.isEmpty,
            "how": texts.markup("letter.how", others: ["file": file]),
            "command": Report.markup(file, audited.petition.id),
            "notProven": NotProven(audited, from: .letter).lines(texts),
            "anonymous": everybody.isComplete ? texts("letter.complete") : texts("letter.anonymous"),
            "everybody": everybody.lines(texts),
        ]
        let preamble = BilingualText(RatificationTerms.prose(document.preamble))
        values.merge(preamble.page("preamble", texts)) { $1 }
        if tally.questions == nil { values["sealed"] = texts("letter.sealed") }
        return try templates.render("letter", values, texts: texts)
    }
}
