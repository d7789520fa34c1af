import Client
import CoSigning
import Petitions
import ServiceAPI
import Sodium
import TransparencyLog

/// The one place where errors of the client become words. Every code has a sentence in every language; a test goes through all of them.
extension ClientError {
    /// What happened.
    package var what: String {
        switch self {
        case .invalid(let reason, let values): words("invalid.\(reason.rawValue)", values)
        case .invalidPerson(let reason, let person):
            words("invalid.\(reason.rawValue)", ["person": Words.name(person)])
        case .refused(let refusal): ErrorWords.say(refusal)
        case .unanswered(let refusal): words("error.unanswered.what", ["why": ErrorWords.say(refusal)])
        case .rule(let rule) where code == .rule: ErrorWords.say(rule)
        case .coSigning(.rule(let rule)): ErrorWords.say(rule)
        default: words("error.\(code.rawValue).what", values)
        }
    }

    /// What to do next; empty when what happened says it.
    package var nextStep: String {
        switch self {
        case .invalid, .invalidPerson: ""
        case .unreachable(let why, at: _, proxy: _): words("reasonNext.\(why.rawValue)", values)
        case .refused(let refusal) where refusal.code == nil: words("problem.foreignNext")
        default: words("error.\(code.rawValue).next", values)
        }
    }

    private var values: [String: String] {
        switch self {
        case .noKeystore(let path), .keystoreExists(let path), .disk(let path), .keystoreDamaged(let path):
            ["path": path]
        case .unreachable(let why, let address, let proxy):
            ["why": words("reason.\(why.rawValue)"), "address": address, "proxy": proxy ?? ""]
        case .badAnswer(let what): ["what": words("badAnswer.\(what.rawValue)")]
        case .receipt(let error): ["why": ErrorWords.say(error)]
        case .noSuch(let what), .ambiguous(let what): ["what": words("noun.\(what.rawValue)")]
        case .acceptancesMissing(let people), .offersMissing(let people):
            ["people": Words.list(people.map(Words.name))]
        case .assembledAlready(let id): ["petition": String(id.hex.prefix(16))]
        case .levelNotReached(let standing, let needed): ["standing": "\(standing)", "needed": "\(needed)"]
        case .coSigning(let error): error.values
        default: [:]
        }
    }
}

extension CoSigningError {
    fileprivate var values: [String: String] {
        switch self {
        case .logMissing(let log), .logUnreadable(let log), .logRootDiffers(let log), .firstLeaf(let log),
            .witnessesStale(let log):
            ["log": Notices.name(log)]
        case .logUnverified(let log, let error): ["log": Notices.name(log), "why": ErrorWords.say(error)]
        case .serviceFaults(let faults):
            ["faults": Words.clauses(faults.prefix(3)) + (faults.count > 3 ? "…" : "")]
        case .notWitnessed(let log, let signed, let asked):
            ["log": Notices.name(log), "signed": "\(signed)", "asked": "\(asked)"]
        case .wording(let fault): ["why": words("wording.\(fault.rawValue)")]
        case .tooFewLiveSeats(let count, let least): ["count": "\(count)", "least": "\(least)"]
        case .nameHidden(let code): ["code": code]
        case .namedAmongFew(let count): ["count": "\(count)"]
        case .namedInLargeRing(let ring, let eligible): ["ring": "\(ring)", "eligible": "\(eligible)"]
        case .noSuchLevel(let levels): ["levels": Words.list(levels.map { "\($0)" })]
        case .remarkLength(let most): ["most": "\(most)"]
        case .remarkHidden(let line, let code): ["line": "\(line)", "code": code]
        case .answersCount(let demands): ["demands": "\(demands)"]
        case .held(let until): ["time": Moment.describe(until)]
        case .receiptInvalid(let error): ["why": ErrorWords.say(error)]
        default: [:]
        }
    }
}

package enum ErrorWords {
    package static func say(_ refusal: ServiceRefusal) -> String {
        guard let code = refusal.code else { return foreign(refusal) }
        if code == .rule, let rule = refusal.rule.flatMap({ RuleViolation(rawValue: $0) }) {
            return words("problem.rule", ["rule": say(rule)])
        }
        return words("problem.\(code.rawValue)", ["rule": refusal.rule ?? ""].merging(refusal.values) { $1 })
    }

    /// An answer that is not of this service's kind: of a proxy before it, or of somebody else at this address.
    private static func foreign(_ refusal: ServiceRefusal) -> String {
        var values = ["status": "\(refusal.status)", "address": refusal.address]
        if (300..<400).contains(refusal.status), let target = refusal.location {
            values["target"] = target
            return words("problem.redirect", values)
        }
        if let wait = refusal.wait, [429, 502, 503, 504].contains(refusal.status) {
            values["seconds"] = "\(wait)"
            return words("problem.later", values)
        }
        return [429, 502, 503, 504].contains(refusal.status)
            ? words("problem.gateway", values) : words("problem.unknown", values)
    }

    package static func say(_ rule: RuleViolation) -> String { words("rule.\(rule.word)") }

    package static func say(_ fault: Fault) -> String { FaultText.say(fault) }

    package static func say(_ error: LogError) -> String {
        switch error {
        case .note: words("logFault.note")
        case .noteKey: words("logFault.noteKey")
        case .noSignature: words("logFault.noSignature")
        case .badSignature: words("logFault.badSignature")
        case .checkpoint: words("logFault.checkpoint")
        case .origin: words("logFault.origin")
        case .receipt: words("logFault.receipt")
        case .notIncluded: words("logFault.notIncluded")
        case .entries: words("logFault.entries")
        case .witnessRequest: words("logFault.witnessRequest")
        }
    }
}
