// docs/protocol.md, section 5

import Sodium

/// Makes membership proofs. Constant-time in x, the index and the randomness: positions and loop bounds depend on the
/// ring's size alone, every value goes through libsodium's constant-time scalar operations, and no result is branched
/// on.
public enum Prover {
    /// - Throws: `MembershipError.keyNotInRing`.
    public static func prove(
        _ secret: borrowing ProverSecret, ring: Ring, scope: Scope, message: Bytes32
    ) throws(MembershipError) -> (tag: LinkingTag, proof: Proof) {
        let statement = Statement(ring: ring, scope: scope, tag: secret.tag(in: scope), message: message)
        var session = ProverSession(statement, index: try index(of: secret.publicKey, in: ring), secret)
        return (statement.tag, session.run(secret))
    }

    /// The index, without stopping early at the one that fits.
    private static func index(of key: Element, in ring: Ring) throws(MembershipError) -> UInt32 {
        let wanted = key.encoding.bytes
        var index: UInt32 = 0
        var found: UInt32 = 0
        for (k, candidate) in ring.keys.enumerated() {
            var difference: UInt8 = 0
            for (a, b) in zip(candidate.encoding.bytes, wanted) { difference |= a ^ b }
            let mask = UInt32(bitPattern: Int32(bitPattern: (UInt32(difference) &- 1)) >> 31)
            index |= mask & UInt32(truncatingIfNeeded: k)
            found |= mask
        }
        guard found != 0 else { throw .keyNotInRing }
        return index
    }
}

/// The secrets of one proof, in one row of guarded memory that is wiped when the proof is made.
private struct ProverSession: ~Copyable {
    private let statement: Statement
    private let m: Int
    private var row: SecretScalars
    private let places: Places

    /// Where in the row each secret of the proof stands.
    private struct Places {
        let m: Int
        var zero: Int { 0 }
        var rA: Int { 1 }
        var rB: Int { 2 }
        func p(_ j: Int) -> Int { 3 + j }
        func a(_ j: Int, _ i: Int) -> Int { 3 + m + 4 * j + i }
        func s(_ j: Int, _ i: Int) -> Int { 3 + 5 * m + 4 * j + i }
        /// Room for intermediate values.
        func scratch(_ i: Int) -> Int { 3 + 9 * m + i }
        /// The coefficients c_{k,0...m} of the key in hand, twice, and of the surplus indices' sum.
        func c(_ e: Int) -> Int { 3 + 9 * m + 8 + e }
        func next(_ e: Int) -> Int { 3 + 9 * m + 8 + (m + 1) + e }
        func surplus(_ e: Int) -> Int { 3 + 9 * m + 8 + 2 * (m + 1) + e }
        var count: Int { 3 + 9 * m + 8 + 3 * (m + 1) }
    }

    init(_ statement: Statement, index: UInt32, _ secret: borrowing ProverSecret) {
        self.statement = statement
        m = statement.ring.digits
        places = Places(m: m)
        row = SecretScalars(count: places.count)
        var nonces = HedgedNonces(
            secret: secret,
            statement: statement.ring.digest.bytes + statement.scope.id.bytes + statement.message.bytes)
        nonces.draw(into: &row, places.rA)
        nonces.draw(into: &row, places.rB)
        for j in 0..<m {
            nonces.draw(into: &row, places.p(j))
            for i in 1..<4 {
                nonces.draw(into: &row, places.a(j, i))
                row.subtract(places.a(j, 0), places.a(j, 0), places.a(j, i))
            }
            let digit = index >> UInt32(2 * j) & 3
            for i in 0..<4 { row.setEqual(places.s(j, i), digit, UInt32(i)) }
        }
    }

    mutating func run(_ secret: borrowing ProverSecret) -> Proof {
        let A = commitA()
        let B = commitB()
        let (X, Y) = commitRing()
        return respond(secret, A, B, X, Y)
    }

    /// A = Com(a, -a^2, r_A).
    private mutating func commitA() -> Element {
        let generators = Generators.shared
        let square = places.scratch(0)
        var sum = row.multiply(generators.H, by: places.rA)
        for j in 0..<m {
            for i in 0..<4 {
                row.multiply(square, places.a(j, i), places.a(j, i))
                row.subtract(square, places.zero, square)
                sum = sum + row.multiply(generators.first[4 * j + i], by: places.a(j, i))
                sum = sum + row.multiply(generators.second[4 * j + i], by: square)
            }
        }
        return sum
    }

    /// B = Com(s, a(1-2s), r_B).
    private mutating func commitB() -> Element {
        let generators = Generators.shared
        let product = places.scratch(0)
        var sum = row.multiply(generators.H, by: places.rB)
        for j in 0..<m {
            for i in 0..<4 {
                // a(1 - 2s) = a - as - as
                row.multiply(product, places.a(j, i), places.s(j, i))
                row.add(product, product, product)
                row.subtract(product, places.a(j, i), product)
                sum = sum + row.multiply(generators.first[4 * j + i], by: places.s(j, i))
                sum = sum + row.multiply(generators.second[4 * j + i], by: product)
            }
        }
        return sum
    }

    /// X_j = sum_k c_{k,j} M_k + p_j G and Y_j = p_j U.
    private mutating func commitRing() -> (X: [Element], Y: [Element]) {
        let ring = statement.ring
        var X = (0..<m).map { row.multiplyGenerator(by: places.p($0)) }
        let Y = (0..<m).map { row.multiply(statement.scope.base, by: places.p($0)) }
        let last = ring.count - 1
        for k in 0..<ring.paddedCount {
            expand(k)
            if k < last {
                for j in 0..<m { X[j] = X[j] + row.multiply(ring.keys[k], by: places.c(j)) }
            } else {
                for j in 0..<m { row.add(places.surplus(j), places.surplus(j), places.c(j)) }
            }
        }
        for j in 0..<m { X[j] = X[j] + row.multiply(ring.keys[last], by: places.surplus(j)) }
        return (X, Y)
    }

    /// The coefficients of prod_j (s_{j,k_j} T + a_{j,k_j}) for the index k.
    private mutating func expand(_ k: Int) {
        row.set(places.c(0), .one)
        for j in 0..<m {
            let digit = k >> (2 * j) & 3
            let (s, a) = (places.s(j, digit), places.a(j, digit))
            for e in 0...j + 1 {
                row.set(places.next(e), .zero)
                if e <= j { row.multiply(places.next(e), places.c(e), a) }
                if e > 0 {
                    row.multiply(places.scratch(0), places.c(e - 1), s)
                    row.add(places.next(e), places.next(e), places.scratch(0))
                }
            }
            for e in 0...j + 1 { row.add(places.c(e), places.next(e), places.zero) }
        }
    }

    private mutating func respond(
        _ secret: borrowing ProverSecret, _ A: Element, _ B: Element, _ X: [Element], _ Y: [Element]
    ) -> Proof {
        let e = statement.challenge(A, B, X, Y)
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
