import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import CoSigning

/// An attacker could try to find out who is behind an anonymous connection from what a device has seen before. So pins,
/// alarms, policies, keys and statements that one device has and another lacks must change neither what it requests nor
/// whether it signs.
@Suite("Devices that were served the same do the same")
struct LikenessTests {
    private let now = ServedWorkplace.now
    private let workplace: ServedWorkplace
    private let petition: PetitionWorld
    private let others: [PetitionWorld]
    /// What was served one leaf earlier.
    private let early: Served
    /// A state in which every log has more leaves than at present.
    private let late: Served
    /// A different history under the log's key.
    private let forked: Served

    init() throws {
        let workplace = try ServedWorkplace()
        let world = workplace.world
        others = try (0..<3).map { _ in try workplace.open() }
        let petition = try workplace.open(levels: [6], closes: ServedWorkplace.now + 36_000)
        let early = workplace.served
        try petition.cosign(world.people[9])
        workplace.serve()
        let ahead = World(forking: world)
        try ahead.organise(.eligibleDeclared(60))
        var late = workplace.served
        late.logs[workplace.roster] = workplace.signed(ahead.leaves, ahead.log.verifier)
        let signed = try petition.coSignature(by: world.people[11]).bytes
        late.logs[.petition(petition.log.id)] = workplace.signed(petition.leaves + [signed], of: petition.log.id)
        let fork = World(forking: world)
        for count in 61..<64 as Range<UInt32> { try fork.organise(.eligibleDeclared(count)) }
        var forked = early
        forked.logs[workplace.roster] = workplace.signed(fork.leaves, fork.log.verifier)
        let other = try petition.coSignature(by: world.people[10]).bytes
        forked.logs[.petition(petition.log.id)] = workplace.signed([petition.leaves[0], other], of: petition.log.id)
        (self.workplace, self.petition) = (workplace, petition)
        (self.early, self.late, self.forked) = (early, late, forked)
    }

    private func reading(_ served: Served) -> Reading {
        served.run(Run(.petition(petition.log.id), of: workplace.id)).reading
    }

    /// Devices of different people with different histories.
    private func devices() throws -> [(name: String, device: Device)] {
        var devices: [(String, Device)] = []
        func add(_ name: String, _ change: (inout Device) throws -> Void) rethrows {
            let person = workplace.world.people[1 + devices.count % 8]
            var device = Device(
                devices.count % 2 == 0
                    ? person.identity() : person.identity(groupKeys: workplace.world.groupKeys))
            try change(&device)
            devices.append((name, device))
        }
        func pinned(_ device: inout Device, _ served: Served, _ view: View) {
            device.memory.compare(reading(served), in: view, as: device.identity.signKey, at: now)
        }
        add("fresh") { _ in }
        for view in View.allCases {
            add("up to date \(view)") { pinned(&$0, workplace.served, view) }
            add("behind \(view)") { pinned(&$0, early, view) }
            add("ahead \(view)") { pinned(&$0, late, view) }
            add("forked \(view)") { pinned(&$0, forked, view) }
            add("alarmed \(view)") {
                pinned(&$0, forked, view)
                pinned(&$0, late, .member)
                pinned(&$0, early, .anonymous)
                #expect(!$0.memory.alarms.isEmpty)
            }
        }
        add("with every alarm") {
            for kind in Alarm.Kind.allCases {
                for view in View.allCases {
                    for log in [workplace.roster, .petition(petition.log.id)] {
                        $0.memory.raise(Alarm(kind, log, in: view, at: now))
                    }
                }
            }
        }
        try add("with other petitions' statements") {
            try $0.send(.support, workplace, others[0])
            _ = try $0.make(.support, workplace, others[1])
            let sending = try $0.make(.support, workplace, others[2])
            _ = try $0.memory.take(
                workplace.promise(others[2], sending.statement, until: now), to: sending, at: now)
        }
        try add("restored without statements") {
            try $0.send(.support, workplace, others[0])
            pinned(&$0, late, .anonymous)
            $0.memory = try Memory(decoding: $0.memory.withoutStatements().encoding)
        }
        return devices
    }

    /// The outcome of a decision: nil if it is cleared.
    private func outcome(
        _ decision: Decision, _ device: Device, _ served: Served, seen: Set<Warning>, at now: UInt64
    ) -> (requests: [RunRequest], error: CoSigningError?) {
        var device = device
        let (reading, requests) = served.run(Run(.petition(petition.log.id), of: workplace.id))
        device.memory.settle(by: reading, at: now)
        do throws(CoSigningError) {
            let clearance = try reading.view(of: petition.log.id, for: device.identity)
                .clear(decision, for: device.identity, having: device.memory, seen: seen, at: now)
            _ = try clearance.make(in: &device.memory)
            return (requests, nil)
        } catch { return (requests, error) }
    }

