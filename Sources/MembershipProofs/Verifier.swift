// docs/protocol.md, section 5

import Ristretto
import Sodium

/// A claim for one ring and scope: that the proof shows that the tag's holder is in the ring and meant the message.
public struct Claim: Sendable {
    /// The tag that the proof links to.
    public let tag: LinkingTag
    /// The digest of what is signed.
    public let message: Bytes32
    /// The proof, not yet verified.
    public let proof: Proof

    /// Checks nothing; `Verifier` does.
    public init(tag: LinkingTag, message: Bytes32, proof: Proof) {
        (self.tag, self.message, self.proof) = (tag, message, proof)
    }
}

/// Verifies membership proofs, from public data alone and in variable time. Equations are numbered as in the
/// specification:
///
///     (1) A + eB = Com(f, f(e-f), z_A)
///     (2) sum_k (prod_j f_{j,k_j}) M_k - sum_j e^j X_j = zG
///     (3) e^m tag - sum_j e^j Y_j = zU
///
/// A batch adds up all equations of all its proofs, each under a random weight, into one sum of multiples that must be
/// the identity. Each key of the ring occurs once in the sum, under the sum of its coefficients in the proofs.
public struct Verifier: Sendable {
    private let ring: Ring
    private let scope: Scope
    private let arithmetic: Arithmetic
    private let usesAllCores: Bool

    /// A verifier for one ring and scope.
    /// - Parameter usesAllCores: whether a batch may use all cores.
    public init(
        ring: Ring, scope: Scope, by arithmetic: Arithmetic = .fastest, onAllCores usesAllCores: Bool = true
    ) {
        (self.ring, self.scope, self.arithmetic, self.usesAllCores) = (ring, scope, arithmetic, usesAllCores)
    }

    /// Verifies one proof of a statement.
    public static func verify(_ proof: Proof, of statement: Statement) -> Bool {
        Verifier(ring: statement.ring, scope: statement.scope)
            .verify([Claim(tag: statement.tag, message: statement.message, proof: proof)])[0]
    }

    /// The largest number of proofs that are summed together. It bounds the memory to about three kilobytes for each.
    static let batch = 4096
    /// A bound on the memory for the ring's coefficients while they are summed: 160 bytes for each key and core.
    private static let memory = 256 << 20

    /// Verifies many claims; the verdicts, in order, are those of verifying one by one.
    public func verify(_ claims: [Claim]) -> [Bool] {
        stride(from: 0, to: claims.count, by: Self.batch).flatMap { start in
            let prepared = prepare(claims[start..<min(start + Self.batch, claims.count)])
            // Claims that have already failed do not take part in the sum.
            let places = prepared.indices.filter { prepared[$0] != nil }
            let sound = places.compactMap { prepared[$0] }
            var verdicts = [Bool](repeating: false, count: prepared.count)
            for place in holding(sound) { verdicts[places[place]] = true }
            return verdicts
        }
    }

    /// The places of the valid proofs. Proofs that fail at equation (3), as garbage does, are found without the ring,
    /// which is nearly all of the cost.
    private func holding(_ proofs: [PreparedProof]) -> [Int] {
        guard !proofs.isEmpty, !holds(proofs[...]) else { return Array(proofs.indices) }
        var likely: [Int] = []
        Batch.isolate(0..<proofs.count) {
            tagsHold(proofs[$0])
        } report: {
            likely.append($0)
        }
        let rest = likely.map { proofs[$0] }
        var holding: [Int] = []
        Batch.isolate(0..<rest.count, known: rest.count == proofs.count ? false : nil) {
            holds(rest[$0])
        } report: {
            holding.append(likely[$0])
        }
        return holding
    }

    // MARK: One proof

    /// Calls `body` with ranges that cover 0..<count, on all cores if this verifier may use them.
    private func inStrips(_ count: Int, of size: Int, _ body: @Sendable (Range<Int>) -> Void) {
        let strips = (count + size - 1) / size
        Cores.each(strips, onAll: usesAllCores) { body($0 * size..<min(($0 + 1) * size, count)) }
    }

