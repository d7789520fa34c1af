import MembershipProofs
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Petitions

@Suite("A petition log counts what holds and refuses the rest")
struct PetitionRuleTests {
    private func refuses(
        _ rule: RuleViolation, _ petition: PetitionWorld, _ statement: PetitionStatement, _ comment: Comment? = nil
    ) {
        let before = (petition.log.size, petition.log.tree.root)
        #expect(throws: rule, comment) { try petition.append(statement) }
        #expect(petition.log.size == before.0 && petition.log.tree.root == before.1, comment)
    }

    @Test("A whole petition is counted, and its bundle has no fault")
    func whole() throws {
        let world = try World(members: 6)
        let petition = try PetitionWorld(world)
        for (i, person) in world.people.enumerated() { try petition.cosign(person, choices: [UInt8(i % 3), 1]) }
        try petition.append(petition.coSignature(by: world.people[0], .withdraw))
        try petition.cosign(world.people[1], choices: [2, 1])
        try petition.close()
        try petition.release(0)
        #expect(petition.log.tally(in: world.log).questions == nil)
        try petition.release(2)
        let audited = try AuditedPetition(auditing: petition.bundle)
        #expect(audited.faults.isEmpty)
        #expect(audited.tally.cosignatures == 5)
        #expect(audited.tally.withdrawn == 1)
        #expect(audited.tally.spoiled == 0)
        #expect(audited.tally.questions == [[1, 1, 3], [0, 5, 0]])
        #expect(audited.document == petition.document)
    }

