import Foundation
import MembershipProofs
import Petitions
import ServiceAPI
import Sodium
import TestSupport
import Testing
import TransparencyLog

@Suite("Organisers act on petitions as long as they are organisers", .serialized, .takingTurns)
struct OfficeTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("Whoever was dismissed opens, extends, closes and records nothing, though an older roster has them in office")
    func dismissed() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        // The second organiser is appointed before the petition, so that every later roster has both.
        let kept = try await KeptWorld(
            members: 5, service: service,
            before: { world in try world.organise(.organiserAppointed(world.people[1].signKey)) })
        let (world, petition, former) = (kept.world, kept.petition, kept.world.people[1])
        let key = former.seed.signingKey()
        let roster = world.point
        let close = try PetitionStatement.close(
            kept.id, size: 1, root: petition.log.tree.root, roster: roster, sequence: 0, by: key)
        // A petition that they have announced but not opened.
        let (trustees, nonces) = (Array(world.people.prefix(2)), [Random.bytes32(), Random.bytes32()])
        let manifest = try PetitionWorld.manifest(
            world, trustees: trustees, nonces: nonces, threshold: 1, levels: [], document: petition.document)
        let acceptances = trustees.indices.map { i in
            PetitionStatement.Acceptance.make(
                manifest.id, trustee: UInt8(i + 1), nonce: nonces[i], by: trustees[i].seed.signingKey())
        }
        #expect(
            try await kept.organise(.petitionAnnounced(manifest.id, rosterSize: manifest.rosterSize), by: former).status
                == 200)
        #expect(try await kept.organise(.organiserDismissed(former.signKey)).status == 200)
        let refused = try await kept.post(close)
        #expect(refused.status == 403 && KeptWorld.code(refused) == .rule)
        let opened = try PetitionStatement.open(manifest, acceptances: acceptances, sequence: 0, by: key)
        #expect(try await service.send("POST", Route.petitions.path(), body: opened.bytes).status == 403)
        // A ring over a roster in which they held office.
        try await admit(kept)
        let ring = try petition.log.extendedRing(in: world.log, to: world.log.size)
        let step = PetitionStatement.RingExtension(
            epoch: 1, roster: world.point, ringCount: UInt32(ring.count), ringDigest: ring.digest)
        let extend = try PetitionStatement.extendRing(of: kept.id, step, sequence: 0, by: key)
        #expect(try await kept.post(extend).status == 403)
        #expect(try await kept.size() == 1, "nothing was appended")
        // Verifiers cannot know what came first, and would accept it; that is why the service does not.
        var copy = petition.log
        #expect(throws: Never.self) { try copy.append(close, in: world.log) }
        let founder = world.founder
        let true1 = try PetitionStatement.close(
            kept.id, size: 1, root: petition.log.tree.root, roster: roster, sequence: 1, by: founder.seed.signingKey())
        #expect(try await kept.post(true1).status == 200)
        // Afterwards they can record nothing, while an organiser can.
        let record = PetitionStatement.Record(what: .delivered, digest: Random.bytes32(), roster: roster)
        let forged = try PetitionStatement.record(record, in: kept.id, sequence: 0, by: key)
        #expect(try await kept.post(forged).status == 403)
        let kept2 = try PetitionStatement.record(record, in: kept.id, sequence: 2, by: founder.seed.signingKey())
        #expect(try await kept.post(kept2).status == 200)
        // A statement that was accepted while they held office still has its receipt.
        #expect(try await kept.post(true1).status == 200)
        await service.stop()
    }

    private func admit(_ kept: KeptWorld) async throws {
        let invite = Invite(
            workplace: kept.world.log.id, logKey: kept.world.log.founding.logKey, serviceURL: kept.service.url)
        #expect(
            try await kept.organise(.invitesIssued([.init(key: invite.signingKey().publicKey, replaces: nil)])).status
                == 200)
        let person = Person()
        let admission = try WorkplaceStatement.admit(
            to: kept.world.log.id, invite: invite, seed: person.seed, ring: person.ring)
        #expect(try await kept.post(admission).status == 200)
        try kept.world.append(admission)
    }

    @Test("A ring grows only over a roster that nobody has joined, left or changed a key in since")
    func stale() async throws {
        let service = try await RunningService.start(database: directory("a.sqlite"))
        let kept = try await KeptWorld(members: 4, service: service)
        let (world, petition, founder) = (kept.world, kept.petition, kept.world.founder)
        func extend() throws -> PetitionStatement {
            try PetitionStatement.extendRing(
                of: kept.id, petition.extensionStep(), sequence: 1, by: founder.seed.signingKey())
        }
        try await admit(kept)
        let before = try extend()
        // One joins, one leaves, one changes the ring key: each makes prepared statements outdated.
        try await admit(kept)
        let joined = try await kept.post(before)
        #expect(joined.status == 409 && KeptWorld.code(joined) == .rule)
        let second = try extend()
        #expect(try await kept.organise(.memberRemoved(world.people[3].signKey)).status == 200)
        #expect(try await kept.post(second).status == 409)
        let third = try extend()
        let person = world.people[2]
        let fresh = try WorkplaceStatement.rotateRingKey(
            in: world.log.id, to: .generate(), seed: person.seed, sequence: world.log.nextSequence(of: person.signKey))
        #expect(try await kept.post(fresh).status == 200)
        try world.append(fresh)
        #expect(try await kept.post(third).status == 409)
        let fourth = try extend()
        // A statement that changes no member is not a reason.
        #expect(try await kept.organise(.eligibleDeclared(20)).status == 200)
        #expect(try await kept.post(fourth).status == 200)
        #expect(try await kept.size() == 2)
        await service.stop()
    }
}
