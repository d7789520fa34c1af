import Ristretto
import Sodium
import TestSupport
import Testing

@testable import MembershipProofs

@Suite("A batch gives the verdicts of verifying one by one")
struct BatchTests {
    /// A ring of invented people, some of whom can prove.
    struct Crowd {
        let ring: Ring
        let scope = Scope(Random.bytes32())
        let signers: [Signer]

        final class Signer: Sendable {
            let secret = ProverSecret.generate()
        }

        init(_ count: Int, signers places: [Int]) throws {
            let signers = places.map { _ in Signer() }
            var keys = (0..<count).map { _ in Element.generator(times: .random()) }
            for (place, signer) in zip(places, signers) { keys[place] = signer.secret.publicKey }
            (ring, self.signers) = (try Ring(keys), signers)
        }

        func claim(_ i: Int, by arithmetic: Arithmetic = .fastest) throws -> Claim {
            let message = Random.bytes32()
            let (tag, proof) = try Prover.prove(
                signers[i % signers.count].secret, ring: ring, scope: scope, message: message, by: arithmetic)
            return Claim(tag: tag, message: message, proof: proof)
        }

        func reference(_ claim: Claim) -> Bool {
            ReferenceVerifier.verify(
                claim.proof, of: Statement(ring: ring, scope: scope, tag: claim.tag, message: claim.message))
        }
    }

    /// Every way in which one part of a claim can be another claim's, or nobody's.
    static func spoiled(_ claim: Claim, other: Claim, ring: Ring) throws -> [Claim] {
        var claims = [
            Claim(tag: claim.tag, message: Random.bytes32(), proof: claim.proof),
            Claim(tag: other.tag, message: claim.message, proof: claim.proof),
        ]
        let length = claim.proof.encoding.count / 32
        for place in 0..<length {
            var bytes = claim.proof.encoding
            bytes.replaceSubrange(
                32 * place..<32 * place + 32, with: other.proof.encoding[32 * place..<32 * place + 32])
            claims.append(Claim(tag: claim.tag, message: claim.message, proof: try Proof(decoding: bytes, for: ring)))
        }
        for place in 0..<claim.proof.elements.count {
            var bytes = claim.proof.encoding
            bytes[32 * place + 31] |= 0x80
            claims.append(Claim(tag: claim.tag, message: claim.message, proof: try Proof(decoding: bytes, for: ring)))
            bytes.replaceSubrange(
                32 * place..<32 * place + 32, with: GroupEncodings.bad[place % GroupEncodings.bad.count].bytes)
            claims.append(Claim(tag: claim.tag, message: claim.message, proof: try Proof(decoding: bytes, for: ring)))
            bytes.replaceSubrange(32 * place..<32 * place + 32, with: [UInt8](repeating: 0, count: 32))
            claims.append(Claim(tag: claim.tag, message: claim.message, proof: try Proof(decoding: bytes, for: ring)))
        }
        return claims
    }

    @Test("None, one, two, half and all of a batch bad", arguments: Arithmetic.available, [0, 1, 2, 8, 16])
    func shares(_ arithmetic: Arithmetic, _ bad: Int) throws {
        let crowd = try Crowd(17, signers: [0, 5, 16])
        let claims = try (0..<16).map { i in
            let claim = try crowd.claim(i)
            return i % (16 / max(bad, 1)) == 0 && i < bad * (16 / max(bad, 1))
                ? Claim(tag: claim.tag, message: Random.bytes32(), proof: claim.proof) : claim
        }
        let expected = claims.map(crowd.reference)
        #expect(expected.count(where: { !$0 }) == bad)
        for cores in [false, true] {
            let verifier = Verifier(ring: crowd.ring, scope: crowd.scope, by: arithmetic, onAllCores: cores)
            #expect(verifier.verify(claims) == expected)
            #expect(verifier.verify([]) == [])
        }
    }

