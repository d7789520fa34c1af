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
        var faults: [Fault] = []
        for start in stride(from: 1, to: leaves.count, by: auditBatch) {
            let batch = leaves[start..<min(start + auditBatch, leaves.count)]
            for (index, statement) in zip(batch.indices, log.prove(batch)) {
                do throws(RuleViolation) {
                    try log.append(try statement.get())
                } catch {
                    log.skip(leaves[index])
                    faults.append(Fault(place: .leaf(log: "workplace", index: index), what: error.rawValue))
                }
            }
        }
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
        var faults: [Fault] = []
        for start in stride(from: 1, to: leaves.count, by: auditBatch) {
            let batch = leaves[start..<min(start + auditBatch, leaves.count)]
            let statements = PetitionStatement.decode(batch)
            var index = start
            while index < batch.endIndex {
                // Co-signatures that follow one another meet the same ring, and their proofs are checked together.
                let run = statements[(index - start)...].prefix { $0.coSigned != nil }.compactMap(\.coSigned)
                for (coSigned, verdict) in zip(run, log.prove(run)) {
                    faults += log.fold(leaves[index], at: index) { (log) throws(RuleViolation) in
                        // The cheap rules first, so that a leaf which breaks several is reported for the plainest.
                        try log.check(coSigned)
                        try log.append(verdict.get())
                    }
                    index += 1
                }
                guard index < batch.endIndex else { break }
                faults += log.fold(leaves[index], at: index) { (log) throws(RuleViolation) in
                    try log.append(statements[index - start].get(), in: workplace)
                }
                index += 1
            }
        }
        return Audited(log, faults)
    }

    /// Appends by `append`, or keeps the place of a leaf that it refuses.
    private mutating func fold(
        _ leaf: [UInt8], at index: Int, _ append: (inout PetitionLog) throws(RuleViolation) -> Void
    ) -> [Fault] {
        do throws(RuleViolation) {
            try append(&self)
            return []
        } catch {
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

    /// - Throws: `PetitionBundle.Unreadable`.
    public init(auditing bundle: PetitionBundle) throws(PetitionBundle.Unreadable) {
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
        self.faults = faults
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
