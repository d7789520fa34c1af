// docs/protocol.md, section 10

import MembershipProofs
import Petitions
import Sodium
import TransparencyLog

/// What a device remembers in order to co-sign. Decisions made from memory are reported to the person but never show in
/// a run, except as section 10 allows: this device's own statements, receipts and promises for the petition.
public struct Memory: Sendable, Equatable {
    /// The newest checkpoints that each view has shown.
    public internal(set) var pins: [View: Pins] = [.member: Pins(), .anonymous: Pins()]
    /// Alarms that the person has not settled, oldest first.
    public internal(set) var alarms: [Alarm] = []
    /// This device's own part in each petition.
    public internal(set) var petitions: [ID<Petition>: PetitionMemory] = [:]
    /// The ring key that the newest verified roster shows for this member; nil if it shows none, or none any more.
    public internal(set) var presentRingKey: Bytes32?
    /// Leaf index of the newest change of witnesses that the person has seen; nil if none.
    public internal(set) var witnessesSeen: UInt64?

    /// The number of alarms up to which further ones of the same kind about the same log are kept.
    static let mostAlarms = 100
    /// How many seconds an honest clock may be off, as for signed requests.
    public static let clockTolerance: UInt64 = 300

    /// The memory of a device that has seen nothing yet.
    public init() {}

    /// Where this device stands with a petition.
    public func status(of id: ID<Petition>) -> OwnStatus { petitions[id]?.status ?? .nothing }

    /// The same, beside what stands in its log under this member's tag.
    public func status(of id: ID<Petition>, beside standing: PetitionLog.Standing?) -> OwnStatus {
        petitions[id]?.status(beside: standing) ?? .nothing
    }

    // MARK: After a reading

    /// Compares what was read with what was read before. Call it after the run's last request, the sending included:
    /// whatever does not fit becomes an alarm, and pins advance where it fits. Take in the response to the sending only
    /// after that, because its receipt is of a longer log than this reading.
    /// - Parameters:
    ///   - policy: the member's own witness policy, which raises alarms and changes nothing else.
    ///   - now: the device's clock.
    public mutating func compare(
        _ reading: Reading, in view: View, as signKey: Bytes32, policy: WitnessPolicy? = nil, at now: UInt64
    ) {
        if let roster = try? reading.judgedRoster() {
            if take(roster, in: view, policy, now) {
                // An older roster shows an older key; trusting it could get the present key erased.
                let member = roster.log.member(signKey).flatMap { $0.isMember(at: roster.log.size) ? $0 : nil }
                presentRingKey = member?.ringKey(at: roster.log.size)?.encoding
            }
            let announced = roster.log.announcedInOrder.map { $0.id }
            if view == .anonymous { compareAnnounced(Set(announced), now) }
            for id in announced where petitions[id]?.announced == nil {
                petitions[id, default: PetitionMemory()].announced = now
            }
        } else {
            noteMissing(reading, .workplace(reading.workplace), view, now)
        }
        for name in reading.logs.keys.sorted(by: Self.inOrder) {
            guard case .petition(let id) = name else { continue }
            guard let log = try? reading.judgedLog(id) else {
                noteMissing(reading, name, view, now)
                continue
            }
            let fits = take(log, in: view, policy, now)
            petitions[id, default: PetitionMemory()].wasOpened = true
            // A log that differs from its pins does not prove that keys are no longer needed.
            if fits, log.log.isClosed(at: now) { petitions[id]?.wasClosed = true }
            if case .deadline? = log.log.closure?.cause, now + Self.clockTolerance < log.log.manifest.closes {
                raise(Alarm(.closedEarly, name, in: view, seen: log.log.manifest.closes, served: now, at: now))
            }
        }
    }

    private static func inOrder(_ a: LogName, _ b: LogName) -> Bool {
        func key(_ name: LogName) -> Bytes32 {
            switch name {
            case .workplace(let id): id.bytes
            case .petition(let id): id.bytes
            }
        }
        return key(a).bytes.lexicographicallyPrecedes(key(b).bytes)
    }

