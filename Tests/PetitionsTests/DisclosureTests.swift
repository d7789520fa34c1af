import Petitions
import Testing

@Suite("What a breakdown of a small group says")
struct DisclosureTests {
    private let standard = Disclosure.standard

    @Test("Examples: unanimity, one dissenter, enough of each, a large ring")
    func examples() {
        #expect(standard.figures([0, 7, 0], ring: 7) == [.fewerThan(3), .atLeast(3), .fewerThan(3)])
        #expect(standard.figures([0, 15, 1], ring: 23) == [.fewerThan(3), .atLeast(12), .fewerThan(3)])
        #expect(standard.figures([0, 10, 5], ring: 20) == [.fewerThan(3), .atLeast(8), .exact(5)])
        #expect(standard.figures([3, 10, 5], ring: 20) == [.exact(3), .exact(10), .exact(5)])
        #expect(standard.figures([1, 2, 3], ring: 7) == [.withheld, .withheld, .withheld])
        #expect(standard.figures([0, 40, 1], ring: 60) == [.exact(0), .exact(40), .exact(1)])
        #expect(standard.figures([0, 60, 0], ring: 60) == [.fewerThan(3), .atLeast(56), .fewerThan(3)])
        #expect(standard.figures([0, 58, 2], ring: 60) == [.fewerThan(3), .atLeast(56), .fewerThan(3)])
        #expect(standard.figures([0, 59, 0], ring: 60) == [.exact(0), .exact(59), .exact(0)])
        #expect(Disclosure(minimum: 0).figures([0, 7, 0], ring: 7) == [.exact(0), .exact(7), .exact(0)])
        #expect(standard.figures([0, 0, 0], ring: 7) == [.withheld, .withheld, .withheld])
        #expect(Disclosure(minimum: 5).figures([4, 9, 6], ring: 25) == [.fewerThan(5), .atLeast(9), .exact(6)])
    }

    @Test("Whatever the counts: who knows the rule and the total cannot tell what is hidden, and nothing said is false")
    func property() {
        for (ring, totals) in [(29, 0...29), (31, 25...31)] {
            for total in totals {
                var readings: [[Disclosure.Figure]: [[Int]]] = [:]
                for a in 0...total {
                    for b in 0...(total - a) {
                        let counts = [a, b, total - a - b]
                        let figures = standard.figures(counts, ring: ring)
                        readings[figures, default: []].append(counts)
                        for (count, figure) in zip(counts, figures) {
                            switch figure {
                            case .exact(let exact): #expect(count == exact)
                            case .fewerThan(let limit): #expect(count < limit)
                            case .atLeast(let bound): #expect(count >= bound)
                            case .withheld: break
                            }
                        }
                    }
                }
                for (figures, counts) in readings {
                    for (i, figure) in figures.enumerated() {
                        let possible = Set(counts.map { $0[i] })
                        switch figure {
                        case .exact: #expect(possible.count == 1)
                        case .fewerThan: #expect(possible == [0, 1, 2], "\(counts) all say \(figures)")
                        case .atLeast: #expect(possible.count >= 3, "\(counts) all say \(figures)")
                        case .withheld: #expect(possible.count >= 3 || total < 3, "\(counts) all say \(figures)")
                        }
                    }
                }
            }
        }
    }
}
