import Petitions
import Templates

/// What is wrong with a file or a log, as sentences. Programs are told `Fault.description` instead.
package enum FaultText {
    /// Where it is, and which rule is broken.
    package static func say(_ fault: Fault, _ texts: Messages = Words.texts) -> String {
        let reason = reason(fault, texts)
        switch fault.place {
        case .leaf(let log, let index):
            return texts("fault.leaf", ["log": name(log, texts), "leaf": "\(index)", "why": reason])
        case .log(let log): return texts("fault.log", ["log": name(log, texts), "why": reason])
        case .name(let line): return texts("fault.name", ["number": "\(line + 1)", "why": reason])
        case .names: return reason
        case .document: return texts("fault.document", ["why": reason])
        case .record(let line): return texts("fault.record", ["number": "\(line + 1)", "why": reason])
        case .ratification(let line): return texts("fault.vote", ["number": "\(line + 1)", "why": reason])
        }
    }

    private static func name(_ log: String, _ texts: Messages) -> String {
        log == "workplace" ? texts("fault.workplaceLog") : texts("fault.petitionLog")
    }

    private static func reason(_ fault: Fault, _ texts: Messages) -> String {
        switch fault.reason {
        case .rule(let rule): rule == .closedBefore ? texts("fault.afterClose") : texts("rule.\(rule.word)")
        case .checkpointSize(let size, let leaves):
            texts("fault.checkpointSize", ["size": "\(size)", "leaves": "\(leaves)"])
        case .checkpointRoot: texts("fault.checkpointRoot")
        case .checkpointOrigin: texts("fault.checkpointOrigin")
        case .checkpointUnsigned: texts("fault.checkpointUnsigned")
        case .checkpointMalformed: texts("fault.checkpointMalformed")
        case .falseWitnesses(let names): texts("fault.falseWitnesses", ["names": Harmless.line(names)])
        case .tooFewWitnesses(let count, let asked):
            texts("fault.tooFewWitnesses", ["signed": "\(count)", "asked": "\(asked)"])
        case .keyNotInPolicy: texts("fault.keyNotInPolicy")
        case .policyUnmet(let missing): texts("fault.policyUnmet", ["names": Harmless.line(missing)])
        case .document(let fault): document(fault, texts)
        case .nameUnknown: texts("fault.nameUnknown")
        case .nameOrder: texts("fault.nameOrder")
        case .namesMissing(let count): texts("fault.namesMissing", count: count)
        case .recordUnknown: texts("fault.recordUnknown")
        case .ratificationUnknown: texts("fault.voteUnknown")
        case .ratificationWorkplace: texts("fault.voteWorkplace")
        case .ratificationWords: texts("fault.voteWords")
        case .within(let fault): say(fault, texts)
        }
    }

    private static func document(_ fault: PetitionDocument.Fault, _ texts: Messages) -> String {
        switch fault {
        case .json: texts("fault.documentJSON")
        case .members: texts("fault.documentMembers")
        case .salt: texts("fault.documentSalt")
        case .demands: texts("fault.documentDemands")
        case .digest: texts("fault.documentDigest")
        }
    }
}
