// docs/protocol.md, section 5

import Ristretto
import Sodium

/// Makes membership proofs. Constant-time in x, the index and the randomness: positions and loop bounds depend only on
/// the ring's size, scalars go through `SecretScalars`, and points through `SecretSums`. Branches depend on public
/// facts only: whether the key is in the ring, and the encodings of A, B, X and Y, which the proof carries and
/// libsodium decodes once more.
public enum Prover {
    /// Makes the tag of a scope, and a proof for a message.
    /// - Throws: `MembershipError.keyNotInRing`.
    public static func prove(
        _ secret: borrowing ProverSecret, ring: Ring, scope: Scope, message: Bytes32,
        by arithmetic: Arithmetic = .fastest
    ) throws(MembershipError) -> (tag: LinkingTag, proof: Proof) {
        let statement = Statement(ring: ring, scope: scope, tag: secret.tag(in: scope), message: message)
        guard let index = ring.index(of: secret.publicKey) else { throw .keyNotInRing }
        var session = ProverSession(statement, index: index, secret, by: arithmetic)
        // Wipes what was on the stack, outside of guarded memory.
        defer { Stack.wipeAfterProver() }
        return (statement.tag, session.run(secret))
    }
}

/// The secrets of one proof, in one row of guarded memory, which is wiped when the proof has been made.
private struct ProverSession: ~Copyable {
    private let statement: Statement
    private let arithmetic: Arithmetic
    private let m: Int
    private var row: SecretScalars
    private let places: Places

    /// Where each secret of the proof is in the row. The row starts as zeros, and three things rely on that: `zero`,
    /// which is never written; a(j, 0), from which the other a of its digit are subtracted; and `surplus`, to which
    /// values are added. Everything else is written before it is read.
    private struct Places {
        let m: Int
        /// The number of low digits whose indices are expanded together; `block` is the number of these indices.
        let blockDigits: Int
        var block: Int { 1 << (2 * blockDigits) }
        /// Where the coefficients of each level start; the last entry is where the row ends.
        private let levels: [Int]
        let count: Int

        init(m: Int) {
            let blockDigits = min(m, 3)
            (self.m, self.blockDigits) = (m, blockDigits)
            // These follow the last of `surplus`: the highest level first, each level four times as long as the one
            // above it.
            var next = 9 + 18 * m
            var levels = [Int](repeating: 0, count: blockDigits + 1)
            for level in (0...blockDigits).reversed() {
                levels[level] = next
                next += m << (2 * (blockDigits - level))
            }
            (self.levels, count) = (levels, next)
            precondition(levels[blockDigits] == surplus(m))
        }

        var zero: Int { 0 }
        var rA: Int { 1 }
        var rB: Int { 2 }
        func p(_ j: Int) -> Int { 3 + j }
        func a(_ j: Int, _ i: Int) -> Int { 3 + m + 4 * j + i }
        func s(_ j: Int, _ i: Int) -> Int { 3 + 5 * m + 4 * j + i }
        /// Room for intermediate values.
        func scratch(_ i: Int) -> Int { 3 + 9 * m + i }
        /// -a^2 and a(1-2s), for the commitments.
        func square(_ i: Int) -> Int { scratch(6) + i }
        func product(_ i: Int) -> Int { square(4 * m) + i }
        /// The coefficients of the sum over the surplus indices.
        func surplus(_ power: Int) -> Int { product(4 * m) + power }
        /// The coefficients of a block's indices while the digits below `level` are still to be multiplied in; those of
        /// level 0 are c_{k,0...m-1}.
        func c(_ level: Int, _ k: Int, _ power: Int) -> Int { levels[level] + m * k + power }
        /// The highest power of T that is kept at a level. Its polynomials are products over m - level digits, and only
        /// the signer's own index has a coefficient of T^m. The places of higher powers contain nothing meaningful.
        func degree(_ level: Int) -> Int { min(m - level, m - 1) }
    }

