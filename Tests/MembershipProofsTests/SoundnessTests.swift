import Sodium
import TestSupport
import Testing

@testable import MembershipProofs

@Suite("Membership proofs reject every change")
struct SoundnessTests {
    private func ring(_ count: Int) throws -> (ring: Ring, secrets: [ProverBox]) {
        let secrets = (0..<count).map { _ in ProverBox() }
        return (try Ring(secrets.map { $0.secret.publicKey }), secrets)
    }

    final class ProverBox {
        let secret: ProverSecret
        init() { secret = .generate() }
    }

    @Test(
        "Every member of rings of many sizes proves, the padded last index included", arguments: [2, 3, 4, 5, 16, 17])
    func completeness(_ count: Int) throws {
        let (ring, secrets) = try ring(count)
        let scope = Scope(Random.bytes32())
        var tags: Set<LinkingTag> = []
        for box in secrets {
            let message = Random.bytes32()
            let (tag, proof) = try Prover.prove(box.secret, ring: ring, scope: scope, message: message)
            #expect(Verifier.verify(proof, of: Statement(ring: ring, scope: scope, tag: tag, message: message)))
            #expect(proof.encoding.count == Proof.length(for: ring))
            tags.insert(tag)
        }
        #expect(tags.count == count)
    }

    @Test("One key has one tag in a scope and another in another")
    func tags() throws {
        let box = ProverBox()
        let (a, b) = (Scope(Random.bytes32()), Scope(Random.bytes32()))
        #expect(box.secret.tag(in: a) == box.secret.tag(in: a))
        #expect(box.secret.tag(in: a) != box.secret.tag(in: b))
    }

    @Test("Flipping any bit of a proof makes it fail")
    func mutations() throws {
        let (ring, secrets) = try ring(5)
        let (scope, message) = (Scope(Random.bytes32()), Random.bytes32())
        let (tag, proof) = try Prover.prove(secrets[4].secret, ring: ring, scope: scope, message: message)
        let statement = Statement(ring: ring, scope: scope, tag: tag, message: message)
        #expect(Verifier.verify(proof, of: statement))
        for bytes in proof.encoding.flips() {
            let decoded = try? Proof(decoding: bytes, for: ring)
            #expect(decoded.map { Verifier.verify($0, of: statement) } != true)
        }
        #expect(throws: MembershipError.self) { try Proof(decoding: proof.encoding + [0], for: ring) }
        #expect(throws: MembershipError.self) { try Proof(decoding: proof.encoding.dropLast(), for: ring) }
        #expect(throws: MembershipError.self) { try Proof(decoding: [], for: ring) }
    }

    @Test("A proof shows nothing for another message, scope, tag, ring or order of the ring")
    func otherStatements() throws {
        let (ring, secrets) = try ring(6)
        let (scope, message) = (Scope(Random.bytes32()), Random.bytes32())
        let (tag, proof) = try Prover.prove(secrets[2].secret, ring: ring, scope: scope, message: message)
        let otherTag = secrets[3].secret.tag(in: scope)
        let shuffled = try Ring(Array(ring.keys.reversed()))
        let larger = try Ring(ring.keys + [ProverBox().secret.publicKey])
        let others = [
            Statement(ring: ring, scope: scope, tag: tag, message: Random.bytes32()),
            Statement(ring: ring, scope: Scope(Random.bytes32()), tag: tag, message: message),
            Statement(ring: ring, scope: scope, tag: otherTag, message: message),
            Statement(ring: shuffled, scope: scope, tag: tag, message: message),
            Statement(ring: larger, scope: scope, tag: tag, message: message),
        ]
        for other in others { #expect(!Verifier.verify(proof, of: other)) }
        let small = try Ring(Array(ring.keys.prefix(3)))
        #expect(!Verifier.verify(proof, of: Statement(ring: small, scope: scope, tag: tag, message: message)))
    }

    @Test("Who is not in the ring cannot prove")
    func outsider() throws {
        let (ring, _) = try ring(4)
        let stranger = ProverBox()
        #expect(throws: MembershipError.keyNotInRing) {
            try Prover.prove(stranger.secret, ring: ring, scope: Scope(.zero), message: .zero)
        }
    }

    @Test("Rings of one key, of the identity, or beyond 2^20 are refused")
    func ringSizes() {
        let key = Element.generator
        #expect(throws: MembershipError.ringSize(1)) { try Ring([key]) }
        #expect(throws: MembershipError.identityInRing) { try Ring([key, .identity]) }
        #expect(throws: MembershipError.ringSize((1 << 20) + 1)) {
            try Ring(Array(repeating: key, count: (1 << 20) + 1))
        }
    }

    @Test("Possession is bound to key and context")
    func possession() {
        let (box, other) = (ProverBox(), ProverBox())
        let context = Random.bytes32()
        let proof = Possession.prove(box.secret, context: context)
        #expect(Possession.verify(proof, of: box.secret.publicKey, context: context))
        #expect(!Possession.verify(proof, of: other.secret.publicKey, context: context))
        #expect(!Possession.verify(proof, of: box.secret.publicKey, context: Random.bytes32()))
        #expect(!Possession.verify(proof, of: .identity, context: context))
        for flipped in proof.flips() {
            #expect(!Possession.verify(flipped, of: box.secret.publicKey, context: context))
        }
        #expect(!Possession.verify(proof + [0], of: box.secret.publicKey, context: context))
    }

    @Test("A name's proof is bound to key, tag, petition and name")
    func names() {
        let (box, other) = (ProverBox(), ProverBox())
        let scope = Scope(Random.bytes32())
        let (tag, name) = (box.secret.tag(in: scope), Array("李伟".utf8))
        let proof = NameProof.prove(box.secret, scope: scope, name: name)
        let key = box.secret.publicKey
        #expect(NameProof.verify(proof, key: key, tag: tag, scope: scope, name: name))
        #expect(!NameProof.verify(proof, key: other.secret.publicKey, tag: tag, scope: scope, name: name))
        #expect(!NameProof.verify(proof, key: key, tag: other.secret.tag(in: scope), scope: scope, name: name))
        #expect(!NameProof.verify(proof, key: key, tag: tag, scope: Scope(Random.bytes32()), name: name))
        #expect(!NameProof.verify(proof, key: key, tag: tag, scope: scope, name: Array("李".utf8)))
        for flipped in proof.flips() {
            #expect(!NameProof.verify(flipped, key: key, tag: tag, scope: scope, name: name))
        }
    }
}
