import Petitions
import Templates

extension FigureText {
    /// One sentence on who supports a demand, as a letter has it.
    package var support: String { support(withheld: texts("letter.withheld", ["whole": "\(whole)"])) }

    /// The same in a report.
    package var supportInReport: String { support(withheld: texts("report.withheld", ["whole": "\(whole)"])) }

    private func support(withheld: String) -> String {
        let values = ["whole": "\(whole)"]
        guard figures.indices.contains(1) else { return "" }
        switch figures[1] {
        case .exact(let count) where count > 0 && count == whole: return texts("letter.everyone", values, count: count)
        case .exact(let count): return texts("letter.exact", values.merging(["count": "\(count)"]) { $1 })
        case .atLeast(let bound, _): return texts("letter.atLeast", values.merging(["count": "\(bound)"]) { $1 })
        case .fewerThan(let limit): return texts("letter.fewerThan", values.merging(["count": "\(limit)"]) { $1 })
        case .withheld: return withheld
        }
    }
}
