// docs/protocol.md, sections 8 and 9

import MembershipProofs
import Ristretto
import Sodium
import TransparencyLog

/// Something in a log that breaks a rule: a fault of the service, which must not have accepted it.
public struct Fault: Hashable, Sendable, CustomStringConvertible {
    public enum Place: Hashable, Sendable {
        case leaf(log: String, index: Int)
        case log(String)
        case name(line: Int)
        case names
        case document
        case record(line: Int)
        /// With a fault of its own bundle, when it is one.
        case ratification(line: Int, String)
    }

    public let place: Place
    public let what: String

    public var description: String {
        switch place {
        case .leaf(let log, let index): "\(log) leaf \(index): \(what)"
        case .log(let log): "\(log) log: \(what)"
        case .name(let line): "petition name line \(line): \(what)"
        case .names: "petition names: \(what)"
        case .document: "petition document: \(what)"
        case .record(let line): "record line \(line): \(what)"
        case .ratification(let line, let own): "ratification line \(line): \(own)\(what)"
        }
    }
}

/// A log whose every leaf has been judged: those that hold are folded, the others are faults.
public struct Audited<Log: Sendable>: Sendable {
    public let log: Log
    public let faults: [Fault]

    fileprivate init(_ log: Log, _ faults: [Fault]) { (self.log, self.faults) = (log, faults) }
}

extension WorkplaceLog {
    /// - Throws: `PetitionBundle.Unreadable` when the first leaf is invalid.
    public static func audit(_ leaves: [[UInt8]]) throws(PetitionBundle.Unreadable) -> Audited<WorkplaceLog> {
        guard let first = leaves.first, var log = try? WorkplaceLog(founding: first) else {
            throw .firstWorkplaceLeaf
        }
        let faults = log.audit(leaves.dropFirst())
        return Audited(log, faults)
    }

    /// The same log with leaves that have come since, and their faults.
    public func audited(with leaves: [[UInt8]]) -> Audited<WorkplaceLog> { Audited(self, []).extended(by: leaves) }

    /// Takes up further leaves and returns what is wrong with them. One that breaks a rule keeps its place and counts for nothing.
    /// - Parameter leaves: the log's next; their indices are of no account.
    fileprivate mutating func audit(_ leaves: ArraySlice<[UInt8]>) -> [Fault] {
        var faults: [Fault] = []
        let shift = size - leaves.startIndex
        for start in stride(from: leaves.startIndex, to: leaves.endIndex, by: auditBatch) {
            let batch = leaves[start..<min(start + auditBatch, leaves.endIndex)]
            for (index, statement) in zip(batch.indices, prove(batch)) {
                do throws(RuleViolation) {
                    try append(try statement.get())
                } catch {
                    skip(leaves[index])
                    faults.append(Fault(place: .leaf(log: "workplace", index: index + shift), what: error.rawValue))
                }
            }
        }
        return faults
    }
}

extension Audited where Log == WorkplaceLog {
    /// The same log with what has come since, and the faults of all of it.
    public func extended(by leaves: [[UInt8]]) -> Audited<WorkplaceLog> {
        var log = log
        let faults = faults + log.audit(leaves[...])
        return Audited(log, faults)
    }
}

extension Audited where Log == PetitionLog {
    /// The same log with what has come since, and the faults of all of it.
    /// - Parameter workplace: with every leaf that the new ones refer to.
    public func extended(by leaves: [[UInt8]], in workplace: WorkplaceLog) -> Audited<PetitionLog> {
        var log = log
        let faults = faults + log.audit(leaves[...], in: workplace)
        return Audited(log, faults)
    }
}

/// Leaves that are decoded and checked together: bounds the memory, whatever the length of a log.
private let auditBatch = 4096

extension PetitionLog {
    /// - Throws: `PetitionBundle.Unreadable` when the first leaf is invalid.
    public static func audit(
        _ leaves: [[UInt8]], in workplace: WorkplaceLog
    ) throws(PetitionBundle.Unreadable) -> Audited<PetitionLog> {
        guard let first = leaves.first, var log = try? PetitionLog(opening: first, in: workplace) else {
            throw .firstPetitionLeaf
        }
        let faults = log.audit(leaves.dropFirst(), in: workplace)
        return Audited(log, faults)
    }

