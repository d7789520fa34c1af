// docs/protocol.md, sections 8 and 9

import MembershipProofs
import Sodium
import TransparencyLog

/// Something that people should know besides the figures. It is not a fault, because the verifier of a file cannot know
/// what came first.
public enum Note: Hashable, Sendable {
    /// The signer of an opening, extension, close or record has since lost the office of organiser. `leaf` is in the
    /// petition's log.
    case signerLeftOffice(leaf: Int, signer: Bytes32)
    /// Trustee number `trustee`, from 1, is no longer a member.
    case trusteeLeft(trustee: Int, signKey: Bytes32)
    /// The witnesses that every reader requires changed at this leaf of the workplace's log.
    case witnessesChanged(leaf: Int, by: Bytes32, came: [String], went: [String], threshold: Int)
}

/// The verdict on a bundle, with everything in it recomputed.
public struct AuditedPetition: Sendable {
    /// The roster, folded from the workplace's log.
    public let workplace: WorkplaceLog
    /// The petition, folded from its log.
    public let petition: PetitionLog
    /// The recomputed figures.
    public let tally: Tally
    /// The names that have been opened, ordered by member, then by name.
    public let names: [ReleasedName]
    /// The wording; nil if the bundle has none, or not this petition's.
    public let document: PetitionDocument?
    /// Everything in the bundle that breaks a rule; empty if it holds.
    public let faults: [Fault]
    /// Other things that people should know.
    public let notes: [Note]
    /// Which of the witnesses named in the workplace's log have signed its checkpoint and the petition's; nil if that
    /// checkpoint does not verify.
    public let witnessed: (workplace: WitnessQuorum.Verdict?, petition: WitnessQuorum.Verdict?)
    /// The same for the reader's own policy.
    public let witnessedByPolicy: (workplace: WitnessPolicy.Verdict?, petition: WitnessPolicy.Verdict?)

    /// Recomputes everything in a bundle.
    /// - Parameter policy: the reader's own requirement of signatures; if the checkpoints do not meet it, that is a
    ///   fault.
    /// - Throws: `PetitionBundle.Unreadable`.
    public init(
        auditing bundle: PetitionBundle, policy: WitnessPolicy? = nil
    ) throws(PetitionBundle.Unreadable) {
        let workplace = try WorkplaceLog.audit(bundle.workplace.leaves)
        guard workplace.log.id == bundle.workplaceID else { throw .ids }
        let petition = try PetitionLog.audit(bundle.petition.leaves, in: workplace.log)
        guard petition.log.id == bundle.petitionID else { throw .ids }
        (self.workplace, self.petition) = (workplace.log, petition.log)
        let workplaceCheck = CheckedLog(bundle.workplace, "workplace", workplace.log.verifier, workplace.log.tree)
        let petitionCheck = CheckedLog(
            bundle.petition, "petition", workplace.log.verifier(of: petition.log.id), petition.log.tree)
        var faults = workplaceCheck.faults + workplace.faults + petitionCheck.faults + petition.faults
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
            faults.append(Fault(.document, .document(error)))
        }
        let quorum = workplace.log.witnesses
        witnessed = (workplaceCheck.judge(quorum, &faults), petitionCheck.judge(quorum, &faults))
        witnessedByPolicy = (workplaceCheck.judge(policy, &faults), petitionCheck.judge(policy, &faults))
        self.faults = faults
        notes = petition.log.notes(in: workplace.log)
    }
}

extension PetitionLog {
    /// Notes for a reader whose newest roster is `workplace`.
    public func notes(in workplace: WorkplaceLog) -> [Note] {
        var signers: [(leaf: Int, signer: Bytes32)] = [(0, opener)] + extensions
        if let closed, let signer = closed.signer { signers.append((closed.leaf, signer)) }
        signers += records.map { ($0.leaf, $0.signer) }
        var notes = signers.filter { !workplace.isOrganiser($0.signer) }.sorted { $0.leaf < $1.leaf }
            .map { Note.signerLeftOffice(leaf: $0.leaf, signer: $0.signer) }
        for (i, acceptance) in acceptances.enumerated() where !workplace.isMember(acceptance.signKey) {
            notes.append(.trusteeLeft(trustee: i + 1, signKey: acceptance.signKey))
        }
        return notes + workplace.witnessNotes
    }
}

extension WorkplaceLog {
    /// One note for each change of the witnesses.
    public var witnessNotes: [Note] {
        var before = WitnessQuorum.empty
        return witnessChanges.map { naming in
            defer { before = naming.quorum }
            let (old, new) = (before.witnesses, naming.quorum.witnesses)
            return .witnessesChanged(
                leaf: naming.leaf, by: naming.signer, came: new.filter { !old.contains($0) }.map { $0.name },
                went: old.filter { !new.contains($0) }.map { $0.name }, threshold: Int(naming.quorum.threshold))
        }
    }
}

/// A log's checkpoint, checked against the log's key and the leaves.
private struct CheckedLog {
    let name: String
    let verifier: LogVerifier
    /// Nil if the log's key has not signed it.
    let verified: VerifiedCheckpoint?
    let faults: [Fault]

    init(_ log: PetitionBundle.Log, _ name: String, _ verifier: LogVerifier, _ tree: MerkleTree) {
        (self.name, self.verifier) = (name, verifier)
        func fault(_ reason: Fault.Reason) -> [Fault] { [Fault(.log(name), reason)] }
        do throws(LogError) {
            let verified = try verifier.verify(log.checkpoint)
            self.verified = verified
            faults =
                if verified.size != UInt64(tree.count) {
                    fault(.checkpointSize(checkpoint: verified.size, leaves: tree.count))
                } else if verified.root != tree.root {
                    fault(.checkpointRoot)
                } else {
                    []
                }
        } catch {
            verified = nil
            faults =
                switch error {
                case .origin(let expected, let found): fault(.checkpointOrigin(found: found, expected: expected))
                case .noSignature, .badSignature: fault(.checkpointUnsigned)
                default: fault(.checkpointMalformed)
                }
        }
    }

    func judge(_ quorum: WitnessQuorum, _ faults: inout [Fault]) -> WitnessQuorum.Verdict? {
        guard let verified else { return nil }
        let verdict = quorum.judge(verified)
        if !verdict.failing.isEmpty {
            let names = verdict.failing.joined(separator: ", ")
            faults.append(Fault(.log(name), .falseWitnesses(names)))
        } else if !verdict.isSatisfied {
            faults.append(
                Fault(.log(name), .tooFewWitnesses(verdict.times.count, asked: Int(quorum.threshold))))
        }
        return verdict
    }

    func judge(_ policy: WitnessPolicy?, _ faults: inout [Fault]) -> WitnessPolicy.Verdict? {
        guard let policy, let verified else { return nil }
        guard policy.accepts(logKey: verifier.key) else {
            faults.append(Fault(.log(name), .keyNotInPolicy))
            return nil
        }
        let verdict = policy.judge(verified)
        if !verdict.isSatisfied {
            let missing = verdict.missing.joined(separator: ", ")
            faults.append(
                Fault(.log(name), .policyUnmet(missing: missing)))
        }
        return verdict
    }
}
