// Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?", DATE 2017

import ArgumentParser
import Foundation
import MembershipProofs
import Ristretto
import Sodium

struct Timing: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Test whether the prover's time depends on who proves.",
        discussion: """
            Two classes of secrets: the first seat with the ring key 1, and a random seat with a random key. Proofs of both are \
            timed in random order, and Welch's t is taken of the two, as they are and without the slowest. Beyond 4.5 the times \
            differ. A sum in variable time is measured the same way, to show that the test can tell. Exit status 1 when the \
            prover is told apart, or that sum is not.
            """)

    @Option(help: "Proofs to time.")
    var proofs = 20_000
    // More than 64, so that the digits above a block are expanded, and whole blocks of indices are surplus.
    @Option(help: "Keys in the ring.")
    var ring = 70

    func run() throws {
        var constant = true
        var tellable = true
        for arithmetic in Arithmetic.available {
            let prover = try Measurements(count: proofs, prover(arithmetic))
            print("prover, \(arithmetic): \(prover.text)")
            constant = constant && prover.isConstant
            let control = try Measurements(count: proofs / 4, variableTime(arithmetic))
            print("control (a sum in variable time), \(arithmetic): \(control.text)")
            tellable = tellable && !control.isConstant
        }
        guard constant, tellable else { throw ExitCode(1) }
    }

    private final class Seat: Sendable {
        let ring: Ring
        let secret: ProverSecret
        init(_ ring: Ring, _ secret: consuming ProverSecret) {
            self.ring = ring
            self.secret = secret
        }
    }

    /// A proof by one of the two classes. Everything but the secret is prepared before the clock starts.
    private func prover(_ arithmetic: Arithmetic) throws -> (Bool) throws -> Duration {
        let scope = Scope(Random.bytes32())
        func seat(_ place: Int, _ x: Scalar) throws -> Seat {
            guard let secret = ProverSecret(stored: SecretBytes(x.encoding)) else { throw ExitCode(2) }
            let keys = (0..<ring).map { $0 == place ? secret.publicKey : Element.generator(times: .random()) }
            return Seat(try Ring(keys), secret)
        }
        let fixed = try (0..<64).map { _ in try seat(0, .one) }
        let random = try (0..<64).map { _ in
            try seat(Int(Random.number(below: UInt32(ring))), .random())
        }
        for seat in fixed + random {
            _ = try Prover.prove(seat.secret, ring: seat.ring, scope: scope, message: .zero, by: arithmetic)
        }
        return { isRandom in
            let place = Int(Random.number(below: 64))
            let (seat, message) = (isRandom ? random[place] : fixed[place], Random.bytes32())
            let start = ContinuousClock.now
            _ = try Prover.prove(seat.secret, ring: seat.ring, scope: scope, message: message, by: arithmetic)
            return ContinuousClock.now - start
        }
    }

    /// A sum whose scalars are 1 in one class and random in the other.
    private func variableTime(_ arithmetic: Arithmetic) throws -> (Bool) throws -> Duration {
        let points = (0..<64).map { _ in AffinePoint(Element.generator(times: .random())) }
        return { isRandom in
            let scalars = points.map { _ in PublicScalar(isRandom ? Scalar.random() : .one).words }
            let start = ContinuousClock.now
            _ = Multiscalar.sum(points, scalars, by: arithmetic)
            return ContinuousClock.now - start
        }
    }

    private struct Measurements {
        /// Welch's t for all, and for the fastest 99, 95, 90 and 75 in a hundred of both together.
        let t: [Double]
        let medians: (fixed: Double, random: Double)
        let count: Int

        init(count: Int, _ measure: (Bool) throws -> Duration) throws {
            var all: [(isRandom: Bool, time: Double)] = []
            for _ in 0..<count {
                let isRandom = Random.number(below: 2) == 1
                all.append((isRandom, try measure(isRandom).nanoseconds))
            }
            let sorted = all.map(\.time).sorted()
            t = [1, 0.99, 0.95, 0.9, 0.75].map { share in
                let limit = sorted[min(count - 1, Int(share * Double(count)))]
                let kept = all.filter { $0.time <= limit }
                return Self.welch(
                    kept.filter { !$0.isRandom }.map(\.time), kept.filter(\.isRandom).map(\.time))
            }
            func median(_ isRandom: Bool) -> Double {
                let times = all.filter { $0.isRandom == isRandom }.map(\.time).sorted()
                return times[times.count / 2]
            }
            medians = (median(false), median(true))
            self.count = count
        }

        static func welch(_ a: [Double], _ b: [Double]) -> Double {
            func moments(_ x: [Double]) -> (mean: Double, error: Double) {
                let mean = x.reduce(0, +) / Double(x.count)
                let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count - 1)
                return (mean, variance / Double(x.count))
            }
            let (first, second) = (moments(a), moments(b))
            return (first.mean - second.mean) / (first.error + second.error).squareRoot()
        }

        var isConstant: Bool { t.allSatisfy { abs($0) < 4.5 } }

        var text: String {
            let values = t.map { String(format: "%+.2f", $0) }.joined(separator: " ")
            return "t = \(values) over \(count); medians \(medians.fixed.text) and \(medians.random.text)"
        }
    }
}