    @Test("Every part of a proof that is spoiled is found among good ones", arguments: Arithmetic.available)
    func everyPart(_ arithmetic: Arithmetic) throws {
        let crowd = try Crowd(5, signers: [1, 4])
        let (claim, other) = (try crowd.claim(0), try crowd.claim(1))
        var claims: [Claim] = []
        for bad in try Self.spoiled(claim, other: other, ring: crowd.ring) { claims += [bad, claim] }
        let verifier = Verifier(ring: crowd.ring, scope: crowd.scope, by: arithmetic)
        #expect(verifier.verify(claims) == claims.indices.map { $0 % 2 == 1 })
        for (i, claim) in claims.enumerated() where i % 2 == 0 { #expect(!crowd.reference(claim)) }
    }

    @Test("A proof that was decoded for a ring of another size shows nothing, and harms no other")
    func otherRing() throws {
        let (crowd, larger) = (try Crowd(4, signers: [2]), try Crowd(17, signers: [3]))
        let claims = [try crowd.claim(0), try larger.claim(0), try crowd.claim(1)]
        #expect(Verifier(ring: crowd.ring, scope: crowd.scope).verify(claims) == [true, false, true])
    }

    @Test("A proof of which one equation alone fails is found, whichever it is", arguments: Arithmetic.available)
    func oneEquation(_ arithmetic: Arithmetic) throws {
        let x = Scalar.random()
        let keys = (0..<17).map { $0 == 9 ? Element.generator(times: x) : .generator(times: .random()) }
        let prover = DishonestProver(ring: try Ring(keys), scope: Scope(Random.bytes32()), index: 9, x: x)
        let verifier = Verifier(ring: prover.ring, scope: prover.scope, by: arithmetic)
        func claims(_ shifts: [DishonestProver.Shift]) throws -> [Claim] { try shifts.map { try prover.claim($0) } }
        #expect(verifier.verify(try claims([.nothing, .commitment, .ring, .tag])) == [true, false, false, false])
        for shift in [DishonestProver.Shift.commitment, .ring, .tag] {
            #expect(verifier.verify(try claims([shift])) == [false])
            #expect(verifier.verify(try claims([.nothing, .nothing, shift])) == [true, true, false])
            #expect(verifier.verify(try claims([shift, .nothing, shift, .nothing])) == [false, true, false, true])
            #expect(verifier.verify(try claims([shift, shift])) == [false, false])
            // Errors that would cancel under equal weights.
            let cancelling = [try prover.claim(shift, by: .one), try prover.claim(shift, by: -.one)]
            #expect(verifier.verify(cancelling) == [false, false])
        }
    }

    @Test("Verdicts stay the same when a ring has been used often enough for a table", arguments: Arithmetic.available)
    func usedAgain(_ arithmetic: Arithmetic) throws {
        let crowd = try Crowd(70, signers: [0, 69])
        let (good, other) = (try crowd.claim(0), try crowd.claim(1))
        let bad = Claim(tag: good.tag, message: other.message, proof: good.proof)
        let verifier = Verifier(ring: crowd.ring, scope: crowd.scope, by: arithmetic)
        for _ in 0..<20 {
            #expect(verifier.verify([good, other]) == [true, true])
            #expect(verifier.verify([bad, other]) == [false, true])
        }
        // The table belongs to the ring, whatever the scope.
        #expect(Verifier(ring: crowd.ring, scope: Scope(Random.bytes32()), by: arithmetic).verify([good]) == [false])
    }

    @Test("Two errors that cancel under equal weights do not pass")
    func cancelling() throws {
        let crowd = try Crowd(5, signers: [0, 1])
        let (a, b) = (try crowd.claim(0), try crowd.claim(1))
        // z + 1 in one and z - 1 in the other: equations (2) and (3) are off by opposite amounts.
        func shifted(_ claim: Claim, by scalar: Scalar) throws -> Claim {
            let z = claim.proof.z + scalar
            let bytes = claim.proof.encoding.dropLast(32) + z.encoding.bytes
            return Claim(
                tag: claim.tag, message: claim.message, proof: try Proof(decoding: Array(bytes), for: crowd.ring))
        }
        let verifier = Verifier(ring: crowd.ring, scope: crowd.scope)
        #expect(verifier.verify([try shifted(a, by: .one), try shifted(b, by: -.one)]) == [false, false])
    }

    @Test(
        "Rings whose last rows are surplus, and every arithmetic's proofs, hold by every arithmetic",
        arguments: Arithmetic.available, [2, 5, 16, 17, 65, 70])
    func sizes(_ arithmetic: Arithmetic, _ count: Int) throws {
        let crowd = try Crowd(count, signers: count == 2 ? [0, 1] : [0, count / 2, count - 1])
        let claims = try (0..<3).map { try crowd.claim($0, by: arithmetic) }
        #expect(Set(claims.map(\.tag)).count == min(count, 3))
        for other in Arithmetic.available {
            #expect(Verifier(ring: crowd.ring, scope: crowd.scope, by: other).verify(claims) == [true, true, true])
        }
        #expect(crowd.reference(claims[2]))
    }

    @Test("Sums under secret scalars are the sums under the same public scalars", arguments: Arithmetic.available)
    func secretSums(_ arithmetic: Arithmetic) {
        let elements = (0..<5).map { _ in Element.generator(times: .random()) } + [.identity, .generator]
        let scalars: [[Scalar]] = [
            (0..<7).map { _ in .random() }, Array(repeating: .zero, count: 7), Array(repeating: -.one, count: 7),
            [Scalar(8), Scalar(7), Scalar(0x88), Scalar(0x77), Scalar(0x80), .one, Scalar(0xf8)],
        ]
        var row = SecretScalars(count: 28)
        for (i, scalar) in scalars.joined().enumerated() { row.set(i, scalar) }
        var sums = SecretSums(rows: 4, by: arithmetic)
        let points = elements.map { AffinePoint($0) }
        sums.add(points[..<7], row) { 7 * $0 + $1 }
        sums.add(points[6...], row) { r, _ in 7 * r }
        let expected = scalars.map { row in
            zip(elements, row).reduce(row[0] * elements[6]) { $0 + $1.1 * $1.0 }
        }
        #expect(sums.finish() == expected)
    }
}
