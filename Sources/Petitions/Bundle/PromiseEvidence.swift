// docs/protocol.md, section 3, "A promise"

import Sodium
import TransparencyLog

/// Evidence of a broken promise in one file of JSON lines, which anyone can check without trusting either side: the
/// co-signature, the promise, and both logs as they were shown. It contains a tag but identifies nobody.
public struct PromiseEvidence: Sendable {
    /// The workplace whose service made the promise.
    public var workplaceID: ID<Workplace>
    /// The petition that the promise is for.
    public var petitionID: ID<Petition>
    /// The co-signature's bytes.
    public var statement: [UInt8]
    /// The service's promise.
    public var promise: Promise
    /// The workplace's log as it was shown.
    public var workplace: PetitionBundle.Log
    /// The petition's log as it was shown, without the promised leaf.
    public var petition: PetitionBundle.Log

    static let format = "roundrobin-evidence/1"

    /// Checks nothing; `verify` does.
    public init(
        workplaceID: ID<Workplace>, petitionID: ID<Petition>, statement: [UInt8], promise: Promise,
        workplace: PetitionBundle.Log, petition: PetitionBundle.Log
    ) {
        (self.workplaceID, self.petitionID, self.statement) = (workplaceID, petitionID, statement)
        (self.promise, self.workplace, self.petition) = (promise, workplace, petition)
    }

    /// Parses a file's form; `verify` checks what is in it.
    /// - Throws: `PetitionBundle.Unreadable.format`.
    public init(parsing bytes: [UInt8]) throws(PetitionBundle.Unreadable) {
        var lines = try BundleLines(bytes)
        guard let header = lines.next()?.value?.members("format", "workplace", "petition"),
            let format = header["format"]?.text, format.utf8.elementsEqual(Self.format.utf8),
            let workplaceID = header["workplace"]?.text.flatMap({ ID<Workplace>(hex: $0) }),
            let petitionID = header["petition"]?.text.flatMap({ ID<Petition>(hex: $0) }),
            let statement = lines.next()?.value?.members("statement")?["statement"]?.text
                .flatMap({ Base64.decode($0) }),
            let promise = lines.next()?.value?.members("promise")?["promise"].flatMap({ Promise($0) })
        else { throw .format }
        (self.workplaceID, self.petitionID, self.statement) = (workplaceID, petitionID, statement)
        self.promise = promise
        workplace = try PetitionBundle.Log(.workplace, &lines)
        petition = try PetitionBundle.Log(.petition, &lines)
        guard lines.current == nil else { throw .format }
    }

    /// Whether a file claims this format; its other lines may still be faulty.
    public static func isEvidence(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: Array("{\"format\":\"\(format)\"".utf8))
    }

    /// The file's bytes.
    public var serialized: [UInt8] {
        var text =
            "{\"format\":\"\(Self.format)\",\"workplace\":\"\(workplaceID.hex)\",\"petition\":\"\(petitionID.hex)\"}\n"
        text += "{\"statement\":\"\(Base64.encode(statement))\"}\n{\"promise\":\(promise.json)}\n"
        for (name, log) in [(BundleLine.Log.workplace, workplace), (.petition, petition)] { text += log.lines(name) }
        return Array(text.utf8)
    }

    /// Why the evidence proves nothing.
    public enum Weakness: String, Error, Sendable, CaseIterable {
        /// A log's first leaf is invalid, or not that of the log that the file names.
        case unreadable
        /// The statement is not a co-signature of this petition.
        case statement
        /// The log's key did not make this promise for this statement.
        case promise
        /// A checkpoint is not signed by the log's key, or not of these leaves.
        case checkpoint
        /// The log keeps the promise, or still can.
        case kept
    }

    /// The finding that a promise was broken, from this file alone.
    public struct Verdict: Sendable {
        /// How it was broken.
        public let breach: BrokenPromise
        /// The service's name, as the workplace's first leaf states it.
        public let service: String
        /// The service's log key, as the workplace's first leaf states it.
        public let logKey: Bytes32
        /// The promised time, in seconds since 1970.
        public let until: UInt64
    }

    /// Checks that the evidence proves a breach.
    /// - Throws: `Weakness` if the file does not prove a breach.
    public func verify() throws(Weakness) -> Verdict {
        let roster: Audited<WorkplaceLog>
        let log: Audited<PetitionLog>
        do {
            roster = try WorkplaceLog.audit(workplace.leaves)
            log = try PetitionLog.audit(petition.leaves, in: roster.log)
        } catch { throw .unreadable }
        guard roster.log.id == workplaceID, log.log.id == petitionID else { throw .unreadable }
        guard let coSigned = (try? PetitionStatement(decoding: statement))?.coSigned, coSigned.petition == petitionID
        else { throw .statement }
        let founding = roster.log.founding
        guard promise.isSigned(for: statement, in: petitionID, by: founding.logKey) else { throw .promise }
        _ = try Self.check(workplace, roster.log.verifier, roster.log.tree)
        let shown = try Self.check(petition, roster.log.verifier(of: petitionID), log.log.tree)
        let reading = Promise.Reading(
            leaves: petition.leaves, audited: log, witnessTimes: roster.log.witnesses.judge(shown).times.map { $0.time }
        )
        guard let breach = promise.broken(coSigned, in: reading, witnesses: roster.log.witnesses, clock: nil) else {
            throw .kept
        }
        return Verdict(breach: breach, service: founding.service, logKey: founding.logKey, until: promise.until)
    }

    private static func check(
        _ log: PetitionBundle.Log, _ verifier: LogVerifier, _ tree: MerkleTree
    ) throws(Weakness) -> VerifiedCheckpoint {
        guard let verified = try? verifier.verify(log.checkpoint), verified.size == UInt64(tree.count),
            verified.root == tree.root
        else { throw .checkpoint }
        return verified
    }
}
