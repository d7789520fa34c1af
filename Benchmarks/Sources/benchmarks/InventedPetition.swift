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

    let workplace: ID<Workplace>
    let id: ID<Petition>
    /// The workplace's statements, the founding first and the announcement last.
    let roster: [[UInt8]]
    /// The petition's first statement.
    let opened: [UInt8]
    /// Everybody's co-signatures: round r of member i at r * members + i. A later round replaces an earlier one.
    let coSignatures: [[UInt8]]
    let manifest: Manifest
    let document: PetitionDocument
    private let founder: Person
    private let sealKeys: [Bytes32]

    /// - Parameters:
    ///   - logKey: of the service that is to keep the logs.
    ///   - rounds: how many times everybody co-signs.
    init(members count: Int, rounds: Int = 1, service: String, logKey: Bytes32) throws {
        let people = (0..<count).map { _ in Person() }
        let founder = people[0]
        let signer = founder.seed.signingKey()
        let founding = try WorkplaceStatement.found(
            service: service, logKey: logKey, eligible: UInt32(count), seed: founder.seed,
            ring: founder.ring)
        let workplace = founding.workplace
        var sequence: UInt32 = 0
        func organise(_ body: WorkplaceStatement.Body) throws -> [UInt8] {
            defer { sequence += 1 }
            return try WorkplaceStatement.make(body, in: workplace, sequence: sequence, by: signer).bytes
        }
        var roster = [founding.bytes]
        for first in stride(from: 1, to: count, by: 1000) {
            let newcomers = people[first..<min(first + 1000, count)]
            let invites = newcomers.map { _ in
                Invited(Invite(workplace: workplace, logKey: logKey, serviceURL: "http://bench.example"))
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
            trustees: trustees.indices.map { sealKey($0).publicKey }, levels: [], quorum: UInt32(count), closes: 0,
            ballotLength: 64, about: nil)
        let id = manifest.id
        roster.append(try organise(.petitionAnnounced(id, rosterSize: UInt64(rosterTree.count))))
        let acceptances = trustees.enumerated().map { i, person in
            PetitionStatement.Acceptance.make(
                id, trustee: UInt8(i + 1), nonce: nonces[i], by: person.seed.signingKey())
        }
        let opened = try PetitionStatement.open(manifest, acceptances: acceptances, sequence: 0, by: signer)

        let invented = InventedRing(people.map(\.secret), ring, Scope(id.bytes))
        var signed = [[UInt8]](repeating: [], count: rounds * count)
        signed.withUnsafeMutableBufferPointer { buffer in
            let out = OwnPlaces(buffer)
            Cores.each(rounds * count) { i in
                out.buffer[i] = Self.coSigned(i % count, round: UInt32(i / count), invented, id, manifest)
            }
        }
        (self.workplace, self.id, self.roster, self.opened, coSignatures) = (
            workplace, id, roster, opened.bytes, signed
        )
        (self.manifest, self.document, self.founder) = (manifest, document, founder)
        sealKeys = trustees.indices.map { sealKey($0).reveal() }
    }

    /// The petition closed, its ballots' keys released, as a bundle under a log key.
    func bundle(signedBy service: borrowing SigningKey) throws -> PetitionBundle {
        let log = try WorkplaceLog(founding: roster[0])
        var rosterTree = MerkleTree()
        for leaf in roster { rosterTree.append(leaf) }
        var (leaves, tree) = ([opened] + coSignatures, MerkleTree())
        for leaf in leaves { tree.append(leaf) }
        let point = PetitionStatement.RosterPoint(size: UInt64(rosterTree.count), root: rosterTree.root)
        leaves.append(
            try PetitionStatement.close(
                id, size: UInt64(tree.count), root: tree.root, roster: point, sequence: 1,
                by: founder.seed.signingKey()
            ).bytes)
        for trustee in 0..<2 {
            leaves.append(
                try PetitionStatement.release(
                    id, set: 0, trustee: UInt8(trustee + 1), secret: sealKeys[trustee]
                ).bytes)
        }
        for leaf in leaves[(coSignatures.count + 1)...] { tree.append(leaf) }
        func note(_ tree: MerkleTree, _ verifier: LogVerifier) -> String {
            Checkpoint(origin: verifier.origin, size: UInt64(tree.count), root: tree.root).signed(by: service)
                .serialized
        }
        return PetitionBundle(
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
        _ index: Int, round: UInt32, _ ring: InventedRing, _ id: ID<Petition>, _ manifest: Manifest
    ) -> [UInt8] {
        guard let tag = try? LinkingTag(decoding: ring.tag(index).encoding),
            let ballot = try? Ballot(choices: [UInt8(index % 3), 1], for: manifest),
            let sealed = try? ballot.seal(for: id, manifest, tag: tag, sequence: round)
        else { fatalError("an invented ballot") }
        func vector(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes }
        // Type 33, ring epoch 0, action 1, the sequence; level 0 and no name.
        let sequence = withUnsafeBytes(of: round.bigEndian) { [UInt8]($0) }
        var statement: [UInt8] = [33] + id.bytes.bytes + [0, 0, 1] + sequence + tag.encoding.bytes
        statement += [UInt8](repeating: 0, count: 33) + vector(sealed)
        return statement + vector(ring.prove(index, Domain.digest("cosignature", statement)))
    }
}
