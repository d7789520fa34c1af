// docs/protocol.md, section 5

import Sodium

/// Verification of membership proofs, on public data alone. Equations are numbered as in the specification:
///
///     (1) A + eB = Com(f, f(e-f), z_A)
///     (2) sum_k (prod_j f_{j,k_j}) M_k - sum_j e^j X_j = zG
///     (3) e^m tag - sum_j e^j Y_j = zU
public enum Verifier {
    /// Whether the proof shows the statement.
    public static func verify(_ proof: Proof, of statement: Statement) -> Bool {
        let m = statement.ring.digits
        // A proof is decoded for a ring; one that was decoded for a ring of another size proves nothing here.
        guard proof.X.count == m, proof.Y.count == m, proof.f.count == 3 * m else { return false }
        let e = statement.challenge(proof.A, proof.B, proof.X, proof.Y)
        guard e != .zero else { return false }
        let f = rows(of: proof, e)
        let powers = Verifier.powers(of: e, upTo: m)
        return commitmentHolds(proof, f, e) && tagHolds(proof, statement, powers)
            && ringHolds(proof, statement, f, powers)
    }

    /// The verdict on each, in order. Equal to `verify` one by one.
    public static func verify(_ batch: [(proof: Proof, statement: Statement)]) -> [Bool] {
        batch.map { verify($0.proof, of: $0.statement) }
    }

    /// f_{j,i} for all i in 0...3, at 4j + i, with f_{j,0} = e - f_{j,1} - f_{j,2} - f_{j,3}.
    private static func rows(of proof: Proof, _ e: Scalar) -> [Scalar] {
        (0..<proof.X.count).flatMap { j in
            let row = Array(proof.f[3 * j..<3 * j + 3])
            return [e - row[0] - row[1] - row[2]] + row
        }
    }

    /// 1, e, ..., e^m.
    private static func powers(of e: Scalar, upTo m: Int) -> [Scalar] {
        var powers = [Scalar.one]
        for j in 0..<m { powers.append(powers[j] * e) }
        return powers
    }

    private static func commitmentHolds(_ proof: Proof, _ f: [Scalar], _ e: Scalar) -> Bool {
        let generators = Generators.shared
        var commitment = proof.zA * generators.H
        for (i, value) in f.enumerated() {
            commitment = commitment + value * generators.first[i] + value * (e - value) * generators.second[i]
        }
        return proof.A + e * proof.B == commitment
    }

    private static func tagHolds(_ proof: Proof, _ statement: Statement, _ powers: [Scalar]) -> Bool {
        var left = powers[proof.Y.count] * statement.tag.element
        for (j, y) in proof.Y.enumerated() { left = left - powers[j] * y }
        return left == proof.z * statement.scope.base
    }

    private static func ringHolds(
        _ proof: Proof, _ statement: Statement, _ f: [Scalar], _ powers: [Scalar]
    ) -> Bool {
        var left = Element.identity
        for (key, coefficient) in zip(statement.ring.keys, coefficients(f, statement.ring)) {
            left = left + coefficient * key
        }
        for (j, x) in proof.X.enumerated() { left = left - powers[j] * x }
        return left == Element.generator(times: proof.z)
    }

    /// prod_j f_{j,k_j} for each ring key; what falls to the surplus indices is added to the last key's.
    static func coefficients(_ f: [Scalar], _ ring: Ring) -> [Scalar] {
        // The tensor product of the rows, the least significant digit innermost.
        var products = [Scalar.one]
        for j in (0..<ring.digits).reversed() {
            products = products.flatMap { product in (0..<4).map { i in product * f[4 * j + i] } }
        }
        let surplus = products[(ring.count - 1)...].reduce(.zero, +)
        return Array(products[..<(ring.count - 1)]) + [surplus]
    }
}