    init(_ statement: Statement, index: UInt32, _ secret: borrowing ProverSecret, by arithmetic: Arithmetic) {
        self.statement = statement
        self.arithmetic = arithmetic
        m = statement.ring.digits
        places = Places(m: m)
        row = SecretScalars(count: places.count)
        var nonces = HedgedNonces(
            .membership, secret: secret,
            statement: statement.ring.digest.bytes + statement.scope.id.bytes + statement.message.bytes)
        nonces.draw(into: &row, places.rA)
        nonces.draw(into: &row, places.rB)
        for j in 0..<m {
            nonces.draw(into: &row, places.p(j))
            // a_{j,0} = 0 - a_{j,1} - a_{j,2} - a_{j,3}
            for i in 1..<4 {
                nonces.draw(into: &row, places.a(j, i))
                row.subtract(places.a(j, 0), places.a(j, 0), places.a(j, i))
            }
            let digit = index >> UInt32(2 * j) & 3
            for i in 0..<4 { row.setEqual(places.s(j, i), digit, UInt32(i)) }
        }
    }

    mutating func run(_ secret: borrowing ProverSecret) -> Proof {
        let (A, B) = commitDigits()
        let Y = commitNonces()
        let X = commitRing()
        return respond(secret, A, B, X, Y)
    }

    /// A = Com(a, -a^2, r_A) and B = Com(s, a(1-2s), r_B).
    private mutating func commitDigits() -> (A: Element, B: Element) {
        for i in 0..<4 * m {
            let (a, s, square, product) = (places.a(0, i), places.s(0, i), places.square(i), places.product(i))
            row.multiply(square, a, a)
            row.subtract(square, places.zero, square)
            // a(1 - 2s) = a - as - as
            row.multiply(product, a, s)
            row.add(product, product, product)
            row.subtract(product, a, product)
        }
        // In the order of `Generators.ofCommitment`.
        let A = [places.rA] + (0..<4 * m).map { places.a(0, $0) } + (0..<4 * m).map(places.square)
        let B = [places.rB] + (0..<4 * m).map { places.s(0, $0) } + (0..<4 * m).map(places.product)
        let commitments = [A, B]
        let generators = Generators.shared.ofCommitment(digits: m)
        var sums = SecretSums(rows: 2, by: arithmetic)
        for first in stride(from: 0, to: generators.count, by: 8) {
            let eight = generators[first..<min(first + 8, generators.count)]
            sums.add(eight, row, at: { commitment, point in commitments[commitment][first + point] })
        }
        let result = sums.finish()
        return (result[0], result[1])
    }

    /// Y_j = p_j U.
    private borrowing func commitNonces() -> [Element] {
        var sums = SecretSums(rows: m, by: arithmetic)
        sums.add([AffinePoint(statement.scope.base)], row, at: { j, _ in places.p(j) })
        return sums.finish()
    }

    /// X_j = sum_k c_{k,j} M_k + p_j G.
    private mutating func commitRing() -> [Element] {
        let (points, places) = (statement.ring.points(by: arithmetic), places)
        let last = points.count - 1
        var sums = SecretSums(rows: m, by: arithmetic)
        for first in stride(from: 0, to: statement.ring.paddedCount, by: places.block) {
            expandHighDigits(of: first)
            guard first <= last else {
                addSurplusBlock()
                continue
            }
            expandBlock()
            let here = min(places.block, last - first)
            for k in stride(from: 0, to: here, by: 8) {
                let keys = points[first + k..<first + min(k + 8, here)]
                sums.add(keys, row, at: { j, key in places.c(0, k + key, j) })
            }
            for k in here..<places.block {
                for j in 0..<m { row.add(places.surplus(j), places.surplus(j), places.c(0, k, j)) }
            }
        }
        // The last key, under the coefficients of the surplus indices and its own, and G under p_j.
        sums.add(
            [points[last], Generators.shared.G], row,
            at: { j, point in point == 0 ? places.surplus(j) : places.p(j) })
        return sums.finish()
    }

