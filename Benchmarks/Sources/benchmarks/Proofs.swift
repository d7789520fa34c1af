import ArgumentParser
import Foundation
import MembershipProofs
import Ristretto
import Sodium

struct Proofs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Proving, verifying one, and verifying batches, as Markdown.",
        discussion: """
            Up to 1,024 different proofs of an invented ring; larger batches go through them again, and nothing is remembered \
            from one to the next. A batch is verified from its bytes and from the ring's encoded keys.
            """)

    @Option(help: "Ring sizes.")
    var ring: [Int] = [128, 1024, 4096, 16_384, 65_536]
    @Option(help: "Batch sizes; 0 stands for the ring's.")
    var batch: [Int] = [1, 16, 256, 1024, 0]
    @Flag(help: "Leave proving out.")
    var withoutProving = false
    @Option(help: "Draw how the costs grow with the ring to this SVG file.")
    var plot: String?

    func run() throws {
        var lines: [Plot.Line] = []
        func note(_ name: String, _ size: Int, _ nanoseconds: Double) {
            let place = lines.firstIndex { $0.name == name } ?? lines.count
            if place == lines.count { lines.append(Plot.Line(name: name, points: [])) }
            lines[place].points.append((Double(size), nanoseconds / 1e9))
        }
        print("| N | arithmetic | prove, one core | verify, ring decoded |", terminator: "")
        for size in batch { print(" B = \(size == 0 ? "N" : "\(size)"), one core | two cores |", terminator: "") }
        print("\n|---|---|---|---|" + String(repeating: "---|---|", count: batch.count))
        for count in ring {
            let invented = try InventedRing(count)
            let different = min(1024, batch.map { $0 == 0 ? count : $0 }.max() ?? 1)
            var claims = [Claim?](repeating: nil, count: different)
            claims.withUnsafeMutableBufferPointer { buffer in
                let out = OwnPlaces(buffer)
                Cores.each(different) { out.buffer[$0] = try? invented.claim($0 * 7919 % count) }
            }
            let made = claims.compactMap(\.self)
            guard made.count == different else { throw WrongVerdict() }
            for arithmetic in Arithmetic.available { try row(invented, made, arithmetic, note) }
        }
        if let plot {
            let svg = Plot(title: "Cost of a proof, one core (log scales)", lines: lines).svg
            try Data(svg.utf8).write(to: URL(filePath: plot))
        }
        print("\npeak memory \(Usage.now.peak >> 20) MiB")
    }

    private struct WrongVerdict: Error {}

    private func row(
        _ invented: InventedRing, _ claims: [Claim], _ arithmetic: Arithmetic,
        _ note: (_ name: String, _ size: Int, _ nanoseconds: Double) -> Void
    ) throws {
        let name = arithmetic == .lanes ? "IFMA" : "portable"
        let (ring, scope) = (invented.ring, invented.scope)
        print("| \(ring.count) | \(arithmetic) |", terminator: "")
        if withoutProving {
            print(" |", terminator: "")
        } else {
            guard let secret = ProverSecret(stored: SecretBytes(invented.secrets[ring.count / 3].encoding)) else {
                throw WrongVerdict()
            }
            let time = try median(ring.count > 10_000 ? 3 : 7) {
                _ = try Prover.prove(secret, ring: ring, scope: scope, message: Random.bytes32(), by: arithmetic)
            }
            print(" \(time.text) |", terminator: "")
            note("prove, \(name)", ring.count, time)
        }
        // One proof alone, of a ring whose keys are points already.
        let alone = Verifier(ring: ring, scope: scope, by: arithmetic, onAllCores: false)
        // Used often enough for a table of multiples, where the ring is small enough for one.
        for _ in 0..<10 { guard alone.verify([claims[0]])[0] else { throw WrongVerdict() } }
        let time = try median(7) { guard alone.verify([claims[0]])[0] else { throw WrongVerdict() } }
        print(" \(time.text) |", terminator: "")
        note("verify alone, \(name)", ring.count, time)
        let encoded = claims.map(\.proof.encoding)
        for size in batch {
            let count = size == 0 ? ring.count : size
            for cores in [false, true] {
                let time = try median(count * ring.count > 1 << 24 ? 1 : 3) {
                    let fresh = try Ring(ring.keys)
                    let batch = try (0..<count).map { i in
                        Claim(
                            tag: claims[i % claims.count].tag, message: claims[i % claims.count].message,
                            proof: try Proof(decoding: encoded[i % claims.count], for: fresh))
                    }
                    let verdicts = Verifier(ring: fresh, scope: scope, by: arithmetic, onAllCores: cores).verify(batch)
                    guard verdicts.count == count, verdicts.allSatisfy(\.self) else { throw WrongVerdict() }
                }
                print(" \((time / Double(count)).text) |", terminator: "")
                if size == 0, !cores { note("verify in B = N, \(name)", ring.count, time / Double(count)) }
                try? FileHandle.standardOutput.synchronize()
            }
        }
        print()
    }

    /// Nanoseconds.
    private func median(_ runs: Int, _ body: () throws -> Void) rethrows -> Double {
        var times: [Double] = []
        for _ in 0..<runs {
            let start = ContinuousClock.now
            try body()
            times.append((ContinuousClock.now - start).nanoseconds)
        }
        return times.sorted()[runs / 2]
    }
}

extension Double {
    /// Nanoseconds as people read them.
    var text: String {
        let (value, unit) =
            self < 1e3
            ? (self, "ns") : self < 1e6 ? (self / 1e3, "us") : self < 1e9 ? (self / 1e6, "ms") : (self / 1e9, "s")
        return String(format: value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value) + " " + unit
    }
}