    /// Decodes and hashes. Nil for a claim that fails before any equation is computed.
    private func prepare(_ claims: ArraySlice<Claim>) -> [PreparedProof?] {
        let (m, claims) = (ring.digits, Array(claims))
        var prepared = [PreparedProof?](repeating: nil, count: claims.count)
        prepared.withUnsafeMutableBufferPointer { buffer in
            let out = OwnPlaces(buffer)
            inStrips(claims.count, of: 64) { strip in
                // A proof was decoded for a ring of some size; for a ring of another size it proves nothing.
                let fitting = strip.filter { claims[$0].proof.digits == m }
                let encodings = fitting.flatMap { claims[$0].proof.elements + [claims[$0].tag.encoding] }
                let points = AffinePoint.decode(encodings, by: arithmetic)
                for (i, place) in fitting.enumerated() {
                    let own = points[i * (2 * m + 3)..<(i + 1) * (2 * m + 3)].compactMap { $0 }
                    guard own.count == 2 * m + 3 else { continue }
                    out.buffer[place] = PreparedProof(claims[place], own, ring: ring, scope: scope)
                }
            }
        }
        return prepared
    }

    // MARK: One sum

    /// How many proofs have their tensors in memory at a time.
    private static let block = 64

    /// Whether the weighted sum of these proofs' equations (3) is the identity.
    private func tagsHold(_ proofs: ArraySlice<PreparedProof>) -> Bool {
        let m = ring.digits
        var points = [AffinePoint(scope.base)]
        var (scalars, ofU) = ([(0, 0, 0, 0) as Multiscalar.Words], PublicScalar.zero)
        for proof in proofs {
            let weight = PublicScalar.randomWeight()
            points += proof.points[(m + 2)...]
            for j in 0..<m { scalars.append((-(weight * proof.powers[j])).words) }
            scalars.append((weight * proof.powers[m]).words)
            ofU -= weight * proof.z
        }
        scalars[0] = ofU.words
        return Multiscalar.sum(points, scalars, by: arithmetic, onAllCores: usesAllCores).isIdentity
    }

    /// Whether the weighted sum of all of these proofs' equations is the identity.
    private func holds(_ proofs: ArraySlice<PreparedProof>) -> Bool {
        let (m, count) = (ring.digits, proofs.count)
        let shape = RingShape(ring)
        let most = max(1, Self.memory / (160 * shape.rows * shape.columns))
        let cores = usesAllCores ? min(Cores.count, most, count) : 1
        let strip = (count + cores - 1) / cores
        let strips = (count + strip - 1) / strip
        var partial = [PartialSum?](repeating: nil, count: strips)
        var own = [Multiscalar.Words](repeating: (0, 0, 0, 0), count: count * (2 * m + 3))
        partial.withUnsafeMutableBufferPointer { partial in
            own.withUnsafeMutableBufferPointer { own in
                let (sums, scalars) = (OwnPlaces(partial), OwnPlaces(own))
                inStrips(count, of: strip) { range in
                    var sum = PartialSum(shape, by: arithmetic)
                    for first in stride(from: range.lowerBound, to: range.upperBound, by: Self.block) {
                        let block = first..<min(first + Self.block, range.upperBound)
                        sum.add(proofs[proofs.startIndex + block.lowerBound..<proofs.startIndex + block.upperBound]) {
                            scalars.buffer[block.lowerBound * (2 * m + 3) + $0] = $1
                        }
                    }
                    sums.buffer[range.lowerBound / strip] = sum
                }
            }
        }
        guard var total = partial[0] else { return false }
        for case .some(let other) in partial.dropFirst() { total.add(other) }
        var points: [AffinePoint] = []
        points.reserveCapacity(own.count + total.fixed.count + ring.count)
        for proof in proofs { points += proof.points }
        points.append(AffinePoint(scope.base))
        own.append(total.fixed[1].words)
        // In the order of `Ring.lastingPoints`.
        let scalars =
            [total.fixed[0].words] + total.fixed[2...].map { $0.words }
            + shape.coefficients(total, onAllCores: usesAllCores)
        if own.count <= ring.count, let table = ring.table(by: arithmetic) {
            let rest = Multiscalar.sum(points, own, by: arithmetic, onAllCores: usesAllCores)
            return (table.sum(scalars, by: arithmetic) + rest).isIdentity
        }
        points += ring.lastingPoints(by: arithmetic)
        own += scalars
        return Multiscalar.sum(points, own, by: arithmetic, onAllCores: usesAllCores).isIdentity
    }
}
