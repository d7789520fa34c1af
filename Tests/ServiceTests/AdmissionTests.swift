import MembershipProofs
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Service
@testable import Storage

/// A database that is a list of leaves, and the logs that a service folds from it, without a disk, a socket or an
/// actor.
struct Desk {
    var logs = FoldedLogs()
    private(set) var disk: [LogName: [[UInt8]]] = [:]
    var held: [ID<Petition>: [HeldCoSignature]] = [:]
    let service: NoteKey
    var mix: ServiceConfiguration.Mix?
    var now: UInt64 = 1_900_000_000

    init(_ world: World, _ petitions: PetitionWorld..., mix: ServiceConfiguration.Mix? = nil) {
        service = NoteKey(name: "test.example", kind: .log, key: world.serviceKey.publicKey)
        self.mix = mix
        disk[.workplace(world.log.id)] = world.leaves
        for petition in petitions { disk[.petition(petition.log.id)] = petition.leaves }
        read()
    }

    static let patient = ServiceConfiguration.Mix(every: .seconds(60), atLeast: 100)

    /// Another workplace of the same service.
    mutating func add(_ world: World) {
        disk[.workplace(world.log.id)] = world.leaves
        read()
    }

    /// Does what a service does that starts, or no longer knows what was committed.
    @discardableResult
    mutating func read() -> [LogName: FoldedLogs.Finding] {
        logs.take(
            Dictionary(
                uniqueKeysWithValues: disk.map { log, leaves in
                    let known = logs.size(of: log)
                    return (log, LogState.News(start: known, leaves: Array(leaves.dropFirst(known)), legacy: 0))
                }))
    }

    func admission() -> Admission { Admission(to: logs, held: held, at: now, mix: mix, service: service) }

    /// Writes what a commit writes.
    mutating func write(_ admission: Admission) {
        for (log, growth) in admission.growth {
            #expect(disk[log, default: []].count == growth.start)
            disk[log, default: []] += growth.leaves.map(\.bytes)
            guard case .petition(let id) = log else { continue }
            held[id, default: []].removeAll { growth.mixed.contains($0.tag) }
        }
        for (id, tags) in admission.spoiled { held[id, default: []].removeAll { tags.contains($0.tag) } }
        for (id, holds) in admission.holds { held[id, default: []] += holds }
    }

    mutating func commit(_ admission: Admission) {
        write(admission)
        logs.keep(admission.logs.changes)
    }

    /// Admits one statement in its own batch, which is committed.
    @discardableResult
    mutating func take(_ statement: PetitionStatement, name: [UInt8]? = nil) throws -> Admission.Place {
        var batch = admission()
        let place = try batch.admit(.petition(statement, sealedName: name))
        commit(batch)
        return place
    }
}

@Suite("What one batch does to the logs", .takingTurns)
struct AdmissionTests {
    private let world: World
    private let petition: PetitionWorld
    private var people: [Person] { world.people }
    private var id: ID<Petition> { petition.log.id }
    private var name: LogName { .petition(petition.log.id) }

    init() throws {
        world = try World(members: 6)
        petition = try PetitionWorld(world)
    }

    private func forged(_ statement: PetitionStatement) throws -> PetitionStatement {
        var bytes = statement.bytes
        // The last scalar's lowest bit: well-formed, but not a proof.
        bytes[bytes.count - 32] ^= 1
        return try PetitionStatement(decoding: bytes)
    }