    private mutating func noteMissing(_ reading: Reading, _ name: LogName, _ view: View, _ now: UInt64) {
        guard case .missing? = reading.logs[name],
            let pin = pins[.anonymous]?.read[name] ?? pins[.member]?.read[name]
        else { return }
        raise(Alarm(.gone, name, in: view, seen: pin.size, at: now, evidence: Array(pin.note.utf8)))
    }

    /// Compares a log with the pins of both views: a log only grows, no matter who asks.
    /// - Returns: whether it fits.
    private mutating func take<Log>(
        _ log: JudgedLog<Log>, in view: View, _ policy: WitnessPolicy?, _ now: UInt64
    ) -> Bool {
        var fits = true
        for other in View.allCases {
            for pin in pins[other]?.all(of: log.name) ?? [] {
                guard let kind = Self.difference(pin, log.checkpoint, log.tree) else { continue }
                fits = false
                raise(
                    Alarm(
                        kind, log.name, in: view, seen: pin.size, served: log.checkpoint.size, at: now,
                        evidence: Array((pin.note + "\n" + log.checkpoint.note.serialized).utf8)))
            }
        }
        if fits { pins[view]?.move(log.name, to: Pin(log.checkpoint, by: log.verifier)) }
        if let policy, !policy.accepts(logKey: log.verifier.key) || !policy.judge(log.checkpoint).isSatisfied {
            raise(Alarm(.policy, log.name, in: view, served: log.checkpoint.size, at: now))
        }
        return fits
    }

    /// Whether a log contains everything that either view has shown of it.
    public func contains(_ tree: MerkleTree, of log: LogName) -> Bool {
        View.allCases.allSatisfy { view in
            (pins[view]?.all(of: log) ?? []).allSatisfy { pin in
                Int(exactly: pin.size).flatMap { tree.root(at: $0) } == pin.root
            }
        }
    }

    private static func difference(_ pin: Pin, _ served: VerifiedCheckpoint, _ tree: MerkleTree) -> Alarm.Kind? {
        if served.size < pin.size { return .older }
        return Int(exactly: pin.size).flatMap { tree.root(at: $0) } == pin.root ? nil : .forked
    }

    /// Remembers a verified receipt's checkpoint: the next reading must contain it.
    public mutating func expect(
        _ checkpoint: VerifiedCheckpoint, of log: LogName, by verifier: LogVerifier, in view: View
    ) {
        pins[view]?.promised[log, default: []].append(Pin(checkpoint, by: verifier))
    }

    /// Adds an alarm unless it repeats an existing one. Only the person removes one, and the first of each kind that a
    /// view shows about a log is always kept: a service that raises many others can crowd out nothing that it wants to
    /// be missed. Their number is bounded by that of the logs, each of which the device remembers anyway.
    public mutating func raise(_ alarm: Alarm) {
        if let place = alarms.firstIndex(where: { $0.repeats(alarm) }) {
            // An alarm based on this device's clock alone may gain evidence later that convinces others.
            if alarms[place].evidence.isEmpty, !alarm.evidence.isEmpty { alarms[place] = alarm }
            return
        }
        let isFirst = !alarms.contains { $0.kind == alarm.kind && $0.log == alarm.log && $0.view == alarm.view }
        if isFirst || alarms.count < Self.mostAlarms { alarms.append(alarm) }
    }

    /// Removes an alarm after the person has looked into it. If it was about a log that differs, the next reading of
    /// that log becomes the new reference.
    public mutating func settle(_ alarm: Alarm) {
        alarms.removeAll { $0 == alarm }
        switch alarm.kind {
        case .older, .forked, .gone:
            guard !alarms.contains(where: { $0.log == alarm.log && $0.kind.isOfPins }) else { return }
            for view in View.allCases {
                pins[view]?.read[alarm.log] = nil
                pins[view]?.promised[alarm.log] = nil
            }
        // These cases are over and must not raise the same alarm again.
        case .promiseBroken:
            change(alarm.log) { if $0.state == .void, $0.promise?.until == alarm.seen { $0.promise = nil } }
        case .receipt: change(alarm.log) { if $0.isReceipt(alarm.evidence) { $0.state = .void } }
        case .memberViewOnly: if case .petition(let id) = alarm.log { petitions[id]?.announced = nil }
        case .policy, .closedEarly, .text: return
        }
    }

