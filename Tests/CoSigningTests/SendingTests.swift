import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import CoSigning

@Suite("What was sent is live until it is settled")
struct SendingTests {
    private let now = ServedWorkplace.now
    private let workplace: ServedWorkplace
    private let petition: PetitionWorld
    private var device: Device

    init() throws {
        workplace = try ServedWorkplace()
        petition = try workplace.open(levels: [5])
        device = Device(workplace.world.people[1])
    }

    private var id: ID<Petition> { petition.log.id }

    private var last: SentStatement { get throws { try #require(device.memory.petitions[id]?.sent.last) } }

    private mutating func append(_ statement: [UInt8]) throws {
        try petition.append(PetitionStatement(decoding: statement))
        workplace.serve()
    }

    /// A promise for the newest statement.
    private mutating func promised(until: UInt64) throws -> Sending {
        let sending = try device.make(.support, workplace, petition)
        _ = try device.memory.take(workplace.promise(petition, sending.statement, until: until), to: sending, at: now)
        return sending
    }

    @Test("The statement is in memory, to be written, before anything can go out")
    mutating func stored() throws {
        let view = try workplace.view(petition, device.identity)
        let clearance = try view.clear(.support, for: device.identity, having: device.memory, seen: [], at: now)
        #expect(device.memory == Memory())
        let sending = try clearance.make(in: &device.memory)
        #expect(try last == SentStatement(bytes: sending.statement, sealedName: nil))
        #expect(device.memory.petitions[id]?.ringKey == device.identity.newestRingKey.publicKey.encoding)
        #expect(device.memory.status(of: id) == .pending)
        let request = try CoSignatureRequest(decoding: sending.body)
        #expect(request.statement == sending.statement && request.sealedName == nil)
        try petition.log.check(#require(PetitionStatement(decoding: sending.statement).coSigned))
        // One clearance makes one statement.
        #expect(throws: CoSigningError.unsettled) { try clearance.make(in: &device.memory) }
        #expect(device.memory.petitions[id]?.sent.count == 1)
    }

    /// A receipt, signed by the log's key, from a tree that only one reader was shown.
    private func receipt(_ leaves: [[UInt8]], of leaf: [UInt8]) throws -> SendingAnswer {
        var tree = MerkleTree()
        for leaf in leaves { tree.append(leaf) }
        let place = try #require(leaves.firstIndex(of: leaf))
        let path = try #require(tree.inclusionProof(of: place, at: tree.count))
        let note = workplace.signed(leaves, of: id).note
        return .receipt(Array(Receipt(index: UInt64(place), path: path, note: note).serialized.utf8))
    }

    @Test(
        "A receipt that contradicts what this run has read settles nothing, and is evidence of a fork until forgotten")
    mutating func contradicting() throws {
        try petition.cosign(workplace.world.people[2], choices: [1, 1])
        workplace.serve()
        let sending = try device.make(.support, workplace, petition)
        let (opened, other) = (petition.leaves[0], petition.leaves[1])
        let forged = [[sending.statement], [opened, sending.statement], [opened, opened, sending.statement]]
        for leaves in forged {
            let answer = try receipt(leaves, of: sending.statement)
            #expect(throws: CoSigningError.receiptInvalid(.entries)) {
                try device.memory.take(answer, to: sending, at: now)
            }
            #expect(try !last.isSettled)
        }
        #expect(device.memory.alarms.map(\.kind) == [.forked])
        // Leaves in between cannot be judged yet, but the next leaf can.
        for leaves in [[opened, other, sending.statement], [opened, other, other, sending.statement]] {
            var copy = device
            _ = try copy.memory.take(receipt(leaves, of: sending.statement), to: sending, at: now)
            #expect(copy.memory.status(of: id) == .signed)
        }
        #expect(device.memory.unsettledMatters(of: id))
        // Its evidence identifies this device's statement, by a root of two leaves.
        device.memory.forget(id)
        #expect(device.memory.alarms.isEmpty && !device.memory.unsettledMatters(of: id))
    }

    @Test("A statement with a receipt is followed by none of its number, whatever log is shown")
    mutating func olderLog() throws {
        let before = workplace.served
        let name: Set<Warning> = [.nameOpens(count: 5)]
        let sending = try device.make(.support(name: "Anna", at: 5), workplace, petition, seen: name)
        try append(sending.statement)
        _ = try device.memory.take(workplace.receipt(petition, sending.statement), to: sending, at: now)
        workplace.served = before
        let view = try workplace.view(petition, device.identity)
        let decision = Decision.sign(choices: [1, 0], remark: "", name: nil)
        #expect(throws: CoSigningError.unsettled) {
            try view.clear(decision, for: device.identity, having: device.memory, seen: name, at: now)
        }
    }

    @Test("The same bytes go out again, over a restart, until the log has them")
    mutating func again() throws {
        let sending = try device.make(
            .support(name: "Anna", at: 5), workplace, petition, seen: [.nameOpens(count: 5)])
        device.memory = try Memory(decoding: device.memory.encoding)
        for _ in 0..<2 {
            let view = try device.settled(workplace, petition)
            let again = try #require(try view.pending(in: device.memory, at: now))
            #expect(again.body == sending.body && again.statement == sending.statement)
        }
        try append(sending.statement)
        let view = try device.settled(workplace, petition)
        #expect(try view.pending(in: device.memory, at: now) == nil)
        #expect(view.verifiedReceipts(in: device.memory) == 1)
        #expect(try last.sealedName == nil)
        #expect(device.memory.status(of: id) == .signedWithName(1))
    }

    @Test("All requests to a petition have one length, whatever is in them")
    func length() throws {
        var lengths: Set<Int> = []
        for (decision, seen) in [
            (.support, []), (.sign(choices: [1, 1], remark: "x", name: nil), []),
            (.support(name: "A", at: 5), [.nameOpens(count: 5)]),
            (.support(name: String(repeating: "x", count: 240), at: 5), [.nameOpens(count: 5)]),
        ] as [(Decision, Set<Warning>)] {
            var device = Device(workplace.world.people[2])
            lengths.insert(try device.make(decision, workplace, petition, seen: seen).body.count)
        }
        var device = Device(workplace.world.people[3])
        lengths.insert(try device.send(.support, workplace, petition).body.count)
        lengths.insert(try device.send(.withdraw, workplace, petition).body.count)
        #expect(lengths == [petition.log.requestLength])
    }

    @Test("A receipt settles if it is of this leaf, under the log's key; any other answer leaves the statement live")
    mutating func receipts() throws {
        let sending = try device.make(.support, workplace, petition)
        try petition.cosign(workplace.world.people[2])
        try petition.append(PetitionStatement(decoding: sending.statement))
        guard case .receipt(let good) = try workplace.receipt(petition, sending.statement),
            case .receipt(let others) = try workplace.receipt(petition, petition.leaves[1])
        else { return }
        let forged = String(decoding: good, as: UTF8.self).replacing("\n3\n", with: "\n4\n")
        let bad: [[UInt8]] = [[], Array("{}".utf8), good.dropLast(), good + [10], others, Array(forged.utf8), [0xff]]
        for bad in bad {
            let before = device.memory
            var thrown: CoSigningError?
            do throws(CoSigningError) { _ = try device.memory.take(.receipt(bad), to: sending, at: now) } catch {
                thrown = error
            }
            guard case .receiptInvalid? = thrown else { Issue.record("accepted"); continue }
            #expect(device.memory == before)
        }
        _ = try device.memory.take(.receipt(good), to: sending, at: now)
        #expect(try last.isSettled && device.memory.status(of: id) == .signed)
        // If it is taken again, it belongs to no other statement.
        var stranger = Memory()
        #expect(throws: CoSigningError.memoryDamaged) { try stranger.take(.receipt(good), to: sending, at: now) }
    }

    @Test(
        "A promise counts if the log's key made it for this leaf, to a whole hour within a day; any other is no answer")
    mutating func promises() throws {
        let sending = try device.make(.support, workplace, petition)
        let hash = MerkleTree.leafHash(sending.statement)
        func json(_ promise: Promise) -> [UInt8] { Array(promise.json.utf8) }
        let good = try Promise.make(id, leafHash: hash, until: now + 24 * 3600, by: workplace.world.serviceKey)
        let text = String(decoding: json(good), as: UTF8.self)
        let bad = [
            [], Array("{}".utf8),
            json(try Promise.make(id, leafHash: hash, until: now + 25 * 3600, by: workplace.world.serviceKey)),
            json(try Promise.make(id, leafHash: .zero, until: now, by: workplace.world.serviceKey)),
            json(try Promise.make(ID(Bytes32.zero), leafHash: hash, until: now, by: workplace.world.serviceKey)),
            json(try Promise.make(id, leafHash: hash, until: now, by: SigningKey(seed: .random(32)))),
            Array(text.replacing("\(good.until)", with: "\(good.until - 3600)").utf8),
            Array(text.replacing("\(good.until)", with: "\(good.until - 1)").utf8), json(good) + [0x7d],
        ]
        for bad in bad {
            let before = device.memory
            #expect(throws: CoSigningError.promiseInvalid) {
                try device.memory.take(.promise(bad), to: sending, at: now)
            }
            #expect(device.memory == before)
        }
        _ = try device.memory.take(.promise(json(good)), to: sending, at: now)
        #expect(device.memory.status(of: id) == .promised(until: now + 24 * 3600))
    }

