import Foundation

/// Lines over two logarithmic axes, as SVG: how a cost grows.
struct Plot {
    struct Line {
        let name: String
        /// Ring size and seconds.
        var points: [(x: Double, y: Double)]
    }

    let title: String
    let lines: [Line]

    private static let colours = ["#0b6e99", "#c2410c", "#4d7c0f", "#7c3aed", "#64748b", "#be123c"]
    private let width = 760.0
    private let height = 440.0
    private let left = 90.0
    private let bottom = 60.0

    init(title: String, lines: [Line]) { (self.title, self.lines) = (title, lines) }

    var svg: String {
        let points = lines.flatMap(\.points)
        guard let low = points.map(\.y).min(), let high = points.map(\.y).max(), let first = points.map(\.x).min(),
            let last = points.map(\.x).max()
        else { return "" }
        let (bottomPower, topPower) = (floor(log10(low)), ceil(log10(high)))
        func x(_ value: Double) -> Double {
            left + (log2(value) - log2(first)) / max(1, log2(last) - log2(first)) * (width - left - 190)
        }
        func y(_ value: Double) -> Double {
            height - bottom - (log10(value) - bottomPower) / max(1, topPower - bottomPower) * (height - bottom - 40)
        }
        var out =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(width)) \(Int(height))\" "
            + "font-family=\"sans-serif\" font-size=\"13\" role=\"img\" aria-label=\"\(title)\">\n"
            + "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"\(left)\" y=\"22\" font-size=\"15\">\(title)</text>\n"
        func text(_ x: Double, _ y: Double, _ anchor: String, _ words: String, _ colour: String = "#333") {
            out +=
                "<text x=\"\(Int(x))\" y=\"\(Int(y))\" text-anchor=\"\(anchor)\" fill=\"\(colour)\">\(words)</text>\n"
        }
        func segment(_ a: (Double, Double), _ b: (Double, Double)) {
            out += "<path d=\"M\(Int(a.0)) \(Int(a.1))L\(Int(b.0)) \(Int(b.1))\" stroke=\"#ddd\"/>\n"
        }
        for power in Int(bottomPower)...Int(topPower) {
            let place = y(pow(10, Double(power)))
            segment((left, place), (x(last), place))
            text(
                left - 8, place + 4, "end",
                (pow(10, Double(power)) * 1e9).text.replacing(".00", with: "").replacing(".0", with: ""))
        }
        for size in Set(points.map(\.x)).sorted() {
            segment((x(size), y(pow(10, bottomPower))), (x(size), y(pow(10, topPower))))
            text(x(size), height - bottom + 20, "middle", "\(Int(size))")
        }
        text((left + x(last)) / 2, height - 14, "middle", "keys in the ring (N)")
        // Names beside the ends of their lines, kept apart.
        var taken: [Double] = []
        for (line, colour) in zip(lines, Self.colours) {
            let path = line.points.map { "\(Int(x($0.x))) \(Int(y($0.y)))" }.joined(separator: "L")
            out += "<path d=\"M\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>\n"
            for point in line.points {
                out += "<circle cx=\"\(Int(x(point.x)))\" cy=\"\(Int(y(point.y)))\" r=\"3\" fill=\"\(colour)\"/>\n"
            }
            guard let end = line.points.last else { continue }
            var place = y(end.y) + 4
            while let near = taken.first(where: { abs($0 - place) < 15 }) { place = near + 15 }
            taken.append(place)
            text(x(end.x) + 10, place, "start", line.name, colour)
        }
        return out + "</svg>\n"
    }
}