    /// prod_j (s_{j,k_j} T + a_{j,k_j}) over the high digits, which all indices of the block at `blockStart` share. The
    /// block's place in the ring is public. Coefficients from T^m on are not kept: only the signer's own index has one.
    private mutating func expandHighDigits(of blockStart: Int) {
        let top = places.blockDigits
        for power in 0..<m { row.set(places.c(top, 0, power), power == 0 ? .one : .zero) }
        for j in top..<m {
            let digit = blockStart >> (2 * j) & 3
            for power in (0..<min(j - top + 2, m)).reversed() {
                let lower = power == 0 ? nil : places.c(top, 0, power - 1)
                multiply(into: places.scratch(0), places.c(top, 0, power), lower, j, digit)
                row.move(places.c(top, 0, power), places.scratch(0))
            }
        }
    }

    /// Multiplies in the digits of a block, from the highest to the lowest, for every value of each.
    private mutating func expandBlock() {
        for j in (0..<places.blockDigits).reversed() {
            for k in 0..<1 << (2 * (places.blockDigits - 1 - j)) {
                for digit in 0..<4 {
                    for power in 0...places.degree(j) {
                        let same = power > places.degree(j + 1) ? nil : places.c(j + 1, k, power)
                        let lower = power == 0 ? nil : places.c(j + 1, k, power - 1)
                        multiply(into: places.c(j, 4 * k + digit, power), same, lower, j, digit)
                    }
                }
            }
        }
    }

    /// out = same a_{j,i} + lower s_{j,i}: one coefficient of a product with s_{j,i} T + a_{j,i}. Nil means zero.
    private mutating func multiply(into out: Int, _ same: Int?, _ lower: Int?, _ j: Int, _ i: Int) {
        if let same { row.multiply(out, same, places.a(j, i)) } else { row.move(out, places.zero) }
        if let lower { row.add(out, lower, when: places.s(j, i), scratch: places.scratch(1)) }
    }

    /// Handles a block of which every index is surplus. Over all values of a digit, the s add up to 1 and the a to 0,
    /// so the block's sum is the product over the digits above it, times T for each of its digits.
    private mutating func addSurplusBlock() {
        let top = places.blockDigits
        for power in top..<max(top, m) {
            row.add(places.surplus(power), places.surplus(power), places.c(top, 0, power - top))
        }
    }

    private mutating func respond(
        _ secret: borrowing ProverSecret, _ A: Element, _ B: Element, _ X: [Element], _ Y: [Element]
    ) -> Proof {
        let e = statement.challenge(([A, B] + X + Y).map { $0.encoding })
        let (challenge, value, power) = (places.scratch(0), places.scratch(1), places.scratch(2))
        row.set(challenge, e)
        // f_{j,i} = s_{j,i} e + a_{j,i}
        var f: [Scalar] = []
        for j in 0..<m {
            for i in 1..<4 {
                row.multiply(value, places.s(j, i), challenge)
                row.add(value, value, places.a(j, i))
                f.append(row.reveal(value))
            }
        }
        // z_A = r_A + e r_B
        row.multiply(value, challenge, places.rB)
        row.add(value, places.rA, value)
        let zA = row.reveal(value)
        // z = x e^m - sum_j p_j e^j
        let (z, term) = (places.scratch(3), places.scratch(4))
        row.set(z, .zero)
        row.set(power, .one)
        for j in 0..<m {
            row.multiply(term, places.p(j), power)
            row.subtract(z, z, term)
            row.multiply(power, power, challenge)
        }
        row.copy(term, from: secret.x, 0)
        row.multiply(term, term, power)
        row.add(z, z, term)
        return Proof(A: A, B: B, X: X, Y: Y, f: f, zA: zA, z: row.reveal(z))
    }
}