    private func refuses(
        _ refusal: Refusal, _ statement: PetitionStatement, name: [UInt8]? = nil, _ desk: Desk,
        _ verdict: ProofVerdict? = nil, _ comment: Comment? = nil
    ) {
        var batch = desk.admission()
        #expect(throws: refusal, comment) {
            _ = try batch.admit(.petition(statement, sealedName: name), verdict)
        }
        #expect(batch.growth.isEmpty && batch.holds.isEmpty && batch.spoiled.isEmpty, comment)
        #expect(batch.logs.changes.names.isEmpty, comment)
    }

    /// Checks that the nodes written for a log are those that its tree gains, and that the checkpoint covers it.
    private func checkGrowth(of batch: Admission, from before: FoldedLogs) throws {
        let appends = try batch.appends(signedBy: world.serviceKey, asksWitnesses: false)
        #expect(Set(appends.map(\.log)) == Set(batch.growth.keys))
        for append in appends {
            var tree = before.tree(of: append.log) ?? MerkleTree()
            #expect(append.start == tree.count)
            let base = append.base
            #expect(append.start == 0 || base.hasSuffix("\(tree.count)\n\(Base64.encode(tree.root.bytes))\n"))
            for leaf in append.leaves { #expect(tree.append(leaf.bytes) == leaf.nodes) }
            #expect(batch.logs.tree(of: append.log)?.root == tree.root)
            let roster = try batch.logs.workplace(append.workplace)
            let verifier = if case .petition(let id) = append.log { roster.verifier(of: id) } else { roster.verifier }
            let checkpoint = try verifier.verify(append.note)
            #expect(checkpoint.root == tree.root && checkpoint.size == UInt64(tree.count))
        }
    }

    // MARK: Co-signatures

    @Test("The cheap rules come before the proof, and the plainest is told; what is refused changes nothing")
    func order() throws {
        let desk = Desk(world, petition)
        let good = try petition.coSignature(by: people[1])
        let elsewhere = try PetitionWorld(world)
        refuses(.noSuchLog, try elsewhere.coSignature(by: people[1]), desk)
        refuses(.rule(.sequence), try petition.coSignature(by: people[1], sequence: 1), desk)
        refuses(.rule(.sequence), try petition.coSignature(by: people[1], .withdraw), desk)
        refuses(.rule(.actionOrRingEpoch), try petition.coSignature(by: people[1], epoch: 1), desk)
        refuses(.rule(.proof), try forged(good), desk)
        refuses(.rule(.sealedNameMismatch), good, name: [1, 2, 3], desk)
        refuses(.rule(.sealedNameMismatch), try forged(good), name: [1], desk, nil, "before the proof")
        refuses(
            .rule(.sequence), try forged(petition.coSignature(by: people[1], sequence: 7)), name: [1], desk, nil,
            "before the name")
        var batch = desk.admission()
        #expect(try batch.admit(.petition(good)) == .leaf(1))
        try checkGrowth(of: batch, from: desk.logs)
    }

    @Test("The same bytes have one place, in the batch and after it; a rival of the tag comes too late")
    func again() throws {
        var desk = Desk(world, petition)
        let (good, rival) = (
            try petition.coSignature(by: people[1]), try petition.coSignature(by: people[1], choices: [2, 2])
        )
        var batch = desk.admission()
        for _ in 0..<3 { #expect(try batch.admit(.petition(good)) == .leaf(1)) }
        #expect(throws: Refusal.rule(.sequence)) { _ = try batch.admit(.petition(rival)) }
        #expect(batch.growth[name]?.leaves.count == 1)
        desk.commit(batch)
        refuses(.rule(.sequence), rival, desk)
        var next = desk.admission()
        #expect(try next.admit(.petition(good)) == .leaf(1))
        #expect(next.growth.isEmpty)
    }

    @Test("A verdict counts for the ring that it was found for, and for no other")
    func verdicts() throws {
        var desk = Desk(world, petition)
        let good = try petition.coSignature(by: people[1])
        let coSigned = try #require(good.coSigned)
        let ring = petition.log.ring.digest
        refuses(.rule(.proof), good, desk, ProofVerdict(ring: ring, result: .failure(.proof)), "for this ring")
        var batch = desk.admission()
        let other = ProofVerdict(ring: .zero, result: .failure(.proof))
        #expect(try batch.admit(.petition(good), other) == .leaf(1), "not believed: looked at anew")
        refuses(
            .rule(.proof), try forged(good), desk,
            ProofVerdict(ring: .zero, result: petition.log.prove([coSigned])[0]), "a success for another ring")
        // The ring grows in the batch, after the proofs were checked.
        try world.admit()
        desk = Desk(world, petition)
        let former = petition.log
        try petition.extend()
        let extending = try PetitionStatement(decoding: try #require(petition.leaves.last))
        let renewed = try petition.coSignature(by: people[6])
        var growing = desk.admission()
        #expect(try growing.admit(.petition(extending)) == .leaf(1))
        let stale = ProofVerdict(
            ring: former.ring.digest, result: former.prove([try #require(renewed.coSigned)])[0])
        #expect(throws: RuleViolation.self) { try stale.result.get() }
        #expect(try growing.admit(.petition(renewed), stale) == .leaf(2))
        #expect(throws: Refusal.rule(.actionOrRingEpoch), "made for the former ring") {
            _ = try growing.admit(.petition(good))
        }
        try checkGrowth(of: growing, from: desk.logs)
        // Only statements that keep the cheap rules are proven in advance.
        let work = ProofWork(
            of: [.petition(good), .petition(renewed), .petition(extending)], by: desk.admission())
        #expect(Array(work.verdicts().keys) == [0])
    }

    // MARK: Mixing

    @Test("While one waits the same bytes have its promise, and another of the tag is told so, whatever its sequence")
    func held() throws {
        var desk = Desk(world, petition, mix: Desk.patient)
        let first = try petition.coSignature(by: people[1])
        let until = Desk.patient.until(desk.now)
        let others = try [0, 1, 5].map { try petition.coSignature(by: people[1], choices: [2, 1], sequence: $0) }
        let withdrawal = try petition.coSignature(by: people[1], .withdraw, sequence: 1)
        var batch = desk.admission()
        for _ in 0..<2 { #expect(try batch.admit(.petition(first)) == .held(until: until)) }
        for other in others + [withdrawal] {
            #expect(throws: Refusal.held, "held by this batch") { _ = try batch.admit(.petition(other)) }
        }
        #expect(batch.growth.isEmpty && batch.holds[id]?.count == 1)
        desk.commit(batch)
        desk.now += 7200
        for other in others + [withdrawal] { refuses(.held, other, desk, nil, "held in the database") }
        #expect(try desk.take(first) == .held(until: until), "the first promise")
        // Neither error is given if the tag waits for nothing, nor before plainer rules.
        refuses(.rule(.sequence), try petition.coSignature(by: people[2], sequence: 1), desk)
        refuses(.rule(.actionOrRingEpoch), try petition.coSignature(by: people[1], sequence: 1, epoch: 1), desk)
        // A service that no longer mixes keeps the promise, and still accepts no rival.
        desk.mix = nil
        for other in others { refuses(.held, other, desk) }
        #expect(try desk.take(first) == .held(until: until))
        #expect(try desk.take(petition.coSignature(by: people[2])) == .leaf(1))
    }

    @Test("What waits goes in before a close or a longer ring, if that holds; nobody else calls for it")
    func before() throws {
        var desk = Desk(world, petition, mix: Desk.patient)
        let waiting = try people[1...3].map { try petition.coSignature(by: $0) }
        for statement in waiting { try desk.take(statement) }
        // One more, in the same batch as the close.
        let late = try petition.coSignature(by: people[4])
        let stranger = try PetitionStatement.close(
            id, size: 1, root: petition.log.tree.root, roster: world.point, sequence: 1,
            by: people[2].seed.signingKey())
        refuses(.rule(.notOrganiser), stranger, desk)
        var bytes = try petition.closing().bytes
        bytes[bytes.count - 1] ^= 1
        refuses(.rule(.signature), try PetitionStatement(decoding: bytes), desk)
        let early = try PetitionStatement.closeByDeadline(id, size: 1, root: petition.log.tree.root)
        refuses(.rule(.close), early, desk, nil, "this petition has no deadline")
        #expect(desk.held[id]?.count == 3)
        let close = try petition.closing()
        var batch = desk.admission()
        #expect(try batch.admit(.petition(late)) == .held(until: Desk.patient.until(desk.now)))
        #expect(try batch.admit(.petition(close)) == .leaf(5))
        let growth = try #require(batch.growth[name])
        #expect(growth.leaves.last?.bytes == close.bytes && growth.leaves.last?.promised == nil)
        #expect(Set(growth.leaves.dropLast().map(\.bytes)) == Set((waiting + [late]).map(\.bytes)))
        #expect(growth.leaves.dropLast().allSatisfy { $0.promised == Desk.patient.until(desk.now) })
        #expect(growth.mixed.count == 4 && batch.holds.isEmpty && batch.spoiled.isEmpty)
        try checkGrowth(of: batch, from: desk.logs)
        desk.commit(batch)
        #expect(try desk.logs.petition(id).cosignatures == 4 && desk.held[id] == [])
        refuses(.rule(.closedBefore), try petition.coSignature(by: people[5]), desk)
    }

    @Test("An extension mixes first too, over the present roster only")
    func extending() throws {
        try world.admit()
        var desk = Desk(world, petition, mix: Desk.patient)
        let waiting = try petition.coSignature(by: people[1])
        try desk.take(waiting)
        let step = try petition.extensionStep()
        func extending(by person: Person) throws -> PetitionStatement {
            try PetitionStatement.extendRing(of: id, step, sequence: 1, by: person.seed.signingKey())
        }
        refuses(.rule(.notOrganiser), try extending(by: people[2]), desk)
        var batch = desk.admission()
        #expect(try batch.admit(.petition(extending(by: world.founder))) == .leaf(2))
        #expect(batch.growth[name]?.leaves.first?.bytes == waiting.bytes)
        // Somebody joins, so the extension is over a roster that has changed.
        try world.admit()
        desk.add(world)
        refuses(.rule(.roster), try extending(by: world.founder), desk)
        #expect(desk.held[id]?.count == 1)
    }

    @Test("What waits and cannot be appended is dropped: in the log already, or changed in the database")
    func spoiled() throws {
        var desk = Desk(world, petition)
        let inBoth = try petition.coSignature(by: people[1])
        #expect(try desk.take(inBoth) == .leaf(1))
        func held(_ statement: PetitionStatement, _ bytes: [UInt8]? = nil) throws -> HeldCoSignature {
            HeldCoSignature(
                tag: try #require(statement.coSigned).tag.encoding, bytes: bytes ?? statement.bytes, sealedName: nil,
                until: desk.now / 3600 * 3600)
        }
        let good = try petition.coSignature(by: people[2])
        desk.held[id] = [try held(inBoth), try held(good)]
        var batch = desk.admission()
        #expect(try batch.admit(.mix(id)) == .mixed)
        #expect(batch.growth[name]?.leaves.map(\.bytes) == [good.bytes])
        #expect(batch.spoiled[id] == [try held(inBoth).tag] && batch.damaged.isEmpty)
        // It is handled once, although the database still has it.
        #expect(try batch.admit(.mix(id)) == .mixed)
        #expect(batch.growth[name]?.leaves.count == 1 && batch.spoiled[id]?.count == 1)
        desk.commit(batch)
        #expect(desk.held[id] == [])
        let third = try petition.coSignature(by: people[3])
        for bytes in [try forged(third).bytes, [9, 9, 9], try petition.closing().bytes] {
            desk.held[id] = [try held(third, bytes)]
            var batch = desk.admission()
            #expect(try batch.admit(.mix(id)) == .mixed)
            #expect(batch.growth.isEmpty && batch.spoiled[id]?.count == 1 && batch.damaged == [id])
        }
    }

    // MARK: Deadlines

    @Test("Before a deadline nobody says that it has come; from then on the close comes before everything")
    func deadline() throws {
        let closes: UInt64 = 1_900_000_800
        let petition = try PetitionWorld(world, closes: closes)
        let (id, name) = (petition.log.id, LogName.petition(petition.log.id))
        var desk = Desk(world, petition, mix: Desk.patient)
        desk.now = closes - 1
        let waiting = try petition.coSignature(by: people[1])
        try desk.take(waiting)
        let early = try PetitionStatement.closeByDeadline(id, size: 1, root: petition.log.tree.root)
        refuses(.deadlineNotReached, early, desk)
        #expect(desk.held[id]?.count == 1)
        #expect(try desk.admission().appends(signedBy: world.serviceKey, asksWitnesses: false).isEmpty)
        desk.now = closes
        var batch = desk.admission()
        #expect(throws: Refusal.rule(.closedBefore)) {
            _ = try batch.admit(.petition(petition.coSignature(by: people[2])))
        }
        let growth = try #require(batch.growth[name])
        #expect(growth.leaves.map(\.bytes).first == waiting.bytes && growth.leaves.count == 2)
        let closing = try PetitionStatement(decoding: try #require(growth.leaves.last).bytes)
        #expect(try batch.admit(.petition(closing)) == .leaf(2), "the same from anybody")
        try checkGrowth(of: batch, from: desk.logs)
        let append = try #require(batch.appends(signedBy: world.serviceKey, asksWitnesses: false).first)
        #expect(append.deadline == nil && !append.isLive && append.isPublished)
        #expect(try batch.appends(signedBy: world.serviceKey, asksWitnesses: true).allSatisfy { !$0.isPublished })
    }

    // MARK: Workplaces and openings

    @Test("Foundings, openings and roster statements: what is not for this service, not announced, or out of turn")
    func workplaces() throws {
        var desk = Desk(world, petition)
        let stranger = try World(members: 1)
        var batch = desk.admission()
        func admit(_ statement: WorkplaceStatement) throws -> Admission.Place { try batch.admit(.workplace(statement)) }
        let founding = try WorkplaceStatement(decoding: stranger.leaves[0])
        #expect(throws: Refusal.otherService) { _ = try admit(founding) }
        #expect(try admit(WorkplaceStatement(decoding: world.leaves[0])) == .leaf(0))
        #expect(throws: Refusal.noSuchLog) { _ = try admit(stranger.statement(.eligibleDeclared(9))) }
        #expect(throws: Refusal.rule(.notOrganiser)) {
            _ = try admit(world.statement(.eligibleDeclared(9), by: people[1]))
        }
        #expect(throws: Refusal.rule(.sequenceOfSigner)) {
            _ = try admit(world.statement(.eligibleDeclared(9), sequence: 99))
        }
        let own = try World(members: 1, logKey: world.serviceKey.publicKey)
        let ownFounding = try WorkplaceStatement(decoding: own.leaves[0])
        for _ in 0..<2 { #expect(try admit(ownFounding) == .leaf(0)) }
        // An invite is closed by its use, by its revocation, and when its issuer's office ends.
        let invites = (0..<3).map { _ in
            Invite(workplace: world.log.id, logKey: world.serviceKey.publicKey, serviceURL: "http://test.example")
                .signingKey().publicKey
        }
        for statement in [
            try world.statement(.organiserAppointed(people[1].signKey)),
            try world.statement(
                .invitesIssued([.init(key: invites[0], replaces: nil)]),
                sequence: world.log.nextSequence(of: world.founder.signKey) + 1),
            try world.statement(
                .invitesIssued([.init(key: invites[1], replaces: nil), .init(key: invites[2], replaces: nil)]),
                by: people[1]),
            try world.statement(
                .invitesRevoked([invites[0]]), sequence: world.log.nextSequence(of: world.founder.signKey) + 2),
            try world.statement(
                .organiserDismissed(people[1].signKey),
                sequence: world.log.nextSequence(of: world.founder.signKey) + 3),
        ] { _ = try admit(statement) }
        #expect(Set(batch.growth[.workplace(world.log.id)]?.closedInvites ?? []) == Set(invites))
        try checkGrowth(of: batch, from: desk.logs)
        // Openings.
        #expect(try batch.admit(.petition(PetitionStatement(decoding: petition.leaves[0]))) == .leaf(0))
        let other = try PetitionWorld(world)
        let opening = try PetitionStatement(decoding: other.leaves[0])
        #expect(throws: Refusal.rule(.notAnnounced)) { _ = try desk.take(opening) }
        desk.add(world)
        #expect(try desk.take(opening) == .leaf(0))
        #expect(try desk.take(opening) == .leaf(0))
        #expect(desk.logs.size(of: .petition(other.log.id)) == 1)
        // Out of office by the present roster.
        try world.organise(.organiserAppointed(people[1].signKey))
        try world.organise(.organiserDismissed(world.founder.signKey), by: people[1])
        desk.add(world)
        refuses(.rule(.notOrganiser), try petition.closing(), desk)
    }

    @Test("Two workplaces in one batch grow each by its own")
    func twoWorkplaces() throws {
        let second = try World(members: 5, logKey: world.serviceKey.publicKey)
        let other = try PetitionWorld(second)
        var desk = Desk(world, petition, other)
        desk.add(second)
        var batch = desk.admission()
        for (place, (own, others)) in zip(people.prefix(5), second.people).enumerated() {
            #expect(try batch.admit(.petition(petition.coSignature(by: own))) == .leaf(place + 1))
            #expect(try batch.admit(.petition(other.coSignature(by: others))) == .leaf(place + 1))
        }
        let statement = try second.statement(.eligibleDeclared(33))
        #expect(try batch.admit(.workplace(statement)) == .leaf(second.leaves.count))
        try checkGrowth(of: batch, from: desk.logs)
        #expect(batch.growth.mapValues(\.workplace)[.petition(other.log.id)] == second.log.id)
        #expect(batch.growth[.workplace(world.log.id)] == nil)
        desk.commit(batch)
        #expect(try desk.logs.petition(id).cosignatures == 5 && desk.logs.petition(other.log.id).cosignatures == 5)
    }

    @Test("A batch that is dropped has changed nothing, and the durable logs never show one that is on its way")
    func dropped() throws {
        let desk = Desk(world, petition)
        let before = (desk.logs.tree(of: name)?.root, desk.logs.tree(of: .workplace(world.log.id))?.root)
        do {
            var batch = desk.admission()
            for person in people { _ = try batch.admit(.petition(petition.coSignature(by: person))) }
            _ = try batch.admit(.workplace(world.statement(.eligibleDeclared(12))))
            #expect(batch.logs.size(of: name) == 7)
            #expect(desk.logs.with(batch.logs.changes).size(of: name) == 7)
        }
        #expect(desk.logs.tree(of: name)?.root == before.0)
        #expect(desk.logs.tree(of: .workplace(world.log.id))?.root == before.1)
        #expect(try desk.logs.petition(id).cosignatures == 0)
    }
}