    private mutating func change(_ log: LogName, _ change: (inout SentStatement) -> Void) {
        guard case .petition(let id) = log, var own = petitions[id] else { return }
        for i in own.sent.indices { change(&own.sent[i]) }
        petitions[id] = own
    }

    /// Raises an alarm for each petition that an earlier reading showed as announced and this later one does not.
    private mutating func compareAnnounced(_ shown: Set<ID<Petition>>, _ now: UInt64) {
        for (id, memory) in petitions.sorted(by: { $0.key.hex < $1.key.hex })
        where memory.announced != nil && !shown.contains(id) {
            raise(Alarm(.memberViewOnly, .petition(id), in: .member, at: now))
        }
    }

    // MARK: What was sent

    /// Looks for this device's statements in the logs of an anonymous reading: makes a receipt for each that stands,
    /// checks promises, and gives up statements that can no longer count. Never works from what the member's
    /// connections were shown, because only this member may have been shown it.
    public mutating func settle(by reading: Reading, at now: UInt64) {
        for name in reading.logs.keys.sorted(by: Self.inOrder) {
            guard case .petition(let id) = name, petitions[id]?.sent.isEmpty == false,
                let log = try? reading.judgedLog(id)
            else { continue }
            settle(id, by: log, in: reading, at: now)
        }
    }

    private mutating func settle(
        _ id: ID<Petition>, by log: JudgedLog<PetitionLog>, in reading: Reading, at now: UInt64
    ) {
        guard var memory = petitions[id] else { return }
        let roster = try? reading.judgedRoster()
        let witnesses = roster?.log.witnesses ?? .empty
        let evidenceReading = Promise.Reading(
            leaves: log.raw.leaves, audited: log.audited, witnessTimes: log.witnessed.times.map { $0.time })
        for i in memory.sent.indices {
            let sent = memory.sent[i]
            guard let coSigned = sent.coSigned else { continue }
            let place = Promise.standing(sent.bytes, in: evidenceReading)
            if case .receipt(let text) = sent.state {
                if !Self.holds(text, sent.bytes, log) {
                    raise(
                        Alarm(
                            .receipt, log.name, in: .anonymous, served: log.checkpoint.size, at: now,
                            evidence: Array(text.utf8)))
                }
                continue
            }
            if let place, let path = log.tree.inclusionProof(of: place, at: log.tree.count) {
                let receipt = Receipt(index: UInt64(place), path: path, note: log.raw.checkpoint)
                memory.sent[i].state = .receipt(receipt.serialized)
                (memory.sent[i].sealedName, memory.sent[i].promise) = (nil, nil)
                continue
            }
            if let promise = sent.promise,
                let breach = promise.broken(coSigned, in: evidenceReading, witnesses: witnesses, clock: now)
            {
                raise(Self.alarm(breach, promise, sent, log, reading, now))
            }
            guard sent.state != .void, log.log.isPast(coSigned) else { continue }
            // The name stays: if another log brings the statement back, the same bytes go out again.
            memory.sent[i].state = .void
        }
        petitions[id] = memory
    }

    private static func alarm(
        _ breach: BrokenPromise, _ promise: Promise, _ sent: SentStatement, _ log: JudgedLog<PetitionLog>,
        _ reading: Reading, _ now: UInt64
    ) -> Alarm {
        var evidence: [UInt8] = []
        if breach != .overdue, let roster = try? reading.served(.workplace(reading.workplace)) {
            evidence =
                PromiseEvidence(
                    workplaceID: reading.workplace, petitionID: log.log.id, statement: sent.bytes, promise: promise,
                    workplace: roster, petition: log.raw
                ).serialized
        }
        return Alarm(
            .promiseBroken, log.name, in: .anonymous, seen: promise.until, served: log.checkpoint.size, at: now,
            evidence: evidence)
    }