    private struct Case {
        let name: String
        var served: Served
        var now = ServedWorkplace.now
        var seen: Set<Warning> = []
        let expected: CoSigningError?
    }

    private func cases() throws -> [Case] {
        let (id, roster) = (petition.log.id, workplace.roster)
        let log = LogName.petition(id)
        func served(_ change: (inout Served) -> Void) -> Served {
            var served = workplace.served
            change(&served)
            return served
        }
        let bare = workplace.signed(workplace.world.leaves, workplace.world.log.verifier)
        return [
            Case(name: "the present", served: workplace.served, expected: nil),
            Case(name: "a true log of before", served: early, expected: nil),
            Case(name: "a fork", served: forked, expected: nil),
            Case(name: "a log that is ahead", served: late, expected: nil),
            Case(name: "no document", served: served { $0.documents[id] = nil }, expected: .wording(.missing)),
            Case(
                name: "another document", served: served { $0.documents[id] = [1] }, expected: .wording(.otherDocument)),
            Case(name: "no wraps", served: served { $0.wraps = [:] }, expected: .tooFewLiveSeats(0, least: 5)),
            Case(
                name: "few wraps", served: served { $0.wraps[0]?.removeLast(3) },
                expected: .unseenWarnings([.fewSettledSeats(settled: 9, live: 9)])),
            Case(name: "no log", served: served { $0.logs[log] = nil }, expected: .logMissing(log)),
            Case(name: "no roster", served: served { $0.logs[roster] = nil }, expected: .logMissing(roster)),
            Case(
                name: "half a tile", served: served { $0.logs[log]?.leaves.removeLast() },
                expected: .logUnreadable(log)),
            Case(
                name: "another root", served: served { $0.logs[roster]?.leaves[2][80] ^= 1 },
                expected: .logRootDiffers(roster)),
            Case(
                name: "a roster of before with the present petition",
                served: served { $0.logs[roster] = bare }, expected: nil),
            Case(name: "at the deadline", served: workplace.served, now: now + 36_000, expected: nil),
            Case(name: "long after it", served: workplace.served, now: now + 99_999, expected: .closesLate),
        ]
    }

    @Test("The same requests, and the same decision to sign, whatever a device remembers and whoever's it is")
    func alike() throws {
        let devices = try devices()
        for example in try cases() {
            var requests: [RunRequest]?
            for (name, device) in devices {
                let found = outcome(.support, device, example.served, seen: example.seen, at: example.now)
                #expect(found.error == example.expected, "\(example.name), \(name)")
                #expect(requests ?? found.requests == found.requests, "\(example.name), \(name)")
                requests = found.requests
            }
        }
    }

    @Test("A request says by its length nothing of who made it, and by its bytes nothing but the statement")
    func bodies() throws {
        var lengths: Set<Int> = []
        for (_, device) in try devices() {
            var device = device
            let sending = try device.make(.support, workplace, petition)
            lengths.insert(sending.body.count)
            let statement = try PetitionStatement(decoding: sending.statement)
            #expect(statement.coSigned?.ringEpoch == 0 && statement.coSigned?.sequence == 0)
        }
        #expect(lengths.count == 1)
    }

    @Test("Where witnesses are named and stale, every device stops, and a policy of one's own stops none")
    func witnesses() throws {
        let devices = try devices()
        _ = try workplace.nameWitness()
        let day: UInt64 = 24 * 3600
        for (name, device) in devices {
            let fresh = outcome(.support, device, workplace.served, seen: [], at: now + 35_999)
            #expect(fresh.error == nil, "\(name)")
        }
        workplace.witnessed = now - day - 1
        workplace.serve()
        let policy = try WitnessPolicy(
            parsing: Array("witness w \(TestWitness().verifier.noteKey.text)\nquorum w\n".utf8))
        for (name, device) in devices {
            var device = device
            #expect(
                outcome(.support, device, workplace.served, seen: [], at: now).error
                    == .witnessesStale(workplace.roster),
                "\(name)")
            workplace.witnessed = now
            workplace.serve()
            device.compare(workplace, petition, policy: policy)
            #expect(device.memory.alarms.contains { $0.kind == .policy })
            #expect(outcome(.support, device, workplace.served, seen: [], at: now).error == nil, "\(name)")
            workplace.witnessed = now - day - 1
            workplace.serve()
        }
    }

    @Test("What is allowed to differ: a device's own statements for this very petition")
    func own() throws {
        var device = Device(workplace.world.people[1])
        _ = try device.make(.support, workplace, petition)
        #expect(outcome(.support, device, workplace.served, seen: [], at: now).error == .unsettled)
        #expect(
            outcome(.support, device, workplace.served, seen: [], at: now).requests
                == outcome(.support, Device(workplace.world.people[2]), workplace.served, seen: [], at: now).requests)
    }
}
