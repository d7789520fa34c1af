import Presentation
import ArgumentParser
import Foundation
import MembershipProofs
import Ristretto
import Sodium

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: words("bench.about"), discussion: words("bench.more"))

    @OptionGroup var output: OutputOptions

    private struct Row: Encodable {
        let ring: Int
        let arithmetic: String
        let prove_ms: Double
        let verify_alone_ms: Double
        let verify_in_batch_one_core_ms: Double
        let verify_in_batch_all_cores_ms: Double
    }

    private struct Figures: Encodable {
        let cores: Int
        let rows: [Row]
    }

    func run() throws {
        if !output.json {
            Terminal.line(
                words("bench.cores", count: Cores.count) + " "
                    + (Arithmetic.available.contains(.lanes) ? words("bench.lanes") : words("bench.portable")))
            Terminal.line()
            Terminal.line(
                Terminal.bold(
                    Self.columns(
                        words("bench.ring"), words("bench.arithmetic"),
                        [words("bench.prove"), words("bench.alone"), words("bench.batch"), words("bench.allCores")])))
        }
        var rows: [Row] = []
        for count in [128, 1024, 16_384] {
            for arithmetic in Arithmetic.available.reversed() {
                let row = try measure(count, arithmetic)
                rows.append(row)
                guard !output.json else { continue }
                let figures = [
                    row.prove_ms, row.verify_alone_ms, row.verify_in_batch_one_core_ms,
                    row.verify_in_batch_all_cores_ms,
                ]
                Terminal.line(
                    Self.columns(
                        "\(count)", row.arithmetic,
                        figures.map { $0.formatted(.number.precision(.significantDigits(3))) + " ms" }))
            }
        }
        if output.json { return try Terminal.json(Figures(cores: Cores.count, rows: rows)) }
        Terminal.line()
        Terminal.line(words("bench.checked"))
    }

    private static func columns(_ ring: String, _ arithmetic: String, _ figures: [String]) -> String {
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - Columns.cells(text))) + text
        }
        return right(ring, 8) + "  " + Columns.padded(arithmetic, 12)
            + figures.map { right($0, 13) }.joined()
    }

    private func measure(_ count: Int, _ arithmetic: Arithmetic) throws -> Row {
        let secret = ProverSecret.generate()
        let place = Int(Random.number(below: UInt32(count)))
        let keys = (0..<count).map { $0 == place ? secret.publicKey : Element.generator(times: .random()) }
        let (ring, scope) = (try Ring(keys), Scope(Random.bytes32()))
        func prove() throws -> Claim {
            let message = Random.bytes32()
            let (tag, proof) = try Prover.prove(secret, ring: ring, scope: scope, message: message, by: arithmetic)
            return Claim(tag: tag, message: message, proof: proof)
        }
        // The first decodes the ring, which is kept.
        var claims = [try prove()]
        let proving = try Self.milliseconds(atLeast: 3) { claims.append(try prove()) }
        while claims.count < 16, proving < 200 { claims.append(try prove()) }
        let batch = (0..<1024).map { claims[$0 % claims.count] }
        func verify(_ claims: [Claim], onAllCores: Bool) throws -> Double {
            let verifier = Verifier(ring: ring, scope: scope, by: arithmetic, onAllCores: onAllCores)
            // As a service finds it: a ring that has been used before.
            for _ in 0..<(claims.count == 1 ? 10 : 0) { _ = verifier.verify(claims) }
            return try Self.milliseconds(atLeast: claims.count == 1 ? 5 : 2) {
                guard verifier.verify(claims).allSatisfy(\.self) else { throw WrongVerdict() }
            } / Double(claims.count)
        }
        return Row(
            ring: count, arithmetic: arithmetic == .lanes ? "AVX-512 IFMA" : "portable", prove_ms: proving,
            verify_alone_ms: try verify([claims[0]], onAllCores: false),
            verify_in_batch_one_core_ms: try verify(batch, onAllCores: false),
            verify_in_batch_all_cores_ms: try verify(batch, onAllCores: true))
    }

    private struct WrongVerdict: Error, CustomStringConvertible {
        let description = words("bench.wrong")
    }

    /// The median of some runs.
    private static func milliseconds(atLeast runs: Int, _ body: () throws -> Void) rethrows -> Double {
        var times: [Double] = []
        for _ in 0..<runs {
            let start = ContinuousClock.now
            try body()
            let time = (ContinuousClock.now - start).components
            times.append(Double(time.seconds) * 1e3 + Double(time.attoseconds) / 1e15)
        }
        return times.sorted()[runs / 2]
    }
}
