import MembershipProofs
import Sodium
import TestSupport
import Testing

@testable import Petitions

@Suite("A name that a co-signer sealed with any numbers in it")
struct HostileNameTests {
    /// Seals as `SealedName.seal` does, but with an index and an epoch that the co-signer chooses.
    private func sealed(index: UInt32, epoch: UInt16, by person: Person, _ petition: PetitionWorld) throws -> [UInt8] {
        let (scope, name) = (Scope(petition.log.id.bytes), Array("Li Wei".utf8))
        var writer = ByteWriter()
        writer.append(UInt8(1))
        writer.append(epoch)
        writer.append(index)
        writer.vector8(name)
        writer.append(NameProof.prove(person.ring, scope: scope, name: name))
        let plaintext = try #require(Padding.pad(writer.bytes, to: SealedName.padded))
        let tag = person.ring.tag(in: scope)
        return try SealedPayload.seal(
            plaintext, seed: .random(32), to: try #require(petition.manifest.keySet(1)),
            threshold: petition.manifest.threshold,
            associatedData: Ballot.associatedData(petition.log.id, tag, 0) + [1], context: "rrnaming")
    }

    @Test("is discarded when it points nowhere, at the bounds of 31 and 32 bits too, and opens when it points right")
    func indices() throws {
        let world = try World(members: 5)
        let petition = try PetitionWorld(world, levels: [2])
        try petition.cosign(world.people[1], name: (1, "Li Wei"))
        try petition.cosign(world.people[2], name: (1, "Li Wei"))
        try petition.release(0, set: 1)
        try petition.release(2, set: 1)
        let person = world.people[2]
        let tag = person.ring.tag(in: Scope(petition.log.id.bytes))
        let standing = try #require(petition.log.tags[tag])
        func opened(_ index: UInt32, _ epoch: UInt16 = 0) throws -> [ReleasedName] {
            let name = try sealed(index: index, epoch: epoch, by: person, petition)
            return SealedName.open([SealedName.Due(sealed: name, tag: tag, standing: standing)], in: petition.log)
        }
        #expect(try opened(2) == [ReleasedName(member: 2, name: "Li Wei")])
        for index in [1, 5, 1 << 31 - 1, 1 << 31, .max] as [UInt32] { #expect(try opened(index).isEmpty, "\(index)") }
        for epoch in [1, 1 << 15, .max] as [UInt16] { #expect(try opened(2, epoch).isEmpty, "\(epoch)") }
    }
}