    private static func holds(_ text: String, _ leaf: [UInt8], _ log: JudgedLog<PetitionLog>) -> Bool {
        guard let receipt = try? Receipt(parsing: text),
            let checkpoint = try? receipt.verify(leaf: leaf, by: log.verifier),
            let place = Int(exactly: receipt.index), let size = Int(exactly: checkpoint.size)
        else { return false }
        return log.tree.leafHash(at: place) == MerkleTree.leafHash(leaf) && log.tree.root(at: size) == checkpoint.root
    }

    /// How many of this device's receipts verify against a petition's log as it was read.
    public func verifiedReceipts(_ view: PetitionView) -> Int {
        (petitions[view.petition.id]?.sent ?? []).count { sent in
            if case .receipt(let text) = sent.state { Self.holds(text, sent.bytes, view.judgedPetition) } else { false }
        }
    }

    // MARK: Forgetting (P9)

    /// Whether anything about a petition is open: an alarm that the person has not settled, or a promise that this
    /// device has not yet seen kept. The person is warned before it is erased.
    public func unsettledMatters(of id: ID<Petition>) -> Bool {
        alarms.contains { $0.log == .petition(id) && !$0.kind.comesAgain } || hasOpenPromise(id)
    }

    /// Whether an alarm that is not settled carries evidence about a petition signed with one of these keys.
    public func holdsEvidence(ofPetitionsSignedWith keys: Set<Bytes32>) -> Bool {
        alarms.contains { alarm in
            guard case .petition(let id) = alarm.log, let key = petitions[id]?.ringKey else { return false }
            return keys.contains(key) && !alarm.evidence.isEmpty
        }
    }

    /// Whether a promise to this device was broken, or has not been kept yet.
    public func hasOpenPromise(_ id: ID<Petition>) -> Bool {
        alarms.contains { $0.log == .petition(id) && ($0.kind == .promiseBroken || $0.kind == .receipt) }
            || petitions[id]?.unsettled?.promise != nil
    }

    /// Erases a petition's statements, receipts, promises, sequences and alarms. The pin of its log stays: everybody
    /// reads that log alike, and the pin has moved on since the signing.
    /// - Parameter keys: ring keys that stay on the device. If one of them signed, that is remembered: the key itself
    ///   shows it to anybody who has the log, and nobody must be told that nothing shows it.
    public mutating func forget(_ id: ID<Petition>, holding keys: Set<Bytes32> = []) {
        guard let memory = petitions[id] else { return }
        var left = PetitionMemory()
        (left.announced, left.wasOpened, left.wasClosed) = (memory.announced, memory.wasOpened, memory.wasClosed)
        if let key = memory.ringKey, keys.contains(key) { left.ringKey = key }
        petitions[id] = left
        for view in View.allCases { pins[view]?.promised[.petition(id)] = nil }
        // Alarms of every kind: their evidence may contain a receipt's checkpoint, which shows which statement this
        // device made.
        alarms.removeAll { $0.log == .petition(id) }
    }

    /// A copy without anything that shows what was signed, for backups that leave the device.
    public func withoutStatements() -> Memory {
        var copy = self
        for id in petitions.keys { copy.forget(id) }
        return copy
    }

    /// The changes of witnesses that the person has not yet seen.
    public func unseenWitnessNotes(_ roster: WorkplaceLog) -> [Note] {
        roster.witnessNotes.filter { note in
            guard case .witnessesChanged(let leaf, _, _, _, _) = note else { return false }
            return witnessesSeen.map { UInt64(leaf) > $0 } ?? true
        }
    }

    /// Notes that the person has seen every change of witnesses in this roster.
    public mutating func sawWitnesses(of roster: WorkplaceLog) {
        if let last = roster.witnessChanges.last { witnessesSeen = UInt64(last.leaf) }
    }
}
