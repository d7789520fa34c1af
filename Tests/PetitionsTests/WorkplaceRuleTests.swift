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
        try world.organise(.petitionAnnounced(ID(Random.bytes32()), rosterSize: world.size))
        try world.organise(.witnessesNamed(WitnessQuorum(threshold: 1, witnesses: [TestWitness().verifier])))
        try world.organise(.relaysNamed(RelayNaming(urls: ["https://relay.example"], gateway: Random.bytes32())))
        for (i, leaf) in world.leaves.enumerated() {
            #expect(try WorkplaceStatement(decoding: leaf).bytes == leaf)
            #expect(throws: RuleViolation.trailingBytes) { try WorkplaceStatement(decoding: leaf + [0]) }
            #expect(throws: RuleViolation.self) { try WorkplaceStatement(decoding: Array(leaf.dropLast())) }
            // A log with one changed bit is never folded without that leaf being rejected.
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
        #expect(throws: RuleViolation.unknownType) { try WorkplaceStatement(decoding: [14]) }
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
        // Closing an open invite other than by its use makes a new key due too, because the invite carries the key.
        func invite(by person: Person) throws -> Bytes32 {
            let key = Random.bytes32()
            try world.organise(.invitesIssued([.init(key: key, replaces: nil)]), by: person)
            return key
        }
        try world.organise(.invitesRevoked([invite(by: world.founder)]))
        #expect(world.log.rotationIsDue)
        try world.organise(.groupKeyRotated(epoch: 2, commitment: .zero))
        let second = try world.admit()
        #expect(!world.log.rotationIsDue, "used")
        try world.organise(.organiserAppointed(second.signKey))
        _ = try invite(by: second)
        try world.organise(.organiserDismissed(second.signKey))
        #expect(world.log.rotationIsDue)
        try world.organise(.groupKeyRotated(epoch: 3, commitment: .zero))
        try world.organise(.organiserAppointed(second.signKey))
        try world.organise(.organiserDismissed(second.signKey))
        #expect(!world.log.rotationIsDue, "no invite was open")
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
        // Nobody takes a former member's place twice, not even with a different invite.
        #expect(throws: RuleViolation.replacedBefore) { try world.admit(replacing: world.people[2].signKey) }
        // Through others: a replacement of the replacing member.
        let replacement = world.people[4]
        try world.organise(.memberRemoved(replacement.signKey))
        try world.admit(replacing: replacement.signKey)
        let third = try world.log.ring(extending: second, to: world.log.size)
        #expect(third.ring.keys == second.ring.keys)
        // A ring that is opened now has only present keys, including the rotated one.
        let now = try world.log.openingRing(at: world.log.size)
        #expect(now.keys.contains(world.people[1].ring.publicKey))
        #expect(now.count == 5)
    }

    @Test("A petition is announced over the roster of the moment, or not at all")
    func announcements() throws {
        let world = try World(members: 3)
        let id = ID<Petition>(Random.bytes32())
        func announce(_ size: UInt64) throws -> WorkplaceStatement {
            try world.statement(.petitionAnnounced(id, rosterSize: size))
        }
        refuses(.announcedRoster, world, try announce(0))
        refuses(.announcedRoster, world, try announce(world.size + 1))
        refuses(.announcedRoster, world, try announce(world.size - 1), "before the last admission")
        refuses(.announcedRoster, world, try announce(.max))
        try world.append(announce(world.size))
        let settled = world.size
        // Statements that change neither members nor ring keys may come in between.
        try world.organise(.eligibleDeclared(9))
        try world.organise(.organiserAppointed(world.people[1].signKey))
        try world.append(announce(settled))
        try world.rotateRing(of: world.people[2])
        refuses(.announcedRoster, world, try announce(settled), "a ring key was rotated")
        let rotated = world.size
        try world.organise(.memberRemoved(world.people[2].signKey))
        refuses(.announcedRoster, world, try announce(rotated), "somebody left")
        try world.append(announce(world.size))
        #expect(world.log.announcements[id]?.map(\.rosterSize) == [settled - 1, settled, world.size - 1])
    }

    @Test("Witnesses: their number, names and keys")
    func witnesses() throws {
        let world = try World(members: 1)
        let (a, b) = (TestWitness("a.example").verifier, TestWitness("b.example").verifier)
        func name(_ threshold: UInt8, _ witnesses: [WitnessVerifier]) throws -> WorkplaceStatement {
            try world.statement(.witnessesNamed(WitnessQuorum(threshold: threshold, witnesses: witnesses)))
        }
        func refused(_ rule: RuleViolation, _ threshold: UInt8, _ witnesses: [WitnessVerifier], _ why: Comment) {
            #expect(throws: rule, why) { try name(threshold, witnesses) }
        }
        refused(.witnessThreshold, 3, [a, b], "more than there are")
        refused(.witnessThreshold, 0, [a], "nobody asked")
        refused(.witnessThreshold, 1, [], "nobody to ask")
        refused(.witnessThreshold, 1, (0..<17).map { TestWitness("\($0).example").verifier }, "too many")
        refused(.witnessRepeats, 1, [a, a], "twice")
        refused(.witnessRepeats, 1, [a, WitnessVerifier(name: a.name, key: b.key)], "a name twice")
        refused(.witnessRepeats, 1, [a, WitnessVerifier(name: "c", key: a.key)], "a key twice")
        for text in ["", "a b", "a+b", "ä", "a\u{7f}", "\u{212A}"] {
            #expect(throws: RuleViolation.self, "\(text)") { try name(1, [WitnessVerifier(name: text, key: a.key)]) }
        }
        for (key, why) in Self.badKeys { refused(.witnessKey, 1, [WitnessVerifier(name: "x", key: key)], why) }
        // A torsion component is allowed; libsodium's own check would reject it.
        #expect(Ed25519.isPublicKey(Self.mixedOrderKey))
        refuses(.witnessIsLog, world, try name(1, [WitnessVerifier(name: "x", key: world.log.founding.logKey)]))
        refuses(.witnessIsLog, world, try name(1, [WitnessVerifier(name: "test.example/x", key: a.key)]))
        #expect(world.log.witnesses == .empty)
        try world.append(name(2, [a, b]))
        try world.append(name(2, [a, b]))
        try world.append(name(1, [b]))
        try world.append(name(0, []))
        #expect(world.log.witnessChanges.map(\.leaf) == [1, 3, 4])
        #expect(world.log.witnesses(at: 1) == .empty && world.log.witnesses(at: 2).threshold == 2)
        #expect(
            world.log.witnessNotes == [
                .witnessesChanged(
                    leaf: 1, by: world.founder.signKey, came: ["a.example", "b.example"], went: [], threshold: 2),
                .witnessesChanged(leaf: 3, by: world.founder.signKey, came: [], went: ["a.example"], threshold: 1),
                .witnessesChanged(leaf: 4, by: world.founder.signKey, came: [], went: ["b.example"], threshold: 0),
            ])
    }

    private static func bytes(_ hex: String) -> Bytes32 { Bytes32(hex: hex)! }

    /// The generator plus a point of order 8.
    private static let mixedOrderKey = bytes("98519eadf35b995233b51b5cd23e9cc5a28b639b5a4af0ec903cb960d81b7819")

    private static let badKeys: [(Bytes32, Comment)] = [
        (.zero, "order 4"), (bytes("01" + String(repeating: "00", count: 31)), "the identity"),
        (bytes("01" + String(repeating: "00", count: 30) + "80"), "the identity, with a sign"),
        (bytes("ec" + String(repeating: "ff", count: 30) + "7f"), "order 2"),
        (bytes("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "order 8"),
        (bytes("ed" + String(repeating: "ff", count: 30) + "7f"), "y = p"),
        (bytes("f0" + String(repeating: "ff", count: 30) + "7f"), "y = p + 3, on the curve once reduced"),
        (bytes("02" + String(repeating: "00", count: 31)), "not on the curve"),
    ]

    @Test("Relays: their number, addresses and gateway")
    func relays() throws {
        let gateway = Random.bytes32()
        let good = ["https://relay.example/x", "http://abc.onion"]
        let naming = try RelayNaming(urls: good, gateway: gateway)
        #expect(throws: Never.self) { try RelayNaming(urls: [], gateway: .zero) }
        for (urls, key) in [
            (good, Bytes32.zero), ([], gateway), ([good[0], good[0]], gateway), (["ftp://x"], gateway), ([""], gateway),
            (["https://a b"], gateway), (["https://ä"], gateway), (["HTTPS://x"], gateway),
            ((0..<9).map { "https://\($0)" }, gateway),
            (["https://" + String(repeating: "a", count: 248)], gateway),
        ] {
            #expect(throws: RuleViolation.relay, "\(urls)") { try RelayNaming(urls: urls, gateway: key) }
        }
        let world = try World(members: 1)
        try world.organise(.relaysNamed(naming))
        #expect(world.log.relays(at: 1) == nil && world.log.relays(at: 2) == naming)
        #expect(throws: RuleViolation.notOrganiser) { try World(members: 2).relaysByMember(naming) }
    }
}

extension World {
    fileprivate func relaysByMember(_ naming: RelayNaming) throws { try organise(.relaysNamed(naming), by: people[1]) }
}
