// docs/protocol.md, sections 8 and 9

import MembershipProofs
import Ristretto
import Sodium
import TransparencyLog

/// A log with every leaf judged: valid leaves are folded, the others are faults.
public struct Audited<Log: Sendable>: Sendable {
    /// The log, folded from the valid leaves; invalid ones keep their place in its tree.
    public let log: Log
    /// One for each invalid leaf, in order.
    public let faults: [Fault]

    fileprivate init(_ log: Log, _ faults: [Fault]) { (self.log, self.faults) = (log, faults) }
}

extension WorkplaceLog {
    /// Audits a log from its first leaf.
    /// - Throws: `PetitionBundle.Unreadable` if the first leaf is invalid.
    public static func audit(_ leaves: [[UInt8]]) throws(PetitionBundle.Unreadable) -> Audited<WorkplaceLog> {
        guard let first = leaves.first, var log = try? WorkplaceLog(founding: first) else {
            throw .firstWorkplaceLeaf
        }
        let faults = log.audit(leaves.dropFirst())
        return Audited(log, faults)
    }

    /// This log with further leaves, and their faults alone.
    public func audited(with leaves: [[UInt8]]) -> Audited<WorkplaceLog> { Audited(self, []).extended(by: leaves) }

    /// Appends further leaves and returns their faults. A leaf that breaks a rule keeps its place but counts for
    /// nothing.
    /// - Parameter leaves: the log's next; the slice's indices do not matter.
    fileprivate mutating func audit(_ leaves: ArraySlice<[UInt8]>) -> [Fault] {
        var faults: [Fault] = []
        let shift = size - leaves.startIndex
        for start in stride(from: leaves.startIndex, to: leaves.endIndex, by: auditBatch) {
            let batch = leaves[start..<min(start + auditBatch, leaves.endIndex)]
            for (index, statement) in zip(batch.indices, prove(batch)) {
                do throws(RuleViolation) {
                    let proven = try statement.get()
                    try append(check(proven.statement), proven)
                } catch {
                    skip(leaves[index])
                    faults.append(Fault(.leaf(log: "workplace", index: index + shift), .rule(error)))
                }
            }
        }
        return faults
    }
}

extension Audited where Log == WorkplaceLog {
    /// This log with further leaves, and all faults so far.
    public func extended(by leaves: [[UInt8]]) -> Audited<WorkplaceLog> {
        var log = log
        let faults = faults + log.audit(leaves[...])
        return Audited(log, faults)
    }
}

extension Audited where Log == PetitionLog {
    /// This log with further leaves, and all faults so far.
    /// - Parameter workplace: must have every leaf that the new ones refer to.
    public func extended(by leaves: [[UInt8]], in workplace: WorkplaceLog) -> Audited<PetitionLog> {
        var log = log
        let faults = faults + log.audit(leaves[...], in: workplace)
        return Audited(log, faults)
    }
}

/// How many leaves are decoded and checked together. It bounds the memory, however long a log is.
private let auditBatch = 4096

extension PetitionLog {
    /// Audits a log from its first leaf.
    /// - Throws: `PetitionBundle.Unreadable` if the first leaf is invalid.
    public static func audit(
        _ leaves: [[UInt8]], in workplace: WorkplaceLog
    ) throws(PetitionBundle.Unreadable) -> Audited<PetitionLog> {
        guard let first = leaves.first, var log = try? PetitionLog(opening: first, in: workplace) else {
            throw .firstPetitionLeaf
        }
        let faults = log.audit(leaves.dropFirst(), in: workplace)
        return Audited(log, faults)
    }

    /// This log with further leaves, and their faults alone.
    /// - Parameter workplace: must have every leaf that the new ones refer to.
    public func audited(with leaves: [[UInt8]], in workplace: WorkplaceLog) -> Audited<PetitionLog> {
        Audited(self, []).extended(by: leaves, in: workplace)
    }

    /// Appends further leaves and returns their faults. A leaf that breaks a rule keeps its place but counts for
    /// nothing.
    /// - Parameter leaves: the log's next; the slice's indices do not matter.
    fileprivate mutating func audit(_ leaves: ArraySlice<[UInt8]>, in workplace: WorkplaceLog) -> [Fault] {
        var faults: [Fault] = []
        for start in stride(from: leaves.startIndex, to: leaves.endIndex, by: auditBatch) {
            let batch = leaves[start..<min(start + auditBatch, leaves.endIndex)]
            let statements = PetitionStatement.decode(batch)
            var index = start
            while index < batch.endIndex {
                // Consecutive co-signatures are for the same ring, so their proofs are checked together.
                let run = statements[(index - start)...].prefix { $0.coSigned != nil }.compactMap { $0.coSigned }
                for (coSigned, verdict) in zip(run, prove(run)) {
                    faults += fold(leaves[index]) { (log) throws(RuleViolation) in
                        // Cheap rules first, so that a leaf which breaks several is reported for the plainest one.
                        try log.append(log.check(coSigned), verdict.get())
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

    /// Appends by `append`, or keeps the place of a leaf that it rejects.
    private mutating func fold(
        _ leaf: [UInt8], _ append: (inout PetitionLog) throws(RuleViolation) -> Void
    ) -> [Fault] {
        do throws(RuleViolation) {
            try append(&self)
            return []
        } catch {
            let index = size
            skip(leaf)
            return [Fault(.leaf(log: "petition", index: index), .rule(error))]
        }
    }
}

extension Result where Success == PetitionStatement {
    fileprivate var coSigned: CoSigned? { (try? get())?.coSigned }
}

extension PetitionStatement {
    /// Decodes many statements on all cores.
    fileprivate static func decode(_ leaves: ArraySlice<[UInt8]>) -> [Result<PetitionStatement, RuleViolation>] {
        Cores.map(leaves, strip: 64) { leaf in
            Result { () throws(RuleViolation) in try PetitionStatement(decoding: leaf) }
        }
    }

    /// The co-signature, if the statement is one.
    public var coSigned: CoSigned? {
        if case .coSigned(let coSigned) = body { coSigned } else { nil }
    }
}