    @Test("Every statement survives decoding, and no mutation of a leaf goes unnoticed")
    func mutations() throws {
        let world = try World(members: 3)
        let petition = try PetitionWorld(world, trusteeCount: 1, threshold: 1)
        try petition.cosign(world.people[1])
        try petition.close()
        try petition.release(0)
        for (i, leaf) in petition.leaves.enumerated() {
            #expect(try PetitionStatement(decoding: leaf).bytes == leaf)
            #expect(throws: RuleViolation.self) { try PetitionStatement(decoding: leaf + [0]) }
            #expect(throws: RuleViolation.self) { try PetitionStatement(decoding: Array(leaf.dropLast())) }
            for place in stride(from: 0, to: leaf.count, by: 7) {
                var bundle = petition.bundle
                bundle.petition.leaves[i][place] ^= 1 << UInt8(place % 8)
                guard let audited = try? AuditedPetition(auditing: bundle) else { continue }
                #expect(
                    audited.faults.contains { $0.place == .leaf(log: "petition", index: i) }, "leaf \(i), byte \(place)"
                )
            }
        }
        for type: UInt8 in [0, 31, 38, 255] {
            #expect(throws: RuleViolation.unknownType) { try PetitionStatement(decoding: [type]) }
        }
    }

    @Test("One member counts once: replays, gaps and another's turn are refused")
    func sequences() throws {
        let world = try World(members: 4)
        let petition = try PetitionWorld(world)
        let person = world.people[1]
        refuses(.sequence, petition, try petition.coSignature(by: person, sequence: 1), "starts at 0")
        refuses(
            .sequence, petition, try petition.coSignature(by: person, .withdraw, sequence: 0), "nothing to withdraw")
        let first = try petition.coSignature(by: person)
        try petition.append(first)
        refuses(.sequence, petition, first, "replay")
        refuses(.sequence, petition, try petition.coSignature(by: person, sequence: 0), "a second first")
        refuses(.sequence, petition, try petition.coSignature(by: person, sequence: 2), "a gap")
        try petition.append(petition.coSignature(by: person, .withdraw))
        #expect(petition.log.cosignatures == 0)
        try petition.cosign(person)
        #expect(petition.log.cosignatures == 1)
        #expect(petition.log.tags.count == 1)
    }

    @Test("A co-signature for another petition, by an outsider, or with a false proof is refused")
    func proofs() throws {
        let world = try World(members: 4)
        let (petition, other) = (try PetitionWorld(world), try PetitionWorld(world))
        refuses(.petitionID, petition, try other.coSignature(by: world.people[1]), "another petition's")
        let outsider = Person()
        let ring = try Ring(petition.log.ring.keys.dropLast() + [outsider.ring.publicKey])
        let tag = outsider.ring.tag(in: Scope(petition.log.id.bytes))
        let sealed = try Ballot(choices: [1, 1], for: petition.manifest)
            .seal(for: petition.log.id, petition.manifest, tag: tag, sequence: 0)
        let forged = try CoSigned.make(
            .sign, petition: petition.log.id, ring: ring, ringEpoch: 0, sequence: 0, sealedBallot: sealed,
            by: outsider.ring)
        refuses(.proof, petition, forged, "a ring of the outsider's own")
    }

    @Test("A ballot of another length, a stale or a future ring epoch and an unknown level are refused")
    func shapes() throws {
        let world = try World(members: 4)
        let petition = try PetitionWorld(world, levels: [2])
        let person = world.people[1]
        func made(_ ballot: Int, epoch: UInt16 = 0, level: UInt8 = 0, name: [UInt8] = []) throws -> PetitionStatement {
            try CoSigned.make(
                .sign, petition: petition.log.id, ring: petition.log.ring, ringEpoch: epoch, sequence: 0,
                sealedBallot: [UInt8](repeating: 1, count: ballot), name: level == 0 ? nil : (level, name),
                by: person.ring)
        }
        let length = petition.manifest.sealedBallotLength
        refuses(.ballotLength, petition, try made(length - 1))
        refuses(.ballotLength, petition, try made(length + 1))
        refuses(.ballotLength, petition, try made(0))
        refuses(.actionOrRingEpoch, petition, try made(length, epoch: 1))
        refuses(.level, petition, try made(length, level: 2, name: [1]))
        try petition.append(made(length, level: 1, name: [7]))
        #expect(throws: RuleViolation.ballotLength) {
            try CoSigned.make(
                .withdraw, petition: petition.log.id, ring: petition.log.ring, ringEpoch: 0, sequence: 1,
                sealedBallot: [1], by: person.ring)
        }
    }

    @Test("Opening: the announcement, the acceptances, the ring and the roster must be right")
    func opening() throws {
        let world = try World(members: 5)
        let document = PetitionDocument(
            language: "en", title: "T", preamble: "", demands: [.init(title: "a", text: "b")])
        let trustees = Array(world.people[1...2])
        let nonces = trustees.map { _ in Random.bytes32() }
        let manifest = try PetitionWorld.manifest(
            world, trustees: trustees, nonces: nonces, threshold: 1, levels: [], document: document)
        func acceptance(_ id: ID<Petition>, _ i: Int, _ person: Person) -> PetitionStatement.Acceptance {
            .make(id, trustee: UInt8(i + 1), nonce: nonces[i], by: person.seed.signingKey())
        }
        func open(
            _ manifest: Manifest, _ acceptances: [PetitionStatement.Acceptance], by person: Person? = nil,
            sequence: UInt32 = 0
        ) throws -> [UInt8] {
            try PetitionStatement.open(
                manifest, acceptances: acceptances, sequence: sequence, by: (person ?? world.founder).seed.signingKey()
            ).bytes
        }
        let good = [acceptance(manifest.id, 0, trustees[0]), acceptance(manifest.id, 1, trustees[1])]
        func refused(_ rule: RuleViolation, _ leaf: [UInt8], _ comment: Comment) {
            #expect(throws: rule, comment) { try PetitionLog(opening: leaf, in: world.log) }
        }
        refused(.notAnnounced, try open(manifest, good), "before the announcement")
        try world.organise(.organiserAppointed(world.people[3].signKey))
        try world.organise(.petitionAnnounced(manifest.id, rosterSize: manifest.rosterSize), by: world.people[3])
        refused(.notAnnounced, try open(manifest, good), "announced by another organiser")
        try world.organise(.petitionAnnounced(manifest.id, rosterSize: manifest.rosterSize + 1))
        refused(.notAnnounced, try open(manifest, good), "announced over another roster")
        try world.organise(.petitionAnnounced(manifest.id, rosterSize: manifest.rosterSize))
        #expect(throws: Never.self) { try PetitionLog(opening: open(manifest, good), in: world.log) }
        refused(.notOrganiser, try open(manifest, good, by: world.people[3]), "no organiser at the roster size")
        refused(.sequenceOfSigner, try open(manifest, good, sequence: 1), "sequence")
        refused(.acceptance, try open(manifest, [good[1], good[0]]), "swapped")
        let twice = [acceptance(manifest.id, 0, trustees[0]), acceptance(manifest.id, 1, trustees[0])]
        refused(.acceptance, try open(manifest, twice), "one member twice")
        let stranger = [acceptance(manifest.id, 0, Person()), good[1]]
        refused(.acceptance, try open(manifest, stranger), "not a member")
        let foreign = [acceptance(ID(.zero), 0, trustees[0]), good[1]]
        refused(.acceptance, try open(manifest, foreign), "for another petition")
        for (rule, change) in Self.wrongPoints {
            var wrong = manifest
            change(&wrong)
            try world.organise(.petitionAnnounced(wrong.id, rosterSize: manifest.rosterSize))
            let acceptances = [acceptance(wrong.id, 0, trustees[0]), acceptance(wrong.id, 1, trustees[1])]
            refused(rule, try open(wrong, acceptances), "\(rule)")
        }
        let other = try World(members: 2)
        #expect(throws: RuleViolation.workplaceID) { try PetitionLog(opening: open(manifest, good), in: other.log) }
        #expect(throws: RuleViolation.mustBeFirst) {
            let release = try PetitionStatement.release(manifest.id, set: 0, trustee: 1, secret: .zero)
            _ = try PetitionLog(opening: release.bytes, in: world.log)
        }
    }

    private static var wrongPoints: [(RuleViolation, (inout Manifest) -> Void)] {
        [
            (.roster, { $0.rosterSize = .max }), (.roster, { $0.rosterSize = 0 }), (.roster, { $0.rosterSize -= 1 }),
            (.roster, { $0.rosterRoot = Random.bytes32() }), (.ring, { $0.ringCount += 1 }),
            (.ring, { $0.ringDigest = Random.bytes32() }),
        ]
    }

    @Test("A manifest outside its bounds is refused", arguments: 0..<13)
    func manifests(_ n: Int) throws {
        let changes: [(RuleViolation, (inout Manifest) -> Void)] = [
            (.options, { $0.options = [] }), (.options, { $0.options = [2, 0] }),
            (.threshold, { $0.threshold = 0 }), (.threshold, { $0.threshold = 4 }),
            (.trustees, { $0.trustees[1] = $0.trustees[0] }), (.trustees, { $0.trustees[1] = .zero }),
            (.levels, { $0.levels[1] = .init(count: $0.levels[0].count, trustees: $0.levels[1].trustees) }),
            (.levels, { $0.levels[0] = .init(count: 2, trustees: Array($0.levels[0].trustees.dropLast())) }),
            (.trustees, { $0.levels[0] = .init(count: 2, trustees: $0.trustees) }),
            (.closes, { $0.closes = 3601 }), (.ballotLength, { $0.ballotLength = 15 }),
            (.ballotLength, { $0.ballotLength = 4097 }),
            (.about, { $0.about = .init(petition: ID(.zero), digest: .zero) }),
        ]
        let world = try World(members: 3)
        let petition = try PetitionWorld(world, levels: [2, 3])
        #expect(try Manifest(decoding: petition.manifest.encoding) == petition.manifest)
        var manifest = petition.manifest
        changes[n].1(&manifest)
        let encoding = manifest.encoding
        #expect(throws: RuleViolation.self) { try Manifest(decoding: encoding) }
        if n > 0 { #expect(throws: changes[n].0) { try Manifest(decoding: encoding) } }
    }

    @Test("Extensions: in order, upwards, with at least one key more, before the close")
    func extensions() throws {
        let world = try World(members: 4)
        let petition = try PetitionWorld(world)
        let founder = world.founder
        func extend(_ step: PetitionStatement.RingExtension) throws -> PetitionStatement {
            try PetitionStatement.extendRing(
                of: petition.log.id, step, sequence: petition.log.nextSequence(of: founder.signKey),
                by: founder.seed.signingKey())
        }
        refuses(.ring, petition, try extend(petition.extensionStep()), "nobody new")
        let newcomer = try world.admit()
        let good = try petition.extensionStep()
        func changed(
            epoch: UInt16? = nil, point: PetitionStatement.RosterPoint? = nil, count: UInt32? = nil,
            digest: Bytes32? = nil
        ) -> PetitionStatement.RingExtension {
            .init(
                epoch: epoch ?? good.epoch, roster: point ?? good.roster, ringCount: count ?? good.ringCount,
                ringDigest: digest ?? good.ringDigest)
        }
        refuses(.ringEpoch, petition, try extend(changed(epoch: 0)))
        refuses(.ringEpoch, petition, try extend(changed(epoch: 2)))
        refuses(.ring, petition, try extend(changed(count: good.ringCount + 1)))
        refuses(.ring, petition, try extend(changed(digest: .zero)))
        refuses(.roster, petition, try extend(changed(point: .init(size: good.roster.size, root: .zero))))
        refuses(
            .roster, petition, try extend(changed(point: .init(size: good.roster.size + 1, root: good.roster.root))))
        refuses(
            .roster, petition,
            try extend(changed(point: .init(size: petition.manifest.rosterSize, root: petition.manifest.rosterRoot))))
        let stale = try petition.coSignature(by: world.people[1])
        try petition.extend()
        refuses(.actionOrRingEpoch, petition, stale, "the ring has grown meanwhile")
        try petition.cosign(newcomer)
        try petition.cosign(world.people[1])
        try petition.close()
        try world.admit()
        refuses(.closedBefore, petition, try extend(petition.extensionStep()), "after the close")
        #expect(try AuditedPetition(auditing: petition.bundle).faults.isEmpty)
        #expect(petition.log.tally(in: world.log).ring == 5)
    }

    @Test("Closing: once, over this very log, and nothing is added after it")
    func closing() throws {
        let world = try World(members: 4)
        let petition = try PetitionWorld(world, closes: 3600 * 500_000)
        func close(_ size: UInt64, _ root: Bytes32) throws -> PetitionStatement {
            try PetitionStatement.close(
                petition.log.id, size: size, root: root, roster: world.point,
                sequence: petition.log.nextSequence(of: world.founder.signKey), by: world.founder.seed.signingKey())
        }
        try petition.cosign(world.people[1])
        refuses(.close, petition, try close(0, petition.log.tree.root))
        refuses(.close, petition, try close(3, petition.log.tree.root))
        refuses(.close, petition, try close(.max, petition.log.tree.root))
        refuses(.close, petition, try close(2, .zero))
        refuses(.close, petition, try PetitionStatement.closeByDeadline(petition.log.id, size: 1, root: .zero))
        let late = try petition.coSignature(by: world.people[2])
        try petition.append(
            PetitionStatement.closeByDeadline(petition.log.id, size: 2, root: petition.log.tree.root))
        refuses(.closedBefore, petition, late)
        refuses(.closedBefore, petition, try close(2, petition.log.tree.root(at: 2)!))
        let open = try PetitionWorld(world)
        refuses(
            .close, open, try PetitionStatement.closeByDeadline(open.log.id, size: 1, root: open.log.tree.root),
            "no deadline was set")
    }

    @Test("Releases: the right key, once, not before its time")
    func releases() throws {
        let world = try World(members: 5)
        let petition = try PetitionWorld(world, levels: [2])
        func release(_ trustee: Int, set: UInt8, number: UInt8? = nil) throws -> PetitionStatement {
            let pair = petition.trustees[trustee].seed.sealKey(nonce: petition.nonces[trustee], set: set)
            return try PetitionStatement.release(
                petition.log.id, set: set, trustee: number ?? UInt8(trustee + 1), secret: pair.reveal())
        }
        refuses(.releasedTooEarly, petition, try release(0, set: 0), "open")
        refuses(.releasedTooEarly, petition, try release(0, set: 1), "too few")
        try petition.cosign(world.people[0])
        try petition.cosign(world.people[1])
        try petition.append(petition.coSignature(by: world.people[0], .withdraw))
        refuses(.releasedTooEarly, petition, try release(0, set: 1), "one was withdrawn")
        try petition.cosign(world.people[2])
        try petition.append(release(0, set: 1))
        refuses(.releasedBefore, petition, try release(0, set: 1))
        refuses(.releasedKey, petition, try release(1, set: 0, number: 1))
        refuses(.keySet, petition, try release(1, set: 2))
        refuses(.keySet, petition, try release(1, set: 1, number: 0))
        refuses(.keySet, petition, try release(1, set: 1, number: 4))
        try petition.close()
        try petition.append(release(2, set: 0))
    }

    @Test("Records come after the close, from an organiser, and the roster does not go back")
    func records() throws {
        let world = try World(members: 4)
        let petition = try PetitionWorld(world)
        func record(_ point: PetitionStatement.RosterPoint, by person: Person? = nil) throws -> PetitionStatement {
            let signer = person ?? world.founder
            return try PetitionStatement.record(
                .init(what: .delivered, digest: Random.bytes32(), roster: point), in: petition.log.id,
                sequence: petition.log.nextSequence(of: signer.signKey), by: signer.seed.signingKey())
        }
        refuses(.notClosed, petition, try record(world.point))
        try petition.close()
        try petition.append(record(world.point))
        try petition.append(record(world.point))
        refuses(
            .roster, petition, try record(.init(size: petition.manifest.rosterSize, root: petition.manifest.rosterRoot))
        )
        refuses(.notOrganiser, petition, try record(world.point, by: world.people[1]))
        refuses(.petitionID, petition, try PetitionStatement.release(ID(.zero), set: 0, trustee: 1, secret: .zero))
    }

    @Test("Present members without a seat are counted, whoever they replace")
    func unseated() throws {
        let world = try World(members: 4)
        let petition = try PetitionWorld(world)
        #expect(petition.log.unseated(in: world.log).isEmpty)
        let after = try world.admit()
        try world.organise(.memberRemoved(world.people[3].signKey))
        let replacement = try world.admit(replacing: world.people[3].signKey)
        #expect(petition.log.unseated(in: world.log) == [after.signKey, replacement.signKey])
        try petition.extend()
        #expect(petition.log.unseated(in: world.log) == [replacement.signKey])
        // A rotated key leaves the seat with its holder.
        try world.rotateRing(of: world.people[1])
        #expect(petition.log.unseated(in: world.log) == [replacement.signKey])
    }

    @Test("A ballot that supports nothing is spoiled in a petition, and answers a ratification")
    func supportsNothing() throws {
        let world = try World(members: 4)
        let petition = try PetitionWorld(world, trusteeCount: 1, threshold: 1)
        try petition.cosign(world.people[0], choices: [1, 0])
        try petition.cosign(world.people[1], choices: [2, 0])
        try petition.cosign(world.people[2], choices: [0, 0])
        try petition.close()
        try petition.release(0)
        let tally = petition.log.tally(in: world.log)
        #expect(tally.cosignatures == 3 && tally.spoiled == 2)
        #expect(tally.questions == [[0, 1, 0], [1, 0, 0]])
    }

    @Test("Whoever closes, extends or records is named, and noted once out of office")
    func notes() throws {
        let world = try World(members: 4)
        let petition = try PetitionWorld(world)
        try world.organise(.organiserAppointed(world.people[1].signKey))
        try world.admit()
        try petition.extend()
        try petition.close()
        #expect(petition.log.closed?.signer == world.founder.signKey && petition.log.closed?.leaf == 2)
        #expect(petition.log.extensions.map(\.signer) == [world.founder.signKey])
        #expect(try AuditedPetition(auditing: petition.bundle).notes.isEmpty)
        try world.organise(.organiserDismissed(world.founder.signKey), by: world.people[1])
        try world.organise(.memberRemoved(world.people[2].signKey), by: world.people[1])
        let audited = try AuditedPetition(auditing: petition.bundle)
        #expect(audited.faults.isEmpty)
        let founder = world.founder.signKey
        #expect(
            audited.notes == [
                .signerLeftOffice(leaf: 0, signer: founder), .signerLeftOffice(leaf: 1, signer: founder),
                .signerLeftOffice(leaf: 2, signer: founder),
                .trusteeLeft(trustee: 3, signKey: world.people[2].signKey),
            ])
    }
}
