import Petitions
import Templates

/// A verdict in words: once before the figures, with every fault, and once more behind everything else, where a terminal
/// ends. It never goes through a pager.
package struct VerdictText {
    private let faults: [Fault]
    private let isWordingMissing: Bool
    private let origin: NotProven.Origin
    private let closedEarly: String?

    /// - Parameters:
    ///   - faults: all of them, those of a negotiation too.
    ///   - now: the reader's clock, in seconds since 1970.
    package init(
        _ audited: AuditedPetition, faults: [Fault]? = nil, from origin: NotProven.Origin = .file, at now: UInt64
    ) {
        let faults = faults ?? audited.faults
        (self.faults, self.origin) = (faults, origin)
        isWordingMissing = Self.isWordingMissing(audited)
        // What no file proves and the reader's clock shows.
        closedEarly = NoteText.closedEarly(audited.petition, at: now)
    }

    /// Whether nobody can say from this what was signed. A wording that is there and is not the one that was signed is a
    /// fault, and is said as one.
    package static func isWordingMissing(_ audited: AuditedPetition) -> Bool {
        audited.document == nil
            && !audited.faults.contains { if case .document = $0.place { true } else { false } }
    }

    /// Before the figures.
    package func begin() {
        verdict()
        for fault in faults {
            Terminal.line(Terminal.red(words("verify.fault")) + Terminal.harmless(FaultText.say(fault)))
        }
        Terminal.line()
    }

    /// Behind everything else.
    package func end() {
        Terminal.line()
        verdict()
    }

    private func verdict() {
        Terminal.line(
            faults.isEmpty
                ? Terminal.green(words("verify.holds")) : Terminal.red(words("verify.faults", count: faults.count)))
        if let closedEarly { Terminal.line(Terminal.red(words("warning.mark")) + closedEarly) }
        guard isWordingMissing else { return }
        Terminal.line(
            Terminal.red(words("warning.mark"))
                + words(origin == .service ? Words.key("verify.wordingAtService") : Words.key("verify.wordingMissing")))
    }
}