    /// The same log with leaves that have come since, and their faults.
    /// - Parameter workplace: with every leaf that the new ones refer to.
    public func audited(with leaves: [[UInt8]], in workplace: WorkplaceLog) -> Audited<PetitionLog> {
        Audited(self, []).extended(by: leaves, in: workplace)
    }

    /// Takes up further leaves and returns what is wrong with them. One that breaks a rule keeps its place and counts for nothing.
    /// - Parameter leaves: the log's next; their indices are of no account.
    fileprivate mutating func audit(_ leaves: ArraySlice<[UInt8]>, in workplace: WorkplaceLog) -> [Fault] {
        var faults: [Fault] = []
        for start in stride(from: leaves.startIndex, to: leaves.endIndex, by: auditBatch) {
            let batch = leaves[start..<min(start + auditBatch, leaves.endIndex)]
            let statements = PetitionStatement.decode(batch)
            var index = start
            while index < batch.endIndex {
                // Co-signatures that follow one another meet the same ring, and their proofs are checked together.
                let run = statements[(index - start)...].prefix { $0.coSigned != nil }.compactMap { $0.coSigned }
                for (coSigned, verdict) in zip(run, prove(run)) {
                    faults += fold(leaves[index]) { (log) throws(RuleViolation) in
                        // The cheap rules first, so that a leaf which breaks several is reported for the plainest.
                        try log.check(coSigned)
                        try log.append(verdict.get())
                    }
                    index += 1
                }
                guard index < batch.endIndex else { break }
                faults += fold(leaves[index]) { (log) throws(RuleViolation) in
                    try log.append(statements[index - start].get(), in: workplace)
                }
                index += 1
            }
        }
        return faults
    }

    /// Appends by `append`, or keeps the place of a leaf that it refuses.
    private mutating func fold(
        _ leaf: [UInt8], _ append: (inout PetitionLog) throws(RuleViolation) -> Void
    ) -> [Fault] {
        do throws(RuleViolation) {
            try append(&self)
            return []
        } catch {
            let index = size
            skip(leaf)
            return [Fault(place: .leaf(log: "petition", index: index), what: error.rawValue)]
        }
    }
}

extension Result where Success == PetitionStatement {
    fileprivate var coSigned: CoSigned? { (try? get())?.coSigned }
}

extension PetitionStatement {
    /// Decodes many, on all cores.
    fileprivate static func decode(_ leaves: ArraySlice<[UInt8]>) -> [Result<PetitionStatement, RuleViolation>] {
        Cores.map(leaves, strip: 64) { leaf in
            Result { () throws(RuleViolation) in try PetitionStatement(decoding: leaf) }
        }
    }

    /// The co-signature, when it is one.
    public var coSigned: CoSigned? {
        if case .coSigned(let coSigned) = body { coSigned } else { nil }
    }
}

/// A bundle of which everything has been recomputed: the verdict.
public struct AuditedPetition: Sendable {
    public let workplace: WorkplaceLog
    public let petition: PetitionLog
    public let tally: Tally
    /// By member, then name.
    public let names: [ReleasedName]
    public let document: PetitionDocument?
    public let faults: [Fault]
    /// What witnesses signed of the workplace's log and of the petition's; nil without a policy, or where a checkpoint does not
    /// verify.
    public let witnessed: (workplace: WitnessPolicy.Verdict?, petition: WitnessPolicy.Verdict?)

