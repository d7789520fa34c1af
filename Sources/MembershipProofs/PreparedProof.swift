// docs/protocol.md, section 5

import Ristretto
import Sodium

/// A proof with its points decoded and its challenge computed, ready to take part in sums.
struct PreparedProof: Sendable {
    /// A, B, X_0..X_{m-1}, Y_0..Y_{m-1}, tag.
    let points: [AffinePoint]
    /// 1, e, ..., e^m.
    let powers: [PublicScalar]
    /// f_{j,i} for all i in 0...3, at 4j + i, with f_{j,0} = e - f_{j,1} - f_{j,2} - f_{j,3}.
    let f: [PublicScalar]
    let zA: PublicScalar
    let z: PublicScalar

    /// Nil if e = 0.
    init?(_ claim: Claim, _ points: [AffinePoint], ring: Ring, scope: Scope) {
        let statement = Statement(ring: ring, scope: scope, tag: claim.tag, message: claim.message)
        let challenge = statement.challenge(claim.proof.elements)
        guard challenge != .zero else { return nil }
        let (m, e) = (ring.digits, PublicScalar(challenge))
        self.points = points
        var powers = [PublicScalar.one]
        for j in 0..<m { powers.append(powers[j] * e) }
        self.powers = powers
        var f: [PublicScalar] = []
        f.reserveCapacity(4 * m)
        for j in 0..<m {
            let row = claim.proof.scalars[3 * j..<3 * j + 3].map { PublicScalar($0) }
            f += [e - row[0] - row[1] - row[2]] + row
        }
        self.f = f
        (zA, z) = (PublicScalar(claim.proof.zA), PublicScalar(claim.proof.z))
    }

    /// prod f_{j,d_j} over the digits in `digits` of an index, for every value of those digits, with the least
    /// significant digit innermost; every product is multiplied by `weight`.
    func tensor(_ digits: Range<Int>, times weight: PublicScalar) -> [PublicScalar] {
        var products = [weight]
        for j in digits.reversed() {
            var longer: [PublicScalar] = []
            longer.reserveCapacity(4 * products.count)
            for product in products { for i in 0..<4 { longer.append(product * f[4 * j + i]) } }
            products = longer
        }
        return products
    }
}

/// Arranges the indices 0..4^m - 1 of a ring as a matrix: the low digits of an index are its column, the high ones its
/// row. A surplus index lies beyond the ring's last key, and stands for that key. Rows in which every index is surplus
/// are left out.
struct RingShape: Sendable {
    let m: Int
    let lowDigits: Int
    let columns: Int
    /// Rows that contain an index below the ring's count.
    let rows: Int
    let count: Int

    init(_ ring: Ring) {
        m = ring.digits
        lowDigits = (m + 1) / 2
        columns = 1 << (2 * lowDigits)
        count = ring.count
        rows = (count + columns - 1) / columns
    }

    /// The coefficient of each key; those of surplus indices are added to the last key's.
    func coefficients(_ sum: PartialSum, onAllCores cores: Bool) -> [Multiscalar.Words] {
        let coefficients = Cores.map(Array(0..<count - 1)[...], strip: 1024, onAll: cores) { k in
            sum.tensors.entry(k / columns, k % columns)
        }
        var last = sum.surplus
        for k in count - 1..<rows * columns { last += PublicScalar(words: sum.tensors.entry(k / columns, k % columns)) }
        return coefficients + [last.words]
    }
}

/// The weighted sum of some proofs' equations, except for the proofs' own points.
struct PartialSum: Sendable {
    private let shape: RingShape
    /// The scalars of G, U, H, H_{j,i} and K_{j,i}.
    private(set) var fixed: [PublicScalar]
    /// The ring's coefficients in the rows that are laid out.
    private(set) var tensors: TensorSum
    /// The coefficients in the rows that are left out.
    private(set) var surplus = PublicScalar.zero

    init(_ shape: RingShape, by arithmetic: Arithmetic) {
        self.shape = shape
        fixed = Array(repeating: .zero, count: 3 + 8 * shape.m)
        tensors = TensorSum(rows: shape.rows, columns: shape.columns, by: arithmetic)
    }

    mutating func add(_ other: PartialSum) {
        for i in fixed.indices { fixed[i] += other.fixed[i] }
        tensors.add(other.tensors)
        surplus += other.surplus
    }

    /// Adds the equations of some proofs, each under a fresh weight of 128 bits. Passes the scalars of the proofs' own
    /// points to `store`, in the order of the points.
    mutating func add(_ proofs: ArraySlice<PreparedProof>, _ store: (Int, Multiscalar.Words) -> Void) {
        let m = shape.m
        var (left, right): ([PublicScalar], [PublicScalar]) = ([], [])
        left.reserveCapacity(proofs.count * shape.rows)
        right.reserveCapacity(proofs.count * shape.columns)
        var place = 0
        for proof in proofs {
            let (w1, w2, w3) = (PublicScalar.randomWeight(), PublicScalar.randomWeight(), PublicScalar.randomWeight())
            let e = proof.powers[1]
            func own(_ scalar: PublicScalar) {
                store(place, scalar.words)
                place += 1
            }
            // (1) w1 (A + eB - z_A H - sum f H_{j,i} - sum f(e-f) K_{j,i})
            own(w1)
            own(w1 * e)
            fixed[2] -= w1 * proof.zA
            for (i, f) in proof.f.enumerated() {
                let weighted = w1 * f
                fixed[3 + i] -= weighted
                fixed[3 + 4 * m + i] -= weighted * (e - f)
            }
            // (2) w2 (sum_k (prod_j f_{j,k_j}) M_k - sum_j e^j X_j - zG)
            for j in 0..<m { own(-(w2 * proof.powers[j])) }
            fixed[0] -= w2 * proof.z
            addTensors(of: proof, w2, &left, &right)
            // (3) w3 (e^m tag - sum_j e^j Y_j - zU)
            for j in 0..<m { own(-(w3 * proof.powers[j])) }
            own(w3 * proof.powers[m])
            fixed[1] -= w3 * proof.z
        }
        tensors.add(proofs.count, left: left, right: right)
    }

    /// w2 prod_j f_{j,k_j} for every k, as two vectors whose tensor product it is.
    private mutating func addTensors(
        of proof: PreparedProof, _ w2: PublicScalar, _ left: inout [PublicScalar], _ right: inout [PublicScalar]
    ) {
        let high = proof.tensor(shape.lowDigits..<shape.m, times: w2)
        left += high[..<shape.rows]
        right += proof.tensor(0..<shape.lowDigits, times: .one)
        // The columns of each row add up to e^lowDigits, because the f of each digit add up to e.
        if shape.rows < high.count {
            surplus += high[shape.rows...].reduce(.zero, +) * proof.powers[shape.lowDigits]
        }
    }
}
