// docs/protocol.md, sections 2 and 4

import MembershipProofs
import Ristretto
import Sodium
import TransparencyLog

/// A statement of a workplace's log whose signatures and proof of possession have been checked. Those checks are nearly
/// all of a statement's cost, and they do not depend on earlier leaves. Only `WorkplaceLog.prove` makes one; the rules
/// then weigh its findings, in their own order.
public struct ProvenWorkplaceStatement: Sendable {
    /// The statement that was checked.
    public let statement: WorkplaceStatement
    let leafHash: Bytes32
    /// Whether the final signature is valid for its signer, or for the new member.
    fileprivate(set) var isSigned = false
    /// Whether an admission's invite signature is valid.
    fileprivate(set) var isInvited = false
    /// Whether a new ring key's proof of possession is valid; nil if that depends on a member who is not known yet.
    fileprivate(set) var isPossessed: Bool?

    fileprivate init(_ statement: WorkplaceStatement) {
        self.statement = statement
        leafHash = MerkleTree.leafHash(statement.bytes)
    }
}

extension WorkplaceLog {
    /// How many statements one core checks together.
    private static let strip = 128

    /// Decodes statements and checks what they prove by themselves, on all cores. The verdicts are in the order of the
    /// leaves.
    public func prove(_ leaves: ArraySlice<[UInt8]>) -> [Result<ProvenWorkplaceStatement, RuleViolation>] {
        var proven = [Result<ProvenWorkplaceStatement, RuleViolation>](
            repeating: .failure(.encoding), count: leaves.count)
        proven.withUnsafeMutableBufferPointer { buffer in
            let out = OwnPlaces(buffer)
            Cores.each((leaves.count + Self.strip - 1) / Self.strip) { i in
                let range = i * Self.strip..<min((i + 1) * Self.strip, leaves.count)
                let part = leaves[leaves.startIndex + range.lowerBound..<leaves.startIndex + range.upperBound]
                for (place, result) in zip(range, proveStrip(part)) { out.buffer[place] = result }
            }
        }
        return proven
    }

    private func proveStrip(_ leaves: ArraySlice<[UInt8]>) -> [Result<ProvenWorkplaceStatement, RuleViolation>] {
        var proven = leaves.map { leaf in
            Result { () throws(RuleViolation) in
                ProvenWorkplaceStatement(try WorkplaceStatement(decoding: leaf))
            }
        }
        var statements: [(place: Int, ProvenWorkplaceStatement)] = []
        for (place, result) in proven.enumerated() {
            if case .success(let statement) = result { statements.append((place, statement)) }
        }
        var signatures: [(place: Int, isInvite: Bool, claim: SignatureBatch.Claim)] = []
        var possessions: [(place: Int, claim: Possession.Claim)] = []
        for (i, (_, proven)) in statements.enumerated() {
            let statement = proven.statement
            if let signer = statement.lastSigner,
                let claim = SignatureBatch.Claim(
                    statement.bytes.suffix(64), of: Authorship.preimage(statement.bytes.dropLast(64)), by: signer)
            {
                signatures.append((i, false, claim))
            }
            if case .memberAdmitted(let admission) = statement.body,
                let claim = SignatureBatch.Claim(
                    admission.inviteSignature,
                    of: WorkplaceStatement.admissionPreimage(statement.workplace, admission.keys),
                    by: admission.inviteKey)
            {
                signatures.append((i, true, claim))
            }
            if let claim = possession(of: statement) { possessions.append((i, claim)) }
        }
        for (signature, holds) in zip(signatures, SignatureBatch.verify(signatures.map { $0.claim })) {
            if signature.isInvite {
                statements[signature.place].1.isInvited = holds
            } else {
                statements[signature.place].1.isSigned = holds
            }
        }
        for (possession, holds) in zip(possessions, Possession.verify(possessions.map { $0.claim })) {
            statements[possession.place].1.isPossessed = holds
        }
        for (place, statement) in statements { proven[place] = .success(statement) }
        return proven
    }

    /// The proof of possession in a statement. Nil if there is none, or if it is bound to the box key of a member whom
    /// this log does not have yet.
    func possession(of statement: WorkplaceStatement) -> Possession.Claim? {
        switch statement.body {
        case .memberAdmitted(let admission):
            return admission.keys.possession(admission.possession, in: statement.workplace)
        case .ringKeyRotated(let ringKey, let possession):
            guard let member = statement.authorship.flatMap({ member($0.signer) }) else { return nil }
            return MemberKeys(ringKey: ringKey, signKey: member.signKey, boxKey: member.boxKey)
                .possession(possession, in: statement.workplace)
        default: return nil
        }
    }
}

extension WorkplaceStatement {
    /// The signer of the last 64 bytes.
    fileprivate var lastSigner: Bytes32? {
        if case .memberAdmitted(let admission) = body { admission.keys.signKey } else { authorship?.signer }
    }
}