    /// - Parameter policy: whose signatures the checkpoints must have; without them that is a fault.
    /// - Throws: `PetitionBundle.Unreadable`.
    public init(
        auditing bundle: PetitionBundle, policy: WitnessPolicy? = nil
    ) throws(PetitionBundle.Unreadable) {
        let workplace = try WorkplaceLog.audit(bundle.workplace.leaves)
        guard workplace.log.id == bundle.workplaceID else { throw .ids }
        let petition = try PetitionLog.audit(bundle.petition.leaves, in: workplace.log)
        guard petition.log.id == bundle.petitionID else { throw .ids }
        (self.workplace, self.petition) = (workplace.log, petition.log)
        var faults = Self.check(bundle.workplace, "workplace", by: workplace.log.verifier, workplace.log.tree)
        faults += workplace.faults
        faults += Self.check(
            bundle.petition, "petition", by: workplace.log.verifier(of: petition.log.id), petition.log.tree)
        faults += petition.faults
        tally = petition.log.tally(in: workplace.log)
        let (names, nameFaults) = petition.log.open(names: bundle.names)
        self.names = names
        faults += nameFaults
        do throws(PetitionDocument.Fault) {
            document = try bundle.document.map { (bytes) throws(PetitionDocument.Fault) in
                try PetitionDocument(parsing: bytes, of: petition.log.manifest)
            }
        } catch {
            document = nil
            faults.append(Fault(place: .document, what: error.rawValue))
        }
        witnessed = (
            Self.witnessed(bundle.workplace, "workplace", by: workplace.log.verifier, policy, &faults),
            Self.witnessed(
                bundle.petition, "petition", by: workplace.log.verifier(of: petition.log.id), policy, &faults)
        )
        self.faults = faults
    }

    private static func witnessed(
        _ log: PetitionBundle.Log, _ name: String, by verifier: LogVerifier, _ policy: WitnessPolicy?,
        _ faults: inout [Fault]
    ) -> WitnessPolicy.Verdict? {
        guard let policy, let verified = try? verifier.verify(log.checkpoint) else { return nil }
        func fault(_ what: String) { faults.append(Fault(place: .log(name), what: what)) }
        guard policy.accepts(logKey: verifier.key) else {
            fault("its key is not in the policy")
            return nil
        }
        let verdict = policy.judge(verified)
        if !verdict.isSatisfied {
            fault("checkpoint not witnessed as the policy asks, by \(verdict.missing.joined(separator: ", "))")
        }
        return verdict
    }

    private static func check(
        _ log: PetitionBundle.Log, _ name: String, by verifier: LogVerifier, _ tree: MerkleTree
    ) -> [Fault] {
        func fault(_ what: String) -> [Fault] { [Fault(place: .log(name), what: what)] }
        do throws(LogError) {
            let verified = try verifier.verify(log.checkpoint)
            guard verified.size == UInt64(tree.count) else {
                return fault("checkpoint of \(verified.size) leaves over \(tree.count)")
            }
            return verified.root == tree.root ? [] : fault("checkpoint with another root than the leaves give")
        } catch {
            switch error {
            case .origin(let expected, let found): return fault("checkpoint of \(found), not of \(expected)")
            case .noSignature, .badSignature: return fault("checkpoint not signed by the log's key")
            default: return fault("checkpoint that is no signed note of a tree")
            }
        }
    }
}

extension PetitionLog {
    /// Digests of the sealed names that a bundle must hold: of standing co-signatures whose level is released.
    public var namesDue: [Bytes32: LinkingTag] {
        var due: [Bytes32: LinkingTag] = [:]
        for (tag, standing) in tags
        where standing.action == .sign && standing.level > 0 && isReleased(Int(standing.level)) {
            due[standing.nameDigest] = tag
        }
        return due
    }

    func open(names: [[UInt8]]) -> ([ReleasedName], [Fault]) {
        var due = namesDue
        var standing: [SealedName.Due] = []
        var faults: [Fault] = []
        for (line, sealed) in names.enumerated() {
            guard let tag = due.removeValue(forKey: SealedName.digest(of: sealed)), let last = tags[tag] else {
                faults.append(
                    Fault(
                        place: .name(line: line), what: "of no standing co-signature whose level is released, or twice")
                )
                continue
            }
            standing.append(SealedName.Due(sealed: sealed, tag: tag, standing: last))
        }
        if !due.isEmpty { faults.append(Fault(place: .names, what: "\(due.count) missing")) }
        let released = SealedName.open(standing, in: self).sorted {
            $0.member == $1.member
                ? $0.name.unicodeScalars.lexicographicallyPrecedes($1.name.unicodeScalars) : $0.member < $1.member
        }
        return (released, faults)
    }
}
