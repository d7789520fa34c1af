import Petitions
import Testing

@Suite("What a breakdown of a small group says")
struct DisclosureTests {
    private let standard = Disclosure.standard

    @Test("What everybody chose is said as it is, however few they are", arguments: [1, 2, 3, 7, 9, 13, 29, 60])
    func unanimous(_ count: Int) {
        for place in 0..<3 {
            var counts = [0, 0, 0]
            counts[place] = count
            for ring in [count, count + 1, 2 * count, 100] {
                #expect(standard.figures(counts, ring: ring) == counts.map { .exact($0) })
                #expect(!standard.hides(counts, ring: ring))
            }
        }
    }

    @Test("Examples: one dissenter, enough of each, too few to say anything, a large ring")
    func examples() {
        #expect(
            standard.figures([0, 15, 1], ring: 23) == [.fewerThan(3), .atLeast(12, most: 15), .fewerThan(3)])
        #expect(standard.figures([0, 10, 5], ring: 20) == [.exact(0), .exact(10), .exact(5)])
        #expect(standard.figures([3, 10, 5], ring: 20) == [.exact(3), .exact(10), .exact(5)])
        #expect(standard.figures([1, 10, 4], ring: 20) == [.fewerThan(3), .atLeast(9, most: 10), .exact(4)])
        #expect(standard.figures([1, 5, 5], ring: 20) == [.withheld, .withheld, .withheld])
        #expect(standard.figures([1, 2, 3], ring: 7) == [.withheld, .withheld, .withheld])
        #expect(standard.figures([0, 1, 1], ring: 7) == [.withheld, .withheld, .withheld])
        #expect(standard.figures([0, 40, 1], ring: 60) == [.exact(0), .exact(40), .exact(1)])
        #expect(
            standard.figures([0, 58, 2], ring: 60) == [.fewerThan(3), .atLeast(56, most: 59), .fewerThan(3)])
        #expect(Disclosure.exact.figures([1, 7, 0], ring: 8) == [.exact(1), .exact(7), .exact(0)])
        #expect(standard.figures([0, 0, 0], ring: 7) == [.exact(0), .exact(0), .exact(0)])
        #expect(
            Disclosure(minimum: 5).figures([4, 9, 6], ring: 25) == [.fewerThan(5), .atLeast(9, most: 12), .exact(6)])
        // One ballot is fewer than 2 and more than none, which makes it exactly one: so nothing is disclosed.
        #expect(Disclosure(minimum: 2).figures([1, 9, 6], ring: 25) == [.withheld, .withheld, .withheld])
    }

    /// Every way to distribute `total` ballots among `choices`.
    private static func ways(_ total: Int, _ choices: Int) -> [[Int]] {
        choices == 1
            ? [[total]] : (0...total).flatMap { first in ways(total - first, choices - 1).map { [first] + $0 } }
    }

    @Test(
        "Whatever the counts: who knows the rule and the total cannot tell what is hidden, and nothing said is false",
        arguments: [(2, 3), (3, 3), (4, 3), (5, 3), (9, 3), (3, 2), (2, 2), (3, 4), (2, 4)])
    func property(_ minimum: Int, _ choices: Int) {
        let disclosure = Disclosure(minimum: minimum)
        for (ring, totals) in choices == 4 ? [(29, 0...16)] : [(29, 0...29), (31, 28...31)] {
            for total in totals {
                var readings: [[Disclosure.Figure]: [[Int]]] = [:]
                for counts in Self.ways(total, choices) {
                    let figures = disclosure.figures(counts, ring: ring)
                    readings[figures, default: []].append(counts)
                    #expect(
                        figures.contains { if case .exact = $0 { false } else { true } }
                            == disclosure.hides(counts, ring: ring))
                    for (count, figure) in zip(counts, figures) {
                        switch figure {
                        case .exact(let exact): #expect(count == exact)
                        case .fewerThan(let limit): #expect(count < limit && limit == minimum)
                        case .atLeast(let bound, let most): #expect((bound...most).contains(count))
                        case .withheld: break
                        }
                        // A small minority is never disclosed.
                        if count > 0, count < minimum, count < total, ring < 30 || total >= ring {
                            #expect(figure != .exact(count), "\(counts)")
                        }
                    }
                }
                for (figures, counts) in readings {
                    for (i, figure) in figures.enumerated() {
                        if case .exact = figure { continue }
                        let possible = Set(counts.map { $0[i] })
                        // With two choices of one ballot each, the fact that they are not unanimous gives it away;
                        // whose is which stays hidden.
                        if choices == 2, total == 2 { continue }
                        #expect(possible.count >= 2, "\(minimum): \(counts) all say \(figures)")
                        // Nor who it was: no choice is known to have exactly one ballot, or none.
                        if case .atLeast(let bound, let most) = figure {
                            #expect(possible.min() == bound && possible.max() == most, "\(counts)")
                        }
                    }
                }
            }
        }
    }
}
