import MembershipProofs
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Petitions

@Suite("Evidence about a statement holds for one state of one log")
struct EvidenceTests {
    /// Appends to the log with this evidence; the log must reject it and stay as it was.
    private func refuses(
        _ log: PetitionLog, _ admissible: PetitionLog.Admissible, _ proven: ProvenCoSignature, _ comment: Comment
    ) {
        var log = log
        let root = log.tree.root
        #expect(throws: RuleViolation.proof, comment) { try log.append(admissible, proven) }
        #expect(log.tree.root == root, comment)
        #expect(log.tags[proven.coSigned.tag]?.leaf != log.size, comment)
    }

    @Test(
        "A co-signature's evidence is refused by another log, at another size, over another ring, by another statement"
    )
    func coSignatures() throws {
        let world = try World(members: 6)
        let petition = try PetitionWorld(world)
        let fresh = petition.log
        let (own, rival) = (
            try #require(petition.coSignature(by: world.people[1]).coSigned),
            try #require(petition.coSignature(by: world.people[1], choices: [2, 2]).coSigned)
        )
        let other = try #require(petition.coSignature(by: world.people[2]).coSigned)
        let admissible = try fresh.check(own)
        let proven = try fresh.prove([own])[0].get()

        // The twins: each differs from the right evidence in one thing.
        refuses(fresh, admissible, try fresh.prove([rival])[0].get(), "the proof of another statement of the tag")
        refuses(fresh, try fresh.check(other), proven, "the rules of another statement")
        var grown = fresh
        try grown.append(grown.check(other), grown.prove([other])[0].get())
        refuses(grown, admissible, proven, "an earlier size")
        var fork = fresh
        try fork.append(fork.check(rival), fork.prove([rival])[0].get())
        refuses(
            grown, try fork.check(try coSignature(fork, petition, world.people[3])), proven, "a fork of the same size")
        refuses(
            grown, try PetitionLog(opening: petition.leaves[0], in: world.log).check(own), proven,
            "the same log before, folded by somebody else")
        let elsewhere = try PetitionWorld(world)
        let foreign = try #require(elsewhere.coSignature(by: world.people[1]).coSigned)
        refuses(
            fresh, try elsewhere.log.check(foreign), try elsewhere.log.prove([foreign])[0].get(), "another petition")

        // A copy in the same state accepts it, once.
        var copy = fresh
        #expect(try copy.append(admissible, proven).count == 2)
        refuses(copy, admissible, proven, "twice")

        // With a longer ring, neither piece of evidence is valid.
        try world.admit()
        try petition.extend()
        refuses(petition.log, admissible, proven, "another ring")
        let renewed = try #require(petition.coSignature(by: world.people[1]).coSigned)
        refuses(
            petition.log, try petition.log.check(renewed), proven,
            "a proof for the former ring under the new one's rules")
        try petition.log.check(renewed, isProvenBy: petition.log.prove([renewed])[0].get())
    }

    private func coSignature(_ log: PetitionLog, _ petition: PetitionWorld, _ person: Person) throws -> CoSigned {
        try #require(petition.coSignature(by: person).coSigned)
    }

    @Test("A roster statement's evidence is refused by another log, at another size, and for another statement")
    func rosters() throws {
        let world = try World(members: 3)
        let fresh = world.log
        let own = try world.statement(.eligibleDeclared(41))
        let rival = try world.statement(.eligibleDeclared(42))
        let admissible = try fresh.check(own)
        let proven = try fresh.prove([own.bytes])[0].get()
        func refuses(_ log: WorkplaceLog, _ admissible: WorkplaceLog.Admissible, _ comment: Comment) {
            var log = log
            #expect(throws: RuleViolation.signature, comment) { try log.append(admissible, proven) }
            #expect(log.tree.root == log.root(at: UInt64(log.size)) && log.eligible(at: log.size) != 41, comment)
        }
        refuses(fresh, try fresh.check(rival), "the rules of another statement")
        var grown = fresh
        try grown.append(rival.bytes)
        refuses(grown, admissible, "an earlier size")
        #expect(throws: RuleViolation.signature) { try grown.append(admissible) }
        refuses(try WorkplaceLog.audit(world.leaves).log, admissible, "the same log, folded by somebody else")
        refuses(try World(members: 3).log, admissible, "another workplace")
        var copy = fresh
        try copy.append(admissible)
        #expect(copy.eligible(at: copy.size) == 41)
        // The cheap rules say nothing about a signature.
        let forged = try WorkplaceStatement.make(
            .eligibleDeclared(43), in: fresh.id, sequence: fresh.nextSequence(of: world.founder.signKey),
            by: world.people[1].seed.signingKey())
        #expect(throws: RuleViolation.notOrganiser) { try fresh.check(forged) }
        var bytes = own.bytes
        bytes[bytes.count - 1] ^= 1
        let spoiled = try WorkplaceStatement(decoding: bytes)
        var log = fresh
        #expect(throws: RuleViolation.signature) { try log.append(log.check(spoiled)) }
        #expect(log.size == fresh.size)
    }
}

extension PetitionLog {
    /// Appends to a copy of the log.
    fileprivate func check(_ coSigned: CoSigned, isProvenBy proven: ProvenCoSignature) throws {
        var copy = self
        try copy.append(check(coSigned), proven)
    }
}
