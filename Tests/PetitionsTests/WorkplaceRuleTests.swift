import MembershipProofs
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import Petitions

@Suite("A workplace log takes what holds and refuses the rest")
struct WorkplaceRuleTests {
    private func refuses(
        _ rule: RuleViolation, _ world: World, _ statement: WorkplaceStatement, _ comment: Comment? = nil
    ) {
        let before = (world.log.size, world.log.tree.root)
        #expect(throws: rule, comment) { try world.append(statement) }
        #expect(world.log.size == before.0 && world.log.tree.root == before.1, comment)
    }

    @Test("Every statement survives decoding, and no mutation of it does")
    func mutations() throws {
        let world = try World(members: 3)
        try world.organise(.eligibleDeclared(60))
        try world.organise(.groupKeyRotated(epoch: 0, commitment: Random.bytes32()))
        try world.rotateRing(of: world.people[1])
        for (i, leaf) in world.leaves.enumerated() {
            #expect(try WorkplaceStatement(decoding: leaf).bytes == leaf)
            #expect(throws: RuleViolation.trailingBytes) { try WorkplaceStatement(decoding: leaf + [0]) }
            #expect(throws: RuleViolation.self) { try WorkplaceStatement(decoding: Array(leaf.dropLast())) }
            // A log with one bit of one leaf changed never folds without that leaf being refused.
            for flipped in stride(from: 0, to: leaf.count, by: 3).map({ flip(leaf, $0) }) {
                var leaves = world.leaves
                leaves[i] = flipped
                if i == 0 {
                    #expect((try? WorkplaceLog.audit(leaves))?.log.id != world.log.id)
                } else {
                    let faults = try WorkplaceLog.audit(leaves).faults
                    #expect(faults.contains { $0.place == .leaf(log: "workplace", index: i) })
                }
            }
        }
        #expect(throws: RuleViolation.self) { try WorkplaceStatement(decoding: []) }
        #expect(throws: RuleViolation.unknownType) { try WorkplaceStatement(decoding: [0]) }
        #expect(throws: RuleViolation.unknownType) { try WorkplaceStatement(decoding: [12]) }
        #expect(throws: RuleViolation.tooLong) {
            try WorkplaceStatement(decoding: [UInt8](repeating: 2, count: 65_536))
        }
    }

    private func flip(_ bytes: [UInt8], _ i: Int) -> [UInt8] {
        var copy = bytes
        copy[i] ^= 1 << UInt8(i % 8)
        return copy
    }

    @Test("A replayed, skipped or foreign sequence is refused")
    func sequences() throws {
        let world = try World(members: 2)
        let statement = try world.statement(.eligibleDeclared(7))
        try world.append(statement)
        refuses(.sequenceOfSigner, world, statement)
        refuses(.sequenceOfSigner, world, try world.statement(.eligibleDeclared(8), sequence: 99))
    }

    @Test("Only an organiser organises, and only in this workplace")
    func signers() throws {
        let (world, other) = (try World(members: 3), try World(members: 1))
        refuses(.notOrganiser, world, try world.statement(.eligibleDeclared(9), by: world.people[1]))
        refuses(.workplaceID, world, try other.statement(.eligibleDeclared(9)))
        try world.organise(.organiserAppointed(world.people[1].signKey))
        try world.organise(.eligibleDeclared(9), by: world.people[1])
        refuses(.alreadyOrganiser, world, try world.statement(.organiserAppointed(world.people[1].signKey)))
        try world.organise(.organiserDismissed(world.people[1].signKey))
        refuses(.notOrganiser, world, try world.statement(.eligibleDeclared(9), by: world.people[1]))
        refuses(.notOrganiser, world, try world.statement(.organiserDismissed(world.people[1].signKey)))
        refuses(.notMember, world, try world.statement(.organiserAppointed(Random.bytes32())))
    }

    @Test("The last organiser stays")
    func lastOrganiser() throws {
        let world = try World(members: 2)
        refuses(.lastOrganiser, world, try world.statement(.organiserDismissed(world.founder.signKey)))
        refuses(.lastOrganiser, world, try world.statement(.memberRemoved(world.founder.signKey)))
    }

    @Test("A second founding is refused, and a log must start with one")
    func founding() throws {
        let (world, other) = (try World(members: 1), try World(members: 1))
        refuses(.onlyFirst, world, try WorkplaceStatement(decoding: other.leaves[0]))
        let second = try world.statement(.eligibleDeclared(1))
        #expect(throws: RuleViolation.mustBeFirst) { try WorkplaceLog(founding: second.bytes) }
    }

    @Test("An invite admits one person, while it is open")
    func invites() throws {
        let world = try World(members: 1)
        func admission(_ invite: borrowing Invite, _ person: Person) throws -> WorkplaceStatement {
            try WorkplaceStatement.admit(to: world.log.id, invite: invite, seed: person.seed, ring: person.ring)
        }
        let invite = Invite(workplace: world.log.id, logKey: .zero, serviceURL: "x")
        let key = invite.signingKey().publicKey
        refuses(.inviteNotOpen, world, try admission(invite, Person()), "never issued")
        try world.organise(.invitesIssued([.init(key: key, replaces: nil)]))
        refuses(.inviteIssuedBefore, world, try world.statement(.invitesIssued([.init(key: key, replaces: nil)])))
        let twice = [WorkplaceStatement.Invitation(key: .zero, replaces: nil), .init(key: .zero, replaces: nil)]
        refuses(.listRepeats, world, try world.statement(.invitesIssued(twice)))
        refuses(
            .replaces, world,
            try world.statement(.invitesIssued([.init(key: Random.bytes32(), replaces: world.founder.signKey)])))
        try world.append(admission(invite, Person()))
        refuses(.inviteNotOpen, world, try admission(invite, Person()), "used")
        refuses(.inviteNotOpen, world, try world.statement(.invitesRevoked([key])), "used")
        let revoked = Invite(workplace: world.log.id, logKey: .zero, serviceURL: "x")
        let revokedKey = revoked.signingKey().publicKey
        try world.organise(.invitesIssued([.init(key: revokedKey, replaces: nil)]))
        refuses(.listRepeats, world, try world.statement(.invitesRevoked([revokedKey, revokedKey])))
        try world.organise(.invitesRevoked([revokedKey]))
        refuses(.inviteNotOpen, world, try admission(revoked, Person()), "revoked")
    }

    @Test("Invites end with the office of who issued them, for good")
    func invitesOfDismissed() throws {
        let world = try World(members: 2)
        let second = world.people[1]
        try world.organise(.organiserAppointed(second.signKey))
        let invite = Invite(workplace: world.log.id, logKey: .zero, serviceURL: "x")
        try world.organise(.invitesIssued([.init(key: invite.signingKey().publicKey, replaces: nil)]), by: second)
        try world.organise(.organiserDismissed(second.signKey))
        try world.organise(.organiserAppointed(second.signKey))
        let newcomer = Person()
        refuses(
            .inviteNotOpen, world,
            try WorkplaceStatement.admit(to: world.log.id, invite: invite, seed: newcomer.seed, ring: newcomer.ring))
    }

    @Test("No key is used twice, in whatever role")
    func keyReuse() throws {
        let world = try World(members: 2)
        let invite = Invite(workplace: world.log.id, logKey: .zero, serviceURL: "x")
        try world.organise(.invitesIssued([.init(key: invite.signingKey().publicKey, replaces: nil)]))
        let (newcomer, member) = (Person(), world.people[1])
        refuses(
            .keyUsedBefore, world,
            try WorkplaceStatement.admit(to: world.log.id, invite: invite, seed: newcomer.seed, ring: member.ring))
        refuses(
            .keyUsedBefore, world,
            try WorkplaceStatement.admit(to: world.log.id, invite: invite, seed: member.seed, ring: newcomer.ring))
        refuses(
            .keyUsedBefore, world,
            try WorkplaceStatement.rotateRingKey(in: world.log.id, to: member.ring, seed: member.seed, sequence: 0))
    }

    @Test("Group key epochs count from 0, and a departure makes the next one due")
    func groupKeys() throws {
        let world = try World(members: 2)
        refuses(.epoch, world, try world.statement(.groupKeyRotated(epoch: 1, commitment: .zero)))
        try world.organise(.groupKeyRotated(epoch: 0, commitment: .zero))
        refuses(.epoch, world, try world.statement(.groupKeyRotated(epoch: 0, commitment: .zero)))
        try world.organise(.memberRemoved(world.people[1].signKey))
        #expect(world.log.rotationIsDue)
        refuses(.notMember, world, try world.statement(.memberRemoved(world.people[1].signKey)))
        try world.organise(.groupKeyRotated(epoch: 1, commitment: .zero))
        #expect(!world.log.rotationIsDue)
    }

    @Test("Who left neither rotates a ring key nor organises")
    func departed() throws {
        let world = try World(members: 3)
        let leaver = world.people[1]
        try world.organise(.organiserAppointed(leaver.signKey))
        try world.organise(.memberRemoved(leaver.signKey))
        refuses(.notOrganiser, world, try world.statement(.eligibleDeclared(1), by: leaver))
        refuses(
            .notMember, world,
            try WorkplaceStatement.rotateRingKey(in: world.log.id, to: .generate(), seed: leaver.seed, sequence: 0))
    }

    @Test("Rings: who was in keeps one seat, who replaces gets none, whatever rotates")
    func rings() throws {
        let world = try World(members: 4)
        let start = world.log.size
        let first = try world.log.ring(at: start)
        #expect(first.ring.keys == world.people.map { $0.ring.publicKey })
        try world.rotateRing(of: world.people[1])
        try world.organise(.memberRemoved(world.people[2].signKey))
        try world.admit(replacing: world.people[2].signKey)
        let fresh = try world.admit()
        let gone = try world.admit()
        try world.organise(.memberRemoved(gone.signKey))
        let second = try world.log.ring(extending: first, to: world.log.size)
        #expect(second.ring.keys == first.ring.keys + [fresh.ring.publicKey])
        // Through others: a replacement of the replacement.
        let replacement = world.people[4]
        try world.organise(.memberRemoved(replacement.signKey))
        try world.admit(replacing: replacement.signKey)
        let third = try world.log.ring(extending: second, to: world.log.size)
        #expect(third.ring.keys == second.ring.keys)
        // A ring opened now has present keys alone, the rotated one among them.
        let now = try world.log.openingRing(at: world.log.size)
        #expect(now.keys.contains(world.people[1].ring.publicKey))
        #expect(now.count == 5)
    }
}
