// docs/protocol.md, sections 4, 6 and 9

import MembershipProofs
import Petitions
import Ristretto
import Sodium
import TransparencyLog

/// A whole petition of an invented workplace: everybody joined by an invite, everybody co-signed, the petition is closed
/// and its ballots can be opened. The statements are ordinary ones, made by who knows every secret.
struct InventedPetition {
    private final class Person: Sendable {
        // Not as `MemberSeed`: guarded memory for so many is more than a system maps.
        private let storedSeed = Random.bytes32()
        let secret = Scalar.random()

        var seed: MemberSeed {
            guard let seed = MemberSeed(stored: SecretBytes(storedSeed)) else { fatalError("a seed of 32 bytes") }
            return seed
        }

        var ring: ProverSecret {
            guard let ring = ProverSecret(stored: SecretBytes(secret.encoding)) else {
                fatalError("a ring key of zero")
            }
            return ring
        }
    }

    let bundle: PetitionBundle
    /// The co-signatures, which stand in the bundle behind the petition's first leaf.
    let coSignatures: [[UInt8]]

    /// - Parameter cosigning: how many of the members co-sign.
    init(members count: Int, cosigning: Int) throws {
        let service = SigningKey(seed: .random(32))
        let people = (0..<count).map { _ in Person() }
        let founder = people[0]
        let signer = founder.seed.signingKey()
        let founding = try WorkplaceStatement.found(
            service: "bench.example", logKey: service.publicKey, eligible: UInt32(count), seed: founder.seed,
            ring: founder.ring)
        let (workplace, log) = (founding.workplace, try WorkplaceLog(founding: founding.bytes))
        var sequence: UInt32 = 0
        func organise(_ body: WorkplaceStatement.Body) throws -> [UInt8] {
            defer { sequence += 1 }
            return try WorkplaceStatement.make(body, in: workplace, sequence: sequence, by: signer).bytes
        }
        var roster = [founding.bytes]
        for first in stride(from: 1, to: count, by: 1000) {
            let newcomers = people[first..<min(first + 1000, count)]
            let invites = newcomers.map { _ in
                Invited(Invite(workplace: workplace, logKey: service.publicKey, serviceURL: "http://bench.example"))
            }
            roster.append(
                try organise(
                    .invitesIssued(invites.map { .init(key: $0.invite.signingKey().publicKey, replaces: nil) })))
            for (person, invited) in zip(newcomers, invites) {
                let statement = try WorkplaceStatement.admit(
                    to: workplace, invite: invited.invite, seed: person.seed, ring: person.ring)
                roster.append(statement.bytes)
            }
        }
        var rosterTree = MerkleTree()
        for leaf in roster { rosterTree.append(leaf) }
        let ring = try Ring(people.map { Element.generator(times: $0.secret) })

        let trustees = Array(people.prefix(3))
        let nonces = trustees.map { _ in Random.bytes32() }
        func sealKey(_ i: Int) -> BoxKeyPair { trustees[i].seed.sealKey(nonce: nonces[i], set: 0) }
        let document = PetitionDocument(
            language: "en", title: "Guardrails", preamble: "We ask.",
            demands: [.init(title: "One", text: "First."), .init(title: "Two", text: "Second.")])
        let manifest = try Manifest(
            kind: .petition, workplace: workplace, nonce: Random.bytes32(), rosterSize: UInt64(rosterTree.count),
            rosterRoot: rosterTree.root, ringCount: UInt32(count), ringDigest: ring.digest,
            documentDigest: document.digest, options: [2, 2], threshold: 2,
            trustees: trustees.indices.map { sealKey($0).publicKey }, levels: [], quorum: UInt32(cosigning), closes: 0,
            ballotLength: 64, about: nil)
        let id = manifest.id
        let point = PetitionStatement.RosterPoint(size: UInt64(rosterTree.count), root: rosterTree.root)
        roster.append(try organise(.petitionAnnounced(id)))
        rosterTree.append(roster[roster.count - 1])
        let acceptances = trustees.enumerated().map { i, person in
            PetitionStatement.Acceptance.make(
                id, trustee: UInt8(i + 1), nonce: nonces[i], by: person.seed.signingKey())
        }
        let opened = try PetitionStatement.open(manifest, acceptances: acceptances, sequence: 0, by: signer)

        let invented = InventedRing(people.map(\.secret), ring, Scope(id.bytes))
        var signed = [[UInt8]](repeating: [], count: cosigning)
        signed.withUnsafeMutableBufferPointer { buffer in
            let out = OwnPlaces(buffer)
            Cores.each(cosigning) { i in
                out.buffer[i] = Self.coSigned(i, invented, id, manifest)
            }
        }
        coSignatures = signed

        var leaves = [opened.bytes] + signed
        var tree = MerkleTree()
        for leaf in leaves { tree.append(leaf) }
        leaves.append(
            try PetitionStatement.close(
                id, size: UInt64(tree.count), root: tree.root, roster: point, sequence: 1, by: signer
            ).bytes)
        for trustee in 0..<2 {
            leaves.append(
                try PetitionStatement.release(
                    id, set: 0, trustee: UInt8(trustee + 1), secret: sealKey(trustee).reveal()
                ).bytes)
        }
        for leaf in leaves[(cosigning + 1)...] { tree.append(leaf) }
        func note(_ tree: MerkleTree, _ verifier: LogVerifier) -> String {
            Checkpoint(origin: verifier.origin, size: UInt64(tree.count), root: tree.root).signed(by: service)
                .serialized
        }
        bundle = PetitionBundle(
            workplaceID: workplace, petitionID: id,
            workplace: .init(checkpoint: note(rosterTree, log.verifier), leaves: roster),
            petition: .init(checkpoint: note(tree, log.verifier(of: id)), leaves: leaves), names: [],
            document: document.bytes)
    }

    private final class Invited: Sendable {
        let invite: Invite
        init(_ invite: consuming Invite) { self.invite = invite }
    }

    private static func coSigned(
        _ index: Int, _ ring: InventedRing, _ id: ID<Petition>, _ manifest: Manifest
    ) -> [UInt8] {
        guard let tag = try? LinkingTag(decoding: ring.tag(index).encoding),
            let ballot = try? Ballot(choices: [UInt8(index % 3), 1], for: manifest),
            let sealed = try? ballot.seal(for: id, manifest, tag: tag, sequence: 0)
        else { fatalError("an invented ballot") }
        func vector(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes }
        // Type 33, ring epoch 0, action 1, sequence 0; level 0 and no name.
        var statement: [UInt8] = [33] + id.bytes.bytes + [0, 0, 1, 0, 0, 0, 0] + tag.encoding.bytes
        statement += [UInt8](repeating: 0, count: 33) + vector(sealed)
        return statement + vector(ring.prove(index, Domain.digest("cosignature", statement)))
    }
}
