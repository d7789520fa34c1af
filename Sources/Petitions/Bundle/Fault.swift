// docs/protocol.md, section 9

/// Something in a log or a file that breaks a rule. Either the service is at fault, because it must not have accepted
/// it, or whoever made or changed the file.
public struct Fault: Hashable, Sendable, CustomStringConvertible {
    /// Where the fault is. Indices of leaves count from 0.
    public enum Place: Hashable, Sendable {
        /// A leaf of the `workplace` or the `petition` log.
        case leaf(log: String, index: Int)
        /// A log's checkpoint.
        case log(String)
        /// A line with a sealed name.
        case name(line: Int)
        /// The sealed names as a whole.
        case names
        /// The petition's document.
        case document
        /// A line with a record.
        case record(line: Int)
        /// A line with a vote's bundle.
        case ratification(line: Int)
    }

    /// Which rule is broken.
    public enum Reason: Hashable, Sendable {
        case rule(RuleViolation)
        case checkpointSize(checkpoint: UInt64, leaves: Int)
        case checkpointRoot
        case checkpointOrigin(found: String, expected: String)
        case checkpointUnsigned
        case checkpointMalformed
        case falseWitnesses(String)
        case tooFewWitnesses(Int, asked: Int)
        case keyNotInPolicy
        case policyUnmet(missing: String)
        case document(PetitionDocument.Fault)
        case nameUnknown
        case nameOrder
        case namesMissing(Int)
        case recordUnknown
        case ratificationUnknown
        case ratificationWorkplace
        case ratificationWords
        /// A fault in the bundle of a vote.
        indirect case within(Fault)
    }

    /// Where it is.
    public let place: Place
    /// The rule that is broken there.
    public let reason: Reason

    init(_ place: Place, _ reason: Reason) { (self.place, self.reason) = (place, reason) }

    /// The reason in English, for programs: the same in every language.
    public var what: String {
        switch reason {
        case .rule(let rule): rule.rawValue
        case .checkpointSize(let size, let leaves): "checkpoint of \(size) leaves over \(leaves)"
        case .checkpointRoot: "checkpoint with another root than the leaves give"
        case .checkpointOrigin(let found, let expected): "checkpoint of \(found), not of \(expected)"
        case .checkpointUnsigned: "checkpoint not signed by the log's key"
        case .checkpointMalformed: "checkpoint that is no signed note of a tree"
        case .falseWitnesses(let names): "checkpoint with a false signature of \(names)"
        case .tooFewWitnesses(let count, let asked): "checkpoint signed by \(count) witnesses of \(asked) asked"
        case .keyNotInPolicy: "its key is not in the policy"
        case .policyUnmet(let missing): "checkpoint not witnessed as the policy asks, by \(missing)"
        case .document(let fault): fault.rawValue
        case .nameUnknown: "of no standing co-signature whose level is released, or twice"
        case .nameOrder: "not in the order of the leaves"
        case .namesMissing(let count): "\(count) missing"
        case .recordUnknown: "of no record in the log, or twice"
        case .ratificationUnknown: "of no response to this petition, or twice"
        case .ratificationWorkplace: "its workplace log is another than the petition's"
        case .ratificationWords: "asks about other words than the response's"
        case .within(let fault): fault.description
        }
    }

    /// Place and reason in English: `petition leaf 7: proof`.
    public var description: String {
        switch place {
        case .leaf(let log, let index): "\(log) leaf \(index): \(what)"
        case .log(let log): "\(log) log: \(what)"
        case .name(let line): "petition name line \(line): \(what)"
        case .names: "petition names: \(what)"
        case .document: "petition document: \(what)"
        case .record(let line): "record line \(line): \(what)"
        case .ratification(let line): "ratification line \(line): \(what)"
        }
    }
}
