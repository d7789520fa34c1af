import Petitions
import Sodium
import Templates

/// What `roundrobin verify` does with a file, for the page: the same checks, and the same words.
struct Verification {
    /// For programs.
    enum Outcome: String {
        case holds, faults, unreadable
        /// The file is of another petition than the one that the person named, or they named none that there can be.
        case otherPetition
        case promiseBroken
    }

    private(set) var outcome = Outcome.unreadable
    private(set) var id = ""
    private(set) var lines: [String] = []

    init(_ bytes: [UInt8], wanted: String, _ disclosure: Disclosure, at now: UInt64) {
        Terminal.lines = []
        defer {
            lines = Terminal.lines
            Terminal.lines = []
        }
        do throws(PetitionBundle.Unreadable) {
            if PromiseEvidence.isEvidence(bytes) {
                show(try PromiseEvidence(parsing: bytes))
            } else {
                try verify(bytes, GivenID.clean(wanted), disclosure, now)
            }
        } catch {
            refuse(FileFault(error, bytes))
        }
    }

    private mutating func verify(
        _ bytes: [UInt8], _ wanted: String, _ disclosure: Disclosure, _ now: UInt64
    ) throws(PetitionBundle.Unreadable) {
        if !wanted.isEmpty, ID<Petition>(hex: wanted) == nil {
            outcome = .otherPetition
            Terminal.line(Terminal.red(words("web.wholeID", ["count": "\(wanted.count)"])))
            return
        }
        let text: VerifiedText
        let origin: NotProven.Origin = wanted.isEmpty ? .file : .named
        if NegotiationHistory.isHistory(bytes) {
            let history = try NegotiationHistory(parsing: bytes)
            guard isWanted(history.petition.petitionID, wanted) else { return }
            text = VerifiedText(try AuditedHistory(auditing: history), disclosure, from: origin, at: now)
        } else {
            let bundle = try PetitionBundle(parsing: bytes)
            guard isWanted(bundle.petitionID, wanted) else { return }
            text = VerifiedText(try AuditedPetition(auditing: bundle), disclosure, from: origin, at: now)
        }
        outcome = text.faults.isEmpty ? .holds : .faults
        text.show()
    }

    private mutating func isWanted(_ id: ID<Petition>, _ wanted: String) -> Bool {
        self.id = id.hex
        guard !wanted.isEmpty, wanted != id.hex else { return true }
        refuse(FileFault(wanted: wanted, found: id.hex))
        outcome = .otherPetition
        return false
    }

    private mutating func show(_ evidence: PromiseEvidence) {
        id = evidence.petitionID.hex
        do throws(PromiseEvidence.Weakness) {
            let verdict = try evidence.verify()
            outcome = .promiseBroken
            PromiseText.show(verdict, of: evidence.petitionID)
        } catch {
            Terminal.line(words("invalid.evidenceWeak", ["why": words("promiseWeak.\(error.rawValue)")]))
        }
    }

    private func refuse(_ fault: FileFault) {
        Terminal.line(Terminal.red(words("invalid.\(fault.reason.rawValue)", fault.values)))
    }

    var json: String {
        "{\"outcome\":\"\(outcome.rawValue)\",\"id\":\"\(id)\",\"lines\":["
            + lines.map { JSONValue.quoted($0) }.joined(separator: ",") + "]}"
    }
}
