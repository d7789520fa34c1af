// docs/protocol.md, section 10, "A sent statement is live until settled"

import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// The one request on the run's second connection, which carries nothing else.
public struct Sending: Sendable {
    /// The petition that the statement is for.
    public let petition: ID<Petition>
    /// The request's body. All requests under this ring have the same length, whatever is in them.
    public let body: [UInt8]
    let statement: [UInt8]
    let verifier: LogVerifier
    /// The petition's log as this run has read it.
    let tree: MerkleTree
    let checkpoint: VerifiedCheckpoint
    /// The witnesses that must have signed a receipt, by this run's roster.
    let witnesses: WitnessQuorum
    /// That of the view.
    let leeway: UInt64
}

extension Sending {
    /// Whether a receipt can belong to the log that this run has read. Its leaf must come after the leaves that were
    /// read; if it comes right after them, both together must give the root.
    fileprivate func isFollowed(by receipt: Receipt, _ verified: VerifiedCheckpoint) -> Bool {
        guard receipt.index >= UInt64(tree.count) else { return false }
        guard verified.size == UInt64(tree.count) + 1 else { return true }
        var longer = tree
        _ = longer.append(statement)
        return longer.root == verified.root
    }
}

/// The service's response to a sending.
public enum SendingAnswer: Sendable {
    /// Status 200: the receipt's text.
    case receipt([UInt8])
    /// Status 202: the promise.
    case promise([UInt8])
}

/// The verified result of a sending.
public enum Sent: Sendable {
    /// The co-signature stands in the log.
    case receipt(Receipt)
    /// The service will append it by the promised time.
    case promised(Promise)
}

extension Clearance {
    /// Makes the statement and puts it into memory, unsent. The caller writes memory to the disk before sending: if the
    /// response is lost, the same bytes must be sent again, because a ballot's key must never be used twice.
    /// - Throws: `CoSigningError.unsettled` on a second call, since one clearance makes one statement; `.rule` if the
    ///   statement cannot be made.
    public func make(in memory: inout Memory) throws(CoSigningError) -> Sending {
        guard memory.petitions[view.petition.id]?.unsettled == nil else { throw .unsettled }
        let (petition, manifest) = (view.petition, view.petition.manifest)
        let id = petition.id
        let statement: PetitionStatement
        var sealedName: [UInt8]?
        switch decision {
        case .sign(let choices, let remark, let name):
            let level = try name.map { (name) throws(CoSigningError) in try view.level(of: name) }
            do {
                let sealed = try Ballot(choices: choices, remark: remark, for: manifest)
                    .seal(for: id, manifest, tag: tag, sequence: sequence)
                if let name, let level {
                    sealedName = try SealedName.seal(
                        name.text, level: level, for: id, manifest, ring: petition.ring,
                        ringEpoch: petition.ringEpoch, sequence: sequence, by: ring.secret)
                }
                statement = try CoSigned.make(
                    .sign, petition: id, ring: petition.ring, ringEpoch: petition.ringEpoch, sequence: sequence,
                    sealedBallot: sealed, name: level.flatMap { level in sealedName.map { (level, $0) } },
                    by: ring.secret)
            } catch { throw .rule(error) }
        case .withdraw:
            do {
                statement = try CoSigned.make(
                    .withdraw, petition: id, ring: petition.ring, ringEpoch: petition.ringEpoch, sequence: sequence,
                    sealedBallot: [], by: ring.secret)
            } catch { throw .rule(error) }
        }
        var own = memory.petitions[id] ?? PetitionMemory()
        own.ringKey = ring.publicKey.encoding
        own.sent.append(SentStatement(bytes: statement.bytes, sealedName: sealedName))
        memory.petitions[id] = own
        return view.sending(own.sent[own.sent.count - 1])
    }
}

