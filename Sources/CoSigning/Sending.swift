// docs/protocol.md, section 10, "A sent statement is live until settled"

import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// What goes out on the run's second connection, on which nothing else ever goes.
public struct Sending: Sendable {
    public let petition: ID<Petition>
    /// The request's body: of one length for all requests under this ring, whatever is in it.
    public let body: [UInt8]
    let statement: [UInt8]
    let verifier: LogVerifier
    /// The petition's log as this run has read it.
    let tree: MerkleTree
    let checkpoint: VerifiedCheckpoint
    /// Whose signatures a receipt must carry, by the roster of this run.
    let witnesses: WitnessQuorum
}

extension Sending {
    /// Whether a receipt can be of the log that this run has read: its leaf comes after what was read, and if it comes next, the
    /// two give the root together.
    fileprivate func isFollowed(by receipt: Receipt, _ verified: VerifiedCheckpoint) -> Bool {
        guard receipt.index >= UInt64(tree.count) else { return false }
        guard verified.size == UInt64(tree.count) + 1 else { return true }
        var longer = tree
        _ = longer.append(statement)
        return longer.root == verified.root
    }
}

/// What the service answered to a sending.
public enum SendingAnswer: Sendable {
    /// 200.
    case receipt([UInt8])
    /// 202.
    case promise([UInt8])
}

/// What became of a sending.
public enum Sent: Sendable {
    case receipt(Receipt)
    case promised(Promise)
}

extension Clearance {
    /// Makes the statement and puts it into memory, unsent. The caller writes memory to the disk before it sends: should the
    /// answer be lost, the same bytes must go out again, and the ballot's key is never used twice.
    /// - Throws: `CoSigningError.unsettled` the second time: one clearance is one statement.
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
            tree: judgedPetition.tree, checkpoint: judgedPetition.checkpoint, witnesses: workplace.witnesses)
    }

    /// What was sent before, is not settled by this view's log, and goes out again unchanged.
    /// - Throws: `CoSigningError.witnessesStale`: then nothing goes out.
    public func pending(in memory: Memory, at now: UInt64) throws(CoSigningError) -> Sending? {
        guard let live = live(in: memory) else { return nil }
        try checkFreshness(at: now)
        return sending(live)
    }

    /// What was sent last, unless it stands in this log or can count no more in it. What another log made of it does not matter: a
    /// log that one device alone was shown would be known again by the statement that goes out.
    func live(in memory: Memory) -> SentStatement? {
        guard let last = memory.petitions[petition.id]?.sent.last, last.isSettled else {
            return memory.petitions[petition.id]?.unsettled
        }
        // A name that was settled is not kept, and cannot go out again.
        guard let coSigned = last.coSigned, coSigned.level == 0 || last.sealedName != nil, !petition.isPast(coSigned)
        else { return nil }
        return last
    }
}

extension Memory {
    /// Takes in the answer to a sending. One that does not verify is no answer: the statement stays live.
    /// - Throws: `CoSigningError.receiptInvalid`, `.promiseInvalid`.
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
            guard let promise = try? Promise(parsing: bytes), promise.isTimely(at: now),
                promise.isSigned(for: sending.statement, in: sending.petition, by: sending.verifier.key)
            else { throw .promiseInvalid }
            // The first one is the service's word; a later one may not put it off.
            let first = own.sent[place].promise.flatMap { $0.until <= promise.until ? $0 : nil } ?? promise
            (own.sent[place].state, own.sent[place].promise) = (.promised(first), first)
            petitions[sending.petition] = own
            return .promised(first)
        }
    }
}
