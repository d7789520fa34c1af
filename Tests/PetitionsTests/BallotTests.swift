import MembershipProofs
import Sodium
import TestSupport
import Testing

@testable import Petitions

@Suite("Ballots and names open as they were sealed, or not at all")
struct BallotTests {
    @Test("Every sealed ballot of a petition has one length, whatever is in it")
    func lengths() throws {
        let petition = try PetitionWorld(World(members: 3))
        let tag = petition.world.people[1].ring.tag(in: Scope(petition.log.id.bytes))
        for (choices, remark) in [
            ([0, 0], ""), ([2, 1], "About time."), ([1, 1], String(repeating: "好", count: 15)),
        ] as [([UInt8], String)] {
            let sealed = try Ballot(choices: choices, remark: remark, for: petition.manifest)
                .seal(for: petition.log.id, petition.manifest, tag: tag, sequence: 0)
            #expect(sealed.count == petition.manifest.sealedBallotLength)
        }
        #expect(throws: RuleViolation.options) { try Ballot(choices: [1], for: petition.manifest) }
        #expect(throws: RuleViolation.options) { try Ballot(choices: [1, 3], for: petition.manifest) }
        #expect(throws: RuleViolation.ballotLength) {
            try Ballot(choices: [1, 1], remark: String(repeating: "x", count: 60), for: petition.manifest)
        }
    }

    /// Seals a plaintext of the test's own as person 1's ballot, and counts the petition.
    private func tally(
        of plaintext: [UInt8], context: StaticString = "rrballot", sequence: UInt32 = 0, flip: Int? = nil
    ) throws -> Tally {
        let world = try World(members: 3)
        let petition = try PetitionWorld(world)
        let person = world.people[1]
        let tag = person.ring.tag(in: Scope(petition.log.id.bytes))
        var sealed = try SealedPayload.seal(
            plaintext, seed: .random(32), to: petition.manifest.trustees, threshold: 2,
            associatedData: Ballot.associatedData(petition.log.id, tag, sequence), context: context)
        if let flip { sealed[flip] ^= 1 }
        try petition.append(
            CoSigned.make(
                .sign, petition: petition.log.id, ring: petition.log.ring, ringEpoch: 0, sequence: 0,
                sealedBallot: sealed,
                by: person.ring))
        try petition.close()
        try petition.release(0)
        try petition.release(1)
        let audited = try AuditedPetition(auditing: petition.bundle)
        #expect(audited.faults.isEmpty)
        return audited.tally
    }

    private func padded(_ bytes: [UInt8]) -> [UInt8] { Padding.pad(bytes, to: 64) ?? [] }

    @Test("A good ballot counts; each way to spoil one spoils it, and the co-signature still counts")
    func spoiling() throws {
        let good: [UInt8] = [1, 2, 1, 2, 0, 2, 0x68, 0x69]
        let counted = try tally(of: padded(good))
        #expect(counted.spoiled == 0 && counted.questions == [[0, 1, 0], [0, 0, 1]] && counted.remarks == ["hi"])
        let bad: [[UInt8]] = [
            padded([2, 2, 1, 2, 0, 0]), padded([1, 1, 1, 0, 0]), padded([1, 3, 1, 1, 1, 0, 0]),
            padded([1, 2, 3, 1, 0, 0]),
            padded([1, 2, 1, 2, 0, 1, 0xff]), padded([1, 2, 0, 2, 0, 0]), padded(good + [0]), padded([1, 2, 1]),
            padded([1, 0, 0, 0]), padded([]),
            [UInt8](repeating: 0, count: 64), good + [UInt8](repeating: 0, count: 56),
        ]
        for plaintext in bad {
            let tally = try tally(of: plaintext)
            #expect(tally.cosignatures == 1 && tally.spoiled == 1, "\(plaintext)")
        }
        #expect(try tally(of: padded(good), context: "rrnaming").spoiled == 1)
        #expect(try tally(of: padded(good), sequence: 1).spoiled == 1, "copied from another sequence")
        // One bit anywhere, including the box of a trustee who does not release.
        for place in [0, 79, 80, 170, 239, 240, 300, 319] {
            #expect(try tally(of: padded(good), flip: place).spoiled == 1, "byte \(place)")
        }
    }

    @Test("Names open at their level, with the member proven; what fails is discarded without a fault")
    func names() throws {
        let world = try World(members: 5)
        let petition = try PetitionWorld(world, levels: [2])
        try petition.cosign(world.people[2], name: (1, "李伟"))
        try petition.cosign(world.people[1], name: (1, "Li Wei"))
        #expect(petition.log.namesDue.isEmpty)
        var early = petition.bundle
        #expect(try AuditedPetition(auditing: early).faults.count == 2, "names before their level")
        early.names = []
        #expect(try AuditedPetition(auditing: early).faults.isEmpty)
        try petition.release(0, set: 1)
        try petition.release(2, set: 1)
        let audited = try AuditedPetition(auditing: petition.bundle)
        #expect(audited.faults.isEmpty)
        #expect(audited.names == [ReleasedName(member: 1, name: "Li Wei"), ReleasedName(member: 2, name: "李伟")])
        var swapped = petition.bundle
        swapped.names.swapAt(0, 1)
        let outOfOrder = try AuditedPetition(auditing: swapped)
        #expect(outOfOrder.faults.map(\.place) == [.name(line: 1)])
        #expect(outOfOrder.names == audited.names)
        var missing = petition.bundle
        missing.names.removeLast()
        #expect(try AuditedPetition(auditing: missing).faults.map(\.place) == [.names])
        var twice = petition.bundle
        twice.names.append(twice.names[0])
        #expect(try AuditedPetition(auditing: twice).faults.map(\.place) == [.name(line: 2)])
        var foreign = petition.bundle
        foreign.names[0][3] ^= 1
        #expect(try AuditedPetition(auditing: foreign).faults.count == 2)
        // After a withdrawal, the name is no longer due, and showing it is a fault.
        try petition.append(petition.coSignature(by: world.people[2], .withdraw))
        #expect(try AuditedPetition(auditing: petition.bundle).faults.count == 1)
    }
}