extension PetitionView {
    fileprivate func sending(_ sent: SentStatement) -> Sending {
        let request = CoSignatureRequest(
            statement: sent.bytes, sealedName: sent.sealedName, length: petition.requestLength)
        return Sending(
            petition: petition.id, body: request.encoding, statement: sent.bytes, verifier: judgedPetition.verifier,
            tree: judgedPetition.tree, checkpoint: judgedPetition.checkpoint, witnesses: workplace.witnesses,
            leeway: leeway)
    }

    /// The statement that was sent before, if this view's log does not settle it. It goes out again unchanged.
    /// - Throws: `CoSigningError.witnessesStale`; nothing may be sent then.
    public func pending(in memory: Memory, at now: UInt64) throws(CoSigningError) -> Sending? {
        guard let live = live(in: memory) else { return nil }
        try checkFreshness(at: now)
        return sending(live)
    }

    /// The statement that was sent last, unless it stands in this log or can no longer count in it. What another log
    /// says about it does not matter: a log that was shown to one device alone would be recognised later by the
    /// statement that goes out.
    func live(in memory: Memory) -> SentStatement? {
        guard let last = memory.petitions[petition.id]?.sent.last, last.isSettled else {
            return memory.petitions[petition.id]?.unsettled
        }
        // The name of a settled statement is not kept, so the statement cannot be sent again.
        guard let coSigned = last.coSigned, coSigned.level == 0 || last.sealedName != nil, !petition.isPast(coSigned)
        else { return nil }
        return last
    }
}

extension Memory {
    /// Takes in the response to a sending. If it does not verify, the statement stays live, as if there had been no
    /// response.
    /// - Throws: `CoSigningError.receiptInvalid`, `.promiseInvalid`; `.notWitnessed` for a receipt that too few
    ///   witnesses have signed; `.memoryDamaged` if memory does not have the statement.
    public mutating func take(
        _ answer: SendingAnswer, to sending: Sending, at now: UInt64
    ) throws(CoSigningError) -> Sent {
        guard var own = petitions[sending.petition],
            let place = own.sent.lastIndex(where: { $0.bytes == sending.statement })
        else { throw .memoryDamaged }
        let name = LogName.petition(sending.petition)
        switch answer {
        case .receipt(let bytes):
            let receipt: Receipt
            let checkpoint: VerifiedCheckpoint
            do {
                receipt = try Receipt(parsing: String(decoding: bytes, as: UTF8.self))
                checkpoint = try receipt.verify(leaf: sending.statement, by: sending.verifier)
            } catch { throw .receiptInvalid(error) }
            guard sending.isFollowed(by: receipt, checkpoint) else {
                raise(
                    Alarm(
                        .forked, name, in: .anonymous, seen: sending.checkpoint.size, served: checkpoint.size, at: now,
                        evidence: Array(
                            (sending.checkpoint.note.serialized + "\n" + checkpoint.note.serialized).utf8)))
                throw .receiptInvalid(.entries)
            }
            // A log that its witnesses have not seen may be one that nobody else is shown.
            let witnessed = sending.witnesses.judge(checkpoint)
            guard witnessed.isSatisfied else {
                throw .notWitnessed(name, signed: witnessed.times.count, asked: witnessed.threshold)
            }
            own.sent[place].state = .receipt(receipt.serialized)
            (own.sent[place].sealedName, own.sent[place].promise) = (nil, nil)
            petitions[sending.petition] = own
            expect(checkpoint, of: name, by: sending.verifier, in: .anonymous)
            return .receipt(receipt)
        case .promise(let bytes):
            guard let promise = try? Promise(parsing: bytes), promise.isTimely(at: now + sending.leeway / 2),
                promise.isSigned(for: sending.statement, in: sending.petition, by: sending.verifier.key)
            else { throw .promiseInvalid }
            // The first promise binds the service; a later one must not postpone it.
            let first = own.sent[place].promise.flatMap { $0.until <= promise.until ? $0 : nil } ?? promise
            (own.sent[place].state, own.sent[place].promise) = (.promised(first), first)
            petitions[sending.petition] = own
            return .promised(first)
        }
    }
}
