@testable import CoSigning
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@Suite("Logs are judged before anything in them is believed")
struct JudgingTests {
    private let workplace: ServedWorkplace
    private let petition: PetitionWorld
    private let identity: Identity

    init() throws {
        workplace = try ServedWorkplace(members: 5)
        petition = try workplace.open()
        try petition.cosign(workplace.world.people[1])
        workplace.serve()
        identity = workplace.world.people[2].identity()
    }

    private var log: LogName { .petition(petition.log.id) }

    private func error(_ change: (inout Served) -> Void) -> CoSigningError? {
        var served = workplace.served
        change(&served)
        let reading = served.run(Run(.petition(petition.log.id), of: workplace.id)).reading
        do throws(CoSigningError) {
            _ = try reading.view(of: petition.log.id, for: identity)
            return nil
        } catch { return error }
    }

    @Test("A checkpoint that the log's key has not signed is none")
    func signature() {
        #expect(error { _ in } == nil)
        let stranger = SigningKey(seed: .random(32))
        for (name, verifier) in [
            (workplace.roster, workplace.world.log.verifier), (log, workplace.world.log.verifier(of: petition.log.id)),
        ] {
            let tree = name == log ? petition.log.tree : workplace.world.log.tree
            let checkpoint = Checkpoint(origin: verifier.origin, size: UInt64(tree.count), root: tree.root)
            let foreign = checkpoint.signed(by: stranger)
            #expect(error { $0.logs[name]?.note = foreign.serialized } == .logUnverified(name, .noSignature))
            let own = checkpoint.signed(by: workplace.world.serviceKey)
            let forged = SignedNote(
                text: own.text,
                signatures: [
                    .init(name: own.signatures[0].name, keyID: own.signatures[0].keyID, bytes: Random.bytes(64))
                ])
            #expect(error { $0.logs[name]?.note = forged.serialized } == .logUnverified(name, .badSignature))
            let other = Checkpoint(origin: "other/log", size: UInt64(tree.count), root: tree.root)
                .signed(by: workplace.world.serviceKey)
            #expect(
                error { $0.logs[name]?.note = other.serialized }
                    == .logUnverified(name, .origin(expected: verifier.origin, found: "other/log")))
        }
    }

    @Test("Leaves that are not those of the checkpoint are refused")
    func root() {
        for (name, verifier) in [
            (workplace.roster, workplace.world.log.verifier), (log, workplace.world.log.verifier(of: petition.log.id)),
        ] {
            let tree = name == log ? petition.log.tree : workplace.world.log.tree
            let note = Checkpoint(origin: verifier.origin, size: UInt64(tree.count), root: .zero)
                .signed(by: workplace.world.serviceKey).serialized
            #expect(error { $0.logs[name]?.note = note } == .logRootDiffers(name))
        }
        #expect(error { $0.logs[log]?.leaves[1][100] ^= 1 } == .logRootDiffers(log))
    }

    @Test("A leaf that breaks a rule is a fault of the service, and nothing is shown or settled by that log")
    func faults() throws {
        let (world, id) = (workplace.world, petition.log.id)
        #expect(
            error { $0.logs[log] = workplace.signed(petition.leaves + [petition.leaves[1]], of: id) }
                == .serviceFaults(["petition leaf 2: sequence"]))
        #expect(
            error { $0.logs[workplace.roster] = workplace.signed(world.leaves + [[1, 2, 3]], world.log.verifier) }
                == .serviceFaults(["workplace leaf \(world.log.size): encoding"]))
        #expect(error { $0.logs[log] = workplace.signed([[9]], of: id) } == .firstLeaf(log))
        #expect(
            error { $0.logs[workplace.roster] = workplace.signed([[9]], world.log.verifier) }
                == .firstLeaf(workplace.roster))
        #expect(error { $0.logs[log] = nil } == .logMissing(log))
        #expect(error { $0.logs[log]?.leaves.removeLast() } == .logUnreadable(log))
        #expect(error { $0.logs[workplace.roster] = nil } == .logMissing(workplace.roster))
    }

    @Test("Another workplace's log, or petition, under this one's address is not this one's")
    func other() throws {
        let other = try ServedWorkplace(members: 3)
        let theirs = try other.open()
        #expect(error { $0.logs[workplace.roster] = other.served.logs[other.roster] } == .otherWorkplace)
        #expect(error { $0.logs[log] = other.served.logs[.petition(theirs.log.id)] } == .firstLeaf(log))
        // Anyone may announce any id here.
        try workplace.world.organise(.petitionAnnounced(theirs.log.id, rosterSize: workplace.world.size))
        workplace.serve()
        let name = LogName.petition(theirs.log.id)
        workplace.served.logs[name] = other.served.logs[name]
        #expect(throws: CoSigningError.otherWorkplace) {
            try workplace.read(.petition(theirs.log.id)).view(of: theirs.log.id, for: identity)
        }
        let second = try workplace.open()
        #expect(error { $0.logs[log] = workplace.served.logs[.petition(second.log.id)] } == .firstLeaf(log))
    }

    @Test("Too few of the named witnesses, or a false line of one, make a log unbelievable, for everybody alike")
    func witnesses() throws {
        let witness = try workplace.nameWitness()
        #expect(error { _ in } == nil)
        let id = petition.log.id
        for name in [workplace.roster, log] {
            let tree = name == log ? petition.log.tree : workplace.world.log.tree
            let verifier = name == log ? workplace.world.log.verifier(of: id) : workplace.world.log.verifier
            let bare = workplace.world.note(tree, verifier)
            #expect(error { $0.logs[name]?.note = bare } == .notWitnessed(name, signed: 0, asked: 1))
            let stranger = TestWitness("stranger.example")
            #expect(
                error { $0.logs[name]?.note = (try? stranger.sign(bare, at: 5)) ?? "" }
                    == .notWitnessed(name, signed: 0, asked: 1))
            // A valid line does not make up for a false one of the same witness.
            let forged = SignedNote.Signature(
                name: witness.verifier.name, keyID: witness.verifier.noteKey.id, bytes: Random.bytes(72))
            let both = try SignedNote(parsing: witness.sign(bare, at: 5)).adding([forged]).serialized
            #expect(error { $0.logs[name]?.note = both } == .notWitnessed(name, signed: 0, asked: 1))
        }
    }

    @Test("A petition's log is judged by a roster that holds: one cut off before the witnesses were named is not")
    func roster() throws {
        let before = workplace.world.leaves
        _ = try workplace.nameWitness()
        let bare = workplace.world.note(petition.log.tree, workplace.world.log.verifier(of: petition.log.id))
        var served = workplace.served
        served.logs[log]?.note = bare
        // The log's own checkpoint covers more leaves than these.
        served.logs[workplace.roster]?.leaves = before
        let note = Checkpoint(origin: workplace.world.log.verifier.origin, size: UInt64(before.count), root: .zero)
        served.logs[workplace.roster]?.note = note.signed(by: SigningKey(seed: .random(32))).serialized
        let reading = served.run(Run(.petition(petition.log.id), of: workplace.id)).reading
        #expect(throws: CoSigningError.logUnverified(workplace.roster, .noSignature)) {
            try reading.judgedLog(petition.log.id)
        }
    }

    @Test("Witnesses' times older than a day stop the sending, of a withdrawal too, and nothing else")
    func stale() throws {
        _ = try workplace.nameWitness()
        let day: UInt64 = 24 * 3600
        var device = Device(workplace.world.people[3])
        try workplace.world.rotateRing(of: workplace.world.people[4])
        workplace.serve()
        let warnings: Set<Warning> = [.fewSettledSeats(settled: 4, live: 5)]
        try device.send(.support, workplace, petition, seen: warnings)
        let now = ServedWorkplace.now
        for (roster, log, clock, leeway, stale) in [
            (now, now, now + day, 0, nil), (now, now, now + day + 1, 0, workplace.roster),
            (now + 1, now, now + day + 1, 0, self.log), (now, now + 1, now + day + 1, 0, workplace.roster),
            (now + 300, now + 300, now, 0, nil), (now + 301, now, now, 0, workplace.roster),
            (now, now, now + day - 7000, 7000, nil), (now, now, now + day - 6999, 7000, workplace.roster),
            (now + 7300, now, now, 7000, nil), (now + 7301, now, now, 7000, workplace.roster),
        ] as [(UInt64, UInt64, UInt64, UInt64, LogName?)] {
            workplace.witnessed = roster
            workplace.serve()
            let first = workplace.served.logs[workplace.roster]
            workplace.witnessed = log
            workplace.serve()
            workplace.served.logs[workplace.roster] = first
            var view = try workplace.view(petition, device.identity)
            view.leeway = leeway
            for decision in [.support, .withdraw] as [Decision] {
                var thrown: CoSigningError?
                do throws(CoSigningError) {
                    _ = try view.clear(decision, for: device.identity, having: device.memory, seen: warnings, at: clock)
                } catch { thrown = error }
                #expect(thrown == stale.map { .witnessesStale($0) })
            }
        }
    }

    /// A service learns each device's clock from its signed requests, and chooses how old the signatures are that it
    /// shows.
    @Test("Whether a device sends near a limit in time says nothing of its clock")
    func clocks() throws {
        _ = try workplace.nameWitness()
        let device = Device(workplace.world.people[3])
        let seen: Set<Warning> = [.fewSettledSeats(settled: 5, live: 5)]
        workplace.witnessed = ServedWorkplace.now
        workplace.serve()
        for skew in [-90, 0, 90] {
            // An hour before the last moment at which a device may send.
            let clock = UInt64(Int(ServedWorkplace.now) + 23 * 3600 + skew)
            var sends = 0
            for _ in 0..<64 {
                let view = try workplace.view(petition, device.identity)
                let clearance = try? view.clear(
                    .support, for: device.identity, having: device.memory, seen: seen, at: clock)
                if clearance != nil { sends += 1 }
            }
            #expect((8...56).contains(sends), "about half, whatever its clock says")
        }
    }
}
