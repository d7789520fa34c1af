import Ristretto
import Sodium
import TestSupport
import Testing

@testable import MembershipProofs

@Suite("Membership proofs give the known answers")
struct MembershipVectorTests {
    struct File: Decodable {
        struct Case: Decodable {
            struct Valid: Decodable {
                let ring: [HexBytes]
                let ring_digest: HexBytes
                let scope: HexBytes
                let scope_base: HexBytes
                let message: HexBytes
                let secret: HexBytes
                let index: Int
                let tag: HexBytes
                let proof: HexBytes
            }
            struct Invalid: Decodable {
                let why: String
                let ring: [HexBytes]?
                let scope: HexBytes?
                let message: HexBytes?
                let tag: HexBytes?
                let proof: HexBytes?
            }
            let valid: Valid
            let invalid: [Invalid]
        }
        let cases: [Case]
    }

    @Test("The generators, the last one included")
    func generators() throws {
        struct File: Decodable {
            struct Generator: Decodable {
                let j, i, t: Int
                let point: HexBytes
            }
            let generators: [Generator]
            let blinding_generator: HexBytes
        }
        let file = try Vectors.load("hashing", as: File.self)
        let shared = Generators.shared
        #expect(file.generators.count == 17 && file.generators.contains { $0.j == Generators.maximalDigits - 1 })
        #expect(ExtendedPoint(shared.H).encoding.bytes == file.blinding_generator.bytes)
        for known in file.generators {
            let list = known.t == 0 ? shared.first : shared.second
            #expect(ExtendedPoint(list[4 * known.j + known.i]).encoding.bytes == known.point.bytes, "\(known)")
        }
    }

    /// Decodes everything like outside input; any refusal is a rejection.
    private func verifies(ring: [HexBytes], scope: HexBytes, message: HexBytes, tag: HexBytes, proof: HexBytes) -> Bool
    {
        guard let keys = try? ring.map({ try Element(decodingNonIdentity: $0.bytes32) }), let ring = try? Ring(keys),
            let tag = Bytes32(tag.bytes).flatMap({ try? LinkingTag(decoding: $0) }),
            let proof = try? Proof(decoding: proof.bytes, for: ring)
        else { return false }
        let statement = Statement(ring: ring, scope: Scope(scope.bytes32), tag: tag, message: message.bytes32)
        let verdict = Verifier.verify(proof, of: statement)
        #expect(ReferenceVerifier.verify(proof, of: statement) == verdict)
        return verdict
    }

    @Test("Every valid proof is accepted, every invalid one rejected")
    func proofs() throws {
        let file: File = try Vectors.load("membership")
        for c in file.cases {
            let v = c.valid
            let ring = try Ring(v.ring.map { try Element(decodingNonIdentity: $0.bytes32) })
            #expect(ring.digest.bytes == v.ring_digest.bytes)
            let scope = Scope(v.scope.bytes32)
            #expect(scope.base.encoding.bytes == v.scope_base.bytes)
            let secret = try unwrap(ProverSecret(stored: v.secret.secret))
            #expect(secret.tag(in: scope).encoding.bytes == v.tag.bytes)
            #expect(ring.keys[v.index] == secret.publicKey)
            #expect(verifies(ring: v.ring, scope: v.scope, message: v.message, tag: v.tag, proof: v.proof))
            #expect(!c.invalid.isEmpty)
            for i in c.invalid {
                #expect(
                    !verifies(
                        ring: i.ring ?? v.ring, scope: i.scope ?? v.scope, message: i.message ?? v.message,
                        tag: i.tag ?? v.tag, proof: i.proof ?? v.proof), "\(ring.count) keys: \(i.why)")
            }
        }
    }

    @Test("Our own proofs are accepted for the rings of the vectors", arguments: 0..<8)
    func proving(_ n: Int) throws {
        let file: File = try Vectors.load("membership")
        let v = file.cases[n].valid
        let ring = try Ring(v.ring.map { try Element(decodingNonIdentity: $0.bytes32) })
        let secret = try unwrap(ProverSecret(stored: v.secret.secret))
        let scope = Scope(v.scope.bytes32)
        let (tag, proof) = try Prover.prove(secret, ring: ring, scope: scope, message: v.message.bytes32)
        #expect(tag.encoding.bytes == v.tag.bytes)
        #expect(proof.encoding != v.proof.bytes)
        let decoded = try Proof(decoding: proof.encoding, for: ring)
        #expect(
            Verifier.verify(decoded, of: Statement(ring: ring, scope: scope, tag: tag, message: v.message.bytes32)))
    }
}
