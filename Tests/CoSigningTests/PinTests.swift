import MembershipProofs
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import CoSigning

@Suite("Two views, and what each has seen before")
struct PinTests {
    private let now = ServedWorkplace.now
    private let workplace: ServedWorkplace
    private let petition: PetitionWorld
    private var device: Device

    init() throws {
        workplace = try ServedWorkplace(members: 3)
        petition = try workplace.open()
        device = Device(workplace.world.people[1])
    }

    private var log: LogName { .petition(petition.log.id) }

    private func size(_ view: View, _ name: LogName) -> UInt64? { device.memory.pins[view]?.read[name]?.size }

    private func grow() throws {
        try workplace.world.organise(.eligibleDeclared(UInt32(workplace.world.log.size)))
        try petition.cosign(workplace.world.people[0])
        workplace.serve()
    }

    private var kinds: [Alarm.Kind] { device.memory.alarms.map(\.kind) }

    @Test("Each view pins what it has read whole, and moves on where the log has grown")
    mutating func grows() throws {
        device.compare(workplace, petition)
        #expect(size(.anonymous, log) == 1 && size(.member, log) == nil)
        try grow()
        device.compare(workplace, petition, in: .member)
        #expect(size(.anonymous, log) == 1 && size(.member, log) == 2)
        #expect(size(.member, workplace.roster) == workplace.world.size)
        device.compare(workplace, petition)
        #expect(size(.anonymous, log) == 2 && kinds.isEmpty)
        #expect(device.memory.petitions[petition.log.id]?.announced == now)
        #expect(device.memory.petitions[petition.log.id]?.wasOpened == true)
    }

    @Test("A pin keeps the log's own signature and no witness's, whose time would say when it was read")
    mutating func ownSignature() throws {
        let witness = try workplace.nameWitness()
        device.compare(workplace, petition)
        let pin = try #require(device.memory.pins[.anonymous]?.read[log])
        #expect(!pin.note.contains(witness.verifier.name))
        _ = try workplace.world.log.verifier(of: petition.log.id).verify(pin.note)
    }