    @Test("The first time that a service promises stays, whatever it promises later; an earlier one is taken")
    mutating func firstPromise() throws {
        let sending = try promised(until: now + 7200)
        let first = try last.promise
        for (until, kept) in [(now + 10_800, now + 7200), (now + 3600, now + 3600), (now + 7200, now + 3600)] {
            let sent = try device.memory.take(
                workplace.promise(petition, sending.statement, until: until), to: sending, at: now)
            guard case .promised(let told) = sent else { return }
            #expect(try told.until == kept && last.promise?.until == kept)
            #expect(device.memory.status(of: id) == .promised(until: kept))
        }
        #expect(first?.until == now + 7200)
        try append(sending.statement)
        _ = try device.memory.take(workplace.receipt(petition, sending.statement), to: sending, at: now)
        #expect(try last.promise == nil && last.isSettled, "kept")
    }

    @Test("A statement in a verified log has its receipt from there; in one that no witness signed it has none")
    mutating func settledByLog() throws {
        let sending = try promised(until: now + 3600)
        try append(sending.statement)
        let bare = workplace.served
        _ = try workplace.nameWitness()
        workplace.served.logs[.petition(id)] = bare.logs[.petition(id)]
        device.settle(workplace, petition)
        #expect(try !last.isSettled)
        workplace.serve()
        device.settle(workplace, petition)
        guard case .receipt(let text) = try last.state else { Issue.record("not settled"); return }
        _ = try Receipt(parsing: text).verify(leaf: sending.statement, by: workplace.world.log.verifier(of: id))
        #expect(try last.promise == nil && last.sealedName == nil)
        #expect(device.memory.alarms.isEmpty)
        #expect(device.memory.status(of: id) == .signed)
    }

