import Foundation
import MembershipProofs
import Petitions
import Sodium
import TestSupport
import Testing
import TransparencyLog

@testable import soak

@Suite("What `make soak` does, and that it notices what it is there to notice", .takingTurns)
struct SoakTests {
    @Test("Some rounds of every fault on both engines find nothing", arguments: ["sqlite", "postgres"])
    func rounds(_ engine: String) async throws {
        let directory = try TemporaryDirectory()
        let program = BuiltProgram.soak
        let (status, said) = try await Finished.run(
            program, ["--databases", "1", "--rounds", "8", "--engine", engine, "--program", ServiceProgram.path],
            output: directory("said"))
        #expect(status == 0 && said.contains("problems 0"), "\(said)")
    }

    /// A ledger with receipts for everything that a small world has appended.
    private func ledger() throws -> (ledger: Ledger, workplace: [[UInt8]], petition: [[UInt8]], world: World) {
        let world = try World(members: 3)
        let petition = try PetitionWorld(world)
        try petition.cosign(world.people[0])
        try petition.cosign(world.people[1])
        let verifiers = (world.log.verifier, world.log.verifier(of: petition.log.id))
        let ledger = Ledger(
            petition: petition.log.id, verifiers: verifiers, logKey: world.serviceKey.publicKey)
        let logs = [(world.leaves, world.log.tree, verifiers.0), (petition.leaves, petition.log.tree, verifiers.1)]
        for (i, (leaves, tree, verifier)) in logs.enumerated() {
            for (index, leaf) in leaves.enumerated() {
                let path = try #require(tree.inclusionProof(of: index, at: tree.count))
                let receipt = Receipt(index: UInt64(index), path: path, note: world.note(tree, verifier))
                ledger.take(leaf, isPetition: i == 1, status: 200, body: Array(receipt.serialized.utf8))
            }
        }
        #expect(ledger.problems == [])
        return (ledger, world.leaves, petition.leaves, world)
    }

    @Test("What was acknowledged and is there as it was is no problem")
    func honest() throws {
        let (ledger, workplace, petition, _) = try ledger()
        #expect(try ledger.check(ServedLog(workplace), ServedLog(petition)) == workplace.count + petition.count)
        #expect(ledger.problems == [])
    }

    @Test("A leaf that is gone, one that moved, another history and a false receipt are named")
    func dishonest() throws {
        let (lost, workplace, petition, _) = try ledger()
        _ = try lost.check(ServedLog(workplace), ServedLog(petition.dropLast()))
        #expect(lost.problems.contains { $0.hasPrefix("lost") })

        let (moved, first, second, _) = try ledger()
        _ = try moved.check(ServedLog(first), ServedLog(second.dropLast(2) + second.suffix(2).reversed()))
        #expect(moved.problems.contains { $0.hasPrefix("moved") } && moved.problems.contains { $0.hasPrefix("forked") })

        let (ledger, _, leaves, _) = try ledger()
        ledger.take(leaves[1], isPetition: true, status: 200, body: Array("no receipt".utf8))
        #expect(ledger.problems.contains { $0.hasPrefix("a receipt does not hold") })
        ledger.take(leaves[2], isPetition: true, status: 202, body: Array("{}".utf8))
        #expect(ledger.problems.contains { $0.hasPrefix("a promise does not hold") })
        #expect(throws: ServedLog.Fault.self) { try ServedLog(leaves + leaves.suffix(1)) }
    }

    @Test("A promise that is not in the log is missed")
    func promises() throws {
        let world = try World(members: 3)
        let petition = try PetitionWorld(world)
        let id = petition.log.id
        let ledger = Ledger(
            petition: id, verifiers: (world.log.verifier, world.log.verifier(of: id)),
            logKey: world.serviceKey.publicKey)
        let leaf = try petition.coSignature(by: world.people[0]).bytes
        let promise = try Promise.make(
            id, leafHash: MerkleTree.leafHash(leaf), until: 7200, by: world.serviceKey)
        ledger.take(leaf, isPetition: true, status: 202, body: Array(promise.json.utf8))
        #expect(ledger.problems == [])
        #expect(try ledger.missing(in: ServedLog(petition.leaves)) == [leaf])
        #expect(try ledger.missing(in: ServedLog(petition.leaves + [leaf])) == [])
    }
}