    @Test("A log that is shorter than either view has seen it is told once, kept with both notes, and moves no pin")
    mutating func older() throws {
        for (saw, sees) in [(View.anonymous, View.anonymous), (.member, .anonymous), (.anonymous, .member)] {
            device.memory = Memory()
            let before = workplace.served
            try grow()
            device.compare(workplace, petition, in: saw)
            let pins = device.memory.pins
            let present = workplace.served
            workplace.served = before
            for _ in 0..<2 { device.compare(workplace, petition, in: sees) }
            #expect(device.memory.pins == pins)
            #expect(kinds == [.older, .older], "the roster's and the petition's")
            let alarm = try #require(device.memory.alarms.first { $0.log == log })
            #expect((alarm.view, alarm.seen) == (sees, UInt64(petition.log.size)))
            #expect(alarm.served == UInt64(petition.log.size) - 1)
            let verifier = workplace.world.log.verifier(of: petition.log.id)
            for size in [alarm.seen, alarm.served] {
                #expect(
                    String(decoding: alarm.evidence, as: UTF8.self).contains(
                        verifier.origin + "\n\(size)\n"))
            }
            workplace.served = present
            device.compare(workplace, petition, in: sees)
            #expect(kinds.count == 2, "it stays, though the log is back")
        }
    }

    @Test("A log that does not contain what either view has seen is forked, however long it is")
    mutating func forked() throws {
        let fork = World(forking: workplace.world)
        try grow()
        device.compare(workplace, petition)
        try fork.organise(.eligibleDeclared(9))
        while fork.log.size < workplace.world.log.size { try fork.organise(.eligibleDeclared(8)) }
        for extra in 0..<2 {
            for _ in 0..<extra { try fork.organise(.eligibleDeclared(7)) }
            var other = device
            workplace.served.logs[workplace.roster] = workplace.signed(fork.leaves, fork.log.verifier)
            other.compare(workplace, petition)
            #expect(other.memory.alarms.map(\.kind) == [.forked])
            #expect(other.memory.pins == device.memory.pins)
            other.compare(workplace, petition, in: .member)
            #expect(other.memory.alarms.map(\.view) == [.anonymous, .member])
        }
    }

    @Test("Settling the last difference of a log lets the next reading be what later ones are held against")
    mutating func settling() throws {
        let before = workplace.served
        try grow()
        device.compare(workplace, petition)
        device.compare(workplace, petition, in: .member)
        workplace.served = before
        let policy = try #require(Self.policy(TestWitness()))
        device.compare(workplace, petition, policy: policy)
        device.compare(workplace, petition, in: .member)
        let alarms = device.memory.alarms.filter { $0.log == log }
        #expect(alarms.map(\.kind) == [.older, .policy, .older])
        device.memory.settle(alarms[0])
        #expect(size(.anonymous, log) == 2, "another one stands")
        device.memory.settle(alarms[2])
        #expect(size(.anonymous, log) == nil && size(.member, log) == nil, "a policy's alarm is about something else")
        #expect(size(.anonymous, workplace.roster) != nil, "so is the roster's")
        device.compare(workplace, petition)
        #expect(size(.anonymous, log) == 1)
        #expect(device.memory.alarms.filter { $0.log == log }.map(\.kind) == [.policy])
    }

    @Test("A log that was there and is gone is told; one that was never there, or does not parse, is not")
    mutating func gone() throws {
        workplace.served.logs[log] = nil
        device.compare(workplace, petition)
        #expect(kinds.isEmpty)
        workplace.serve()
        device.compare(workplace, petition, in: .member)
        let whole = workplace.served
        workplace.served.logs[log]?.leaves = []
        device.compare(workplace, petition)
        #expect(kinds.isEmpty)
        workplace.served.logs[log] = nil
        for _ in 0..<2 { device.compare(workplace, petition) }
        #expect(kinds == [.gone] && device.memory.alarms[0].log == log)
        #expect(device.memory.alarms[0].evidence == Array((device.memory.pins[.member]?.read[log]?.note ?? "").utf8))
        workplace.served = whole
        workplace.served.logs[workplace.roster] = nil
        device.compare(workplace, petition)
        #expect(kinds == [.gone, .gone])
    }

    private static func policy(_ witness: TestWitness, log key: Bytes32? = nil) -> WitnessPolicy? {
        let line = key.map { "log \(NoteKey(name: "l", kind: .log, key: $0).text)\n" } ?? ""
        let text = line + "witness w \(witness.verifier.noteKey.text)\nquorum w\n"
        return try? WitnessPolicy(parsing: Array(text.utf8))
    }

    @Test("A policy of one's own raises an alarm, and changes neither pins nor what may be sent")
    mutating func policy() throws {
        let witness = try workplace.nameWitness()
        let (kept, broken) = (try #require(Self.policy(witness)), try #require(Self.policy(TestWitness())))
        let otherKey = try #require(Self.policy(witness, log: witness.verifier.key))
        device.compare(workplace, petition, policy: kept)
        #expect(kinds.isEmpty)
        for policy in [broken, otherKey] {
            var other = device
            for _ in 0..<2 { other.compare(workplace, petition, policy: policy) }
            #expect(other.memory.alarms.map(\.kind) == [.policy, .policy])
            #expect(other.memory.pins == device.memory.pins)
            #expect(try workplace.view(petition, other.identity).petition.size == 1)
        }
    }

    @Test("A deadline's close that came before the deadline by this device's clock is told")
    mutating func closedEarly() throws {
        let petition = try workplace.open(closes: now)
        try petition.closeByDeadline()
        workplace.serve()
        device.compare(workplace, petition, at: now)
        #expect(kinds.isEmpty && device.memory.petitions[petition.log.id]?.wasClosed == true)
        device.compare(workplace, petition, at: now - 300)
        #expect(kinds.isEmpty, "a clock may be off")
        device.compare(workplace, petition, at: now - 301)
        #expect(kinds == [.closedEarly] && device.memory.alarms[0].seen == now)
    }

    @Test("A receipt's checkpoint must be in the next reading, in whichever view")
    mutating func promised() throws {
        let workplace = try ServedWorkplace()
        let petition = try workplace.open()
        var device = Device(workplace.world.people[1])
        let reading = workplace.read(petition)
        let sending = try device.make(.support, workplace, petition)
        try petition.append(PetitionStatement(decoding: sending.statement))
        let receipt = try workplace.receipt(petition, sending.statement)
        // As at the end of a run: first the reading, then the response.
        device.memory.compare(reading, in: .anonymous, as: device.identity.signKey, at: now)
        _ = try device.memory.take(receipt, to: sending, at: now)
        #expect(device.memory.alarms.isEmpty)
        #expect(device.memory.pins[.anonymous]?.promised[.petition(petition.log.id)]?.map(\.size) == [2])
        for view in View.allCases {
            var other = device
            other.compare(workplace, petition, in: view)
            #expect(other.memory.alarms.map(\.kind) == [.older], "served as before")
        }
        workplace.serve()
        device.compare(workplace, petition)
        #expect(device.memory.alarms.isEmpty)
        #expect(device.memory.pins[.anonymous]?.promised.isEmpty == true)
    }

    @Test("A petition that only the member's view shows is told, and not one that both show")
    mutating func memberViewOnly() throws {
        let before = workplace.served
        let there = try workplace.open().log.id
        let after = workplace.served
        func read(_ served: Served, in view: View) {
            let reading = served.run(Run(.everything, of: workplace.id)).reading
            device.memory.compare(reading, in: view, as: workplace.world.founder.signKey, at: now)
        }
        read(before, in: .anonymous)
        read(after, in: .member)
        read(after, in: .anonymous)
        #expect(kinds.isEmpty, "announced between two readings")
        for _ in 0..<2 { read(before, in: .anonymous) }
        #expect(Set(kinds) == [.older, .memberViewOnly])
        #expect(device.memory.alarms.filter { $0.kind == .memberViewOnly }.map(\.log) == [.petition(there)])
    }

    @Test("The present ring key is the one of the newest roster, not of an older one that is shown later")
    mutating func presentKey() throws {
        let person = workplace.world.people[1]
        let (before, old) = (workplace.served, person.ring.publicKey.encoding)
        device.compare(workplace, petition)
        #expect(device.memory.presentRingKey == old)
        try workplace.world.rotateRing(of: person)
        workplace.serve()
        device.compare(workplace, petition, in: .member)
        let new = person.ring.publicKey.encoding
        #expect(device.memory.presentRingKey == new)
        workplace.served = before
        for view in View.allCases { device.compare(workplace, petition, in: view) }
        #expect(device.memory.presentRingKey == new)
        try workplace.world.remove(person)
        workplace.serve()
        device.compare(workplace, petition)
        #expect(device.memory.presentRingKey == nil)
    }

    @Test("A change of witnesses is told until the person has seen it")
    mutating func witnessNotes() throws {
        #expect(device.memory.unseenWitnessNotes(workplace.world.log).isEmpty)
        _ = try workplace.nameWitness()
        #expect(device.memory.unseenWitnessNotes(workplace.world.log).count == 1)
        _ = try workplace.nameWitness()
        #expect(device.memory.unseenWitnessNotes(workplace.world.log).count == 2)
        device.memory.sawWitnesses(of: workplace.world.log)
        #expect(device.memory.unseenWitnessNotes(workplace.world.log).isEmpty)
        _ = try workplace.nameWitness()
        #expect(device.memory.unseenWitnessNotes(workplace.world.log).count == 1)
    }

    @Test("More of the same about one log is kept up to a bound, the oldest")
    mutating func bounded() {
        for seen in 0..<200 as Range<UInt64> {
            device.memory.raise(Alarm(.older, log, in: .member, seen: seen, at: now))
        }
        #expect(device.memory.alarms.map(\.seen) == Array(0..<100))
    }

    @Test(
        "However many alarms a service raises, it pushes out none that stands and keeps out none of another kind or log"
    )
    mutating func crowded() throws {
        let other = LogName.petition(ID(Random.bytes32()))
        // What it would like to be missed: raised before the flood about one log, and after it about another.
        for kind in Alarm.Kind.allCases {
            device.memory.raise(Alarm(kind, log, in: .anonymous, at: now, evidence: [1]))
        }
        let before = device.memory.alarms
        for seen in 1...1000 as ClosedRange<UInt64> {
            for kind in Alarm.Kind.allCases {
                device.memory.raise(Alarm(kind, workplace.roster, in: .member, seen: seen, at: now))
            }
        }
        for _ in 0..<300 {
            device.memory.raise(Alarm(.gone, .petition(ID(Random.bytes32())), in: .member, at: now))
        }
        #expect(Array(device.memory.alarms.prefix(before.count)) == before)
        for kind in Alarm.Kind.allCases {
            for view in View.allCases {
                let late = Alarm(kind, other, in: view, at: now, evidence: [2])
                device.memory.raise(late)
                #expect(device.memory.alarms.last == late, "\(kind)")
            }
        }
        #expect(device.memory.alarms.count { $0.log == workplace.roster } <= 100, "its own flood is bounded")
        #expect(try Memory(decoding: device.memory.encoding) == device.memory)
        // A flood of what has no evidence does not keep evidence out either.
        let proven = Alarm(.promiseBroken, workplace.roster, in: .member, seen: 1, at: now, evidence: [3])
        device.memory.raise(proven)
        #expect(device.memory.alarms.contains(proven))
        // Only the person removes one.
        device.memory.settle(before[0])
        #expect(!device.memory.alarms.contains(before[0]) && device.memory.alarms.contains(before[1]))
    }
}
