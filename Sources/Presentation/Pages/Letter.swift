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
        let preamble = BilingualText(RatificationTerms.prose(document.preamble))
        let view = View(
            title: document.title, preamble: preamble.wording, preambleTranslation: preamble.translated(texts),
            demands: document.demands.enumerated().map { i, demand in
                let text = BilingualText(demand.text)
                let figures = tally.questions.map { FigureText($0[i], ring: tally.ring, disclosure, texts) }
                return View.Demand(
                    title: demand.title, text: text.wording, textTranslation: text.translated(texts),
                    support: figures?.support, hidden: figures?.note(disclosure))
            },
            standing: texts(
                "letter.standing", ["ring": "\(tally.ring)", "eligible": "\(tally.eligible)"],
                count: tally.cosignatures),
            needed: texts("page.needed", ["count": "\(tally.cosignatures)", "needed": "\(quorum)"]),
            sealed: tally.questions == nil ? texts("letter.sealed") : nil,
            anonymous: everybody.isComplete ? texts("letter.complete") : texts("letter.anonymous"),
            everybody: everybody.lines(texts), hasNames: !names.isEmpty, names: names,
            how: texts.markup("letter.how", others: ["file": file]), command: Report.markup(file, audited.petition.id),
            notProven: NotProven(audited, from: .letter).lines(texts))
        return try templates.render("letter", view, texts: texts)
    }

    /// What `letter.mustache` fills in.
    private struct View {
        struct Demand {
            let title: String
            let text: Markup?
            let textTranslation: BilingualText.Translated?
            let support: String?
            let hidden: String?
        }
        let title: String
        let preamble: Markup?
        let preambleTranslation: BilingualText.Translated?
        let demands: [Demand]
        let standing: String
        let needed: String
        let sealed: String?
        let anonymous: String
        let everybody: [String]
        let hasNames: Bool
        let names: [Markup]
        let how: Markup
        let command: Markup
        let notProven: [String]
    }
}