    @Test("Only a log in which the statement can count no more gives it up: closed, a new ring, another in its place")
    mutating func void() throws {
        enum End: CaseIterable { case closed, extended, replaced }
        for end in End.allCases {
            let story = try SendingTests()
            var device = story.device
            let petition = story.petition
            _ = try device.make(.support, story.workplace, petition)
            device.settle(story.workplace, petition)
            #expect(device.memory.petitions[petition.log.id]?.unsettled != nil, "it can count still")
            switch end {
            case .closed: try petition.close()
            case .extended:
                try story.workplace.world.admit()
                try petition.extend()
            case .replaced: try petition.cosign(story.workplace.world.people[1])
            }
            story.workplace.serve()
            device.settle(story.workplace, petition)
            #expect(device.memory.petitions[petition.log.id]?.sent.last?.state == .void)
            #expect(device.memory.status(of: petition.log.id) == .notCounted)
            #expect(device.memory.alarms.isEmpty)
            guard end != .closed else { continue }
            try device.send(.support, story.workplace, petition)
            #expect(device.memory.status(of: petition.log.id) == .signed)
        }
    }

    @Test("What another device with the same key sent later counts, and this device says so; its own does not")
    mutating func otherDevice() throws {
        func status(_ device: Device) throws -> OwnStatus {
            let standing = try workplace.view(petition, device.identity).standing(of: device.identity)
            return device.memory.status(of: id, beside: standing)
        }
        var other = device
        try device.send(.support, workplace, petition)
        let early = workplace.served
        #expect(try status(device) == .signed && status(other) == .nothing)
        other.settle(workplace, petition)
        try other.send(.withdraw, workplace, petition)
        #expect(try status(device) == .nothing && status(other) == .withdrawn)
        try device.send(.support, workplace, petition)
        #expect(try status(device) == .signed && status(other) == .nothing)
        // An older log replaces nothing.
        workplace.served = early
        #expect(try status(device) == .signed && status(other) == .withdrawn)
    }

