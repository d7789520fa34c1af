import Petitions
import Sodium
import TransparencyLog

/// What verifying a file says to people, from the verdict to what is not proven. The command prints it, and the page
/// shows it: nothing else decides what is said after a count.
package struct VerifiedText {
    /// All of them, those of a negotiation too.
    package let faults: [Fault]
    private let audited: AuditedPetition
    private let history: AuditedHistory?
    private let disclosure: Disclosure
    private let origin: NotProven.Origin
    private let now: UInt64

    /// - Parameter now: the reader's clock, in seconds since 1970.
    package init(
        _ audited: AuditedPetition, _ disclosure: Disclosure, from origin: NotProven.Origin = .file, at now: UInt64
    ) {
        (self.audited, history, faults) = (audited, nil, audited.faults)
        (self.disclosure, self.origin, self.now) = (disclosure, origin, now)
    }

    /// The same of a negotiation.
    package init(
        _ history: AuditedHistory, _ disclosure: Disclosure, from origin: NotProven.Origin = .file, at now: UInt64
    ) {
        (audited, self.history, faults) = (history.petition, history, history.faults)
        (self.disclosure, self.origin, self.now) = (disclosure, origin, now)
    }

    /// - Parameter policy: says what the reader's own policy makes of the checkpoint, if there is one.
    package func show(policy: (WitnessPolicy.Verdict) -> Void = { _ in }) {
        let verdict = VerdictText(audited, faults: faults, from: origin, at: now)
        verdict.begin()
        TallyText(disclosure: disclosure).show(audited)
        if let history { show(history) }
        wording()
        notes()
        if faults.isEmpty { witnesses(policy) }
        NotProven(audited, from: origin).show()
        verdict.end()
    }

    private func show(_ history: AuditedHistory) {
        Terminal.line()
        let text = NegotiationText(disclosure: disclosure)
        for line in text.timeline(history.negotiation, history.ratifications, in: audited.workplace) {
            Terminal.line(line)
        }
        if history.missingRecords > 0 {
            Terminal.line(words("verify.missingRecords", count: history.missingRecords))
        }
    }

    /// What was signed: the titles, which stand beside the figures once there are any, and where the rest can be read.
    private func wording() {
        guard let document = audited.document else { return }
        Terminal.line()
        Terminal.line(words("verify.signed", ["title": Terminal.harmless(document.title)]))
        if audited.tally.questions == nil {
            for (i, demand) in document.demands.enumerated() {
                let values = ["number": "\(i + 1)", "title": Terminal.harmless(demand.title)]
                Terminal.line("  " + words("petition.demand", values))
            }
        }
        // Nobody is to rely on a count with faults.
        if faults.isEmpty { Terminal.line(words("verify.readAll")) }
    }

    /// Also beside faults, and beside JSON, which standard error does not disturb.
    package func notes() {
        for note in audited.notes { Terminal.note(NoteText.line(note, in: audited.workplace)) }
    }

    private func witnesses(_ policy: (WitnessPolicy.Verdict) -> Void) {
        if let verdict = audited.witnessed.petition, !verdict.times.isEmpty {
            Terminal.line()
            Terminal.line(words("verify.witnessed", ["size": "\(audited.petition.size)"]))
            for (name, time) in verdict.times {
                Terminal.line(
                    "  " + words("policy.signed", ["witness": Terminal.harmless(name), "time": Moment.describe(time)]))
            }
        }
        if let verdict = audited.witnessedByPolicy.petition { policy(verdict) }
    }
}

/// A broken promise in words.
package enum PromiseText {
    package static func show(_ verdict: PromiseEvidence.Verdict, of petition: ID<Petition>) {
        Terminal.line(words("promise.of", ["petition": petition.hex]))
        Terminal.line(
            Terminal.red(
                words(
                    "promise.\(verdict.breach.rawValue)",
                    ["service": verdict.service, "time": Moment.describe(verdict.until)])))
    }
}