    @Test("An older log, which refuses the statement for now, gives nothing up")
    mutating func older() throws {
        let before = workplace.served
        try device.send(.support, workplace, petition)
        let sending = try device.make(.withdraw, workplace, petition)
        let present = workplace.served
        workplace.served = before
        let view = try device.settled(workplace, petition)
        #expect(try view.pending(in: device.memory, at: now)?.body == sending.body)
        workplace.served = present
        // The same for a statement from before the ring grew.
        var other = Device(workplace.world.people[2])
        try workplace.world.admit()
        try petition.extend()
        workplace.serve()
        let extended = try other.make(.support, workplace, petition)
        workplace.served = present
        other.settle(workplace, petition)
        #expect(other.memory.petitions[id]?.unsettled?.bytes == extended.statement)
    }

    @Test("A log that breaks a promise raises an alarm, with evidence that convinces others")
    mutating func broken() throws {
        let sending = try promised(until: now + 3600)
        device.settle(workplace, petition)
        #expect(device.memory.alarms.isEmpty, "it can be kept still")
        try petition.close()
        workplace.serve()
        for _ in 0..<2 { device.settle(workplace, petition) }
        let alarm = try #require(device.memory.alarms.first)
        #expect(device.memory.alarms.count == 1)
        #expect(
            (alarm.kind, alarm.log, alarm.view, alarm.seen) == (.promiseBroken, .petition(id), .anonymous, now + 3600))
        let verdict = try PromiseEvidence(parsing: alarm.evidence).verify()
        #expect(verdict.breach == .closed && verdict.until == now + 3600)
        #expect(try PromiseEvidence(parsing: alarm.evidence).statement == sending.statement)
        #expect(try last.state == .void && last.promise != nil)
        device.memory.settle(alarm)
        device.settle(workplace, petition)
        #expect(device.memory.alarms.isEmpty, "told, and over")
    }

    @Test("Without witnesses this device's clock says that a promise is overdue; what convinces others comes later")
    mutating func overdue() throws {
        let sending = try promised(until: now + 3600)
        device.settle(workplace, petition, at: now + 3600)
        #expect(device.memory.alarms.isEmpty)
        device.settle(workplace, petition, at: now + 3601)
        #expect(device.memory.alarms.map(\.kind) == [.promiseBroken] && device.memory.alarms[0].evidence.isEmpty)
        #expect(try !last.isSettled, "it goes out again")
        #expect(try device.settled(workplace, petition).pending(in: device.memory, at: now)?.body == sending.body)
        try petition.close()
        workplace.serve()
        device.settle(workplace, petition, at: now + 3700)
        #expect(device.memory.alarms.count == 1)
        #expect(try PromiseEvidence(parsing: device.memory.alarms[0].evidence).verify().breach == .closed)
    }

    @Test("Where witnesses are named their time judges, and not this device's clock")
    mutating func late() throws {
        _ = try workplace.nameWitness()
        _ = try promised(until: now + 3600)
        device.settle(workplace, petition, at: now + 99_999)
        #expect(device.memory.alarms.isEmpty)
        workplace.witnessed = now + 3601
        workplace.serve()
        device.settle(workplace, petition)
        let alarm = try #require(device.memory.alarms.first)
        #expect(try PromiseEvidence(parsing: alarm.evidence).verify().breach == .late)
    }

    @Test("A reading without the petition's log, or with a log that does not hold, settles nothing")
    mutating func unread() throws {
        let sending = try device.make(.support, workplace, petition)
        try append(sending.statement)
        let whole = workplace.served
        let before = device.memory
        func unsettled(_ change: (inout Served) -> Void) -> Bool {
            var (served, memory) = (whole, before)
            change(&served)
            memory.settle(by: served.run(Run(.petition(id), of: workplace.id)).reading, at: now)
            return memory == before
        }
        #expect(unsettled { $0.logs[.petition(id)] = nil })
        #expect(unsettled { $0.logs[workplace.roster] = nil })
        #expect(unsettled { $0.logs[.petition(id)]?.leaves[1][200] ^= 1 })
        #expect(unsettled { $0.logs[.petition(id)] = workplace.signed(petition.leaves + [[1]], of: id) })
        #expect(unsettled { $0.logs[workplace.roster]?.leaves[1][40] ^= 1 })
        #expect(!unsettled { _ in })
    }

    @Test("What the member's connections show settles nothing and raises no alarm about what was sent")
    mutating func memberView() throws {
        let sending = try promised(until: now + 3600)
        try append(sending.statement)
        try petition.close()
        workplace.serve()
        device.compare(workplace, petition, in: .member)
        #expect(try !last.isSettled && device.memory.alarms.isEmpty)
    }

    @Test("A receipt that the log does not bear out is an alarm, with the receipt as evidence, until it is settled")
    mutating func receiptMisfits() throws {
        let before = workplace.served
        try device.send(.support, workplace, petition)
        let text = try last.state
        device.settle(workplace, petition)
        #expect(device.memory.alarms.isEmpty)
        workplace.served = before
        for _ in 0..<2 { device.settle(workplace, petition) }
        #expect(device.memory.alarms.map(\.kind) == [.receipt])
        let alarm = device.memory.alarms[0]
        #expect(text == .receipt(String(decoding: alarm.evidence, as: UTF8.self)))
        device.memory.settle(alarm)
        device.settle(workplace, petition)
        #expect(device.memory.alarms.isEmpty && device.memory.status(of: id) == .notCounted)
        // If the log contains it after all, a receipt is made from the log.
        workplace.serve()
        device.settle(workplace, petition)
        #expect(device.memory.status(of: id) == .signed)
    }

    @Test("Forgetting leaves nothing that says what was signed, and the log's pin")
    mutating func forgetting() throws {
        _ = try promised(until: now + 3600)
        try petition.close()
        workplace.serve()
        device.settle(workplace, petition)
        device.compare(workplace, petition)
        #expect(!device.memory.alarms.isEmpty)
        let copy = device.memory.withoutStatements()
        device.memory.forget(id)
        #expect(copy == device.memory)
        var expected = PetitionMemory()
        (expected.announced, expected.wasOpened, expected.wasClosed) = (now, true, true)
        #expect(device.memory.petitions[id] == expected && device.memory.alarms.isEmpty)
        #expect(device.memory.pins[.anonymous]?.read[.petition(id)]?.size == 2)
        #expect(device.memory.pins.values.allSatisfy { $0.promised.isEmpty })
    }
}

extension PetitionView {
    func verifiedReceipts(in memory: Memory) -> Int { memory.verifiedReceipts(self) }
}
